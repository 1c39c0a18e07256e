//! `sepia tree`: an object with all that it holds and links to.

use std::collections::HashSet;
use std::io::Write;

use clap::{Args, ValueHint};
use sepia::record::{Entries, Entry, Key, Record};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Object, Part};
use crate::locate::resolve::Records;
use crate::output::{DIM, FIELD, NAME, Output, WRONG};
use crate::render::object::Named;
use crate::walk;

/// The deepest tree that is drawn: each level is drawn by the one above.
const MAX_DEPTH: u16 = 1000;

/// Draw an object with all that it holds and links to
///
/// Follows nested containers and links. An object is drawn with what is below it once: (above) says that it was drawn
/// before, (cycle) that it is below itself, (deeper) that the depth has ended, (dangling) that it is not there,
/// (unreadable) that it is broken.
///
/// With --json, one object: {object, class, id, children}, and {name, kind, object, class, id, note, children} of what is
/// below, where kind is link, container, collection or stray.
#[derive(Args, Debug)]
pub(crate) struct Tree {
    /// The object, or a part of one
    #[arg(value_hint = ValueHint::AnyPath)]
    object: String,
    #[command(flatten)]
    ids: Ids,
    /// How many levels to draw
    #[arg(long, short, value_name = "LEVELS", default_value_t = 100,
        value_parser = clap::value_parser!(u16).range(0..=i64::from(MAX_DEPTH)))]
    depth: u16,
}

#[derive(Serialize)]
struct Root {
    #[serde(flatten)]
    name: Named,
    children: Vec<Branch>,
}

#[derive(Serialize)]
struct Branch {
    name: String,
    kind: Kind,
    #[serde(flatten)]
    to: Option<Named>,
    #[serde(skip)]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Branch>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Link,
    Container,
    Collection,
    Stray,
}

/// Why nothing is drawn below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Note {
    Above,
    Cycle,
    Deeper,
    Dangling,
    Unreadable,
}

impl Note {
    fn text(self) -> &'static str {
        match self {
            Self::Above => "(above)",
            Self::Cycle => "(cycle)",
            Self::Deeper => "(deeper)",
            Self::Dangling => "(dangling)",
            Self::Unreadable => "(unreadable)",
        }
    }
}

impl Tree {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(std::slice::from_ref(&self.object), Access::Read)?;
        let records = Records::of(store.backend())?;
        let (object, children, broken) = walk::steadily(records.backend, || {
            let object = Object::find(&records, &self.ids, &self.object)?;
            let mut growth = Growth {
                records: &records,
                around: vec![object.key.clone()],
                drawn: HashSet::new(),
                broken: Vec::new(),
            };
            let children = match object.part() {
                Part::Leaf(_) => Vec::new(),
                Part::Container(node) => growth.branches(&node.entries, self.depth)?,
                Part::Collection(entries) => growth.branches(entries, self.depth)?,
            };
            Ok((object, children, growth.broken))
        })?;
        let out = &mut session.out;
        if out.is_for_programs() {
            out.json(&Root { name: (&object.key).into(), children })?;
        } else {
            writeln!(out, "{}", out.paint(NAME, object.path()))?;
            draw(out, &children, &mut String::new())?;
        }
        broken.into_iter().for_each(|failure| session.skip(failure));
        Ok(Answer::Yes)
    }
}

struct Growth<'a> {
    records: &'a Records<'a>,
    /// The objects that are being drawn around this place.
    around: Vec<Key>,
    /// The objects below which everything was drawn.
    drawn: HashSet<Key>,
    /// Why some could not be read.
    broken: Vec<Failure>,
}

impl Growth<'_> {
    // Invariant: `depth` is at most `MAX_DEPTH` and less at each level.
    fn branches(&mut self, entries: &Entries, depth: u16) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        if depth == 0 {
            return Ok(branches);
        }
        for (name, entry) in entries.iter() {
            let name = name.as_str().to_owned();
            let mut branch = Branch { name, kind: Kind::Stray, to: None, path: None, note: None, children: Vec::new() };
            match entry {
                Entry::Stray => {}
                Entry::Link(key) => self.link(&mut branch, key, depth)?,
                Entry::Container(node) => {
                    branch.kind = Kind::Container;
                    self.below(&mut branch, &node.entries, depth)?;
                }
                Entry::Collection(inner) => {
                    branch.kind = Kind::Collection;
                    self.below(&mut branch, inner, depth)?;
                }
            }
            branches.push(branch);
        }
        Ok(branches)
    }

    fn below(&mut self, branch: &mut Branch, entries: &Entries, depth: u16) -> Result<()> {
        branch.children = self.branches(entries, depth - 1)?;
        if depth == 1 && !entries.is_empty() {
            branch.note = Some(Note::Deeper);
        }
        Ok(())
    }

    fn link(&mut self, branch: &mut Branch, key: &Key, depth: u16) -> Result<()> {
        branch.kind = Kind::Link;
        let found = self.records.read(key).unwrap_or_else(|failure| {
            self.broken.push(failure);
            branch.note = Some(Note::Unreadable);
            None
        });
        let key = found.as_ref().map_or(key, |(found, _)| found).clone();
        branch.to = Some((&key).into());
        branch.path = Some(key.path());
        let node = match found {
            None => {
                branch.note.get_or_insert(Note::Dangling);
                return Ok(());
            }
            Some((_, Record::Container(node))) if !node.entries.is_empty() => node,
            Some(_) => return Ok(()),
        };
        if self.around.contains(&key) {
            branch.note = Some(Note::Cycle);
        } else if self.drawn.contains(&key) {
            branch.note = Some(Note::Above);
        } else {
            self.around.push(key.clone());
            self.below(branch, &node.entries, depth)?;
            self.around.pop();
            if depth > 1 {
                self.drawn.insert(key);
            }
        }
        Ok(())
    }
}

/// Draws branches behind what stands in front of all of them.
fn draw(out: &mut Output, branches: &[Branch], before: &mut String) -> Result<()> {
    for (at, branch) in branches.iter().enumerate() {
        let is_last = at + 1 == branches.len();
        let (arm, beside) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        write!(out, "{}{}", out.paint(DIM, format_args!("{before}{arm}")), out.paint(FIELD, &branch.name))?;
        if let Some(path) = &branch.path {
            write!(out, " -> {}", out.paint(NAME, path))?;
        }
        if branch.kind == Kind::Stray {
            write!(out, " {}", out.paint(DIM, "(a file that is not Sepia's)"))?;
        }
        if let Some(note) = branch.note {
            let style = if matches!(note, Note::Dangling | Note::Unreadable) { WRONG } else { DIM };
            write!(out, " {}", out.paint(style, note.text()))?;
        }
        writeln!(out)?;
        let length = before.len();
        before.push_str(beside);
        draw(out, &branch.children, before)?;
        before.truncate(length);
    }
    Ok(())
}
