//! The arguments, and what becomes of them.

use std::io::Write;

use clap::{Args, Parser, Subcommand, ValueHint};
use sepia::Store;

use crate::answer::Answer;
use crate::command;
use crate::failure::{Failure, Result, say};
use crate::locate::{self, Access};
use crate::output::{Colour, Output, Reader};
use crate::size;

/// Look into Sepia stores, and look after them
///
/// A store is a directory of plain files: one for each object, by class and id; or a SQLite database with the same
/// objects, named by a URL (sqlite:data.db). Objects are named like their paths: Class/id, also with the path of a
/// store's directory in front (./data/Board/work), or by their id alone if only one class has it. In classes that keep
/// generations, an id without its number means the newest.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Exit codes: 0 yes or done; 1 no (nothing found, different, something wrong); 2 it could not be done.";

#[derive(Args, Debug)]
#[command(next_help_heading = "Common options")]
struct Global {
    /// The store, as a path or URL; else the one in or above the current directory
    #[arg(long, short, global = true, env = "SEPIA_STORE", hide_env_values = true, value_name = "PATH|URL",
        value_hint = ValueHint::AnyPath)]
    store: Option<String>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    color: Colour,
    /// Write also where other computers may: on NFS, SMB, FUSE
    #[arg(long, global = true)]
    assume_exclusive: bool,
    /// The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor moved by a repair
    #[arg(long, global = true, env = "SEPIA_MAX_RECORD_SIZE", hide_env_values = true, value_name = "SIZE",
        value_parser = size::parse, default_value = "1GiB")]
    max_record_size: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ls(command::ls::Ls),
    Tree(command::tree::Tree),
    Show(command::show::Show),
    Versions(command::versions::Versions),
    Diff(command::diff::Diff),
    Links(command::links::Links),
    Backlinks(command::backlinks::Backlinks),
    Find(command::find::Find),
    Graph(command::graph::Graph),
    Stats(command::stats::Stats),
    Set(command::set::Set),
    Put(command::put::Put),
    Edit(command::edit::Edit),
    Rm(command::rm::Rm),
    Gc(command::gc::Gc),
    Verify(command::verify::Verify),
    Backup(command::backup::Backup),
    Restore(command::restore::Restore),
    Copy(command::copy::Copy),
    Export(command::export::Export),
    Import(command::import::Import),
    Init(command::init::Init),
    Adopt(command::adopt::Adopt),
    Completions(command::completions::Completions),
    Man(command::man::Man),
}

/// What every command has.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) out: Output,
    store: Option<String>,
    is_complete: bool,
}

impl Session {
    /// Says what keeps the command from looking at something, and lets it look at the rest.
    pub(crate) fn skip(&mut self, failure: impl Into<Failure>) {
        self.is_complete = false;
        self.note(&failure.into().sentence());
    }

    /// Says something that is no part of the answer.
    pub(crate) fn note(&mut self, sentence: &str) {
        // What was printed before it belongs before it; if that fails, so does what comes after.
        let _ = self.out.flush();
        say(sentence);
    }

    /// What `--store` or the environment says.
    pub(crate) fn named(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// Opens the store that is meant by the arguments; `objects` may have its path in front.
    pub(crate) fn store(&self, objects: &[String], access: Access) -> Result<Store> {
        locate::store(self.store.as_deref(), objects, access)
    }
}

impl Arguments {
    /// Does what they ask for.
    pub(crate) fn run(self) -> Result<Answer> {
        let Global { store, json, color, assume_exclusive, max_record_size } = self.global;
        if assume_exclusive {
            locate::assume_exclusive();
        }
        locate::set_max_record_size(max_record_size);
        let reader = if json { Reader::Program } else { Reader::Person };
        let mut session = Session { out: Output::new(reader, color), store, is_complete: true };
        let answer = self.command.run(&mut session);
        // What was printed before a failure belongs before its message.
        let flushed = session.out.flush();
        let answer = answer?;
        flushed?;
        Ok(if session.is_complete { answer } else { Answer::Incomplete })
    }
}

impl Command {
    fn run(self, session: &mut Session) -> Result<Answer> {
        match self {
            Self::Ls(it) => it.run(session),
            Self::Tree(it) => it.run(session),
            Self::Show(it) => it.run(session),
            Self::Versions(it) => it.run(session),
            Self::Diff(it) => it.run(session),
            Self::Links(it) => it.run(session),
            Self::Backlinks(it) => it.run(session),
            Self::Find(it) => it.run(session),
            Self::Graph(it) => it.run(session),
            Self::Stats(it) => it.run(session),
            Self::Set(it) => it.run(session),
            Self::Put(it) => it.run(session),
            Self::Edit(it) => it.run(session),
            Self::Rm(it) => it.run(session),
            Self::Gc(it) => it.run(session),
            Self::Verify(it) => it.run(session),
            Self::Backup(it) => it.run(session),
            Self::Restore(it) => it.run(session),
            Self::Copy(it) => it.run(session),
            Self::Export(it) => it.run(session),
            Self::Import(it) => it.run(session),
            Self::Init(it) => it.run(session),
            Self::Adopt(it) => it.run(session),
            Self::Completions(it) => it.run(session),
            Self::Man(it) => it.run(session),
        }
    }
}
