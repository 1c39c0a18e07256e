//! What can be wrong in a store, in plain data.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::record::Key;
use crate::record::error::Quoted;

/// Something in a store that is not as it should be, or that is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// The record in which it is, if it is in one.
    pub key: Option<Key>,
    /// Where it is: below the root of a filesystem store, or else `{class}/{id}` and what leads on from
    /// there. Names are encoded.
    pub path: String,
    /// What exactly, in a sentence without its end.
    pub message: String,
}

impl Problem {
    /// Makes one that is in no record.
    pub fn new(kind: ProblemKind, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, key: None, path: path.into(), message: message.into() }
    }

    /// Makes one that is in a record, at a path below that of the record; the empty path is the record itself.
    pub fn within(key: &Key, kind: ProblemKind, below: &str, message: impl Into<String>) -> Self {
        let path = if below.is_empty() { key.path() } else { key.path() + "/" + below };
        Self { kind, key: Some(key.clone()), path, message: message.into() }
    }

    /// What is the same for two findings of one problem, in other words maybe.
    pub(crate) fn place(&self) -> (ProblemKind, &str) {
        (self.kind, &self.path)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.kind, self.message)
    }
}

/// The kinds of [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A link leads to an object that is not there.
    Dangling,
    /// A link leads to no object of this store.
    OutsideLink,
    /// The content of a record is not what its class says: no JSON, no UTF-8, wrong reserved keys.
    Undecodable,
    /// What stands where a record belongs cannot be read at all, or is of the wrong kind.
    Unreadable,
    /// The record is larger than the store was opened for, by
    /// [`max_record_size`](crate::StoreBuilder::max_record_size): whether anything is wrong with it is not known, and no
    /// repair touches it.
    TooLarge,
    /// The content is not what was written, and nobody has edited it: the medium has changed it.
    Corrupted,
    /// Two elements of a list have one index.
    DuplicateIndex,
    /// A file in a container that is not Sepia's, under a name that could be.
    Stray,
    /// What a writer that died has left: unfinished files, containers without their `data.json`.
    Leftover,
    /// A hint of a newest generation that is wrong.
    StaleHint,
    /// One generation is stored twice, as `base` and as `base.0`.
    Twin,
    /// A commit has taken effect, and one of its files cannot be written: readers see it, no other commit can be made,
    /// and other programs do not see it.
    Pending,
    /// Worth knowing: a file or directory that is not Sepia's; it is left alone.
    Foreign,
    /// Worth knowing: a list has gaps; the next save closes them.
    ListGap,
    /// Worth knowing: the name of an element says another id than its link.
    EntryName,
    /// Worth knowing: a nested container and an object of its own have one id, and differ.
    CopyDiffers,
    /// Worth knowing: what a commit would have written over an edit is kept in `.sepia/conflicts`.
    KeptConflict,
    /// Worth knowing: the file was edited by hand since it was written.
    Edited,
    /// Worth knowing: by its name, a program that syncs files has put this aside, as two have changed the original at
    /// once. Nobody but people can bring the two together.
    ConflictCopy,
    /// Worth knowing: by its name, this object is another program's file that got into the directory of a class, or a
    /// text about it.
    UnlikelyId,
    /// Worth knowing: by its date, the record was changed at a time that is yet to come, as a clock was set back, or a
    /// hand wrote so.
    DatedAhead,
}

/// What is said of a file in a class of containers.
pub(crate) const A_FILE: &str = "a file stands where a directory should be, so it is no object: move it away";

/// What is said of a container in a class of files.
pub(crate) const A_CONTAINER: &str = "a directory stands where a file should be, so it is no object: move it away";

/// How far the clocks of two machines that share a store may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// What is said of a record that is dated ahead.
pub(crate) const AHEAD: &str = "by its date, it was changed at a time that is yet to come, so that a collection would \
    spare it until then: its age counts from the time at which it is mended, or a collection meets it";

/// What is done about it.
pub(crate) const RENEWED: &str = "its age counts from now on";

/// Whether a time is yet to come.
pub(crate) fn is_ahead(time: SystemTime) -> bool {
    time.duration_since(SystemTime::now()).is_ok_and(|ahead| ahead > CLOCKS_DIFFER)
}

/// What is said of what a program that syncs has put aside.
pub(crate) fn conflict_copy(original: &str) -> String {
    format!(
        "by its name, a program that syncs has put this aside, as {} was changed in two places at once: bring the two \
         together, then remove this",
        Quoted(original)
    )
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Notice,
    /// Something is broken, or will be in the way.
    Problem,
}

impl ProblemKind {
    /// Returns how bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Foreign | Self::ListGap | Self::EntryName | Self::CopyDiffers | Self::KeptConflict | Self::Edited => {
                Severity::Notice
            }
            Self::ConflictCopy | Self::UnlikelyId | Self::DatedAhead => Severity::Notice,
            _ => Severity::Problem,
        }
    }

    /// Returns a word for it, in lower case: for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dangling => "dangling",
            Self::OutsideLink => "outside-link",
            Self::Undecodable => "undecodable",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too-large",
            Self::Corrupted => "corrupted",
            Self::DuplicateIndex => "duplicate-index",
            Self::Stray => "stray",
            Self::Leftover => "leftover",
            Self::StaleHint => "stale-hint",
            Self::Twin => "twin",
            Self::Pending => "pending",
            Self::Foreign => "foreign",
            Self::ListGap => "list-gap",
            Self::EntryName => "entry-name",
            Self::CopyDiffers => "copy-differs",
            Self::KeptConflict => "kept-conflict",
            Self::Edited => "edited",
            Self::ConflictCopy => "conflict-copy",
            Self::UnlikelyId => "unlikely-id",
            Self::DatedAhead => "dated-ahead",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
