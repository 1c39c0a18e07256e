//! `format.json`: the format number, the classes, and whether there are checksums.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use serde_json::Value;

use super::checksum::{ALGORITHM, Checksums};
use super::layout::{FORMAT, FORMAT_FILE};
use super::read::refused;
use super::root::Root;
use super::sys;
use crate::class::{Class, Format, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::json;

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
    let mut described = BTreeMap::new();
    for class in classes {
        let mut options = BTreeMap::new();
        match class.kind() {
            Kind::Container => {
                options.insert("kind", Value::from("container"));
            }
            Kind::Serializable(format) => {
                options.insert("kind", Value::from("serializable"));
                options.extend(format.map(|format| ("content", Value::from(format.as_str()))));
            }
        }
        // Most classes keep none, so only the other cases are said.
        match class.generations() {
            Some(false) => {}
            Some(true) => {
                options.insert("generations", Value::from(true));
            }
            None => {
                options.insert("generations", Value::Null);
            }
        }
        described.insert(class.name(), options);
    }
    let mut object = json::Object::new();
    let mut print = || {
        object.field("format", &FORMAT)?;
        if checksums == Checksums::On {
            object.field("checksums", ALGORITHM)?;
        }
        object.field("classes", &described)
    };
    print().map_err(json::JsonError::invalid)?;
    Ok(object.finish())
}

/// Reads the content of the file.
pub(super) fn parse(content: &[u8]) -> Result<Declared> {
    let wrong = |what: &str| Error::corrupt(format!("the list of classes cannot be understood: {what}"));
    let value: Value = serde_json::from_slice(content).map_err(|error| wrong(&error.to_string()))?;
    let format = value.get("format").and_then(Value::as_u64).ok_or_else(|| wrong("it has no format number"))?;
    if format > FORMAT {
        let message = format!("the store has format {format}, and this version of sepia reads up to {FORMAT}");
        return Err(Error::message(ErrorKind::UnsupportedFormat, message));
    }
    if format == 0 {
        return Err(wrong("there is no format 0"));
    }
    let checksums = match value.get("checksums") {
        None => Checksums::Off,
        Some(Value::String(algorithm)) if algorithm == ALGORITHM => Checksums::On,
        Some(_) => return Err(wrong("its checksums are of no known kind")),
    };
    let classes = value.get("classes").and_then(Value::as_object).ok_or_else(|| wrong("it has no classes"))?;
    let mut parsed = Vec::with_capacity(classes.len());
    for (name, options) in classes {
        let word = |option: &str| options.get(option).and_then(Value::as_str);
        let kind = match (word("kind"), word("content")) {
            (Some("container"), None) => Kind::Container,
            (Some("serializable"), None) => Kind::Serializable(None),
            (Some("serializable"), Some(content)) => {
                let format =
                    Format::parse(content).ok_or_else(|| wrong(&format!("there is no content {content:?}")))?;
                Kind::Serializable(Some(format))
            }
            _ => return Err(wrong(&format!("class {name:?} is of no known kind"))),
        };
        let generations = match options.get("generations") {
            None => Some(false),
            Some(Value::Bool(generations)) => Some(*generations),
            Some(Value::Null) => None,
            Some(_) => return Err(wrong(&format!("the generations of class {name:?} are not yes or no"))),
        };
        parsed.push(Class::declared(name.clone(), kind, generations)?);
    }
    parsed.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(Declared { classes: parsed, checksums })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_parsed() {
        let mut classes = vec![
            Class::container("Board"),
            Class::serializable("Note", Format::Text).with_generations(),
            Class::serializable("a/b \u{1}", Format::Custom),
        ];
        classes.extend(Class::declared("z".to_owned(), Kind::Serializable(None), None));
        for checksums in [Checksums::Off, Checksums::On] {
            let printed = print(&classes, checksums).unwrap_or_default();
            assert_eq!(parse(&printed).ok(), Some(Declared { classes: classes.clone(), checksums }));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_kind() {
        let kind = |text: &str| parse(text.as_bytes()).err().map(|error| error.kind());
        assert_eq!(kind(r#"{"format": 2, "whatever": 1}"#), Some(ErrorKind::UnsupportedFormat));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"format": 1}"#,
            r#"{"format": 0, "classes": {}}"#,
            r#"{"format": "1", "classes": {}}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "folder"}}}"#,
            r#"{"format": 1, "classes": {}, "checksums": true}"#,
            r#"{"format": 1, "classes": {}, "checksums": "md5"}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "serializable", "content": "xml"}}}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "container", "generations": 3}}}"#,
        ] {
            assert_eq!(kind(text), Some(ErrorKind::Corrupt), "{text}");
        }
    }
}
