//! A connection whose work is bounded, whatever is in the file.
//!
//! A database may come from a stranger, or from a bad disk. Its pages can refer to each other in circles, its indexes can
//! name rows that are not there, and its schema can hold any SQL. SQLite checks much of that when it is told to, and
//! counts the steps that its statements take: a sound database needs no more than a multiple of its size, and whatever
//! takes more is ended, and `Corrupt`.

use std::ffi::c_int;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::files::Side;

/// How many steps of SQLite's machine are counted as one.
const INTERVAL: c_int = 10_000;

/// So many steps any operation may take.
const STEPS: u64 = 200_000;

/// So many more for each byte of the database and its log. What takes most is the check of integrity: less than one.
const STEPS_PER_BYTE: u64 = 8;

/// The greatest content of a record, in bytes. SQLite itself takes a little less (10⁹).
const DEFAULT_MAX_RECORD: u64 = 1 << 30;

/// What a row has besides its content.
const BESIDE_CONTENT: u64 = 1 << 16;

/// The longest SQL of one table, index, view or trigger: the schema is SQL, too.
const SQL: i32 = 1 << 20;

/// The longest pattern of `LIKE` and `GLOB`, which take quadratic time.
const PATTERN: i32 = 100;

/// How deep triggers fire triggers; those of the store fire none.
const TRIGGERS: i32 = 4;

/// A connection that counts its steps.
#[derive(Debug)]
pub(super) struct Bounded {
    connection: Connection,
    /// How many intervals the operation has taken.
    taken: Arc<AtomicU64>,
    /// The most bytes of a record that is read.
    max_record: u64,
}

impl Deref for Bounded {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Bounded {
    /// Turns SQLite's defences on for a connection that has not read anything yet.
    pub(super) fn new(connection: Connection, path: &Path) -> rusqlite::Result<Self> {
        let mut bounded = Self { connection, taken: Arc::default(), max_record: DEFAULT_MAX_RECORD };
        bounded.defend()?;
        bounded.count_steps(path)?;
        Ok(bounded)
    }

    /// Sets the most bytes of a record that is read.
    pub(super) fn with_max_record(mut self, bytes: u64) -> Self {
        self.max_record = bytes;
        self
    }

    /// Returns the most bytes of a record that is read.
    pub(super) fn max_record(&self) -> u64 {
        self.max_record
    }

    fn defend(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        for (setting, is_on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
            // Functions that do more than compute are not for the SQL in the file.
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            // The views of a store are for people.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
            // Commits remove entries with their object themselves, and rows that others left without one can be moved.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
        ] {
            connection.set_db_config(setting, is_on)?;
        }
        let greatest = i32::try_from(DEFAULT_MAX_RECORD + BESIDE_CONTENT).unwrap_or(i32::MAX);
        for (limit, greatest) in [
            (Limit::SQLITE_LIMIT_LENGTH, greatest),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, TRIGGERS),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
        ] {
            connection.set_limit(limit, greatest).into_outcome()?;
        }
        // A file that shrinks under a mapping would end the process.
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "cell_size_check", true)
    }

    fn count_steps(&mut self, path: &Path) -> rusqlite::Result<()> {
        let taken = Arc::clone(&self.taken);
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.connection.progress_handler(INTERVAL, Some(move || is_over(&taken, &path))).into_outcome()
    }

    /// Begins another operation, which may take as many steps as any.
    pub(super) fn begin_operation(&self) {
        self.taken.store(0, Ordering::Relaxed);
    }
}

/// Counts an interval, and tells whether the operation has taken more than a sound database can need.
fn is_over(taken: &AtomicU64, path: &Path) -> bool {
    let steps = (taken.fetch_add(1, Ordering::Relaxed) + 1).saturating_mul(INTERVAL.unsigned_abs().into());
    if steps <= STEPS {
        return false;
    }
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let bytes = size(path.to_owned()).saturating_add(size(Side::Log.of(path)));
    steps - STEPS > bytes.saturating_mul(STEPS_PER_BYTE)
}

/// What the versions of rusqlite return from a setter: some cannot fail.
trait IntoOutcome {
    fn into_outcome(self) -> rusqlite::Result<()>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> rusqlite::Result<()> {
        Ok(())
    }
}

impl IntoOutcome for i32 {
    fn into_outcome(self) -> rusqlite::Result<()> {
        Ok(())
    }
}

impl<T> IntoOutcome for rusqlite::Result<T> {
    fn into_outcome(self) -> rusqlite::Result<()> {
        self.map(drop)
    }
}
