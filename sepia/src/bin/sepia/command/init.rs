//! `sepia init`: a new store.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use sepia::{ErrorKind, Store};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::is_store;
use crate::render::text::printable;

/// Make an empty store
///
/// The directory is made if it is not there, and must be empty otherwise. A store stays as it is.
///
/// With --json, one object: {store, made}.
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// The directory; else what --store says, else the current one
    #[arg(value_hint = ValueHint::DirPath)]
    path: Option<PathBuf>,
    /// Keep checksums of all files, so that `sepia verify` finds what the disk has changed; a store that is
    /// there keeps them from now on
    #[arg(long)]
    checksums: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    store: &'a str,
    made: bool,
}

impl Init {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let path = self.path.or_else(|| session.named().map(PathBuf::from)).unwrap_or_else(|| PathBuf::from("."));
        let was_there = is_store(&path)?;
        if !was_there || self.checksums {
            open(&path, self.checksums)?;
        }
        let path = path.to_string_lossy();
        let out = &mut session.out;
        if out.is_for_programs() {
            out.json(&Line { store: &path, made: !was_there })?;
        } else if was_there {
            writeln!(out, "{} is a store already", printable(&path))?;
        } else {
            writeln!(out, "{} is a store now", printable(&path))?;
        }
        Ok(Answer::Yes)
    }
}

fn open(path: &Path, checksums: bool) -> Result<()> {
    let builder = if checksums { Store::builder().checksums() } else { Store::builder() };
    let store = builder.open(path).map_err(|error| match error.kind() {
        ErrorKind::NotAStore if path.is_dir() => Failure::said(format!(
            "{} is not empty: `sepia adopt` takes what is there for the objects of a store",
            path.display()
        )),
        _ => error.into(),
    })?;
    Ok(store.close()?)
}
