//! `sepia show`: what an object holds.

use std::io::Write;

use clap::{Args, ValueHint};
use sepia::record::{Entries, Entry, Node};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Object, Part};
use crate::locate::resolve::Records;
use crate::output::{DIM, FIELD, NAME, Output, WRONG};
use crate::render::content::Content;
use crate::render::json::{Json, fields_as_map};
use crate::render::object::Named;
use crate::render::text::{printable, printable_lines};

/// Show what objects hold
///
/// Of containers, the values and where links lead; of serializable objects, the content. Of a path that leads on into
/// a container (Board/work/boards), that part.
///
/// With --json, one object a line: {object, class, id, within} with {text} or {base64} of a serializable object, and
/// {values, entries} of a container, where entries has, by name, {class, id} of a link, {values, entries} of a nested
/// container and {entries} of a collection.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The objects
    #[arg(required = true, value_hint = ValueHint::AnyPath)]
    objects: Vec<String>,
    #[command(flatten)]
    ids: Ids,
    /// Write the content (of a container, its data.json), byte for byte
    #[arg(long, short, conflicts_with = "json")]
    raw: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    name: Named,
    #[serde(skip_serializing_if = "str::is_empty")]
    within: &'a str,
    #[serde(flatten)]
    part: View<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum View<'a> {
    Leaf(Content<'a>),
    Container(Container<'a>),
    Collection { entries: Inner<'a> },
}

#[derive(Serialize)]
struct Container<'a> {
    values: Values<'a>,
    entries: Inner<'a>,
}

/// The fields of a `data.json`, or `null` if it cannot be read as such.
struct Values<'a>(&'a [u8]);

struct Inner<'a>(&'a Entries);

impl Show {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&self.objects, Access::Read)?;
        let records = Records::of(store.backend())?;
        for (at, name) in self.objects.iter().enumerate() {
            let object = Object::find(&records, &self.ids, name)?;
            let out = &mut session.out;
            if self.raw {
                out.write_all(raw(&object)?)?;
            } else if out.is_for_programs() {
                let within = object.within.join("/");
                out.json(&Line { name: (&object.key).into(), within: &within, part: view(&object) })?;
            } else {
                if at > 0 {
                    writeln!(out)?;
                }
                print(out, &object)?;
            }
        }
        Ok(Answer::Yes)
    }
}

fn raw(object: &Object) -> Result<&[u8]> {
    match object.part() {
        Part::Leaf(content) => Ok(content),
        Part::Container(node) => Ok(&node.data),
        Part::Collection(_) => Err(Failure::said(format!("{} is a collection, which has no content", object.path()))),
    }
}

fn print(out: &mut Output, object: &Object) -> Result<()> {
    writeln!(out, "{}", out.paint(NAME, object.path()))?;
    match object.part() {
        Part::Leaf(content) => Content::from(content).print(out),
        Part::Container(node) => container(out, node, 1),
        Part::Collection(inner) => entries(out, inner, 1),
    }
}

fn container(out: &mut Output, node: &Node, depth: usize) -> Result<()> {
    let indent = "  ".repeat(depth);
    match Json::parse_object(&node.data) {
        Ok(fields) => {
            for (name, value) in fields {
                write!(out, "{indent}{}: ", out.paint(FIELD, printable(&name)))?;
                writeln!(out, "{}", value.lines().join(&format!("\n{indent}")))?;
            }
        }
        Err(wrong) => {
            let wrong = format!("data.json is broken: {}", printable(&wrong));
            writeln!(out, "{indent}{}", out.paint(WRONG, wrong))?;
            for line in printable_lines(&String::from_utf8_lossy(&node.data)).lines() {
                writeln!(out, "{indent}{line}")?;
            }
        }
    }
    entries(out, &node.entries, depth)
}

// Backends hold no record that nests deeper than 400 directories.
fn entries(out: &mut Output, entries_: &Entries, depth: usize) -> Result<()> {
    let indent = "  ".repeat(depth);
    for (name, entry) in entries_.iter() {
        write!(out, "{indent}{}", out.paint(FIELD, name.as_str()))?;
        match entry {
            Entry::Link(key) => writeln!(out, " -> {}", out.paint(NAME, key.path()))?,
            Entry::Stray => writeln!(out, "  {}", out.paint(DIM, "(a file that is not Sepia's)"))?,
            Entry::Container(node) => {
                writeln!(out)?;
                container(out, node, depth + 1)?;
            }
            Entry::Collection(inner) => {
                writeln!(out)?;
                entries(out, inner, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn view(object: &Object) -> View<'_> {
    match object.part() {
        Part::Leaf(content) => View::Leaf(content.into()),
        Part::Container(node) => View::Container(node.into()),
        Part::Collection(entries) => View::Collection { entries: Inner(entries) },
    }
}

impl<'a> From<&'a Node> for Container<'a> {
    fn from(node: &'a Node) -> Self {
        Self { values: Values(&node.data), entries: Inner(&node.entries) }
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Json::parse_object(self.0) {
            Ok(fields) => fields_as_map(&fields, serializer),
            Err(_) => serializer.serialize_none(),
        }
    }
}

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Shown<'a> {
            Link { class: &'a str, id: &'a str },
            Container(Container<'a>),
            Collection { entries: Inner<'a> },
            Stray { stray: bool },
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, entry) in self.0.iter() {
            let shown = match entry {
                Entry::Link(key) => Shown::Link { class: key.class(), id: key.id() },
                Entry::Container(node) => Shown::Container(node.into()),
                Entry::Collection(entries) => Shown::Collection { entries: Inner(entries) },
                Entry::Stray => Shown::Stray { stray: true },
            };
            map.serialize_entry(name.as_str(), &shown)?;
        }
        map.end()
    }
}
