//! `sepia export`: a store as JSON Lines.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use sepia::transfer::ExportReport;
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::locate::resolve::Records;
use crate::locate::{Access, object};
use crate::progress::Bar;
use crate::render::text::count;

/// Write objects as JSON Lines, for other programs
///
/// One moment of the store, also while others write: a line with the classes, then one for each object, from which
/// `sepia import` makes exactly the same.
///
/// The file is for its owner alone, unless the store is shared, or the file was there already.
///
/// With --json, and a file, one object: {records, strays}.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// The file; else standard output
    #[arg(default_value = "-", hide_default_value = true, value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Export only this object or class, with all that it leads to; may be repeated
    #[arg(long = "root", value_name = "ROOT", value_hint = ValueHint::AnyPath)]
    roots: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    records: u64,
    strays: u64,
}

impl Export {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&self.roots, Access::Read)?;
        let records = Records::of(store.backend())?;
        let roots: Vec<_> = self.roots.iter().map(|root| object::root(&records, root)).collect::<Result<_>>()?;
        let bar = Bar::new();
        let mut export = store.export().on_progress(|progress| bar.show(progress));
        if !roots.is_empty() {
            export = export.roots(roots);
        }
        if self.file.as_os_str() == "-" {
            export.to_writer(&mut session.out)?;
            return Ok(Answer::Yes);
        }
        let ExportReport { records, strays, .. } = export.to_file(&self.file)?;
        drop(bar);
        let out = &mut session.out;
        if out.is_for_programs() {
            out.json(&Line { records, strays })?;
            return Ok(Answer::Yes);
        }
        writeln!(out, "{}", count(records, "record"))?;
        if strays > 0 {
            writeln!(out, "files in {strays} of them are not Sepia's, and were left out")?;
        }
        Ok(Answer::Yes)
    }
}
