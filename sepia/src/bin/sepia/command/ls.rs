//! `sepia ls`: the classes of a store, the objects of a class.

use std::io::Write;
use std::ops::ControlFlow;

use clap::{Args, ValueHint};
use sepia::class::{Class, Format, Kind};
use sepia::record::Key;
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::locate::resolve::Records;
use crate::locate::{Access, object};
use crate::output::{DIM, NAME};
use crate::render::object::Named;
use crate::render::text::{local, printable, size, utc};
use crate::walk;

/// List the classes, or the objects of a class
///
/// With --json, one object a line: {class, kind, content, generations, records} of each class, or
/// {object, class, id} of each object, with --long {.., bytes, modified}.
#[derive(Args, Debug)]
pub(crate) struct Ls {
    /// The class whose objects to list
    #[arg(value_hint = ValueHint::AnyPath)]
    class: Option<String>,
    /// Print sizes and times, too
    #[arg(long, short)]
    long: bool,
}

#[derive(Serialize)]
struct ClassLine<'a> {
    class: &'a str,
    kind: &'static str,
    content: Option<&'static str>,
    generations: Option<bool>,
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct ObjectLine {
    #[serde(flatten)]
    name: Named,
    #[serde(flatten)]
    age: Option<Age>,
}

#[derive(Serialize)]
struct Age {
    bytes: u64,
    modified: Option<String>,
}

impl Ls {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(self.class.as_slice(), Access::Read)?;
        let records = Records::of(store.backend())?;
        match &self.class {
            None => self.classes(&records, session)?,
            Some(class) => {
                let class = object::class(&records, class)?;
                for key in walk::keys(records.backend, &class)? {
                    self.object(&records, &key, session)?;
                }
            }
        }
        Ok(Answer::Yes)
    }

    fn classes(&self, records: &Records<'_>, session: &mut Session) -> Result<()> {
        let mut lines = Vec::new();
        for class in &records.classes {
            let (kind, content) = kind(class);
            let (mut found, mut bytes) = (0, 0_u64);
            if self.long {
                for key in walk::keys(records.backend, class.name())? {
                    // What is deleted meanwhile does not count.
                    if let Some(stat) = records.backend.stat(&key)? {
                        found += 1;
                        // Files with holes may claim more than there is.
                        bytes = bytes.saturating_add(stat.bytes);
                    }
                }
            } else {
                records.backend.ids(class.name(), &mut |_| {
                    found += 1;
                    ControlFlow::Continue(())
                })?;
            }
            let bytes = self.long.then_some(bytes);
            let generations = class.generations();
            lines.push(ClassLine { class: class.name(), kind, content, generations, records: found, bytes });
        }
        if session.out.is_for_programs() {
            return lines.iter().try_for_each(|line| session.out.json(line));
        }
        let width = lines.iter().map(|line| printable(line.class).chars().count()).max().unwrap_or(0);
        for line in &lines {
            let name = format!("{:width$}", printable(line.class));
            let mut kind = line.content.unwrap_or(line.kind).to_owned();
            if line.generations == Some(true) {
                kind.push_str(", generations");
            }
            let bytes = line.bytes.map(|bytes| format!("  {:>10}", size(bytes))).unwrap_or_default();
            let out = &mut session.out;
            writeln!(out, "{}  {:>8}{bytes}  {}", out.paint(NAME, name), line.records, out.paint(DIM, kind))?;
        }
        Ok(())
    }

    fn object(&self, records: &Records<'_>, key: &Key, session: &mut Session) -> Result<()> {
        let stat = if self.long { records.backend.stat(key)? } else { None };
        let out = &mut session.out;
        if out.is_for_programs() {
            let age = stat.map(|stat| Age { bytes: stat.bytes, modified: utc(stat.modified) });
            return out.json(&ObjectLine { name: key.into(), age });
        }
        if let Some(stat) = stat {
            let age = format!("{:>10}  {}  ", size(stat.bytes), local(stat.modified));
            write!(out, "{}", out.paint(DIM, age))?;
        }
        writeln!(out, "{}", out.paint(NAME, key.path()))?;
        Ok(())
    }
}

/// What the objects of a class are, and what is known of their content.
pub(crate) fn kind(class: &Class) -> (&'static str, Option<&'static str>) {
    match class.kind() {
        Kind::Container => ("container", None),
        Kind::Serializable(format) => ("serializable", format.map(Format::as_str)),
    }
}
