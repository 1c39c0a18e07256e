//! From rows to records.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use super::bounded::Bounded;
use super::error::{disordered, failed};
use super::generation;
use super::tree::{Builder, bytes};
use crate::backend::Stat;
use crate::record::error::{Error, Result};
use crate::record::name::{MAX_NAME, generation_of};
use crate::record::{ENTRY_SIZE, Key, Record};

/// What a row of `object` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Leaf,
    Container,
}

impl Kind {
    pub(super) fn of(record: &Record) -> Self {
        match record {
            Record::Leaf(_) => Self::Leaf,
            Record::Container(_) => Self::Container,
        }
    }

    /// Returns the word for it in the table.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Container => "container",
        }
    }

    pub(super) fn parse(word: ValueRef<'_>) -> Result<Self> {
        let of_this = |kind: &Self| word == ValueRef::Text(kind.as_str().as_bytes());
        let known = [Self::Leaf, Self::Container].into_iter().find(of_this);
        known.ok_or_else(|| Error::corrupt("the row is neither of a leaf nor of a container"))
    }
}

const OBJECT: &str = "SELECT kind, content, number FROM object WHERE class = ?1 AND id = ?2";
const ENTRIES: &str = "SELECT path, class, id, content FROM entry WHERE object = ?1 ORDER BY path";

/// Reads a record. The entries of a container are read while its own row is, so both are of one state.
pub(super) fn record(connection: &Bounded, key: &Key) -> Result<Option<Record>> {
    let read = || {
        let fail = failed("read the record");
        let mut statement = connection.prepare_cached(OBJECT).map_err(&fail)?;
        let mut rows = statement.query((key.class(), key.id())).map_err(&fail)?;
        let Some(row) = rows.next().map_err(&fail)? else { return Ok(None) };
        let kind = Kind::parse(row.get_ref(0).map_err(&fail)?)?;
        let Some(content) = bytes(row.get_ref(1).map_err(&fail)?) else {
            return Err(Error::corrupt("the content is neither text nor a blob"));
        };
        let number: i64 = row.get(2).map_err(&fail)?;
        let too_large = || too_large(connection, kind, number, content.len() as u64);
        let mut size = Size::of(content, connection.max_record()).ok_or_else(too_large)?;
        let content = content.to_vec();
        if kind == Kind::Leaf {
            return Ok(Some(Record::Leaf(content)));
        }
        let mut tree = Builder::default();
        let mut statement = connection.prepare_cached(ENTRIES).map_err(&fail)?;
        let mut entries = statement.query([number]).map_err(&fail)?;
        while let Some(row) = entries.next().map_err(&fail)? {
            size.add(row.get_ref(3).map_err(&fail)?).ok_or_else(too_large)?;
            tree.add(row)?;
        }
        Ok(Some(Record::Container(tree.finish(content)?)))
    };
    read().map_err(|error| of(key, error))
}

/// Says that a record is larger than the store was opened for, of which only the size is looked at.
fn too_large(connection: &Bounded, kind: Kind, number: i64, content: u64) -> Error {
    const ENTRIES: &str = "SELECT count(*), coalesce(sum(octet_length(content)), 0) FROM entry WHERE object = ?1";
    let entries = || {
        let mut statement = connection.prepare_cached(ENTRIES)?;
        statement.query_row([number], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
    };
    let size = match kind {
        Kind::Leaf => Some(content),
        // What cannot be counted either is of no known size.
        Kind::Container => entries().ok().map(|(count, bytes)| {
            let entries = ENTRY_SIZE.saturating_mul(count.unsigned_abs());
            content.saturating_add(entries).saturating_add(bytes.unsigned_abs())
        }),
    };
    Error::too_large(size, connection.max_record())
}

/// How much of a record has been read, and how much it may have.
struct Size {
    bytes: u64,
    most: u64,
}

impl Size {
    /// `None` if that is too much.
    fn of(content: &[u8], most: u64) -> Option<Self> {
        let mut size = Self { bytes: 0, most };
        size.grow(content.len() as u64)?;
        Some(size)
    }

    /// Adds the content of an entry. `None` if it is too much.
    fn add(&mut self, content: ValueRef<'_>) -> Option<()> {
        self.grow(ENTRY_SIZE.saturating_add(bytes(content).map_or(0, <[u8]>::len) as u64))
    }

    fn grow(&mut self, bytes: u64) -> Option<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        (self.bytes <= self.most).then_some(())
    }
}

/// Names the record in an error.
pub(super) fn of(key: &Key, error: Error) -> Error {
    error.object(key.class(), key.id()).inside(&key.path())
}

/// Returns whether a key has a record.
pub(super) fn contains(connection: &Connection, key: &Key) -> Result<bool> {
    const CONTAINS: &str = "SELECT 1 FROM object WHERE class = ?1 AND id = ?2";
    let fail = failed("look for the record");
    let exists = connection.prepare_cached(CONTAINS).and_then(|mut one| one.exists((key.class(), key.id())));
    exists.map_err(|error| of(key, fail(error)))
}

/// Returns the size and age of a record.
pub(super) fn stat(connection: &Connection, key: &Key) -> Result<Option<Stat>> {
    const STAT: &str = "SELECT modified, octet_length(content)
        + coalesce((SELECT sum(octet_length(content)) FROM entry WHERE object = number AND kind = ?3), 0)
        FROM object WHERE class = ?1 AND id = ?2";
    let stat = |row: &Row<'_>| {
        let (modified, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(Stat::new(bytes.unsigned_abs(), time(modified)))
    };
    let arguments = (key.class(), key.id(), Kind::Container.as_str());
    let read = connection.prepare_cached(STAT).and_then(|mut one| one.query_row(arguments, stat).optional());
    read.map_err(|error| of(key, failed("read the size and age of the record")(error)))
}

/// The time of so many microseconds since 1970; that itself where the system knows no such time.
fn time(microseconds: i64) -> SystemTime {
    let since = Duration::from_micros(microseconds.unsigned_abs());
    let time = if microseconds < 0 { UNIX_EPOCH.checked_sub(since) } else { UNIX_EPOCH.checked_add(since) };
    time.unwrap_or(UNIX_EPOCH)
}

/// How many ids are read at a time. In between, others use the connection, and the database forgets what it kept for
/// a reader.
const CHUNK: u32 = 1024;

/// Some ids of a class, in their order, in one text.
#[derive(Default)]
pub(super) struct Ids {
    text: String,
    ends: Vec<usize>,
    /// The last one, as it stands in the table; `None` after the end of the class.
    last: Option<Vec<u8>>,
}

impl Ids {
    /// Those before the first.
    pub(super) fn start() -> Self {
        Self { last: Some(Vec::new()), ..Self::default() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }

    /// Goes on to those that follow; `false` if there are none.
    pub(super) fn advance(&mut self, connection: &Connection, class: &str) -> Result<bool> {
        // A blob as text can be any bytes, as what has been written by hand. Both are answered by an index alone: rows
        // are wide, and reading each of them for its kind makes a listing several times as slow.
        const IDS: &str = "SELECT id FROM object WHERE class = ?1 AND id > CAST(?2 AS TEXT) ORDER BY id LIMIT ?3";
        const CONTAINERS: &str = "SELECT id FROM object WHERE class = ?1 AND kind = 'container'
            AND id > CAST(?2 AS TEXT) ORDER BY id LIMIT ?3";
        const LIST: &str = "list the class";
        let Some(mut last) = self.last.take() else { return Ok(false) };
        self.text.clear();
        self.ends.clear();
        let fail = failed(LIST);
        let mut list = || {
            let Some(kind) = kind_of(connection, class).map_err(&fail)? else { return Ok(0) };
            let first = last.clone();
            let query = if kind == Kind::Container { CONTAINERS } else { IDS };
            let mut statement = connection.prepare_cached(query).map_err(&fail)?;
            let mut rows = statement.query((class, &*last, CHUNK)).map_err(&fail)?;
            let mut count = 0;
            while let Some(row) = rows.next().map_err(&fail)? {
                count += 1;
                let id = bytes(row.get_ref(0).map_err(&fail)?).unwrap_or_default();
                // What is listed before what was listed would be listed for ever.
                if *id <= *last {
                    return Err(disordered(LIST));
                }
                last.clear();
                last.extend_from_slice(id);
                if let Ok(id) = std::str::from_utf8(id)
                    && is_id(class, id)
                {
                    self.text.push_str(id);
                    self.ends.push(self.text.len());
                }
            }
            if kind == Kind::Leaf && count > 0 {
                self.leave_out(&containers(connection, class, &first, &last).map_err(&fail)?);
            }
            Ok(count)
        };
        let count = list().map_err(|error: Error| error.class(class))?;
        if count == CHUNK {
            self.last = Some(last);
        }
        Ok(count > 0)
    }

    fn leave_out(&mut self, foreign: &HashSet<Vec<u8>>) {
        if foreign.is_empty() {
            return;
        }
        let mut kept = Self { last: self.last.take(), ..Self::default() };
        for id in self.iter().filter(|id| !foreign.contains(id.as_bytes())) {
            kept.text.push_str(id);
            kept.ends.push(kept.text.len());
        }
        *self = kept;
    }
}

/// Returns of which kind the records of a class are; `None` if it is not declared.
fn kind_of(connection: &Connection, class: &str) -> rusqlite::Result<Option<Kind>> {
    const KIND: &str = "SELECT kind = 'container' FROM class WHERE name = ?1";
    let kind = |row: &Row<'_>| Ok(if row.get(0)? { Kind::Container } else { Kind::Leaf });
    connection.prepare_cached(KIND)?.query_row([class], kind).optional()
}

/// Returns the ids of containers among the ids of a class after the one, up to the other: those that stand in a class of
/// leaves are no objects.
fn containers(connection: &Connection, class: &str, after: &[u8], to: &[u8]) -> rusqlite::Result<HashSet<Vec<u8>>> {
    const CONTAINERS: &str = "SELECT id FROM object WHERE class = ?1 AND kind = 'container'
        AND id > CAST(?2 AS TEXT) AND id <= CAST(?3 AS TEXT) LIMIT ?4";
    let mut statement = connection.prepare_cached(CONTAINERS)?;
    let ids = statement
        .query_map((class, after, to, CHUNK), |row| Ok(bytes(row.get_ref(0)?).unwrap_or_default().to_vec()))?;
    ids.collect()
}

/// Whether an object can have this id: what cannot be a key is foreign.
pub(super) fn is_id(class: &str, id: &str) -> bool {
    // Encoding at most triples.
    !id.is_empty() && (id.len() <= MAX_NAME / 3 || Key::new(class, id).is_ok())
}

/// Returns the keys of all stored generations of a base, oldest first.
pub(super) fn generations(connection: &Connection, base: &Key) -> Result<Vec<Key>> {
    // The full stop before a generation is followed by `/` among the characters. A row of the other kind than its class
    // is no object.
    const GENERATIONS: &str = "WITH other (id) AS (
            SELECT id FROM object WHERE class = ?1 AND kind = 'container' AND id >= ?2 AND id < ?4)
        SELECT id FROM object WHERE class = ?1 AND id = ?2 AND id NOT IN other
        UNION ALL SELECT id FROM object WHERE class = ?1 AND id > ?3 AND id < ?4 AND id NOT IN other ORDER BY 1";
    const OF_CONTAINERS: &str = "SELECT id FROM object WHERE class = ?1 AND kind = 'container' AND id = ?2
        UNION ALL SELECT id FROM object WHERE class = ?1 AND kind = 'container' AND id > ?3 AND id < ?4 ORDER BY 1";
    const LIST: &str = "list the generations";
    let fail = failed(LIST);
    let list = || {
        let query = match kind_of(connection, base.class()).map_err(&fail)? {
            Some(Kind::Container) => OF_CONTAINERS,
            Some(Kind::Leaf) => GENERATIONS,
            None => return Ok(Vec::new()),
        };
        let mut statement = connection.prepare_cached(query).map_err(&fail)?;
        let (first, end) = (format!("{}.", base.id()), format!("{}/", base.id()));
        let mut rows = statement.query((base.class(), base.id(), first, end)).map_err(&fail)?;
        let (mut found, mut last) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next().map_err(&fail)? {
            let id = bytes(row.get_ref(0).map_err(&fail)?).unwrap_or_default();
            if id <= &*last {
                return Err(disordered(LIST));
            }
            last.clear();
            last.extend_from_slice(id);
            // What cannot be a key is foreign.
            if let Ok(id) = std::str::from_utf8(id)
                && let Some(generation) = generation_of(base.id(), id)
                && let Ok(key) = base.sibling(id)
            {
                found.push((generation, key));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key).collect())
    };
    list().map_err(|error| of(base, error))
}

/// Returns the key of the newest stored generation of a base.
pub(super) fn newest(connection: &Connection, base: &Key) -> Result<Option<Key>> {
    // One row is read, unless it is of the other kind than its class, and so no object.
    const NEWEST: &str = "SELECT id, generation FROM object WHERE class = ?1 AND base = ?2
        AND (kind = 'container') = (SELECT kind = 'container' FROM class WHERE name = ?1)
        ORDER BY generation DESC, id DESC";
    const ITSELF: &str = "SELECT 1 FROM object WHERE class = ?1 AND id = ?2
        AND (kind = 'container') = (SELECT kind = 'container' FROM class WHERE name = ?1)";
    let fail = failed("find the newest generation");
    let find = || {
        let mut statement = connection.prepare_cached(NEWEST).map_err(&fail)?;
        let mut rows = statement.query((base.class(), base.id())).map_err(&fail)?;
        while let Some(row) = rows.next().map_err(&fail)? {
            let (id, number) = (row.get_ref(0).map_err(&fail)?, row.get_ref(1).map_err(&fail)?);
            // What cannot be a key is foreign.
            let Ok(id) = id.as_str() else { continue };
            let Ok(key) = base.sibling(id) else { continue };
            if !generation::is_of(base.id(), id, number) {
                return Err(Error::corrupt("the base and generation of a record are not those of its id"));
            }
            return Ok(Some(key));
        }
        // A record under the base alone is generation 0, also if the base ends in a number itself.
        let itself = connection.prepare_cached(ITSELF).and_then(|mut one| one.exists((base.class(), base.id())));
        Ok(itself.map_err(&fail)?.then(|| base.clone()))
    };
    find().map_err(|error| of(base, error))
}
