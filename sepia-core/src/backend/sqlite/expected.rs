//! Whether the tables of a store are those that Sepia makes.
//!
//! What has the name of a table can be a view that never ends, and a trigger on a table runs with every commit. So a
//! database is opened only if what is in its schema under the names of Sepia is what Sepia has put there. Others may
//! have tables, views and indexes of their own beside it, as long as nothing of that takes part in commits.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rusqlite::Connection;

use super::error::{failed, unopened};
use super::{indexes, schema};
use crate::record::error::{Error, Quoted, Result};

/// What is in a schema under one name.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    kind: String,
    table: String,
    /// The SQL that makes it, with single spaces.
    sql: String,
}

/// Reads a schema: what has SQL of its own.
fn read(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Item>> {
    const SCHEMA: &str = "SELECT name, type, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
    let mut statement = connection.prepare(SCHEMA)?;
    let items = statement.query_map((), |row| {
        let text = |column: usize| -> rusqlite::Result<String> {
            Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes()?).into_owned())
        };
        let mut sql = text(3)?.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        // SQLite quotes the name of what was renamed, and renamed back.
        for name in schema::NAMES {
            sql = sql.replace(&format!("\"{name}\""), name);
        }
        Ok((text(0)?, Item { kind: text(1)?, table: text(2)?, sql }))
    })?;
    items.collect()
}

/// Returns the schema of a store, with what one has that keeps checksums.
fn expected() -> Result<&'static BTreeMap<String, Item>> {
    static EXPECTED: OnceLock<BTreeMap<String, Item>> = OnceLock::new();
    if let Some(expected) = EXPECTED.get() {
        return Ok(expected);
    }
    let make = || {
        let connection = Connection::open_in_memory()?;
        schema::migrate(&connection, 0)?;
        connection.execute_batch(schema::FORGET_CHECKSUMS)?;
        read(&connection)
    };
    let made = make().map_err(failed("make the tables of a store to compare with"))?;
    Ok(EXPECTED.get_or_init(|| made))
}

/// Checks the schema of a store of the present version.
///
/// # Errors
/// `Corrupt`, with the name of what is not as it should be.
pub(super) fn check(connection: &Connection) -> Result<()> {
    let expected = expected()?;
    let found = read(connection).map_err(unopened)?;
    for (name, item) in expected {
        if let Some(there) = found.get(name).filter(|there| *there != item) {
            return Err(refused(&there.kind, name, "is not what Sepia makes under this name", MAKE_IT_RIGHT));
        }
    }
    // The triggers are those of checksums, and what only makes a store faster need not be there.
    let may_be_missing = |name: &str, item: &Item| item.kind == "trigger" || name == schema::CONTAINERS;
    if let Some((name, item)) =
        expected.iter().find(|(name, item)| !may_be_missing(name, item) && !found.contains_key(*name))
    {
        return Err(refused(&item.kind, name, "is missing", MAKE_IT_RIGHT));
    }
    let is_table = |name: &str| expected.get(name).is_some_and(|item| item.kind == "table");
    // SQLite takes names in any case for the same.
    for (name, item) in found.iter().filter(|(name, _)| !expected.contains_key(*name)) {
        let is_ours = is_table(&item.table.to_ascii_lowercase());
        if is_ours && item.kind == "trigger" {
            let why = format!("would change what commits to the table {} do", Quoted(&item.table));
            return Err(refused(&item.kind, name, &why, "drop it with `sqlite3`"));
        }
        if is_ours && item.kind == "index" && !item.sql.starts_with("CREATE INDEX ") {
            let why = format!("would have commits to the table {} remove rows of other objects", Quoted(&item.table));
            return Err(refused("unique index", name, &why, "drop it with `sqlite3`"));
        }
        if is_ours
            && item.kind == "index"
            && let Some(call) = indexes::unbounded_call(&item.sql, &item.table)
        {
            let why = format!("would have every commit call {}, which may take any time and memory", Quoted(&call));
            return Err(refused("index", name, &why, "drop it with `sqlite3`"));
        }
    }
    Ok(())
}

const MAKE_IT_RIGHT: &str = "set it right with `sqlite3`, by the statement that a new store has in its `sqlite_schema`";

fn refused(kind: &str, name: &str, why: &str, advice: &str) -> Error {
    Error::corrupt(format!("the {kind} {} {why}: {advice}", Quoted(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_schema_is_known() -> Result<()> {
        let names: Vec<&str> = expected()?.keys().map(String::as_str).collect();
        let mut known = schema::NAMES;
        known.sort_unstable();
        assert_eq!(names, known);
        Ok(())
    }
}
