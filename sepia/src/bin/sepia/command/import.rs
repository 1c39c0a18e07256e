//! `sepia import`: JSON Lines into a store.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::intake::{self, Rule};
use crate::locate::Access;
use crate::progress::Bar;

/// Read objects from JSON Lines
///
/// As `sepia export` writes them, or another program does. The store is made if it is not there; what is stored beside
/// stays. All lines are checked before anything is written.
///
/// With --json, one object: {added, replaced, equal, kept, bytes, strays}.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// The file; else standard input
    #[arg(default_value = "-", hide_default_value = true, value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// What becomes of objects that are stored with another content
    #[arg(long, value_name = "RULE", value_enum, default_value_t)]
    on_conflict: Rule,
}

impl Import {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&[], Access::Create)?;
        let bar = Bar::new();
        let import = store.import().on_conflict(self.on_conflict.into()).on_progress(|progress| bar.show(progress));
        let report = match self.file.as_os_str() == "-" {
            true => import.from_reader(io::stdin().lock())?,
            false => import.from_file(&self.file)?,
        };
        drop(bar);
        store.close()?;
        intake::print(&mut session.out, &report)?;
        Ok(Answer::Yes)
    }
}
