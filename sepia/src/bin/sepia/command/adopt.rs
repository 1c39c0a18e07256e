//! `sepia adopt`: a store out of a directory that was none.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::command::ls::kind;
use crate::failure::{Failure, Result};
use crate::locate::{is_directory_of_a_store, to_write};
use crate::render::text::printable;

/// Take a directory that is no store yet for one
///
/// One that the Crystal original wrote, or that was laid out by hand: each directory in it becomes a class, of
/// containers if it holds directories with a data.json, of serializable objects if it holds files. Nothing is moved or
/// rewritten. A store stays as it is.
///
/// With --json, one object: {store, adopted, classes: [{class, kind}]}.
#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// The directory
    #[arg(value_hint = ValueHint::DirPath)]
    path: PathBuf,
}

#[derive(Serialize)]
struct Adopted<'a> {
    store: &'a str,
    adopted: bool,
    classes: Vec<ClassLine>,
}

#[derive(Serialize)]
struct ClassLine {
    class: String,
    kind: &'static str,
}

impl Adopt {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let path = self.path.to_string_lossy();
        if !self.path.is_dir() {
            return Err(Failure::said(format!("there is no directory {path}")));
        }
        let was_there = is_directory_of_a_store(&self.path)?;
        let builder = to_write();
        let builder = if was_there { builder.read_only() } else { builder.adopt_existing() };
        let store = builder.open(&self.path)?;
        let classes = store.backend().classes()?;
        let classes: Vec<_> =
            classes.iter().map(|class| ClassLine { class: class.name().to_owned(), kind: kind(class).0 }).collect();
        store.close()?;
        let out = &mut session.out;
        if out.is_for_programs() {
            out.json(&Adopted { store: &path, adopted: !was_there, classes })?;
            return Ok(Answer::Yes);
        }
        let now = if was_there { "a store already" } else { "a store now" };
        writeln!(out, "{} is {now}", printable(&path))?;
        for ClassLine { class, kind } in &classes {
            writeln!(out, "  {}: {kind}", printable(class))?;
        }
        Ok(Answer::Yes)
    }
}
