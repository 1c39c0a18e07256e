//! Who depends on a package, and by which path.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use sepia::{Id, Ref};

use crate::{Graph, Package, Result};

/// How many paths are shown.
const SHOWN: usize = 8;

/// Prints who depends on the packages of this name or id; if none is given, on the package that most
/// others depend on. Returns one that was looked at.
pub(crate) fn explain<'a>(graph: &'a Graph, wanted: Option<&str>) -> Result<Option<&'a Id<Package>>> {
    let dependents = Dependents::of(graph);
    let targets: Vec<_> = match wanted {
        Some(wanted) => graph.packages.values().filter(|package| package.is_called(wanted)).collect(),
        None => dependents.most_wanted().into_iter().collect(),
    };
    if let (Some(wanted), []) = (wanted, &*targets) {
        return Err(format!("no package is called {wanted:?}").into());
    }
    for package in &targets {
        dependents.explain(&package.id);
    }
    Ok(targets.last().map(|package| &package.id))
}

/// The graph, seen from the other end of each dependency.
struct Dependents<'a> {
    graph: &'a Graph,
    direct: BTreeMap<&'a Id<Package>, BTreeSet<&'a Id<Package>>>,
}

impl<'a> Dependents<'a> {
    fn of(graph: &'a Graph) -> Self {
        let mut direct: BTreeMap<_, BTreeSet<_>> = graph.packages.keys().map(|id| (id, BTreeSet::new())).collect();
        for package in graph.packages.values() {
            // A package that needs itself, for its tests, is no news.
            for (_, needed) in package.needs().filter(|(_, needed)| **needed != package.id) {
                direct.entry(needed).or_default().insert(&package.id);
            }
        }
        Self { graph, direct }
    }

    fn most_wanted(&self) -> Option<&'a Package> {
        let (id, _) = self.direct.iter().max_by_key(|(_, dependents)| dependents.len())?;
        self.graph.packages.get(*id)
    }

    fn explain(&self, target: &'a Id<Package>) {
        let paths = self.paths(target);
        match paths.len() {
            0 => println!("\nwho depends on {target}: nobody"),
            direct => println!("\nwho depends on {target}: {direct} directly, {} in all", self.count(target)),
        }
        for path in paths.iter().take(SHOWN) {
            println!("  {}", self.draw(path));
        }
        if paths.len() > SHOWN {
            println!("  and {} more", paths.len() - SHOWN);
        }
    }

    /// Counts who depends on a package, directly or not.
    fn count(&self, target: &'a Id<Package>) -> usize {
        let mut seen = BTreeSet::from([target]);
        let mut left = vec![target];
        while let Some(id) = left.pop() {
            left.extend(self.direct[id].iter().filter(|id| seen.insert(id)));
        }
        seen.len() - 1
    }

    /// Finds, by way of each package that depends directly on the target, the shortest path from the
    /// workspace. Shortest first.
    fn paths(&self, target: &'a Id<Package>) -> Vec<Vec<&'a Id<Package>>> {
        let before = self.walk(target);
        let path = |dependent: &&'a Id<Package>| {
            let start = iter::successors(Some(*dependent), |id| before.get(id).copied().flatten());
            let mut path: Vec<_> = iter::once(target).chain(start).collect();
            path.reverse();
            path
        };
        let mut paths: Vec<_> = self.direct[target].iter().map(path).collect();
        paths.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        paths
    }

    /// Walks from the members of the workspace along the dependencies, around the target. Returns what
    /// was reached, and from where. Everything is entered once, so cycles end.
    fn walk(&self, target: &Id<Package>) -> BTreeMap<&'a Id<Package>, Option<&'a Id<Package>>> {
        let mut before = BTreeMap::new();
        // The fewest steps first; of these, what is needed by the program rather than by its tests.
        let members = self.graph.workspace.members.iter().map(|member| (0, 0, member.id(), None));
        let mut queue: BTreeSet<_> = members.collect();
        while let Some((steps, detours, id, from)) = queue.pop_first() {
            if id == target || before.contains_key(id) {
                continue;
            }
            before.insert(id, from);
            let needs = self.graph.packages[id].needs();
            queue.extend(needs.map(|(need, needed)| (steps + 1, detours + need as u32, needed, Some(id))));
        }
        before
    }

    fn draw(&self, path: &[&Id<Package>]) -> String {
        let is_member = self.graph.workspace.members.contains(&Ref::new(path[0]));
        // What no member starts is a cycle: the workspace reaches it through the target alone.
        let mut line = if is_member { path[0].to_string() } else { format!("… → {}", path[0]) };
        for step in path.windows(2) {
            let need = self.graph.packages[step[0]].needs().find(|(_, needed)| *needed == step[1]);
            line.push_str(match need {
                Some((Need::Build, _)) => " ─build→ ",
                Some((Need::Dev, _)) => " ─dev→ ",
                Some((Need::Run, _)) | None => " → ",
            });
            line.push_str(step[1].as_str());
        }
        line
    }
}

/// What a dependency is needed for.
#[derive(Clone, Copy)]
enum Need {
    Run,
    Build,
    Dev,
}

impl Package {
    fn is_called(&self, wanted: &str) -> bool {
        self.name == wanted || self.id.as_str() == wanted
    }

    /// Returns what this depends on, the most important first.
    fn needs(&self) -> impl Iterator<Item = (Need, &Id<Package>)> {
        let run = self.dependencies.iter().map(|needed| (Need::Run, needed.id()));
        let build = self.build_dependencies.iter().map(|needed| (Need::Build, needed.id()));
        let dev = self.dev_dependencies.iter().map(|needed| (Need::Dev, needed.id()));
        run.chain(build).chain(dev)
    }
}
