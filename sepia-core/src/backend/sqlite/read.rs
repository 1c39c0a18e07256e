//! From rows to records.

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
        let mut size = Size::of(content, connection.max_record())?;
        let content = content.to_vec();
        if kind == Kind::Leaf {
            return Ok(Some(Record::Leaf(content)));
        }
        let number: i64 = row.get(2).map_err(&fail)?;
        let mut tree = Builder::default();
        let mut statement = connection.prepare_cached(ENTRIES).map_err(&fail)?;
        let mut entries = statement.query([number]).map_err(&fail)?;
        while let Some(row) = entries.next().map_err(&fail)? {
            size.add(row.get_ref(3).map_err(&fail)?)?;
            tree.add(row)?;
        }
        Ok(Some(Record::Container(tree.finish(content)?)))
    };
    read().map_err(|error| of(key, error))
}

/// How much of a record has been read, and how much it may have.
struct Size {
    bytes: u64,
    most: u64,
}

impl Size {
    fn of(content: &[u8], most: u64) -> Result<Self> {
        let mut size = Self { bytes: 0, most };
        size.grow(content.len() as u64)?;
        Ok(size)
    }

    /// Adds the content of an entry.
    fn add(&mut self, content: ValueRef<'_>) -> Result<()> {
        self.grow(ENTRY_SIZE.saturating_add(bytes(content).map_or(0, <[u8]>::len) as u64))
    }

    fn grow(&mut self, bytes: u64) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= self.most {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "the record has more than {} bytes, the most that is read of one: set another limit with \
             `StoreBuilder::max_record_size`",
            self.most
        )))
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
        // A blob as text can be any bytes, as what has been written by hand.
        const IDS: &str = "SELECT id FROM object WHERE class = ?1 AND id > CAST(?2 AS TEXT)
            AND EXISTS (SELECT 1 FROM class WHERE name = ?1) ORDER BY id LIMIT ?3";
        const LIST: &str = "list the class";
        let Some(mut last) = self.last.take() else { return Ok(false) };
        self.text.clear();
        self.ends.clear();
        let fail = failed(LIST);
        let mut list = || {
            let mut statement = connection.prepare_cached(IDS).map_err(&fail)?;
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
            Ok(count)
        };
        let count = list().map_err(|error: Error| error.class(class))?;
        if count == CHUNK {
            self.last = Some(last);
        }
        Ok(count > 0)
    }
}

/// Whether an object can have this id: what cannot be a key is foreign.
pub(super) fn is_id(class: &str, id: &str) -> bool {
    // Encoding at most triples.
    !id.is_empty() && (id.len() <= MAX_NAME / 3 || Key::new(class, id).is_ok())
}

/// Returns the keys of all stored generations of a base, oldest first.
pub(super) fn generations(connection: &Connection, base: &Key) -> Result<Vec<Key>> {
    // The full stop before a generation is followed by `/` among the characters.
    const GENERATIONS: &str = "SELECT id FROM object WHERE class = ?1 AND id = ?2
        UNION ALL SELECT id FROM object WHERE class = ?1 AND id > ?3 AND id < ?4 ORDER BY 1";
    const LIST: &str = "list the generations";
    let fail = failed(LIST);
    let list = || {
        let mut statement = connection.prepare_cached(GENERATIONS).map_err(&fail)?;
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
    const NEWEST: &str = "SELECT id, generation FROM object WHERE class = ?1 AND base = ?2
        ORDER BY generation DESC, id DESC";
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
        Ok(contains(connection, base)?.then(|| base.clone()))
    };
    find().map_err(|error| of(base, error))
}
