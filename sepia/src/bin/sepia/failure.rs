//! Why a command could not do what it was asked for, as one sentence.

use std::error::Error;
use std::fmt;
use std::io;
use std::io::Write;
use std::path::Path;

use sepia::record::Key;

use crate::render::text::{count, printable};

/// The result of whatever a command does.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// The most names that a message lists.
pub(crate) const LISTED: usize = 10;

/// Says a sentence on standard error.
pub(crate) fn say(sentence: &str) {
    // Without a place to say it, the exit code has to do.
    let _ = writeln!(io::stderr(), "sepia: {sentence}");
}

/// Why a command could not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library said so.
    Store(sepia::Error),
    /// What was to be printed could not be.
    Output(io::Error),
    /// The operating system refused something else.
    System { what: String, source: io::Error },
    /// The command itself says so.
    Said(String),
}

impl Failure {
    pub(crate) fn said(sentence: impl Into<String>) -> Self {
        Self::Said(sentence.into())
    }

    /// For `map_err`: what was tried, and on which path.
    pub(crate) fn system(operation: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("cannot {operation} {}", path.display());
        move |source| Self::System { what, source }
    }

    /// Returns whether all of it is that nobody reads on.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let mut cause = self.source();
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// What, where and why, with all causes, fit for a terminal.
    pub(crate) fn sentence(&self) -> String {
        let mut sentence = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            sentence.push_str(": ");
            sentence.push_str(&error.to_string());
            cause = error.source();
        }
        if let Self::Store(error) = self
            && let [_, others @ ..] = error.conflicts()
            && !others.is_empty()
        {
            let named: Vec<_> = others.iter().take(LISTED).map(Key::path).collect();
            let more = if named.len() < others.len() { ", .." } else { "" };
            let count = count(others.len() as u64, "other");
            sentence.push_str(&format!("; so it is with {count}: {}{more}", named.join(", ")));
        }
        printable(&sentence).into_owned()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Output(_) => f.write_str("cannot print"),
            Self::System { what, .. } => f.write_str(what),
            Self::Said(sentence) => f.write_str(sentence),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            Self::Output(source) | Self::System { source, .. } => Some(source),
            Self::Said(_) => None,
        }
    }
}

impl From<sepia::Error> for Failure {
    fn from(error: sepia::Error) -> Self {
        Self::Store(error)
    }
}

/// Only output is written with `?`; what else fails says what it is.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
