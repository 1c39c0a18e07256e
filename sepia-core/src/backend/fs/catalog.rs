//! `format.json`: the format number, the classes, and whether there are checksums.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use serde_json::Value;

use super::checksum::{ALGORITHM, Checksums};
use super::layout::FORMAT_FILE;
use super::read::refused;
use super::root::Root;
use super::sys;
use crate::catalog;
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

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) classes: Vec<Class>,
    pub(super) checksums: Checksums,
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
    let content = sys::read(&file).map_err(|errno| refused(errno, &place))?;
    let declared = parse(&content).map_err(|error| error.at(place.to_string_lossy()))?;
    root.set_checksums(declared.checksums);
    Ok(Some(State { file: Some((file, stamp)), classes: declared.classes.into() }))
}

/// Returns the content of the file.
pub(super) fn print(classes: &[Class], checksums: Checksums) -> Result<Vec<u8>> {
    catalog::print_with(classes, (checksums == Checksums::On).then_some(ALGORITHM))
}

/// Reads the content of the file.
pub(super) fn parse(content: &[u8]) -> Result<Declared> {
    let (classes, checksums) = catalog::parse_with(content)?;
    let checksums = match checksums {
        None => Checksums::Off,
        Some(Value::String(algorithm)) if algorithm == ALGORITHM => Checksums::On,
        Some(_) => return Err(catalog::wrong("its checksums are of no known kind")),
    };
    Ok(Declared { classes, checksums })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Format;
    use crate::error::ErrorKind;

    #[test]
    fn what_is_printed_is_parsed() {
        let classes = vec![Class::container("Board"), Class::serializable("Note", Format::Text).with_generations()];
        for checksums in [Checksums::Off, Checksums::On] {
            let printed = print(&classes, checksums).unwrap_or_default();
            assert_eq!(parse(&printed).ok(), Some(Declared { classes: classes.clone(), checksums }));
        }
    }

    #[test]
    fn checksums_of_no_known_kind_are_refused() {
        for text in [
            r#"{"format": 1, "classes": {}, "checksums": true}"#,
            r#"{"format": 1, "classes": {}, "checksums": "md5"}"#,
        ] {
            assert_eq!(parse(text.as_bytes()).err().map(|error| error.kind()), Some(ErrorKind::Corrupt), "{text}");
        }
    }
}
