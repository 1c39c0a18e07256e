//! `format.json`: the format number, the classes, and what holds for the store as a whole.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use super::layout::{FORMAT_FILE, MAX_CATALOG};
use super::modes;
use super::read::refused;
use super::root::Root;
use super::sys;
use crate::record::catalog::{Declared, Settings};
pub(super) use crate::record::catalog::{parse, print};
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Result};

/// The classes of a store, as its `format.json` declares them.
#[derive(Debug)]
pub(super) struct Catalog {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    origin: Origin,
    classes: Arc<[Class]>,
    settings: Arc<Settings>,
}

/// Where the classes are known from.
#[derive(Debug)]
enum Origin {
    /// The file that was read, and its stamp.
    File(OwnedFd, sys::Stamp),
    /// A commit of this handle, whose file could not be read since.
    Commit,
    /// No file: the store is adopted without being written.
    Survey,
}

impl Catalog {
    /// Reads the catalog. `None` if there is none.
    pub(super) fn open(root: &Root) -> Result<Option<Self>> {
        Ok(read(root)?.map(|state| Self { state: Mutex::new(state) }))
    }

    /// A catalog that is not on the disk.
    pub(super) fn unwritten(classes: Vec<Class>) -> Self {
        let settings = Arc::new(Settings::plain());
        Self { state: Mutex::new(State { origin: Origin::Survey, classes: classes.into(), settings }) }
    }

    /// Returns the classes as they were when the file was last read.
    pub(super) fn known(&self) -> Arc<[Class]> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).classes)
    }

    /// Returns what the file said of the store as a whole when it was last read.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).settings)
    }

    /// Returns the classes as the file declares them now.
    pub(super) fn current(&self, root: &Root) -> Result<Arc<[Class]>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = match &state.origin {
            // A file that was replaced has no name any more, and so another stamp.
            Origin::File(file, stamp) => sys::stamp(file).is_ok_and(|now| now == *stamp),
            Origin::Commit => false,
            Origin::Survey => true,
        };
        if !is_current {
            *state = read(root)?.ok_or_else(|| lost(root))?;
        }
        Ok(Arc::clone(&state.classes))
    }

    /// Makes sure that the list is still there. Whoever finds nothing else asks for that: in a directory that was
    /// removed there is nothing either.
    pub(super) fn check_there(&self, root: &Root) -> Result<()> {
        let is_surveyed = matches!(self.state.lock().unwrap_or_else(PoisonError::into_inner).origin, Origin::Survey);
        let is_there = if is_surveyed { sys::has_name(root) } else { sys::is_there(root, FORMAT_FILE) };
        if is_there { Ok(()) } else { Err(lost(root)) }
    }

    /// Takes note of the classes that a commit of this handle has written. The commit has taken effect, so nothing
    /// fails here: a file that cannot be read now is read when the classes are asked for next.
    pub(super) fn take_committed(&self, root: &Root, classes: &[Class]) {
        let read = read(root);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match read {
            Ok(Some(read)) => read,
            Ok(None) | Err(_) => {
                State { origin: Origin::Commit, classes: classes.into(), settings: Arc::clone(&state.settings) }
            }
        };
    }

    /// Takes what has just been written for read.
    pub(super) fn reread(&self, root: &Root) -> Result<()> {
        if let Some(state) = read(root)? {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        }
        Ok(())
    }
}

/// The error of a store that is there no more.
fn lost(root: &Root) -> Error {
    if sys::has_name(root) {
        let place = root.place(FORMAT_FILE);
        return Error::corrupt("the store has lost its list of classes").at(place.to_string_lossy());
    }
    let message = "the store's directory was removed while the store was open: open it anew";
    Error::message(ErrorKind::NotAStore, message).at(root.path().to_string_lossy())
}

fn read(root: &Root) -> Result<Option<State>> {
    let place = root.place(FORMAT_FILE);
    let io = |errno: Errno| Error::io("read the list of classes", &place, errno);
    let file = match sys::open_below(root, FORMAT_FILE) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::ACCESS) => return Err(modes::denied(root, FORMAT_FILE)),
        Err(errno) => return Err(refused(errno, &place)),
    };
    let stamp = sys::stamp(&file).map_err(io)?;
    let content = sys::read(&file, MAX_CATALOG).map_err(|errno| refused(errno, &place))?;
    let declared = parse(&content).and_then(|declared| root.check_supported(&declared.settings).map(|()| declared));
    let Declared { classes, settings } = declared.map_err(|error| error.at(place.to_string_lossy()))?;
    root.set_checksums(settings.checksums);
    root.set_shared(settings.shared);
    Ok(Some(State { origin: Origin::File(file, stamp), classes: classes.into(), settings: Arc::new(settings) }))
}
