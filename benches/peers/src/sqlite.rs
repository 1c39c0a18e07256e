//! SQLite by rusqlite, with a write-ahead log. `Buffered`: `synchronous = off`, as `normal` waits for the disk
//! at every checkpoint; a commit survives the killed process, and a loss of power may leave a database that cannot be
//! read.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use sepia::Durability;

use crate::bench::Result;
use crate::bench::peer::{Database, Peer};

pub(crate) struct Sqlite;

struct Open(Mutex<Connection>);

const PUT: &str = "INSERT INTO entry (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

impl Peer for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn open(&self, directory: &Path, durability: Durability) -> Result<Option<Box<dyn Database>>> {
        let connection = Connection::open(directory.join("data.db"))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", if durability == Durability::Sync { "full" } else { "off" })?;
        connection.execute_batch("CREATE TABLE entry (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT")?;
        Ok(Some(Box::new(Open(Mutex::new(connection)))))
    }
}

impl Open {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for Open {
    fn put(&self, key: &str, value: &[u8]) -> Result {
        self.connection().prepare_cached(PUT)?.execute((key, value))?;
        Ok(())
    }

    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (key, value) in entries {
            transaction.prepare_cached(PUT)?.execute((key, value))?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        let connection = self.connection();
        let mut select = connection.prepare_cached("SELECT value FROM entry WHERE key = ?")?;
        let mut rows = select.query([key])?;
        each(rows.next()?.ok_or("the key is not there")?.get_ref(0)?.as_bytes()?)
    }

    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result {
        let connection = self.connection();
        let mut select = connection.prepare_cached("SELECT key FROM entry WHERE key >= ? ORDER BY key")?;
        let mut rows = select.query([prefix])?;
        while let Some(row) = rows.next()? {
            let key = row.get_ref(0)?.as_str()?;
            match key.starts_with(prefix) {
                true => each(key),
                false => break,
            }
        }
        Ok(())
    }
}
