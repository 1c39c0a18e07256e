//! `sepia versions`: the generations of an object.

use std::io::Write;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Target, absent};
use crate::locate::resolve::Records;
use crate::output::{DIM, NAME};
use crate::render::object::Named;
use crate::render::text::{local, quoted, size, utc};

/// List the generations of an object, oldest first
///
/// With --json, one object a line: {object, class, id, generation, bytes, modified}.
#[derive(Args, Debug)]
pub(crate) struct Versions {
    /// The object; any of its generations will do
    #[arg(value_hint = ValueHint::AnyPath)]
    object: String,
    #[command(flatten)]
    ids: Ids,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    name: Named,
    generation: u64,
    bytes: u64,
    modified: Option<String>,
}

impl Versions {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(std::slice::from_ref(&self.object), Access::Read)?;
        let records = Records::of(store.backend())?;
        let key = Target::parse_whole(&records, &self.ids, &self.object)?;
        if records.class(key.class()).is_some() && !records.keeps_generations(key.class()) {
            return Err(Failure::said(format!("the class {} keeps no generations", quoted(key.class()))));
        }
        let (base, _) = key.generation();
        let generations = records.backend.generations(&base)?;
        if generations.is_empty() {
            return Err(absent(&records, &base));
        }
        for key in generations {
            // One that is deleted meanwhile is not listed.
            let Some(stat) = records.backend.stat(&key)? else { continue };
            let (bytes, out) = (stat.bytes, &mut session.out);
            if out.is_for_programs() {
                let modified = utc(stat.modified);
                out.json(&Line { name: (&key).into(), generation: key.generation().1, bytes, modified })?;
            } else {
                let age = format!("{:>10}  {}", size(bytes), local(stat.modified));
                writeln!(out, "{}  {}", out.paint(DIM, age), out.paint(NAME, key.path()))?;
            }
        }
        Ok(Answer::Yes)
    }
}
