//! The declared classes, and what else is the same for all records.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::error::failed;
use super::schema;
use crate::record::catalog;
use crate::record::class::{Class, Format, Kind, More, Requires};
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::shared::Shared;

/// The classes that this handle knows to be declared, so that reading by key need not ask for them.
#[derive(Debug, Default)]
pub(super) struct Declared(RwLock<HashSet<Box<str>>>);

impl Declared {
    /// Whether a class is declared. What is stored of others is foreign.
    ///
    /// # Errors
    /// `UnsupportedFormat` if this version does not understand what it takes to read its records.
    pub(super) fn contains(&self, connection: &Connection, class: &str) -> Result<bool> {
        const DECLARED: &str = "SELECT name, kind, content, generations, more FROM class WHERE name = ?1";
        if self.0.read().unwrap_or_else(PoisonError::into_inner).contains(class) {
            return Ok(true);
        }
        let found = select(connection, DECLARED, [class]).map_err(|error| error.class(class))?;
        let Some(declared) = found.first() else { return Ok(false) };
        declared.check_readable()?;
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(class.into());
        Ok(true)
    }

    /// Forgets all of them, after one was taken back.
    pub(super) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Whether a class is among these.
pub(super) fn is_among(classes: &[Class], class: &str) -> bool {
    classes.iter().any(|known| known.name() == class)
}

/// Reads the declared classes, sorted by name.
pub(super) fn classes(connection: &Connection) -> Result<Vec<Class>> {
    const CLASSES: &str = "SELECT name, kind, content, generations, more FROM class ORDER BY name";
    select(connection, CLASSES, ())
}

fn select(connection: &Connection, statement: &str, parameters: impl rusqlite::Params) -> Result<Vec<Class>> {
    let fail = failed("read the list of classes");
    let mut statement = connection.prepare_cached(statement).map_err(&fail)?;
    let mut rows = statement.query(parameters).map_err(&fail)?;
    let mut classes = Vec::new();
    while let Some(row) = rows.next().map_err(&fail)? {
        let name: String = row.get(0).map_err(&fail)?;
        let [kind, content, generations, more] = [1, 2, 3, 4].map(|column| row.get_ref(column).map_err(&fail));
        let class = declared(name, kind?, content?, generations?, more?);
        let wrong = |error| Error::because("the list of classes cannot be understood", error);
        classes.push(class.map_err(|error| wrong(error).of_kind(ErrorKind::Corrupt))?);
    }
    Ok(classes)
}

fn declared(
    name: String,
    kind: ValueRef<'_>,
    content: ValueRef<'_>,
    generations: ValueRef<'_>,
    more: ValueRef<'_>,
) -> Result<Class> {
    let unknown = |what: &str| Error::corrupt(format!("{what} of class {} is none that is known", Quoted(&name)));
    let kind = match (kind, content) {
        (ValueRef::Text(CONTAINER), ValueRef::Null) => Kind::Container,
        (ValueRef::Text(SERIALIZABLE), ValueRef::Null) => Kind::Serializable(None),
        (ValueRef::Text(SERIALIZABLE), ValueRef::Text(content)) => {
            let format = std::str::from_utf8(content).ok().and_then(Format::parse);
            Kind::Serializable(Some(format.ok_or_else(|| unknown("the content"))?))
        }
        _ => return Err(unknown("the kind")),
    };
    let generations = match generations {
        ValueRef::Null => None,
        ValueRef::Integer(0) => Some(false),
        ValueRef::Integer(1) => Some(true),
        _ => return Err(unknown("whether generations are kept")),
    };
    let more = match more {
        ValueRef::Null => More::default(),
        ValueRef::Text(more) => {
            let more = std::str::from_utf8(more).map_err(|error| error.to_string()).and_then(catalog::parse_more);
            more.map_err(|what| Error::corrupt(format!("of class {}, {what}", Quoted(&name))))?
        }
        _ => return Err(unknown("what else is declared")),
    };
    Ok(Class::declared(name, kind, generations)?.with_more(more))
}

const CONTAINER: &[u8] = b"container";
const SERIALIZABLE: &[u8] = b"serializable";

/// Declares a class, in place of what was declared under its name.
pub(super) fn declare(connection: &Connection, class: &Class) -> Result<()> {
    const DECLARE: &str =
        "INSERT OR REPLACE INTO class (name, kind, content, generations, more) VALUES (?1, ?2, ?3, ?4, ?5)";
    let fail = failed("write the list of classes");
    let (kind, content) = match class.kind() {
        Kind::Container => (CONTAINER, None),
        Kind::Serializable(format) => (SERIALIZABLE, format.map(Format::as_str)),
    };
    let kind = rusqlite::types::ToSqlOutput::Borrowed(ValueRef::Text(kind));
    let more = class.more().map_or(Ok(None), catalog::print_more)?;
    let mut statement = connection.prepare_cached(DECLARE).map_err(&fail)?;
    statement.execute((class.name(), kind, content, class.generations(), more)).map_err(&fail)?;
    Ok(())
}

/// Takes back the declaration of a class.
pub(super) fn retire(connection: &Connection, class: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM class WHERE name = ?1")?.execute([class])?;
    Ok(())
}

/// Whether a store keeps checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksums {
    Off,
    On,
}

/// The setting that says so, and its only value.
const CHECKSUMS: (&str, &str) = ("checksums", "xxh3-128");

/// Reads whether checksums are kept.
pub(super) fn checksums(connection: &Connection) -> Result<Checksums> {
    let fail = failed("read the settings");
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE name = ?1").map_err(&fail)?;
    let mut rows = statement.query([CHECKSUMS.0]).map_err(&fail)?;
    match rows.next().map_err(&fail)? {
        None => Ok(Checksums::Off),
        Some(row) if row.get_ref(0).map_err(&fail)? == ValueRef::Text(CHECKSUMS.1.as_bytes()) => Ok(Checksums::On),
        Some(_) => Err(Error::corrupt(
            "the row `checksums` of the table `setting` names no kind of checksums that is known: set it right with \
             `sqlite3`, as docs/format.md says",
        )),
    }
}

/// The setting that says with whom the store is shared. Without it, with nobody.
const SHARED: &str = "shared";

/// Reads with whom the store is shared.
pub(super) fn shared(connection: &Connection) -> Result<Option<Shared>> {
    let fail = failed("read the settings");
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE name = ?1").map_err(&fail)?;
    let mut rows = statement.query([SHARED]).map_err(&fail)?;
    let Some(row) = rows.next().map_err(&fail)? else { return Ok(None) };
    let word = match row.get_ref(0).map_err(&fail)? {
        ValueRef::Text(word) => std::str::from_utf8(word).ok().and_then(Shared::parse),
        _ => None,
    };
    word.map(Some).ok_or_else(|| {
        Error::corrupt(
            "the row `shared` of the table `setting` says neither `group` nor `all`: set it right with `sqlite3`, or \
             remove it, and the store is for its owner alone",
        )
    })
}

/// The setting that says what a program must understand. Without it, nothing more than the tables.
const REQUIRES: &str = "requires";

/// Reads what a program must understand to use the store.
pub(super) fn requires(connection: &Connection) -> Result<Requires> {
    let fail = failed("read the settings");
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE name = ?1").map_err(&fail)?;
    let mut rows = statement.query([REQUIRES]).map_err(&fail)?;
    let Some(row) = rows.next().map_err(&fail)? else { return Ok(Requires::none()) };
    let text = row.get_ref(0).map_err(&fail)?.as_str().map_err(|error| error.to_string());
    text.and_then(catalog::parse_requires)
        .map_err(|what| Error::corrupt(format!("what the store requires cannot be understood: {what}")))
}

/// Has everybody be required to understand this, in a store that is being made.
pub(super) fn require(connection: &Connection, requires: &Requires) -> Result<()> {
    if *requires == Requires::none() {
        return Ok(());
    }
    let text = catalog::print_requires(requires);
    let done = connection.execute("INSERT INTO setting (name, value) VALUES (?1, ?2)", (REQUIRES, text));
    done.map(|_| ()).map_err(failed("write the settings"))
}

/// Shares the store from now on.
pub(super) fn share(connection: &Connection, shared: Shared) -> rusqlite::Result<()> {
    connection
        .execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)", (SHARED, shared.as_str()))
        .map(|_| ())
}

/// Keeps checksums from now on: of what commits write. What is written by hand has none.
pub(super) fn keep_checksums(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(schema::FORGET_CHECKSUMS)?;
    connection.execute("INSERT OR IGNORE INTO setting (name, value) VALUES (?1, ?2)", CHECKSUMS)?;
    Ok(())
}
