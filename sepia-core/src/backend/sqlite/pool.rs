//! Connections that read: each thread that reads has one for itself for so long.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::bounded::Bounded;
use super::error::unopened;
use super::identity::Identity;
use crate::record::error::Result;

/// How many connections wait for whoever reads next. More are opened when more threads read at once.
const IDLE: usize = 8;

/// The longest that SQLite waits: it counts milliseconds.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

/// More than there are statements.
const STATEMENTS: usize = 64;

/// How a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Reads and writes, and makes the file.
    Create,
    /// Could write, and only keeps others off: it leaves the log as it is.
    KeepOff,
    /// Only reads.
    Read,
    /// Only reads, from a file system on which nobody can write: without locks, and without ever looking for changes.
    ReadImmutable,
}

/// The connections that read.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    identity: Identity,
    access: Access,
    timeout: Duration,
    /// The most bytes of a record.
    max_record: u64,
    idle: Mutex<Vec<Bounded>>,
}

impl Pool {
    pub(super) fn new(
        path: PathBuf,
        identity: Identity,
        access: Access,
        (timeout, max_record): (Duration, u64),
    ) -> Self {
        Self { path, identity, access, timeout, max_record, idle: Mutex::default() }
    }

    /// Opens one more.
    pub(super) fn open(&self) -> Result<Bounded> {
        let connection = connect(&self.path, self.access, self.timeout);
        // By now it has opened the file.
        self.identity.check(&self.path)?;
        connection.map(|connection| connection.with_max_record(self.max_record)).map_err(unopened)
    }

    /// Takes one.
    pub(super) fn take(&self) -> Result<Bounded> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.open(), Ok)
    }

    /// Gives one back.
    pub(super) fn give(&self, connection: Bounded) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

/// Opens a connection to a file with an absolute path, so that SQLite takes no name for anything else.
pub(super) fn connect(path: &Path, access: Access, timeout: Duration) -> rusqlite::Result<Bounded> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = match access {
        Access::Create => {
            let write = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            Connection::open_with_flags(path, flags | write)?
        }
        Access::KeepOff => {
            let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection
        }
        Access::Read => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        Access::ReadImmutable => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(immutable(path), flags)?
        }
    };
    connection.busy_timeout(timeout.min(LONGEST))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Bounded::new(connection, path)
}

/// The URI of a file that nobody changes, which is the only way to say so.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_changes_is_found_by_its_name_whatever_is_in_it() -> rusqlite::Result<()> {
        for name in ["a?mode=memory", "b#c", "d%41", "e f", "file:x", "ü'\"\\;--"] {
            let Ok(directory) = tempfile::tempdir() else { unreachable!("no temporary directory") };
            let path = directory.path().join(name);
            connect(&path, Access::Create, Duration::ZERO)?.execute_batch("CREATE TABLE t (x)")?;
            let reader = connect(&path, Access::ReadImmutable, Duration::ZERO)?;
            assert!(reader.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't'")?.exists(())?, "{name}");
            assert!(reader.execute_batch("CREATE TABLE u (x)").is_err());
        }
        Ok(())
    }
}
