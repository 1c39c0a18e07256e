//! From a container to rows, and back: one row for each link, for each nested container, and for each collection with
//! nothing in it. Other collections are what lies between them in the paths.

use std::borrow::Cow;

use rusqlite::Row;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Entries, Entry, Key, MAX_DIRECTORIES, MAX_ENTRY_NAME, Name, Node};

/// What stands between the names of a path.
const SEPARATOR: char = '/';

/// What a leaf or a `data.json` holds, as SQLite keeps it: text, so that it can be read and asked in SQL; or a blob,
/// if it is none or has zeros in it, at which many of SQLite's functions end a text.
pub(super) struct Content<'r>(pub(super) &'r [u8]);

impl ToSql for Content<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let is_text = !self.0.contains(&0) && std::str::from_utf8(self.0).is_ok();
        Ok(ToSqlOutput::Borrowed(if is_text { ValueRef::Text(self.0) } else { ValueRef::Blob(self.0) }))
    }
}

/// Returns the bytes of a content; `None` if it is neither text nor a blob.
pub(super) fn bytes(content: ValueRef<'_>) -> Option<&[u8]> {
    match content {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

/// What stands under one path.
#[derive(Clone, Copy)]
pub(super) enum Part<'r> {
    Link(&'r Key),
    Container(&'r [u8]),
    Empty,
}

impl Part<'_> {
    /// Whether a row, of class, id and content, says the same.
    pub(super) fn is(&self, class: ValueRef<'_>, id: ValueRef<'_>, content: ValueRef<'_>) -> bool {
        let is_null = |value| matches!(value, ValueRef::Null);
        match self {
            Self::Link(key) => {
                let is = |value, text: &str| matches!(value, ValueRef::Text(bytes) if bytes == text.as_bytes());
                is(class, key.class()) && is(id, key.id()) && is_null(content)
            }
            Self::Container(data) => is_null(class) && is_null(id) && bytes(content) == Some(data),
            Self::Empty => is_null(class) && is_null(id) && is_null(content),
        }
    }

    /// Returns the class, id and content of its row.
    pub(super) fn columns(&self) -> (Option<&str>, Option<&str>, Option<Content<'_>>) {
        match self {
            Self::Link(key) => (Some(key.class()), Some(key.id()), None),
            Self::Container(data) => (None, None, Some(Content(data))),
            Self::Empty => (None, None, None),
        }
    }
}

/// Returns the rows of a container's entries, in the order of their paths' bytes.
pub(super) fn rows(entries: &Entries) -> Vec<(String, Part<'_>)> {
    let mut rows = Vec::with_capacity(entries.len());
    add_rows(entries, &mut String::new(), &mut rows);
    // Some characters of names come before the separator.
    if !rows.is_sorted_by(|(a, _), (b, _)| a < b) {
        rows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    }
    rows
}

// The depth of a record is bounded: see `MAX_DIRECTORIES`.
fn add_rows<'r>(entries: &'r Entries, path: &mut String, rows: &mut Vec<(String, Part<'r>)>) {
    let above = path.len();
    for (name, entry) in entries.iter() {
        if above > 0 {
            path.push(SEPARATOR);
        }
        path.push_str(name.as_str());
        match entry {
            Entry::Link(key) => rows.push((path.clone(), Part::Link(key))),
            Entry::Container(node) => {
                rows.push((path.clone(), Part::Container(&node.data)));
                add_rows(&node.entries, path, rows);
            }
            Entry::Collection(entries) if entries.is_empty() => rows.push((path.clone(), Part::Empty)),
            Entry::Collection(entries) => add_rows(entries, path, rows),
            // Refused by `Record::check`.
            Entry::Stray => {}
        }
        path.truncate(above);
    }
}

/// Makes a container of its rows, which come in the order of their paths' bytes, so that those of a directory follow
/// each other. Its own row comes before them, maybe with others in between.
pub(super) struct Builder {
    /// The directories on the way to the last row, the container itself first.
    open: Vec<Directory>,
    /// The path of the last of them.
    path: String,
    /// The last link to another class than the one before, since the next is likely to be to the same.
    linked: Option<Key>,
    /// The path of the last row.
    last: Option<Vec<u8>>,
}

/// What has been found in a directory.
struct Directory {
    name: Name,
    /// The length of the path that leads to where it is.
    above: usize,
    found: Vec<(Name, Entry)>,
}

impl Default for Builder {
    fn default() -> Self {
        let container = Directory { name: Name::of_id(""), above: 0, found: Vec::new() };
        Self { open: vec![container], path: String::new(), linked: None, last: None }
    }
}

impl Builder {
    pub(super) fn finish(mut self, data: Vec<u8>) -> Result<Node> {
        while self.open.len() > 1 {
            self.close()?;
        }
        let found = self.open.pop().map(|container| container.found).unwrap_or_default();
        Ok(Node { data, entries: entries(found)? })
    }

    /// Adds a row of path, class, id and content.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let unreadable = |error: rusqlite::Error| super::error::failed("read the entries")(error);
        let path = row.get_ref(0).map_err(unreadable)?;
        let key = bytes(path).unwrap_or_default();
        if self.last.as_deref().is_some_and(|last| key <= last) {
            return Err(super::error::disordered("read the entries"));
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        let Ok(path) = path.as_str() else {
            let path = bytes(path).map_or(Cow::Borrowed(""), String::from_utf8_lossy);
            return Err(Error::corrupt("the path of an entry is no text").inside(&path));
        };
        let columns = (row.get_ref(1), row.get_ref(2), row.get_ref(3));
        let (class, id, content) =
            (columns.0.map_err(unreadable)?, columns.1.map_err(unreadable)?, columns.2.map_err(unreadable)?);
        self.add_part(path, class, id, content).map_err(|error| error.inside(path))
    }

    fn add_part(&mut self, path: &str, class: ValueRef<'_>, id: ValueRef<'_>, content: ValueRef<'_>) -> Result<()> {
        let entry = self.entry(class, id, content)?;
        let (above, last) = path.rsplit_once(SEPARATOR).map_or((None, path), |(above, last)| (Some(above), last));
        if above != self.here() {
            self.go_to(above)?;
        }
        let depth = self.open.len() - 1 + usize::from(!matches!(entry, Entry::Link(_)));
        if depth > MAX_DIRECTORIES {
            let message = format!("collections and containers nest deeper than {MAX_DIRECTORIES} levels");
            return Err(Error::corrupt(message));
        }
        // Invariant: the container itself is never closed.
        if let Some(directory) = self.open.last_mut() {
            directory.found.push((checked(last)?, entry));
        }
        Ok(())
    }

    /// The path of the directory of the last row; `None` for the container's own.
    fn here(&self) -> Option<&str> {
        (self.open.len() > 1).then_some(&self.path)
    }

    /// Goes on in another directory.
    fn go_to(&mut self, above: Option<&str>) -> Result<()> {
        let below = loop {
            match (above, self.here()) {
                (None, None) => return Ok(()),
                (Some(path), None) => break path,
                (Some(path), Some(here)) => match path.strip_prefix(here) {
                    Some("") => return Ok(()),
                    Some(below) if below.starts_with(SEPARATOR) => break &below[1..],
                    _ => self.close()?,
                },
                (None, Some(_)) => self.close()?,
            }
        };
        for name in below.split(SEPARATOR) {
            let above = self.path.len();
            if self.open.len() > 1 {
                self.path.push(SEPARATOR);
            }
            self.path.push_str(name);
            if self.open.len() > MAX_DIRECTORIES {
                let message = format!("collections and containers nest deeper than {MAX_DIRECTORIES} levels");
                return Err(Error::corrupt(message));
            }
            self.open.push(Directory { name: checked(name)?, above, found: Vec::new() });
        }
        Ok(())
    }

    /// Puts the last directory where it belongs.
    fn close(&mut self) -> Result<()> {
        if let Some(Directory { name, above, found }) = self.open.pop() {
            let entries = entries(found).map_err(|error| error.inside(&self.path))?;
            self.path.truncate(above);
            if let Some(parent) = self.open.last_mut() {
                parent.found.push((name, Entry::Collection(entries)));
            }
        }
        Ok(())
    }

    fn entry(&mut self, class: ValueRef<'_>, id: ValueRef<'_>, content: ValueRef<'_>) -> Result<Entry> {
        match (class, id, content) {
            (ValueRef::Text(class), ValueRef::Text(id), ValueRef::Null) => {
                let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Error::corrupt("the link is no text"));
                let key = Key::beside(self.linked.as_ref(), text(class)?, text(id)?).map_err(|error| {
                    Error::because("the link leads to what no store can hold", error).of_kind(ErrorKind::Corrupt)
                })?;
                if self.linked.as_ref().is_none_or(|linked| linked.class() != key.class()) {
                    self.linked = Some(key.clone());
                }
                Ok(Entry::Link(key))
            }
            (ValueRef::Null, ValueRef::Null, ValueRef::Null) => Ok(Entry::Collection(Entries::default())),
            (ValueRef::Null, ValueRef::Null, content) => match bytes(content) {
                Some(data) => Ok(Entry::Container(Node { data: data.to_vec(), entries: Entries::default() })),
                None => Err(Error::corrupt("the content of a nested container is a number")),
            },
            _ => Err(Error::corrupt("the entry is neither a link nor a nested container")),
        }
    }
}

/// Makes the entries of a directory: what was found in one below belongs to its own row, if it has one.
fn entries(mut found: Vec<(Name, Entry)>) -> Result<Entries> {
    if !found.is_sorted_by(|(a, _), (b, _)| a < b) {
        // What comes first stays first.
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut failed = Ok(());
        found.dedup_by(|(name, later), (first, entry)| {
            if name != first {
                return false;
            }
            match (entry, later) {
                (Entry::Container(Node { entries, .. }) | Entry::Collection(entries), Entry::Collection(below)) => {
                    *entries = std::mem::take(below);
                }
                _ => failed = Err(Error::corrupt("the path of an entry leads through a link").inside(name.as_str())),
            }
            true
        });
        failed?;
    }
    Entries::new(found).map_err(|name| Error::corrupt("an entry is there twice").inside(name.as_str()))
}

fn checked(name: &str) -> Result<Name> {
    let checked = Name::from_encoded(name).filter(|_| name.len() <= MAX_ENTRY_NAME);
    checked.ok_or_else(|| Error::corrupt("the path of an entry has a name in it that no text has"))
}
