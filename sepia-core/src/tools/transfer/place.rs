//! A file that stands under its name once it is complete.

use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::record::error::{Error, Result};
use crate::store::Store;

/// What fails if there can be no file.
const BEGIN: &str = "begin to write the file";

/// Where a file is to stand.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    path: PathBuf,
    directory: PathBuf,
    /// The mode of the file that is there already.
    known: Option<Permissions>,
    /// What is in it is for nobody else.
    is_private: bool,
}

impl Place {
    /// Looks at a path, for something of a store. Where symlinks lead to a file, that one is meant.
    ///
    /// # Errors
    /// `Io` if there is something else than a file.
    pub(crate) fn new(path: &Path, store: &Store) -> Result<Self> {
        let failed = |error| Error::io(BEGIN, path, error);
        let (path, known) = match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => (path.to_owned(), Some(found.permissions())),
            Ok(_) => {
                let path = fs::canonicalize(path).map_err(failed)?;
                let found = fs::metadata(&path).map_err(failed)?;
                if !found.is_file() {
                    return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "something else is there")));
                }
                (path, Some(found.permissions()))
            }
            Err(_) => (path.to_owned(), None),
        };
        let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        Ok(Self { directory: directory.to_owned(), path, known, is_private: !store.backend().is_shared() })
    }

    /// Begins a file beside it, which goes again unless it is kept. Those who may read it are those who may read what
    /// is there already; else its owner alone, if the store is private; else those who may read any new file.
    pub(crate) fn begin(&self) -> Result<NamedTempFile> {
        let failed = |error| self.failed(BEGIN, error);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".sepia-").suffix(".part");
        match &self.known {
            Some(permissions) => {
                let file = builder.tempfile_in(&self.directory).map_err(failed)?;
                file.as_file().set_permissions(permissions.clone()).map_err(failed)?;
                Ok(file)
            }
            // As temporary files are.
            None if self.is_private => builder.tempfile_in(&self.directory).map_err(failed),
            None => {
                #[cfg(unix)]
                builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
                builder.tempfile_in(&self.directory).map_err(failed)
            }
        }
    }

    /// Waits until a file is on the disk, and puts it there instead of what there is.
    pub(crate) fn keep(&self, file: NamedTempFile) -> Result<()> {
        file.as_file().sync_all().map_err(|error| self.failed("sync the file", error))?;
        file.persist(&self.path).map_err(|error| self.failed("name the file", error.error))?;
        self.sync_name()
    }

    /// Waits until the name is on the disk, too.
    #[cfg(unix)]
    fn sync_name(&self) -> Result<()> {
        let synced = fs::File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| self.failed("sync the directory of the file", error))
    }

    /// Directories cannot be synced here.
    #[cfg(not(unix))]
    fn sync_name(&self) -> Result<()> {
        Ok(())
    }

    pub(crate) fn failed(&self, operation: &str, error: io::Error) -> Error {
        Error::io(operation, &self.path, error)
    }
}
