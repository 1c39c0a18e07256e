//! The quarantine: rows of records that were moved or copied away, which only people read and remove.

use rusqlite::Connection;

use super::super::commit::now;
use super::super::read::Kind;
use super::super::tree::{self, Content};
use crate::record::{Key, Record};

/// Copies a record, and returns where.
pub(super) fn keep(connection: &Connection, key: &Key, record: &Record) -> rusqlite::Result<String> {
    const KEEP: &str = "INSERT INTO quarantine (number, path, kind, class, id, since, content)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let number = next(connection)?;
    let (content, rows) = match record {
        Record::Leaf(content) => (content, Vec::new()),
        Record::Container(node) => (&node.data, tree::rows(&node.entries)),
    };
    let mut keep = connection.prepare_cached(KEEP)?;
    let kind = Kind::of(record).as_str();
    let none: Option<&str> = None;
    keep.execute((number, "", kind, key.class(), key.id(), now(), Content(content)))?;
    for (path, part) in rows {
        let (class, id, content) = part.columns();
        keep.execute((number, path, none, class, id, none, content))?;
    }
    Ok(place(number, &key.path()))
}

/// Returns the number of what comes next: the one after the greatest, or after another one if there is none greater.
pub(super) fn next(connection: &Connection) -> rusqlite::Result<i64> {
    const NEXT: &str = "WITH used (number) AS (VALUES (0) UNION SELECT number FROM quarantine)
        SELECT number + 1 FROM used WHERE number >= 0 AND number < ?1
        AND NOT EXISTS (SELECT 1 FROM quarantine WHERE quarantine.number = used.number + 1)
        ORDER BY number DESC LIMIT 1";
    connection.query_row(NEXT, [i64::MAX], |row| row.get(0))
}

/// How people are told where something is.
pub(super) fn place(number: i64, path: &str) -> String {
    format!("quarantine/{number}/{path}")
}

/// Moves the rows of a record as they are, and returns where.
pub(super) fn move_record(connection: &Connection, object: i64, path: &str) -> rusqlite::Result<String> {
    const KEEP: &str = "INSERT INTO quarantine (number, path, kind, class, id, since, content)
        SELECT ?1, '', kind, class, id, ?3, content FROM object WHERE number = ?2";
    let number = next(connection)?;
    connection.execute(KEEP, (number, object, now()))?;
    move_rows(connection, number, object)?;
    connection.execute("DELETE FROM object WHERE number = ?1", [object])?;
    Ok(place(number, path))
}

/// Moves entries that are of no container, and returns what was done; `None` if there are none.
pub(super) fn move_entries(connection: &Connection, object: i64, path: &str) -> rusqlite::Result<Option<String>> {
    let number = next(connection)?;
    let moved = move_rows(connection, number, object)?;
    Ok((moved > 0).then(|| format!("moved to {}", place(number, path))))
}

fn move_rows(connection: &Connection, number: i64, object: i64) -> rusqlite::Result<usize> {
    // The empty path is that of the record. No two paths become one.
    const KEEP: &str = "INSERT INTO quarantine (number, path, class, id, since, content)
        SELECT ?1, iif(path = '' OR substr(path, 1, 1) = '/', '/' || path, path), class, id, ?3, content FROM entry WHERE object = ?2";
    connection.execute(KEEP, (number, object, now()))?;
    connection.execute("DELETE FROM entry WHERE object = ?1", [object])
}
