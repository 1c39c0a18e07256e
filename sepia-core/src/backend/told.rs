//! What backends tell, in plain data.

use std::time::SystemTime;

/// The size and age of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// The bytes of its content: of a leaf, or of every `data.json` of a container.
    pub bytes: u64,
    /// When it was last changed, as far as is known: by a commit, or by hand.
    pub modified: SystemTime,
    /// Since when it has been here as it is; later than `modified` if it was changed elsewhere and moved here. In files
    /// it is a time that no program sets.
    pub since: SystemTime,
    /// Some of its files are hidden from users who may look into the directory of its class.
    pub hidden: bool,
}

impl Stat {
    /// Makes one of something that was changed here.
    pub fn new(bytes: u64, modified: SystemTime) -> Self {
        Self { bytes, modified, since: modified, hidden: false }
    }

    /// The same, of something that has been here since then.
    #[must_use]
    pub fn since(mut self, since: SystemTime) -> Self {
        self.since = since;
        self
    }
}

/// What [`Upkeep::examine`](super::Upkeep::examine) has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Examined {
    /// The files whose checksum was compared with what they hold.
    pub checked: u64,
    /// The files that should have a checksum, and have none.
    pub unchecked: u64,
}

impl Examined {
    /// Makes one.
    pub fn new(checked: u64, unchecked: u64) -> Self {
        Self { checked, unchecked }
    }
}

/// A point in the sequence of commits; see [`Backend::moment`](super::Backend::moment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment([u64; 2]);

impl Moment {
    /// Makes a moment of numbers of which one is another after each commit.
    pub fn new(numbers: [u64; 2]) -> Self {
        Self(numbers)
    }
}

/// What was completed of the work of writers that died: killed, or by the loss of power.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// How many commits had not been carried out entirely, or might not have reached the disk.
    pub commits: u64,
    /// The paths, below the root, that were written or removed to complete them.
    pub completed: Vec<String>,
    /// The paths that someone has edited since those commits. The edited files stay as they are.
    pub edited: Vec<Edited>,
}

/// A file that was edited after a commit, and before that commit could be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edited {
    /// The path of the file, below the root.
    pub path: String,
    /// Where the version of the commit was kept, below the root; `None` if the commit removed the file.
    pub kept: Option<String>,
}
