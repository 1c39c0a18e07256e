//! The store's own directory: its handle, its path for messages, and how it spells.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use super::checksum::Checksums;
use super::layout::PRIVATE;
use super::make;
use super::modes::Modes;
use super::sys::{self, Directory};
use crate::backend::{OpenOptions, layers};
use crate::record::Key;
use crate::record::catalog::Settings;
use crate::record::error::{Error, Result};
use crate::record::shared::Shared;

/// The root of a store.
#[derive(Debug)]
pub(super) struct Root {
    handle: Directory,
    path: PathBuf,
    /// The file system takes one spelling of a name for another.
    folds: bool,
    /// The most bytes of a record.
    max_record: u64,
    /// The layers through which the program reads and writes the store.
    layers: Vec<String>,
    /// The store was opened for writing.
    is_writable: bool,
    /// The store keeps checksums, as far as its list of classes is known.
    checksums: AtomicBool,
    /// With whom the store is shared, as far as that is known.
    modes: Mutex<Modes>,
    /// The directories in it that were opened last.
    directories: Mutex<Vec<Opened>>,
    /// The directory of what is being made, once it was needed.
    tmp: Mutex<Option<Arc<Directory>>>,
    /// The file system has been seen to make symlinks.
    makes_links: AtomicBool,
}

#[derive(Debug)]
struct Opened {
    name: String,
    identity: (u64, u64),
    handle: Arc<Directory>,
}

/// How many directories are kept open.
const DIRECTORIES: usize = 16;

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Root {
    pub(super) fn new(handle: Directory, path: &Path, options: &OpenOptions) -> Self {
        let (max_record, layers, is_writable) = (options.max_record_size, options.layers.clone(), !options.read_only);
        let (checksums, directories, tmp, makes_links) = Default::default();
        let (folds, modes) = (cfg!(target_vendor = "apple"), Mutex::new(Modes { shared: None }));
        let path = path.to_owned();
        Self { handle, path, folds, max_record, layers, is_writable, checksums, modes, directories, tmp, makes_links }
    }

    /// Returns the most bytes of a record.
    pub(super) fn max_record(&self) -> u64 {
        self.max_record
    }

    /// Checks that the program understands what it takes to use the store as it is opened.
    pub(super) fn check_supported(&self, settings: &Settings) -> Result<()> {
        layers::check(&settings.more.requires, &self.layers, self.is_writable)
    }

    /// Returns whether the store keeps checksums.
    pub(super) fn checksums(&self) -> Checksums {
        if self.checksums.load(Ordering::Relaxed) { Checksums::On } else { Checksums::Off }
    }

    /// Returns whether the file system has been seen to make symlinks.
    pub(super) fn makes_links(&self) -> bool {
        self.makes_links.load(Ordering::Relaxed)
    }

    /// Takes note that the file system makes symlinks.
    pub(super) fn note_links(&self) {
        self.makes_links.store(true, Ordering::Relaxed);
    }

    /// Takes note of whether the store keeps checksums.
    pub(super) fn set_checksums(&self, checksums: Checksums) {
        self.checksums.store(checksums == Checksums::On, Ordering::Relaxed);
    }

    /// Returns how what is made in the store is made.
    pub(super) fn modes(&self) -> Modes {
        *self.modes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of with whom the store is shared.
    pub(super) fn set_shared(&self, shared: Option<Shared>) {
        *self.modes.lock().unwrap_or_else(PoisonError::into_inner) = Modes { shared };
    }

    /// Finds out, by the private directory, how the file system spells.
    pub(super) fn learn_spelling(&mut self) {
        let other = PRIVATE.to_uppercase();
        // If it cannot be listed, nothing else can.
        self.folds |= sys::kind(&self.handle, &other).is_ok() && sys::lists(&self.handle, &other) == Ok(false);
    }

    /// Opens a directory in the root, or finds it open.
    pub(super) fn directory(&self, name: &str) -> rustix::io::Result<Arc<Directory>> {
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = directories.iter().position(|known| known.name == name) {
            // Someone may have put another in its place. As long as it is open, no other has its inode.
            if sys::identity_at(&self.handle, name) == Ok(directories[at].identity) {
                return Ok(Arc::clone(&directories[at].handle));
            }
            directories.remove(at);
        }
        let handle = Arc::new(sys::open_directory(&self.handle, name)?);
        if directories.len() == DIRECTORIES {
            directories.remove(0);
        }
        let identity = sys::identity(&*handle)?;
        directories.push(Opened { name: name.to_owned(), identity, handle: Arc::clone(&handle) });
        Ok(handle)
    }

    /// Opens the directory of what is being made, or finds it open. Whatever has its name now: what is made in it is
    /// moved out of it, and in one that was removed nothing can be made (`ENOENT`).
    pub(super) fn tmp(&self) -> rustix::io::Result<Arc<Directory>> {
        let known = self.tmp.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.map_or_else(|| self.reopen_tmp(), Ok)
    }

    /// Opens the directory of what is being made anew.
    pub(super) fn reopen_tmp(&self) -> rustix::io::Result<Arc<Directory>> {
        let tmp = Arc::new(make::open_tmp(self, self.modes().private_directory())?);
        *self.tmp.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&tmp));
        Ok(tmp)
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
