//! In which order objects are swept: what leads somewhere goes before what it leads to, so that at no time
//! a part of something is gone that could still be linked as a whole.

use super::index::{At, REACHED};
use super::mark::Reached;
use crate::record::error::Result;

/// An object to sweep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doomed {
    pub(super) at: At,
    /// Whether it and the one before lead to each other, and so go together.
    pub(super) is_joined: bool,
}

/// Returns what nothing leads to: containers, sorted by what they lead to, then everything else.
pub(super) fn doomed(reached: &Reached<'_>) -> Result<Vec<Doomed>> {
    let index = &reached.index;
    let unreached = |at: &At| !index.has(*at, REACHED);
    let containers: Vec<At> = index.all().filter(|at| index.members(*at).is_container()).filter(unreached).collect();
    let mut doomed = Components::of(&containers, reached)?;
    // They were found from the end of each path on.
    doomed.reverse();
    let leaves = index.all().filter(|at| !index.members(*at).is_container()).filter(unreached);
    doomed.extend(leaves.map(|at| Doomed { at, is_joined: false }));
    Ok(doomed)
}

const UNSEEN: u32 = u32::MAX;

/// Tarjan's strongly connected components, without recursion.
struct Components<'a> {
    nodes: &'a [At],
    /// When each node was first met.
    met: Vec<u32>,
    /// The earliest node that each one leads back to.
    low: Vec<u32>,
    on_stack: Vec<bool>,
    stack: Vec<u32>,
    found: Vec<Doomed>,
    clock: u32,
}

impl<'a> Components<'a> {
    fn of(nodes: &'a [At], reached: &Reached<'_>) -> Result<Vec<Doomed>> {
        let count = nodes.len();
        let mut this = Self {
            nodes,
            met: vec![UNSEEN; count],
            low: vec![0; count],
            on_stack: vec![false; count],
            stack: Vec::new(),
            found: Vec::with_capacity(count),
            clock: 0,
        };
        for node in 0..count as u32 {
            if this.met[node as usize] == UNSEEN {
                this.visit(node, reached)?;
            }
        }
        Ok(this.found)
    }

    fn visit(&mut self, node: u32, reached: &Reached<'_>) -> Result<()> {
        let mut path = vec![(node, self.enter(node, reached)?)];
        while let Some((node, targets)) = path.last_mut() {
            let node = *node;
            match targets.pop() {
                Some(target) if self.met[target as usize] == UNSEEN => {
                    let targets = self.enter(target, reached)?;
                    path.push((target, targets));
                }
                Some(target) => {
                    if self.on_stack[target as usize] {
                        self.lower(node, self.met[target as usize]);
                    }
                }
                None => {
                    path.pop();
                    if let Some((parent, _)) = path.last() {
                        self.lower(*parent, self.low[node as usize]);
                    }
                    if self.low[node as usize] == self.met[node as usize] {
                        self.take(node);
                    }
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, node: u32, reached: &Reached<'_>) -> Result<Vec<u32>> {
        (self.met[node as usize], self.low[node as usize]) = (self.clock, self.clock);
        self.clock += 1;
        self.stack.push(node);
        self.on_stack[node as usize] = true;
        let mut targets = Vec::new();
        reached.each_target(self.nodes[node as usize], &mut |at| {
            // The nodes are sorted, as the index gives them in its order.
            targets.extend(self.nodes.binary_search(&at).ok().map(|target| target as u32));
        })?;
        Ok(targets)
    }

    fn lower(&mut self, node: u32, to: u32) {
        let low = &mut self.low[node as usize];
        *low = (*low).min(to);
    }

    /// Takes a component off the stack. Its root is the last to be taken, and so the first once the list is reversed:
    /// the others are joined to it.
    fn take(&mut self, root: u32) {
        while let Some(node) = self.stack.pop() {
            self.on_stack[node as usize] = false;
            self.found.push(Doomed { at: self.nodes[node as usize], is_joined: node != root });
            if node == root {
                return;
            }
        }
    }
}
