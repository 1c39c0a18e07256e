//! Which file the database is, and whether it is still that.

use std::path::Path;

use crate::record::error::{Error, ErrorKind, Result};

/// What tells a file from others. It is not opened: whoever closes it would take the locks of all connections away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64);

impl Identity {
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        number(path).map(Self)
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }

    /// Checks that a path leads to this file still. SQLite goes on with the file that it has opened, of which nothing is
    /// left when it is closed if another has taken its name.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn check(self, path: &Path) -> Result<()> {
        let message = "the file was replaced or removed while it was open: open the store again";
        match Self::of(path) {
            Ok(now) if now == self => Ok(()),
            Ok(_) => Err(Error::message(ErrorKind::Io, message)),
            Err(error) => Err(Error::caused(ErrorKind::Io, message, error)),
        }
    }
}

#[cfg(unix)]
fn number(path: &Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path)?;
    Ok(twox_hash::XxHash3_64::oneshot(&[file.dev().to_le_bytes(), file.ino().to_le_bytes()].concat()))
}

/// Elsewhere, a file that is open cannot be replaced.
#[cfg(not(unix))]
fn number(path: &Path) -> std::io::Result<u64> {
    Ok(twox_hash::XxHash3_64::oneshot(std::fs::canonicalize(path)?.as_os_str().as_encoded_bytes()))
}
