//! From lines to records.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::scan::{Reason, Scanner};
use super::{BASE64, CLASS, COLLECTION, DATA, ENTRIES, HEADER, ID, JSON, LINK, TEXT};
use crate::catalog;
use crate::class::Class;
use crate::error::{Error, Quoted, Result};
use crate::json;
use crate::name;
use crate::record::{Entries, Entry, Key, MAX_DIRECTORIES, Name, Node, Record};

/// Reads the first line.
///
/// # Errors
/// `Corrupt` if it is none, `UnsupportedFormat`.
pub(in crate::transfer) fn parse_header(line: &str) -> Result<Vec<Class>> {
    let mut list = None;
    let mut scanner = Scanner::new(line);
    let read = scanner.object(&mut |scanner, name| match name {
        HEADER => once(&mut list, name, scanner.json()?),
        _ => Err(unknown(name)),
    });
    read.and_then(|()| scanner.end()).map_err(Error::corrupt)?;
    catalog::parse(list.ok_or_else(|| Error::corrupt("this is no export of a store"))?.as_bytes())
}

/// Reads the line of a record.
///
/// # Errors
/// `Corrupt`.
pub(in crate::transfer) fn parse_record(line: &str) -> Result<(Key, Record)> {
    let mut scanner = Scanner::new(line);
    let fields = Fields::read(&mut scanner, 0).and_then(|fields| scanner.end().map(|()| fields));
    let fields = fields.map_err(Error::corrupt)?;
    let (Some(class), Some(id)) = (&fields.class, &fields.id) else {
        return Err(Error::corrupt("it has no class or no id"));
    };
    let key = Key::new(class.as_str(), id.as_str()).map_err(|error| corrupt("no object can be called so", error))?;
    let record = fields.record().map_err(|reason| Error::corrupt(reason).object(key.class(), key.id()))?;
    let checked = record.check().map_err(|error| corrupt("no store can hold the object", error));
    checked.map_err(|error| error.object(key.class(), key.id()))?;
    Ok((key, record))
}

fn corrupt(message: &str, cause: Error) -> Error {
    Error::caused(crate::ErrorKind::Corrupt, message, cause)
}

/// What an object of a line has, each at most once.
#[derive(Default)]
struct Fields {
    class: Option<String>,
    id: Option<String>,
    json: Option<String>,
    data: Option<String>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    entries: Option<Entries>,
    link: Option<Key>,
    collection: Option<Entries>,
}

impl Fields {
    /// Reads an object that stands in so many directories of its record.
    fn read(scanner: &mut Scanner<'_>, depth: usize) -> Result<Self, Reason> {
        let mut fields = Self::default();
        scanner.object(&mut |scanner, name| match name {
            CLASS => once(&mut fields.class, name, scanner.string()?),
            ID => once(&mut fields.id, name, scanner.string()?),
            JSON => once(&mut fields.json, name, scanner.json()?),
            DATA => once(&mut fields.data, name, scanner.json()?),
            TEXT => once(&mut fields.text, name, scanner.string()?),
            BASE64 => {
                let bytes =
                    STANDARD.decode(scanner.string()?).map_err(|error| format!("this is no Base64: {error}"))?;
                once(&mut fields.bytes, name, bytes)
            }
            ENTRIES => once(&mut fields.entries, name, entries(scanner, depth)?),
            LINK => once(&mut fields.link, name, link(scanner)?),
            COLLECTION => once(&mut fields.collection, name, entries(scanner, depth)?),
            _ => Err(unknown(name)),
        })?;
        Ok(fields)
    }

    fn record(self) -> Result<Record, Reason> {
        match self {
            Self { json, data: None, text, bytes, entries: None, link: None, collection: None, .. } => {
                content(json, text, bytes).map(Record::Leaf)
            }
            Self { json: None, data, text, bytes, entries: Some(entries), link: None, collection: None, .. } => {
                Ok(Record::Container(Node { data: content(data, text, bytes)?, entries }))
            }
            _ => Err("it is neither a leaf nor a container".to_owned()),
        }
    }

    fn entry(self) -> Result<Entry, Reason> {
        let nothing = || "an entry is neither a link nor a container nor a collection".to_owned();
        match self {
            Self { class: Some(_), .. } | Self { id: Some(_), .. } => Err(nothing()),
            Self {
                link: Some(key),
                json: None,
                data: None,
                text: None,
                bytes: None,
                entries: None,
                collection: None,
                ..
            } => Ok(Entry::Link(key)),
            Self {
                collection: Some(inner),
                json: None,
                data: None,
                text: None,
                bytes: None,
                entries: None,
                link: None,
                ..
            } => Ok(Entry::Collection(inner)),
            other => match other.record()? {
                Record::Container(node) => Ok(Entry::Container(node)),
                Record::Leaf(_) => Err(nothing()),
            },
        }
    }
}

/// The bytes of a file, from its JSON, its text or both, or from its bytes.
fn content(tokens: Option<String>, text: Option<String>, bytes: Option<Vec<u8>>) -> Result<Vec<u8>, Reason> {
    match (tokens, text, bytes) {
        (Some(compact), None, None) => Ok(json::pretty(&compact)),
        (Some(compact), Some(text), None) => match json::is_json(&text) && json::compact(&text) == compact {
            true => Ok(text.into_bytes()),
            false => Err("the text says something else than the JSON beside it".to_owned()),
        },
        (None, Some(text), None) => Ok(text.into_bytes()),
        (None, None, Some(bytes)) => Ok(bytes),
        (None, None, None) => Err("it has no content".to_owned()),
        _ => Err("it has more than one content".to_owned()),
    }
}

fn entries(scanner: &mut Scanner<'_>, depth: usize) -> Result<Entries, Reason> {
    if depth > MAX_DIRECTORIES {
        return Err(format!("collections and containers nest deeper than {MAX_DIRECTORIES} levels"));
    }
    let mut entries = Vec::new();
    scanner.object(&mut |scanner, text| {
        // Invariant: what is encoded is a name.
        let name = Name::from_encoded(&name::encode(text)).ok_or_else(|| unknown(text))?;
        entries.push((name, Fields::read(scanner, depth + 1)?.entry()?));
        Ok(())
    })?;
    Entries::new(entries).map_err(|name| format!("the entry {} is there twice", Quoted(name.as_str())))
}

fn link(scanner: &mut Scanner<'_>) -> Result<Key, Reason> {
    scanner.expect('[')?;
    let class = scanner.string()?;
    scanner.expect(',')?;
    let id = scanner.string()?;
    scanner.expect(']')?;
    Key::new(class, id).map_err(|error| error.to_string())
}

fn once<T>(field: &mut Option<T>, name: &str, value: T) -> Result<(), Reason> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{} is there twice", Quoted(name))),
    }
}

fn unknown(name: &str) -> Reason {
    format!("there is no field {}", Quoted(name))
}
