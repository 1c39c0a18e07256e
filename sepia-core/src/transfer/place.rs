//! A file that stands under its name once it is complete.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Where a file is to stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    path: &'a Path,
    directory: &'a Path,
}

impl<'a> Place<'a> {
    pub(crate) fn new(path: &'a Path) -> Self {
        let directory = path.parent().filter(|parent| *parent != Path::new(""));
        Self { path, directory: directory.unwrap_or(Path::new(".")) }
    }

    /// Begins a file beside it, which goes again unless it is kept. Those who may read it are those who may read what
    /// is there already, else those who may read any new file.
    pub(crate) fn begin(self) -> Result<NamedTempFile> {
        let failed = |error| self.failed("begin to write the file", error);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".sepia-").suffix(".part");
        let known = self.path.symlink_metadata().ok().filter(|metadata| metadata.is_file());
        match known {
            Some(known) => {
                let file = builder.tempfile_in(self.directory).map_err(failed)?;
                file.as_file().set_permissions(known.permissions()).map_err(failed)?;
                Ok(file)
            }
            None => {
                #[cfg(unix)]
                builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
                builder.tempfile_in(self.directory).map_err(failed)
            }
        }
    }

    /// Waits until a file is on the disk, and puts it there instead of what there is.
    pub(crate) fn keep(self, file: NamedTempFile) -> Result<()> {
        file.as_file().sync_all().map_err(|error| self.failed("sync the file", error))?;
        file.persist(self.path).map_err(|error| self.failed("name the file", error.error))?;
        self.sync_name()
    }

    /// Waits until the name is on the disk, too.
    #[cfg(unix)]
    fn sync_name(self) -> Result<()> {
        let synced = std::fs::File::open(self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| self.failed("sync the directory of the file", error))
    }

    /// Directories cannot be synced here.
    #[cfg(not(unix))]
    fn sync_name(self) -> Result<()> {
        Ok(())
    }

    pub(crate) fn failed(self, operation: &str, error: io::Error) -> Error {
        Error::io(operation, self.path, error)
    }
}
