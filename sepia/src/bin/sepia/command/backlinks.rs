//! `sepia backlinks`: what links to an object.

use std::io::Write;
use std::ops::ControlFlow;

use clap::{Args, ValueHint};
use sepia::record::{Key, Record};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Target, absent};
use crate::locate::resolve::Records;
use crate::output::{FIELD, NAME, Output};
use crate::render::object::Named;
use crate::walk;

/// List what links to an object
///
/// Looks at every container of the store. What links to the object without a generation links to its newest. An object
/// that is not there may still be linked to: it is asked for by its exact id.
///
/// With --json, one object a line: {field, object, class, id}. Exits with 1 if nothing links to it.
#[derive(Args, Debug)]
pub(crate) struct Backlinks {
    /// The object
    #[arg(value_hint = ValueHint::AnyPath)]
    object: String,
    #[command(flatten)]
    ids: Ids,
}

#[derive(Serialize)]
struct Line<'a> {
    field: &'a str,
    #[serde(flatten)]
    from: Named,
}

impl Backlinks {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(std::slice::from_ref(&self.object), Access::Read)?;
        let records = Records::of(store.backend())?;
        let key = Target::parse_whole(&records, &self.ids, &self.object)?;
        let found = records.find(&key)?;
        let is_there = found.is_some();
        let to = found.unwrap_or_else(|| key.clone());
        let out = &mut session.out;
        let mut any = false;
        let skipped = each(&records, &[to], &mut |from, field, _| {
            any = true;
            print(out, from, field)
        })?;
        skipped.into_iter().for_each(|failure| session.skip(failure));
        if !any && !is_there {
            return Err(absent(&records, &key));
        }
        Ok(Answer::is(any))
    }
}

fn print(out: &mut Output, from: &Key, field: &str) -> Result<()> {
    if out.is_for_programs() {
        return out.json(&Line { field, from: from.into() });
    }
    writeln!(out, "{}  {}", out.paint(NAME, from.path()), out.paint(FIELD, field))?;
    Ok(())
}

/// Calls `each` with the object and the field of every link, and the link itself, that leads to one of these records. Returns
/// why some objects could not be looked at.
pub(crate) fn each(
    records: &Records<'_>,
    to: &[Key],
    each: &mut dyn FnMut(&Key, &str, &Key) -> Result<()>,
) -> Result<Vec<Failure>> {
    let mut spelled = Vec::new();
    for key in to {
        spelled.push(key.clone());
        if !records.keeps_generations(key.class()) {
            continue;
        }
        // A link to the base leads to its newest generation, and generation 0 has two spellings, also of a base that ends
        // like a generation itself.
        let (base, _) = key.generation();
        for first in [key, &base] {
            spelled.push(Key::new(key.class(), format!("{}.0", first.id()))?);
        }
        spelled.push(base);
    }
    let mut sources = Vec::new();
    records.backend.backlinks(&spelled, &mut |from| {
        sources.push(from.clone());
        ControlFlow::Continue(())
    })?;
    sources.sort_by_cached_key(|key| (key.class().to_owned(), key.generation()));
    let mut skipped = Vec::new();
    for from in sources {
        let node = match records.backend.read(&from) {
            Ok(Some(Record::Container(node))) => node,
            Ok(_) => continue,
            Err(error) => {
                skipped.push(error.into());
                continue;
            }
        };
        for (field, link) in walk::links(&node.entries) {
            if !spelled.contains(link) {
                continue;
            }
            let target = records.find(link)?.unwrap_or_else(|| link.clone());
            if to.contains(&target) {
                each(&from, &field, link)?;
            }
        }
    }
    Ok(skipped)
}
