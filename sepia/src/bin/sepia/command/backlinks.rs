//! `sepia backlinks`: what links to an object.

use std::io::Write;

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
    let bases: Vec<(Key, u64)> = to.iter().map(Key::generation).collect();
    // Most links are told apart by their ids, without looking at what they lead to.
    let may_lead = |link: &Key| {
        to.contains(link) || {
            let (base, _) = link.generation();
            // A base can end like a generation.
            records.keeps_generations(link.class()) && bases.iter().any(|(other, _)| *other == base || other == link)
        }
    };
    let mut skipped = Vec::new();
    for class in records.classes.iter().filter(|class| walk::has_links(class)) {
        for from in walk::keys(records.backend, class.name())? {
            let read = match records.backend.links(&from) {
                Ok(Some(links)) if links.iter().any(may_lead) => records.backend.read(&from),
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            let node = match read {
                Ok(Some(Record::Container(node))) => node,
                Ok(_) => continue,
                Err(error) => {
                    skipped.push(error.into());
                    continue;
                }
            };
            for (field, link) in walk::links(&node.entries) {
                if !may_lead(link) {
                    continue;
                }
                let target = records.find(link)?.unwrap_or_else(|| link.clone());
                if to.contains(&target) {
                    each(&from, &field, link)?;
                }
            }
        }
    }
    Ok(skipped)
}
