//! `sepia init`: a new store.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;

use clap::{Args, ValueHint};
use sepia::ErrorKind;
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::{is_store, open_as, to_write};
use crate::render::text::printable;

/// Make an empty store
///
/// The directory, or the file of a database (sqlite:data.db), is made if it is not there, and must be empty otherwise. A
/// store stays as it is.
///
/// With --json, one object: {store, made}.
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// The store, as a path or URL; else what --store says, else the current directory
    #[arg(value_name = "PATH|URL", value_hint = ValueHint::AnyPath)]
    place: Option<OsString>,
    /// Keep checksums of all objects, so that `sepia verify` finds what the disk has changed; a store that is
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
        let name = self.place.or_else(|| session.named().map(OsString::from)).unwrap_or_else(|| OsString::from("."));
        let was_there = is_store(&name)?;
        if !was_there || self.checksums {
            open(&name, self.checksums)?;
        }
        let name = name.to_string_lossy();
        let out = &mut session.out;
        if out.is_for_programs() {
            out.json(&Line { store: &name, made: !was_there })?;
        } else if was_there {
            writeln!(out, "{} is a store already", printable(&name))?;
        } else {
            writeln!(out, "{} is a store now", printable(&name))?;
        }
        Ok(Answer::Yes)
    }
}

fn open(name: &OsStr, checksums: bool) -> Result<()> {
    let builder = if checksums { to_write().checksums() } else { to_write() };
    let store = open_as(&builder, name).map_err(|error| match error.kind() {
        ErrorKind::NotAStore if Path::new(name).is_dir() => Failure::said(format!(
            "{} is not empty: `sepia adopt` takes what is there for the objects of a store",
            name.display()
        )),
        _ => error.into(),
    })?;
    Ok(store.close()?)
}
