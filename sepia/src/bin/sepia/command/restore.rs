//! `sepia restore`: what is in backups.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use sepia::backup::{Archive, Listed};
use sepia::{ErrorKind, Store};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::intake::{self, Rule};
use crate::locate::{self, Access};
use crate::output::{DIM, NAME};
use crate::progress::Bar;
use crate::render::object::Named;
use crate::render::text::{count, printable, size};

/// Put what a backup holds into a store
///
/// The store is made if it is not there. What is stored beside stays. All files are verified before anything is written.
/// What is restored over a file keeps that one's permissions; what was hidden from other users is for the owner alone,
/// and all else has the permissions of any new object. Of a backup that leaves out what an earlier one has (--since), name the earlier ones, too, in any order.
///
/// With --json, one object: {added, replaced, equal, kept, bytes, strays}; with --list one a line: {object, class, id,
/// kind, bytes, included}; with --verify one a file: {file, intact, records}. Exits with 1 if a file is not intact.
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// The backup, and those that it was made since
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// What becomes of objects that are stored with another content
    #[arg(long, value_name = "RULE", value_enum, default_value_t)]
    on_conflict: Rule,
    /// Only list what is in it
    #[arg(long, short)]
    list: bool,
    /// Only look whether it is intact
    #[arg(long, conflicts_with = "list")]
    verify: bool,
}

#[derive(Serialize)]
struct ObjectLine {
    #[serde(flatten)]
    name: Named,
    kind: &'static str,
    bytes: u64,
    included: bool,
}

#[derive(Serialize)]
struct FileLine<'a> {
    file: &'a str,
    intact: bool,
    records: Option<usize>,
}

impl Restore {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        if self.verify {
            return self.verify(session);
        }
        let archives: Vec<Archive> = self.files.iter().map(open).collect::<Result<_, _>>()?;
        let newest = self.newest(&archives)?;
        if self.list {
            let manifest = archives[newest].manifest()?;
            let mut records: Vec<_> = manifest.records().iter().collect();
            records.sort_by_cached_key(|listed| (listed.key.class().to_owned(), listed.key.generation()));
            for listed in records {
                list(listed, session)?;
            }
            return Ok(Answer::Yes);
        }
        let bar = Bar::new();
        if session.named().is_some() && session.store(&[], Access::Read).is_err() {
            // A store that is made stays there: what cannot be restored makes none.
            self.restoration(&locate::to_write().open_url("memory:")?, &archives, newest, &bar).check()?;
        }
        let store = session.store(&[], Access::Create)?;
        let report = self.restoration(&store, &archives, newest, &bar).run()?;
        drop(bar);
        store.close()?;
        intake::print(&mut session.out, &report)?;
        Ok(Answer::Yes)
    }

    fn restoration<'a>(
        &self,
        store: &'a Store,
        archives: &'a [Archive],
        newest: usize,
        bar: &'a Bar,
    ) -> sepia::backup::Restore<'a> {
        let restore = store.restore(&archives[newest]).on_conflict(self.on_conflict.into());
        let earlier = archives.iter().enumerate().filter(|(at, _)| *at != newest);
        earlier.fold(restore, |restore, (_, earlier)| restore.base(earlier)).on_progress(|progress| bar.show(progress))
    }

    /// Finds the one since which none of the others was made.
    fn newest(&self, archives: &[Archive]) -> Result<usize> {
        if archives.len() == 1 {
            return Ok(0);
        }
        let hashes: Vec<_> =
            archives.iter().map(|archive| Ok(archive.manifest()?.hash())).collect::<Result<_, sepia::Error>>()?;
        let is_base = |at: &usize| archives.iter().any(|other| other.header().since == Some(hashes[*at]));
        let newest: Vec<usize> = (0..archives.len()).filter(|at| !is_base(at)).collect();
        match newest[..] {
            [newest] => Ok(newest),
            _ => {
                let names: Vec<_> = newest.iter().map(|at| self.files[*at].display().to_string()).collect();
                Err(Failure::said(format!(
                    "none of {} was made since the others: name one backup, and those that it was made since",
                    names.join(", ")
                )))
            }
        }
    }

    fn verify(&self, session: &mut Session) -> Result<Answer> {
        let mut answer = Answer::Yes;
        for file in &self.files {
            let path = file.to_string_lossy();
            let verified = open(file).and_then(|archive| archive.verify());
            let records = match verified {
                Ok(manifest) => Some(manifest.records().len()),
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    answer = Answer::No;
                    session.note(&Failure::from(error).sentence());
                    None
                }
                Err(error) => return Err(error.into()),
            };
            let out = &mut session.out;
            if out.is_for_programs() {
                out.json(&FileLine { file: &path, intact: records.is_some(), records })?;
            } else if let Some(records) = records {
                writeln!(out, "{} is intact: {}", printable(&path), count(records as u64, "record"))?;
            }
        }
        Ok(answer)
    }
}

/// Opens an archive, of which records are read as the arguments say.
fn open(file: &PathBuf) -> Result<Archive, sepia::Error> {
    Ok(Archive::open(file)?.max_record_size(locate::max_record_size()))
}

fn list(listed: &Listed, session: &mut Session) -> Result<()> {
    let out = &mut session.out;
    if out.is_for_programs() {
        let (kind, bytes, included) = (listed.kind.as_str(), listed.bytes, listed.here);
        return out.json(&ObjectLine { name: (&listed.key).into(), kind, bytes, included });
    }
    write!(out, "{}  {}", out.paint(DIM, format!("{:>10}", size(listed.bytes))), out.paint(NAME, listed.key.path()))?;
    if !listed.here {
        write!(out, "  {}", out.paint(DIM, "(in an earlier one)"))?;
    }
    writeln!(out)?;
    Ok(())
}
