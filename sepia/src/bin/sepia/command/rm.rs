//! `sepia rm`: objects that go.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::{Args, ValueHint};
use sepia::backend::Lock;
use sepia::batch::{Batch, Expect};
use sepia::record::Key;
use serde::Serialize;

use super::backlinks;
use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, LISTED, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Target, absent};
use crate::locate::resolve::Records;
use crate::render::object::Named;
use crate::render::text::count;

/// Delete objects
///
/// In classes that keep generations, an id without its number means all of them. What the objects link to stays. What
/// still links to them could no longer be loaded, so that is refused without --force. All of them are deleted, or none.
///
/// With --json, one object a line: {object, class, id}.
#[derive(Args, Debug)]
pub(crate) struct Rm {
    /// The objects
    #[arg(required = true, value_hint = ValueHint::AnyPath)]
    objects: Vec<String>,
    #[command(flatten)]
    ids: Ids,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Delete what is linked to, too
    #[arg(long, short)]
    force: bool,
    /// Only say what would be deleted
    #[arg(long, short = 'n')]
    dry_run: bool,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    name: Named,
}

impl Rm {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let access = if self.dry_run { Access::Read } else { Access::Write };
        let store = session.store(&self.objects, access)?;
        let records = Records::of(store.backend())?;
        let doomed = self.doomed(&records)?;
        if !self.force {
            check_links(&records, &doomed)?;
        }
        if !self.dry_run {
            if !self.yes && !confirm(&doomed)? {
                return Ok(Answer::No);
            }
            let lock = records.backend.lock()?;
            self.delete(&records, &doomed, lock)?;
        }
        let (out, done) = (&mut session.out, if self.dry_run { "would delete" } else { "deleted" });
        for key in &doomed {
            if out.is_for_programs() {
                out.json(&Line { name: key.into() })?;
            } else {
                writeln!(out, "{done} {}", key.path())?;
            }
        }
        Ok(Answer::Yes)
    }

    fn delete(&self, records: &Records<'_>, doomed: &[Key], lock: Box<dyn Lock + '_>) -> Result<()> {
        // Others may have saved since it was looked and asked.
        if self.doomed(records)? != doomed {
            return Err(Failure::said("the objects were changed meanwhile, nothing was deleted"));
        }
        if !self.force {
            check_links(records, doomed)?;
        }
        let mut batch = Batch::new();
        for key in doomed {
            batch.delete(key.clone(), Expect::Present);
        }
        Ok(lock.commit(batch)?)
    }

    /// The records that go.
    fn doomed(&self, records: &Records<'_>) -> Result<Vec<Key>> {
        let mut doomed = Vec::new();
        for object in &self.objects {
            let key = Target::parse_whole(records, &self.ids, object)?;
            let is_base = records.keeps_generations(key.class()) && key.generation().0 == key;
            let found =
                if is_base { records.backend.generations(&key)? } else { records.find(&key)?.into_iter().collect() };
            if found.is_empty() {
                return Err(absent(records, &key));
            }
            doomed.extend(found);
        }
        doomed.sort_by_cached_key(|key| (key.class().to_owned(), key.generation()));
        doomed.dedup();
        Ok(doomed)
    }
}

/// Makes sure that nothing which stays links to what goes.
fn check_links(records: &Records<'_>, doomed: &[Key]) -> Result<()> {
    let mut links = Vec::new();
    let mut total: u64 = 0;
    let skipped = backlinks::each(records, doomed, &mut |from, field, link| {
        if !doomed.contains(from) && !outlives(records, link, doomed)? {
            total += 1;
            if links.len() < LISTED {
                links.push(format!("{}/{field} -> {}", from.path(), link.path()));
            }
        }
        Ok(())
    })?;
    // What cannot be read may link to them.
    if let Some(failure) = skipped.into_iter().next() {
        return Err(failure);
    }
    if total == 0 {
        return Ok(());
    }
    let more = if total > links.len() as u64 { ", .." } else { "" };
    Err(Failure::said(format!(
        "{} would lead nowhere ({}{more}): nothing was deleted; --force deletes it all the same",
        count(total, "link"),
        links.join(", ")
    )))
}

/// Returns whether a link to something that goes leads somewhere afterwards: to what is the newest generation then.
fn outlives(records: &Records<'_>, link: &Key, doomed: &[Key]) -> Result<bool> {
    let is_base = records.keeps_generations(link.class()) && link.generation().0 == *link;
    Ok(is_base && records.backend.generations(link)?.iter().any(|generation| !doomed.contains(generation)))
}

/// Asks the person at the terminal.
fn confirm(doomed: &[Key]) -> Result<bool> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::said("nobody is there to be asked: nothing was deleted; --yes deletes without asking"));
    }
    let mut stderr = io::stderr();
    for key in doomed.iter().take(LISTED) {
        writeln!(stderr, "  {}", key.path())?;
    }
    if doomed.len() > LISTED {
        writeln!(stderr, "  ..")?;
    }
    write!(stderr, "delete {}? [y/N] ", count(doomed.len() as u64, "record"))?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
