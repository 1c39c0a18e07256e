//! `sepia backup`: a store in one file.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueHint};
use sepia::backup::Archive;
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::resolve::Records;
use crate::locate::{Access, object};
use crate::progress::Bar;
use crate::render::text::{count, size};

/// Write a backup into a file
///
/// A tar archive of one moment of the store, also while others write: `tar tvf` lists it, and what `tar x` makes of its
/// objects directory is a store. If it fails, what was in the file stays.
///
/// The file is for its owner alone, unless the store is shared, or the file was there already.
///
/// With --json, one object: {records, included, bytes, strays, hidden}.
#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// The file; - for standard output
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Back up only this object or class, with all that it leads to; may be repeated
    #[arg(long = "root", value_name = "ROOT", value_hint = ValueHint::AnyPath)]
    roots: Vec<String>,
    /// Leave out what has not changed since this earlier backup, which is needed, too, to restore it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    since: Option<PathBuf>,
    /// Compress it; 1 is fast, 22 is small
    #[cfg(feature = "zstd")]
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "3",
        value_parser = clap::value_parser!(i32).range(1..=22))]
    zstd: Option<i32>,
}

#[derive(Serialize)]
struct Line {
    records: u64,
    included: u64,
    bytes: u64,
    strays: u64,
    hidden: u64,
}

impl Backup {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&self.roots, Access::Read)?;
        let records = Records::of(store.backend())?;
        let roots: Vec<_> = self.roots.iter().map(|root| object::root(&records, root)).collect::<Result<_>>()?;
        let earlier = self.since.as_ref().map(|file| Archive::open(file)?.manifest()).transpose()?;
        let bar = Bar::new();
        let mut backup = store.backup().on_progress(|progress| bar.show(progress));
        if !roots.is_empty() {
            backup = backup.roots(roots);
        }
        if let Some(earlier) = &earlier {
            backup = backup.since(earlier);
        }
        #[cfg(feature = "zstd")]
        if let Some(level) = self.zstd {
            backup = backup.compress(level);
        }
        if self.file.as_os_str() == "-" {
            if io::stdout().is_terminal() {
                return Err(Failure::said("a backup is nothing for a terminal: name a file"));
            }
            backup.to_writer(&mut session.out)?;
            return Ok(Answer::Yes);
        }
        let report = backup.to_file(&self.file)?;
        drop(bar);
        let out = &mut session.out;
        if out.is_for_programs() {
            let sepia::backup::BackupReport { records, included, bytes, strays, hidden, .. } = report;
            out.json(&Line { records, included, bytes, strays, hidden })?;
            return Ok(Answer::Yes);
        }
        write!(out, "{}, {}", count(report.records, "record"), size(report.bytes))?;
        if self.since.is_some() {
            write!(out, " in the {} that are new or changed", report.included)?;
        }
        writeln!(out)?;
        if report.strays > 0 {
            writeln!(out, "files in {} of them are not Sepia's, and were left out", report.strays)?;
        }
        if report.hidden > 0 {
            let hidden = report.hidden;
            writeln!(out, "files in {hidden} of them are hidden from other users, and are so where they are restored")?;
        }
        Ok(Answer::Yes)
    }
}
