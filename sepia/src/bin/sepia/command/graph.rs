//! `sepia graph`: objects and their links, for Graphviz.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io::Write;

use clap::Args;
use sepia::class::Kind;
use sepia::record::Key;
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Target, absent};
use crate::locate::resolve::Records;
use crate::output::Output;
use crate::render::object::Named;
use crate::render::text::printable;
use crate::walk;

/// Print objects and their links as a Graphviz graph
///
/// `sepia graph Board/work | dot -Tsvg > work.svg` draws it. Serializable objects are notes, objects that are not there
/// are red and dashed.
///
/// With --json, one object: {nodes: [{object, class, id, dangling}], edges: [{from, to}], complete}.
#[derive(Args, Debug)]
pub(crate) struct Graph {
    /// Where to begin; everything if there is none
    objects: Vec<String>,
    #[command(flatten)]
    ids: Ids,
    /// Follow links backwards: who depends on it
    #[arg(long, short)]
    reverse: bool,
    /// How many links to follow from where it begins
    #[arg(long, short, value_name = "LINKS")]
    depth: Option<usize>,
    /// The most objects to draw
    #[arg(long, value_name = "OBJECTS", default_value_t = 1000)]
    limit: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Drawn {
    is_root: bool,
    is_dangling: bool,
}

#[derive(Default)]
struct Drawing {
    nodes: BTreeMap<Key, Drawn>,
    edges: BTreeSet<(Key, Key)>,
    is_cut: bool,
    /// Why the links of some could not be read.
    broken: Vec<Failure>,
}

/// Links, as far as they have been looked at.
struct Web<'a> {
    records: &'a Records<'a>,
    targets: HashMap<Key, (Key, bool)>,
    broken: Vec<Failure>,
}

impl Graph {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&self.objects, Access::Read)?;
        let records = Records::of(store.backend())?;
        let mut drawing = walk::steadily(records.backend, || self.draw(&records))?;
        if drawing.is_cut {
            session.note(&format!("only {} objects are drawn: see --limit", drawing.nodes.len()));
        }
        print(&drawing, &records, &mut session.out)?;
        drawing.broken.drain(..).for_each(|failure| session.skip(failure));
        Ok(Answer::Yes)
    }

    fn draw(&self, records: &Records<'_>) -> Result<Drawing> {
        let mut web = Web { records, targets: HashMap::new(), broken: Vec::new() };
        let mut drawing = Drawing::default();
        let mut queue = VecDeque::new();
        for object in &self.objects {
            let key = Target::parse_whole(records, &self.ids, object)?;
            let found = records.find(&key)?;
            if found.is_none() && !self.reverse {
                return Err(absent(records, &key));
            }
            let is_dangling = found.is_none();
            let key = found.unwrap_or(key);
            drawing.nodes.insert(key.clone(), Drawn { is_root: true, is_dangling });
            queue.push_back((key, 0));
        }
        if self.objects.is_empty() {
            web.each_object(&mut |key, _| {
                drawing.add(&key, Drawn::default(), self.limit).then(|| queue.push_back((key, 0)));
                Ok(())
            })?;
        }
        let backwards = if self.reverse { Some(web.backwards()?) } else { None };
        while let Some((key, depth)) = queue.pop_front() {
            if self.depth.is_some_and(|most| depth >= most) {
                continue;
            }
            let next = match &backwards {
                Some(backwards) => backwards.get(&key).cloned().unwrap_or_default(),
                None => web.links(&key)?,
            };
            for (other, is_dangling) in next {
                let is_new = !drawing.nodes.contains_key(&other);
                if is_new && !drawing.add(&other, Drawn { is_root: false, is_dangling }, self.limit) {
                    continue;
                }
                let edge = if self.reverse { (other.clone(), key.clone()) } else { (key.clone(), other.clone()) };
                drawing.edges.insert(edge);
                if is_new && !is_dangling {
                    queue.push_back((other, depth + 1));
                }
            }
        }
        drawing.broken = web.broken;
        Ok(drawing)
    }
}

impl Drawing {
    /// Adds a node, if there is room for it.
    fn add(&mut self, key: &Key, drawn: Drawn, limit: usize) -> bool {
        let has_room = self.nodes.len() < limit;
        if has_room {
            self.nodes.insert(key.clone(), drawn);
        }
        self.is_cut |= !has_room;
        has_room
    }
}

impl Web<'_> {
    /// Returns what a record links to, each once, and whether that is not there.
    fn links(&mut self, key: &Key) -> Result<Vec<(Key, bool)>> {
        let can_have = self.records.class(key.class()).is_some_and(walk::has_links);
        let links = if can_have { self.records.backend.links(key) } else { Ok(None) };
        let links = match links {
            Ok(links) => links.unwrap_or_default(),
            Err(error) => {
                self.broken.push(error.into());
                Vec::new()
            }
        };
        let mut found = BTreeSet::new();
        for link in links {
            let target = match self.targets.get(&link) {
                Some(target) => target.clone(),
                None => {
                    let there = self.records.find(&link)?;
                    let is_dangling = there.is_none();
                    let target = (there.unwrap_or_else(|| link.clone()), is_dangling);
                    self.targets.insert(link, target.clone());
                    target
                }
            };
            found.insert(target);
        }
        Ok(found.into_iter().collect())
    }

    fn each_object(&self, each: &mut dyn FnMut(Key, Kind) -> Result<()>) -> Result<()> {
        for class in &self.records.classes {
            for key in walk::keys(self.records.backend, class.name())? {
                each(key, class.kind())?;
            }
        }
        Ok(())
    }

    /// Returns what links to each record.
    fn backwards(&mut self) -> Result<HashMap<Key, Vec<(Key, bool)>>> {
        let mut containers = Vec::new();
        self.each_object(&mut |key, kind| {
            if kind == Kind::Container {
                containers.push(key);
            }
            Ok(())
        })?;
        let mut backwards: HashMap<Key, Vec<(Key, bool)>> = HashMap::new();
        for from in containers {
            for (to, _) in self.links(&from)? {
                backwards.entry(to).or_default().push((from.clone(), false));
            }
        }
        Ok(backwards)
    }
}

fn print(drawing: &Drawing, records: &Records<'_>, out: &mut Output) -> Result<()> {
    #[derive(Serialize)]
    struct Whole {
        nodes: Vec<NodeLine>,
        edges: Vec<Edge>,
        complete: bool,
    }
    #[derive(Serialize)]
    struct NodeLine {
        #[serde(flatten)]
        name: Named,
        dangling: bool,
    }
    #[derive(Serialize)]
    struct Edge {
        from: String,
        to: String,
    }
    if out.is_for_programs() {
        let node = |(key, drawn): (&Key, &Drawn)| NodeLine { name: key.into(), dangling: drawn.is_dangling };
        return out.json(&Whole {
            nodes: drawing.nodes.iter().map(node).collect(),
            edges: drawing.edges.iter().map(|(a, b)| Edge { from: a.path(), to: b.path() }).collect(),
            complete: !drawing.is_cut,
        });
    }
    writeln!(out, "digraph sepia {{")?;
    writeln!(out, "  rankdir=LR")?;
    writeln!(out, "  node [shape=box, style=rounded]")?;
    for (key, drawn) in &drawing.nodes {
        let mut attributes = format!("label=\"{}\\n{}\"", label(key.id()), label(key.class()));
        if drawn.is_dangling {
            attributes.push_str(", style=dashed, color=red");
        } else if records.class(key.class()).is_some_and(|class| !walk::has_links(class)) {
            attributes.push_str(", shape=note, style=solid");
        }
        if drawn.is_root {
            attributes.push_str(", penwidth=3");
        }
        writeln!(out, "  {} [{attributes}]", quoted(&key.path()))?;
    }
    for (from, to) in &drawing.edges {
        writeln!(out, "  {} -> {}", quoted(&from.path()), quoted(&to.path()))?;
    }
    writeln!(out, "}}")?;
    Ok(())
}

/// A name in Graphviz's language. Encoded names have no backslash and no control character.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\\\""))
}

/// A text within a label, where backslashes and entities have a meaning.
fn label(text: &str) -> String {
    let mut label = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '\\' | '"' => label.extend(['\\', character]),
            '&' => label.push_str("&amp;"),
            _ => label.push(character),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_show_the_text_that_they_are_of() {
        assert_eq!(label("a\"b\\c&lt;\n"), "a\\\"b\\\\c&amp;lt;\\\\n");
        assert_eq!(quoted("A/a\"b"), "\"A/a\\\"b\"");
    }
}
