//! What is common to commands that save one object: which generation it becomes, and what is said of it.

use std::io::Write;

use sepia::Store;
use sepia::document::Document;
use sepia::record::Key;
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::locate::resolve::Records;
use crate::output::Output;
use crate::render::object::Named;

/// Which generation is written, in classes that keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// The one after the newest.
    Next,
    /// The one that is there.
    InPlace,
}

impl Generation {
    pub(crate) fn of(in_place: bool) -> Self {
        if in_place { Self::InPlace } else { Self::Next }
    }
}

/// Saves a document that was changed, unless somebody else has changed it since it was read.
pub(crate) fn document(
    store: &Store,
    records: &Records<'_>,
    document: &mut Document,
    generation: Generation,
) -> Result<()> {
    let keeps = records.class(document.key().class()).is_some_and(|class| class.generations() == Some(true));
    if keeps && generation == Generation::Next {
        check_newest(records, document.key())?;
        return Ok(store.put_next_document(document)?);
    }
    Ok(store.put_document(document)?)
}

/// Makes sure that a generation is the newest, of which there can be a next one.
pub(crate) fn check_newest(records: &Records<'_>, key: &Key) -> Result<()> {
    let newest = records.backend.newest(&key.generation().0)?;
    if newest.as_ref() == Some(key) {
        return Ok(());
    }
    Err(Failure::said(format!(
        "{} is not the newest generation, and history stays as it is: --in-place changes it all the same",
        key.path()
    )))
}

/// Says whether an object was saved.
pub(crate) fn print(out: &mut Output, key: &Key, changed: bool) -> Result<()> {
    #[derive(Serialize)]
    struct Line {
        #[serde(flatten)]
        name: Named,
        changed: bool,
    }
    if out.is_for_programs() {
        return out.json(&Line { name: key.into(), changed });
    }
    writeln!(out, "{} {}", if changed { "saved" } else { "not changed:" }, key.path())?;
    Ok(())
}
