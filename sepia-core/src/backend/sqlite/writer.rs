//! The connection that writes, and its transactions.

use std::time::Duration;

use rusqlite::Connection;

use super::bounded::Bounded;
use super::catalog::{self, Checksums};
use super::error::{self, failed};
use super::gate::Held;
use super::schema;
use crate::record::batch::Durability;
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Result};

/// How many bytes of the log stay on the disk once they are in the database.
const LOG: i64 = 64 << 20;

/// The connection that writes. Only the thread that holds the gate uses it.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Bounded,
    /// What commits survive at present; a transaction cannot change it.
    durability: Durability,
    /// What the next ones shall survive, as far as can be told.
    expected: Durability,
    known: Option<Known>,
    /// There may be commits that no disk has confirmed: of this connection, or of others.
    has_unsynced: bool,
    /// How many rows had been changed when the transaction began.
    changes: u64,
    /// Something else than a batch was written in this transaction, and stays also if the batch does not come.
    pub(super) has_more: bool,
    /// A class was taken back in this transaction.
    pub(super) has_retired: bool,
    /// The most bytes of a record.
    max_record_size: u64,
}

/// What every commit asks for, as of a version of the database.
#[derive(Debug)]
pub(super) struct Known {
    version: i64,
    pub(super) classes: Vec<Class>,
    pub(super) checksums: Checksums,
    /// Whether someone follows commits.
    pub(super) is_followed: bool,
}

impl Writer {
    /// Takes over a connection, which was just opened: SQLite's default is to wait for the disk.
    pub(super) fn new(connection: Bounded, max_record_size: u64) -> rusqlite::Result<Self> {
        let connection = connection.with_max_record(max_record_size);
        // `Held::retry` waits better.
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "journal_size_limit", LOG)?;
        let (durability, expected) = (Durability::Sync, Durability::Sync);
        let (known, has_unsynced, changes, has_more, has_retired) = (None, true, 0, false, false);
        Ok(Self {
            connection,
            durability,
            expected,
            known,
            has_unsynced,
            changes,
            has_more,
            has_retired,
            max_record_size,
        })
    }

    /// Returns the most bytes of a record.
    pub(super) fn max_record_size(&self) -> u64 {
        self.max_record_size
    }

    /// Begins a transaction that survives what this says; if it is `None`, what the last one had to.
    pub(super) fn begin(&mut self, durability: Option<Durability>, held: &Held<'_>) -> Result<()> {
        let fail = failed("begin to write");
        self.connection.begin_operation();
        let durability = durability.unwrap_or(self.expected);
        if self.is_open() {
            // A thread has panicked.
            self.roll_back();
        }
        if durability != self.durability {
            let level = match durability {
                Durability::Sync => "FULL",
                Durability::Buffered => "NORMAL",
            };
            self.connection.pragma_update(None, "synchronous", level).map_err(&fail)?;
            self.durability = durability;
        }
        (self.has_more, self.has_retired, self.changes) = (false, false, self.connection.total_changes());
        held.let_pass(|| version(&self.connection).ok());
        held.retry(|| self.run("BEGIN IMMEDIATE")).map_err(|error| match error::is_busy(&error) {
            true => held.locked(),
            false => fail(error),
        })
    }

    /// Tells what the next transaction is likely to have to survive.
    pub(super) fn expect(&mut self, durability: Durability) {
        self.expected = durability;
    }

    /// Returns what the present transaction survives.
    pub(super) fn durability(&self) -> Durability {
        self.durability
    }

    /// Has the next commit that waits for the disk do so even if it changes nothing.
    pub(super) fn expect_unsynced(&mut self) {
        self.has_unsynced = true;
    }

    /// Ends the transaction. If that fails, it has changed nothing. What waits for the disk has it confirm all that came
    /// before, too.
    ///
    /// # Errors
    /// `Poisoned` if the disk does not confirm it.
    pub(super) fn commit(&mut self) -> Result<()> {
        match self.try_commit() {
            Ok(()) => Ok(()),
            Err(error) => {
                self.roll_back();
                Err(error::unwritten("commit")(error))
            }
        }
    }

    fn try_commit(&mut self) -> rusqlite::Result<()> {
        self.connection.begin_operation();
        let waits = self.durability == Durability::Sync;
        let has_changed = self.connection.total_changes() != self.changes;
        if waits && !has_changed && self.has_unsynced {
            // SQLite waits only if something is written; this is, though it is the same.
            self.connection.pragma_update(None, "user_version", schema::VERSION)?;
        }
        self.run("COMMIT")?;
        self.has_unsynced = !waits && (has_changed || self.has_unsynced);
        Ok(())
    }

    /// Undoes the transaction, if SQLite has not done so by itself.
    pub(super) fn roll_back(&mut self) {
        self.connection.begin_operation();
        self.known = None;
        if self.is_open() {
            // It fails only if there is nothing to undo.
            let _ = self.run("ROLLBACK");
        }
    }

    /// Whether a transaction was begun, and has not ended.
    pub(super) fn is_open(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Runs a part of a transaction, of which nothing stays if it fails.
    pub(super) fn nested<R>(&mut self, part: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let fail = failed("begin to write");
        if !self.is_open() {
            // Others may have written since.
            let message = "an earlier write of this transaction failed, and has undone all of it";
            return Err(Error::message(ErrorKind::Io, message));
        }
        self.connection.begin_operation();
        self.run("SAVEPOINT part").map_err(&fail)?;
        match part(self) {
            Ok(done) => self.run("RELEASE part").map(|()| done).map_err(fail),
            Err(error) => {
                self.known = None;
                self.connection.begin_operation();
                // It fails if the whole transaction is undone already.
                let _ = self.run("ROLLBACK TO part").and_then(|()| self.run("RELEASE part"));
                Err(error)
            }
        }
    }

    fn run(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(statement)?.execute(())?;
        Ok(())
    }

    /// Returns what is known as of this transaction, and the connection.
    pub(super) fn known(&mut self) -> Result<(&Bounded, &mut Known)> {
        let version = version(&self.connection)?;
        let known = match self.known.take().filter(|known| known.version == version) {
            Some(known) => known,
            None => {
                // Others have written.
                self.has_unsynced = true;
                Known {
                    version,
                    classes: catalog::classes(&self.connection)?,
                    checksums: catalog::checksums(&self.connection)?,
                    is_followed: super::track::is_followed(&self.connection).map_err(failed("look for followers"))?,
                }
            }
        };
        Ok((&self.connection, self.known.insert(known)))
    }
}

/// Returns a number that is another after every commit of other connections than this one.
pub(super) fn version(connection: &Connection) -> Result<i64> {
    let version = connection.prepare_cached("PRAGMA data_version").and_then(|mut one| one.query_row((), |r| r.get(0)));
    version.map_err(failed("ask what has changed"))
}
