//! `sepia graph`: objects and their links, for Graphviz.

mod print;
mod web;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clap::{Args, ValueHint};
use sepia::record::Key;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Target, absent};
use crate::locate::resolve::Records;
use crate::walk;
use web::Web;

/// Print objects and their links as a Graphviz graph
///
/// `sepia graph Board/work | dot -Tsvg > work.svg` draws it. Serializable objects are notes, objects that are not there
/// are red and dashed.
///
/// With --json, one object: {nodes: [{object, class, id, dangling}], edges: [{from, to}], complete}.
#[derive(Args, Debug)]
pub(crate) struct Graph {
    /// Where to begin; everything if there is none
    #[arg(value_hint = ValueHint::AnyPath)]
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

impl Graph {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&self.objects, Access::Read)?;
        let records = Records::of(store.backend())?;
        let mut drawing = walk::steadily(records.backend, || self.draw(&records))?;
        if drawing.is_cut {
            session.note(&format!("only {} objects are drawn: see --limit", drawing.nodes.len()));
        }
        print::print(&drawing, &records, &mut session.out)?;
        drawing.broken.drain(..).for_each(|failure| session.skip(failure));
        Ok(Answer::Yes)
    }

    fn draw(&self, records: &Records<'_>) -> Result<Drawing> {
        let mut web = Web::of(records);
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
