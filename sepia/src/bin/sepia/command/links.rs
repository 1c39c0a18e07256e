//! `sepia links`: what an object links to.

use std::io::Write;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::locate::Access;
use crate::locate::object::{Ids, Object, Part};
use crate::locate::resolve::Records;
use crate::output::{FIELD, NAME, WRONG};
use crate::render::object::Named;
use crate::walk;

/// List what an object links to
///
/// With --json, one object a line: {field, object, class, id, dangling}. Exits with 1 if it links to nothing.
#[derive(Args, Debug)]
pub(crate) struct Links {
    /// The object, or a nested container
    #[arg(value_hint = ValueHint::AnyPath)]
    object: String,
    #[command(flatten)]
    ids: Ids,
}

#[derive(Serialize)]
struct Line<'a> {
    field: &'a str,
    #[serde(flatten)]
    to: Named,
    dangling: bool,
}

impl Links {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(std::slice::from_ref(&self.object), Access::Read)?;
        let records = Records::of(store.backend())?;
        let object = Object::find(&records, &self.ids, &self.object)?;
        let links = match object.part() {
            Part::Leaf(_) => Vec::new(),
            Part::Container(node) => walk::links(&node.entries),
            Part::Collection(entries) => walk::links(entries),
        };
        for (field, to) in &links {
            let dangling = records.find(to)?.is_none();
            let out = &mut session.out;
            if out.is_for_programs() {
                out.json(&Line { field, to: (*to).into(), dangling })?;
                continue;
            }
            write!(out, "{} -> {}", out.paint(FIELD, field), out.paint(NAME, to.path()))?;
            if dangling {
                write!(out, "  {}", out.paint(WRONG, "(dangling)"))?;
            }
            writeln!(out)?;
        }
        Ok(Answer::is(!links.is_empty()))
    }
}
