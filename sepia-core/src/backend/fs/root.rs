//! The store's own directory: its handle, its path for messages, and how it spells.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::layout::PRIVATE;
use super::sys::{self, Directory};
use crate::error::{Error, Result};
use crate::record::Key;

/// The root of a store.
#[derive(Debug)]
pub(super) struct Root {
    handle: Directory,
    path: PathBuf,
    /// The file system takes one spelling of a name for another.
    folds: bool,
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Root {
    pub(super) fn new(handle: Directory, path: &Path) -> Self {
        Self { handle, path: path.to_owned(), folds: cfg!(target_vendor = "apple") }
    }

    /// Finds out, by the private directory, how the file system spells.
    pub(super) fn learn_spelling(&mut self) {
        let other = PRIVATE.to_uppercase();
        // If it cannot be listed, nothing else can.
        self.folds |= sys::kind(&self.handle, &other).is_ok() && sys::lists(&self.handle, &other) == Ok(false);
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of what is at `below`, for messages.
    pub(super) fn place(&self, below: impl AsRef<Path>) -> PathBuf {
        self.path.join(below)
    }

    /// Returns whether the file system takes one spelling of a name for another.
    pub(super) fn folds(&self) -> bool {
        self.folds
    }

    /// Returns whether what was opened under a key's name has exactly this name.
    pub(super) fn is_spelled(&self, opened: impl AsFd, key: &Key) -> Result<bool> {
        if !self.folds {
            return Ok(true);
        }
        let spelled = sys::open_directory_below(&self.handle, &key.class_name())
            .and_then(|class| sys::is_spelled(opened, &class, &key.name()));
        match spelled {
            // Gone since; whoever looks next will see that.
            Err(Errno::NOENT) => Ok(true),
            spelled => spelled.map_err(|errno| Error::io("list the class", &self.place(&*key.class_name()), errno)),
        }
    }
}
