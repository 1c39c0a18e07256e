//! From lines to records.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::scan::{Reason, Scanner};
use super::{BASE64, CLASS, COLLECTION, DATA, ENTRIES, HEADER, ID, JSON, LINK, TEXT};
use crate::record::catalog;
use crate::record::class::Class;
use crate::record::error::{Error, Quoted, Result};
use crate::record::json;
use crate::record::name;
use crate::record::{Entries, Entry, Key, MAX_DIRECTORIES, Name, Node, Record};

/// What is said of a first line that is not the header.
const HEADER_ADVICE: &str = "the first line of an export is its header, which names the classes, like \
    {\"sepia\":{\"format\":1,\"classes\":{\"Note\":{\"kind\":\"serializable\",\"content\":\"json\"}}}}, and this is none";

/// Reads the first line.
///
/// # Errors
/// `Corrupt` if it is none, `UnsupportedFormat`.
pub(in crate::tools::transfer) fn parse_header(line: &str) -> Result<Vec<Class>> {
    let read = || {
        // Some editors put a byte order mark in front of a file.
        let mut scanner = Scanner::new(line.strip_prefix('\u{feff}').unwrap_or(line));
        let (mut list, mut is_first) = (None, true);
        scanner.expect('{')?;
        while let Some(name) = scanner.field(&mut is_first)? {
            match &*name {
                HEADER => once(&mut list, &name, scanner.json()?)?,
                _ => return Err(unknown(&name)),
            }
        }
        scanner.end()?;
        list.ok_or_else(|| "there is nothing in it".to_owned())
    };
    let list = read().map_err(|reason: Reason| Error::corrupt(format!("{HEADER_ADVICE}: {reason}")))?;
    Ok(catalog::parse(list.as_bytes())?.classes)
}

/// Reads the line of a record.
///
/// # Errors
/// `Corrupt`.
pub(in crate::tools::transfer) fn parse_record(line: &str) -> Result<(Key, Record)> {
    let fields = read(line).map_err(Error::corrupt)?;
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

/// Directories that are being read, around what is read.
struct Directory {
    /// What has it in one of its fields, and in which.
    holder: Fields,
    field: String,
    entries: Vec<(Name, Entry)>,
    /// The entry that is being read.
    name: Option<Name>,
    is_first: bool,
}

/// Reads a line, without a stack of calls as deep as whoever wrote it likes.
fn read(line: &str) -> Result<Fields, Reason> {
    let mut scanner = Scanner::new(line);
    let mut around: Vec<Directory> = Vec::new();
    let (mut fields, mut is_first) = (Fields::default(), true);
    scanner.expect('{')?;
    loop {
        match scanner.field(&mut is_first)? {
            Some(field) if field == ENTRIES || field == COLLECTION => {
                if around.len() > MAX_DIRECTORIES {
                    return Err(format!("collections and containers nest deeper than {MAX_DIRECTORIES} levels"));
                }
                scanner.expect('{')?;
                let holder = std::mem::take(&mut fields);
                around.push(Directory { holder, field, entries: Vec::new(), name: None, is_first: true });
            }
            Some(field) => {
                fields.read(&mut scanner, &field)?;
                continue;
            }
            None => match around.last_mut() {
                Some(directory) => {
                    let entry = std::mem::take(&mut fields).entry()?;
                    directory.entries.extend(directory.name.take().map(|name| (name, entry)));
                }
                None => {
                    scanner.end()?;
                    return Ok(fields);
                }
            },
        }
        // Within the innermost directory, which may be at its end, as may be what holds it.
        let Some(directory) = around.last_mut() else { continue };
        match scanner.field(&mut directory.is_first)? {
            Some(text) => {
                // Invariant: what is encoded is a name.
                directory.name = Name::from_encoded(&name::encode(&text));
                scanner.expect('{')?;
                is_first = true;
            }
            None => {
                // Invariant: there is one, it was just looked at.
                let Some(Directory { holder, field, entries, .. }) = around.pop() else { continue };
                fields = holder;
                fields.hold(&field, entries)?;
                is_first = false;
            }
        }
    }
}

impl Fields {
    /// Reads the value of a field that holds no directory.
    fn read(&mut self, scanner: &mut Scanner<'_>, name: &str) -> Result<(), Reason> {
        match name {
            CLASS => once(&mut self.class, name, scanner.string()?),
            ID => once(&mut self.id, name, scanner.string()?),
            JSON => once(&mut self.json, name, scanner.json()?),
            DATA => once(&mut self.data, name, scanner.json()?),
            TEXT => once(&mut self.text, name, scanner.string()?),
            BASE64 => {
                let bytes =
                    STANDARD.decode(scanner.string()?).map_err(|error| format!("this is no Base64: {error}"))?;
                once(&mut self.bytes, name, bytes)
            }
            LINK => once(&mut self.link, name, link(scanner)?),
            _ => Err(unknown(name)),
        }
    }

    fn hold(&mut self, name: &str, entries: Vec<(Name, Entry)>) -> Result<(), Reason> {
        let entries = Entries::new(entries);
        let entries = entries.map_err(|name| format!("the entry {} is there twice", Quoted(name.as_str())))?;
        once(if name == ENTRIES { &mut self.entries } else { &mut self.collection }, name, entries)
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
        (Some(compact), Some(text), None) => {
            let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
            match json::is_json(json) && json::compact(json) == compact {
                true => Ok(text.into_bytes()),
                false => Err("the text says something else than the JSON beside it".to_owned()),
            }
        }
        (None, Some(text), None) => Ok(text.into_bytes()),
        (None, None, Some(bytes)) => Ok(bytes),
        (None, None, None) => Err("it has no content".to_owned()),
        _ => Err("it has more than one content".to_owned()),
    }
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
