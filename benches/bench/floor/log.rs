//! Logs, which wait for the disk.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};

use super::{Directory, FILE_MODE, write};

/// A file of its full length, to which entries are appended.
pub(crate) struct Log {
    file: OwnedFd,
    at: Cell<u64>,
}

impl Log {
    pub(crate) fn new(directory: &Path, length: usize) -> Result<Self> {
        let directory = Directory::open(directory)?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL;
        let file = rustix::fs::openat(&directory.0, ".log", flags, FILE_MODE)?;
        write(&file, &vec![0; length])?;
        rustix::fs::fsync(&file)?;
        Ok(Self { file, at: Cell::new(0) })
    }

    /// Appends an entry, and waits for the disk.
    pub(crate) fn append(&self, entry: &[u8]) -> Result<()> {
        let at = self.at.replace(self.at.get() + entry.len() as u64);
        match rustix::io::pwrite(&self.file, entry, at)? == entry.len() {
            true => rustix::fs::fdatasync(&self.file),
            false => Err(Errno::NOSPC),
        }
    }
}

/// A log that many threads append to: those that wait share the next sync.
pub(crate) struct SharedLog {
    file: OwnedFd,
    progress: Mutex<Progress>,
    synced: Condvar,
}

#[derive(Default)]
struct Progress {
    written: u64,
    synced: u64,
    is_syncing: bool,
}

impl SharedLog {
    pub(crate) fn new(directory: &Path, length: usize) -> Result<Self> {
        let Log { file, .. } = Log::new(directory, length)?;
        Ok(Self { file, progress: Mutex::default(), synced: Condvar::new() })
    }

    /// Appends an entry, and waits for the disk.
    pub(crate) fn append(&self, entry: &[u8]) -> Result<()> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if rustix::io::pwrite(&self.file, entry, progress.written)? != entry.len() {
            return Err(Errno::NOSPC);
        }
        progress.written += entry.len() as u64;
        let end = progress.written;
        while progress.synced < end {
            if progress.is_syncing {
                progress = self.synced.wait(progress).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            progress.is_syncing = true;
            let written = progress.written;
            drop(progress);
            let done = rustix::fs::fdatasync(&self.file);
            progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.is_syncing = false;
            self.synced.notify_all();
            done?;
            progress.synced = written;
        }
        Ok(())
    }
}
