//! Following commits: while somebody does, they write down which keys they change.
//!
//! A follower that was killed is not known to be dead. So the notes end when they become many: they and their followers
//! are forgotten, and a follower that finds itself forgotten begins anew.

use rusqlite::Connection;

use super::Sqlite;
use super::error::{disordered, failed};
use super::gate::Patience;
use crate::backend::Track;
use crate::record::Key;
use crate::record::batch::Durability;
use crate::record::error::Result;

/// How many notes are kept at most.
const KEPT: i64 = 100_000;

/// Whether anybody follows.
pub(super) fn is_followed(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM follower LIMIT 1")?.exists(())
}

/// Notes down, in a commit, that it changes a key. Returns whether anybody follows still.
pub(super) fn note(connection: &Connection, key: &Key) -> rusqlite::Result<bool> {
    const NOTE: &str = "INSERT INTO change (class, id) VALUES (?1, ?2)";
    connection.prepare_cached(NOTE)?.execute((key.class(), key.id()))?;
    // The first note of a list has the number 1.
    if connection.last_insert_rowid() <= KEPT {
        return Ok(true);
    }
    forget_all(connection)?;
    Ok(false)
}

/// Forgets all followers and notes. With a condition, SQLite removes row by row, and counts its steps; without one, it
/// follows pages through a damaged table for as long as they lead on.
fn forget_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM follower WHERE true; DELETE FROM change WHERE true")
}

/// Follows commits by their notes.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    sqlite: &'a Sqlite,
    follower: i64,
    /// The number of the last note that was read.
    read: i64,
}

impl<'a> Notes<'a> {
    pub(super) fn begin(sqlite: &'a Sqlite) -> Result<Self> {
        let (follower, read) = register(sqlite)?;
        Ok(Self { sqlite, follower, read })
    }

    /// Returns what was noted down since the last time; `None` if this follower was forgotten.
    fn changes(&self, connection: &Connection) -> Result<Option<(Vec<Key>, i64)>> {
        let fail = failed("read what has changed");
        let mut known = connection.prepare_cached("SELECT 1 FROM follower WHERE number = ?1").map_err(&fail)?;
        let mut found = known.query([self.follower]).map_err(&fail)?;
        if found.next().map_err(&fail)?.is_none() {
            return Ok(None);
        }
        // The first statement is not at its end, so this one sees the same state.
        const CHANGES: &str = "SELECT number, class, id FROM change WHERE number > ?1 ORDER BY number";
        let mut statement = connection.prepare_cached(CHANGES).map_err(&fail)?;
        let mut rows = statement.query([self.read]).map_err(&fail)?;
        let (mut keys, mut read) = (Vec::new(), self.read);
        while let Some(row) = rows.next().map_err(&fail)? {
            let number = row.get(0).map_err(&fail)?;
            if number <= read {
                return Err(disordered("read what has changed"));
            }
            read = number;
            let (class, id) = (row.get_ref(1).map_err(&fail)?, row.get_ref(2).map_err(&fail)?);
            // No commit has changed what cannot be a key.
            if let (Ok(class), Ok(id)) = (class.as_str(), id.as_str())
                && let Ok(key) = Key::new(class, id)
            {
                keys.push(key);
            }
        }
        Ok(Some((keys, read)))
    }
}

fn register(sqlite: &Sqlite) -> Result<(i64, i64)> {
    sqlite.write(Some(Durability::Buffered), Patience::Usual, |writer| {
        let (connection, known) = writer.known()?;
        let register = || {
            // Numbers that are not given twice, so that one who was forgotten knows it.
            const REGISTER: &str = "INSERT INTO follower (number) VALUES (random()) RETURNING number";
            const LAST: &str = "SELECT coalesce(max(number), 0) FROM change";
            let follower = connection.query_row(REGISTER, (), |row| row.get(0))?;
            Ok((follower, connection.query_row(LAST, (), |row| row.get(0))?))
        };
        known.is_followed = true;
        register().map_err(failed("follow what changes"))
    })
}

impl Track for Notes<'_> {
    fn changed(&mut self) -> Result<Option<Vec<Key>>> {
        let changes = self.sqlite.with_present(|connection| self.changes(connection))?;
        match changes {
            Some((keys, read)) => {
                self.read = read;
                Ok(Some(keys))
            }
            None => {
                (self.follower, self.read) = register(self.sqlite)?;
                Ok(None)
            }
        }
    }
}

impl Drop for Notes<'_> {
    fn drop(&mut self) {
        // If others are in the way, it is as if the process had been killed.
        let _ = self.sqlite.write(Some(Durability::Buffered), Patience::None, |writer| {
            let (connection, known) = writer.known()?;
            let fail = failed("end following what changes");
            connection.execute("DELETE FROM follower WHERE number = ?1", [self.follower]).map_err(&fail)?;
            known.is_followed = is_followed(connection).map_err(&fail)?;
            if !known.is_followed {
                forget_all(connection).map_err(&fail)?;
            }
            Ok(())
        });
    }
}

/// Follows commits without writing: it knows whether there were any, and not what they changed.
#[derive(Debug)]
pub(super) struct Versions<'a> {
    sqlite: &'a Sqlite,
    version: Option<u64>,
}

impl<'a> Versions<'a> {
    pub(super) fn begin(sqlite: &'a Sqlite) -> Result<Self> {
        Ok(Self { sqlite, version: sqlite.version()? })
    }
}

impl Track for Versions<'_> {
    fn changed(&mut self) -> Result<Option<Vec<Key>>> {
        let before = std::mem::replace(&mut self.version, self.sqlite.version()?);
        let is_same = before.is_some() && before == self.version;
        Ok(is_same.then(Vec::new))
    }
}
