//! `sepia init`: a new store.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;

use clap::{Args, ValueEnum, ValueHint};
use sepia::{ErrorKind, Shared};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::{is_store, open_as, to_write};
use crate::render::text::printable;

/// Make an empty store
///
/// The directory, or the file of a database (sqlite:data.db), is made if it is not there, and must be empty otherwise. A
/// store stays as it is. Nobody but its owner can open it, unless it is shared.
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
    /// Share the store, with the group that its directory or database belongs to (the default), or with all users, who
    /// may only read it then; a store that is there is shared from now on
    #[arg(long, value_name = "WHOM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "group")]
    shared: Option<Whom>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Whom {
    /// The members of the group read and write it
    Group,
    /// They do, and everybody reads it
    All,
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
        if !was_there || self.checksums || self.shared.is_some() {
            open(&name, self.checksums, self.shared)?;
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

fn open(name: &OsStr, checksums: bool, shared: Option<Whom>) -> Result<()> {
    let builder = if checksums { to_write().checksums() } else { to_write() };
    let builder = match shared {
        None => builder,
        Some(Whom::Group) => builder.shared(Shared::Group),
        Some(Whom::All) => builder.shared(Shared::All),
    };
    let store = open_as(&builder, name).map_err(|error| match error.kind() {
        ErrorKind::NotAStore if Path::new(name).is_dir() => Failure::said(format!(
            "{} is not empty: `sepia adopt` takes what is there for the objects of a store",
            name.display()
        )),
        _ => error.into(),
    })?;
    Ok(store.close()?)
}
