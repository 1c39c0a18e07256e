//! Turning checksums on, and noting those that are missing.

use rustix::io::Errno;

use super::super::checksum::{self, Checksums};
use super::super::layout::{FORMAT_FILE, TMP};
use super::super::operation::{Action, Before, Operation};
use super::super::publish::Publisher;
use super::super::root::Root;
use super::super::{Filesystem, catalog, sys};
use super::walk;
use crate::record::catalog::Settings;
use crate::record::error::{Error, ErrorKind, Result};

/// Makes sure that files can have checksums here. Under the writer lock.
pub(in super::super) fn probe_checksums(root: &Root) -> Result<()> {
    const PROBE: &str = "probe";
    let place = root.place(TMP).join(PROBE);
    let fail = |errno| Error::io("try out checksums", &place, errno);
    let tmp = root.reopen_tmp().map_err(fail)?;
    sys::remove(&tmp, PROBE).map_err(fail)?;
    let probe = sys::make_file(&tmp, PROBE, &[], root.modes().private_file()).map_err(fail)?;
    let noted = checksum::note(&probe, &[]);
    sys::remove(&tmp, PROBE).map_err(fail)?;
    match noted {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => {
            let message = "checksums cannot be kept here: the file system has no extended attributes for them";
            Err(Error::message(ErrorKind::Io, message).at(root.path().to_string_lossy()))
        }
        noted => noted.map_err(fail),
    }
}

impl Filesystem {
    /// Has checksums kept from now on, by every process.
    pub(in super::super) fn turn_checksums_on(&self) -> Result<()> {
        self.declared()?;
        if self.root.checksums() == Checksums::On {
            return Ok(());
        }
        self.check_writable()?;
        let _held = self.lock.acquire(&self.root)?;
        // The list of classes must not be written over by what the journal holds.
        self.begin_single(None)?;
        let classes = self.catalog.current(&self.root)?;
        if self.root.checksums() == Checksums::On {
            return Ok(());
        }
        probe_checksums(&self.root)?;
        let settings = Settings { checksums: Checksums::On, ..(*self.catalog.settings()).clone() };
        let content = catalog::print(&classes, &settings)?;
        let operation = Operation::new(FORMAT_FILE, Action::File(content.into()), Before::Unknown);
        let written = Publisher::new(&self.root).operate(&operation);
        written.map_err(|errno| Error::io("turn checksums on", &self.root.place(FORMAT_FILE), errno))?;
        self.catalog.reread(&self.root)
    }

    /// Gives every file that has no checksum its own, where the system does not refuse it, and returns how many these
    /// were.
    pub(super) fn note_missing_checksums(&self) -> Result<u64> {
        let classes = self.declared()?;
        if self.root.checksums() == Checksums::Off {
            return Ok(0);
        }
        self.check_writable()?;
        let mut noted = 0;
        for class in classes.iter() {
            self.each_in_class(class, &mut |_| {}, &mut |directory, key, kind, _| {
                for path in walk::record(&self.root, class, directory, &key, kind).unchecked {
                    // Where the system refuses, the file stays unchecked, as it does in a commit.
                    noted += u64::from(self.note_checksum(&path).unwrap_or(false));
                }
            })?;
        }
        Ok(noted)
    }

    /// Gives a file the checksum of what it holds; not if it is gone, is being edited, or has other names, under which it
    /// may belong elsewhere.
    pub(super) fn note_checksum(&self, path: &str) -> Result<bool> {
        let noted = sys::open_below(&self.root, path).and_then(|file| {
            if !sys::inode(&file)?.is_unshared() {
                return Ok(false);
            }
            let before = sys::modified(&file)?;
            let content = sys::read(&file, self.root.max_record())?;
            if sys::modified(&file)? != before {
                return Ok(false);
            }
            // Whoever edits it from here on gives it another time.
            checksum::note_as_of(&file, &content, before).map(|()| true)
        });
        match noted {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            noted => noted.map_err(|errno| Error::io("note the checksum", &self.root.place(path), errno)),
        }
    }
}
