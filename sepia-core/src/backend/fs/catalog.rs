//! `format.json`: the format number, the classes, and whether there are checksums.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use super::layout::{FORMAT_FILE, MAX_CATALOG};
use super::read::refused;
use super::root::Root;
use super::sys;
pub(super) use crate::catalog::{parse, print};
use crate::class::Class;
use crate::error::{Error, Result};

/// The classes of a store, as its `format.json` declares them.
#[derive(Debug)]
pub(super) struct Catalog {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The file that was read, and its stamp; none if the store is adopted without being written.
    file: Option<(OwnedFd, sys::Stamp)>,
    classes: Arc<[Class]>,
}

impl Catalog {
    /// Reads the catalog. `None` if there is none.
    pub(super) fn open(root: &Root) -> Result<Option<Self>> {
        Ok(read(root)?.map(|state| Self { state: Mutex::new(state) }))
    }

    /// A catalog that is not on the disk.
    pub(super) fn unwritten(classes: Vec<Class>) -> Self {
        Self { state: Mutex::new(State { file: None, classes: classes.into() }) }
    }

    /// Returns the classes as they were when the file was last read.
    pub(super) fn known(&self) -> Arc<[Class]> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).classes)
    }

    /// Returns the classes as the file declares them now.
    pub(super) fn current(&self, root: &Root) -> Result<Arc<[Class]>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((file, stamp)) = &state.file {
            // A file that was replaced has no name any more, and so another stamp.
            if sys::stamp(file).is_ok_and(|now| now == *stamp) {
                return Ok(Arc::clone(&state.classes));
            }
            *state = read(root)?.ok_or_else(|| {
                Error::corrupt("the store has lost its list of classes").at(root.place(FORMAT_FILE).to_string_lossy())
            })?;
        }
        Ok(Arc::clone(&state.classes))
    }

    /// Takes what has just been written for read.
    pub(super) fn reread(&self, root: &Root) -> Result<()> {
        if let Some(state) = read(root)? {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        }
        Ok(())
    }
}

fn read(root: &Root) -> Result<Option<State>> {
    let place = root.place(FORMAT_FILE);
    let io = |errno: Errno| Error::io("read the list of classes", &place, errno);
    let file = match sys::open_below(root, FORMAT_FILE) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(refused(errno, &place)),
    };
    let stamp = sys::stamp(&file).map_err(io)?;
    let content = sys::read(&file, MAX_CATALOG).map_err(|errno| refused(errno, &place))?;
    let declared = parse(&content).map_err(|error| error.at(place.to_string_lossy()))?;
    root.set_checksums(declared.checksums);
    Ok(Some(State { file: Some((file, stamp)), classes: declared.classes.into() }))
}
