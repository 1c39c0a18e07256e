//! Opening: the one place that names the backend of a path.

use std::path::Path;
use std::time::Duration;

use super::Store;
use crate::error::Result;

/// How a store is opened. Made by [`Store::builder`].
#[derive(Clone, Debug)]
pub struct StoreBuilder {
    pub(crate) adopt_existing: bool,
    pub(crate) read_only: bool,
    pub(crate) lock_timeout: Duration,
}

impl Default for StoreBuilder {
    fn default() -> Self {
        Self { adopt_existing: false, read_only: false, lock_timeout: Duration::from_secs(10) }
    }
}

impl StoreBuilder {
    /// Takes a directory that is no store yet for one: one that the Crystal original wrote, or that
    /// was laid out by hand. Every directory in it whose name can be a class becomes one, of
    /// containers if it holds directories and of serializable objects if it holds files; nothing is
    /// moved or rewritten. Off by default. A directory that is a store already opens as it is.
    #[must_use]
    pub fn adopt_existing(mut self) -> Self {
        self.adopt_existing = true;
        self
    }

    /// Opens the store for reading: nothing is written, not even locks, and whatever would write is
    /// `ReadOnly`. Off by default.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Sets how long a write waits for other writers, threads and processes, before it is `Locked`.
    /// Ten seconds by default.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Opens the store in a directory, and makes it if the directory is empty or not there.
    ///
    /// # Errors
    /// As [`Store::open`].
    #[cfg(unix)]
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store> {
        crate::backend::Filesystem::open(path, self).map(Store::with_backend)
    }

    /// Opens the store in a directory, where the system has the calls that it takes.
    ///
    /// # Errors
    /// Always, on this system.
    #[cfg(not(unix))]
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store> {
        let _ = path;
        Err(crate::Error::new(crate::ErrorKind::Other, "the filesystem backend needs a Unix system"))
    }
}
