//! Records as rows in one file, a database of SQLite.
//!
//! - `schema`: the tables
//! - `expected`: whether the tables are those
//! - `open`: making and opening a store
//! - `files`: the files of a database, before SQLite opens them
//! - `bounded`: connections whose work is bounded, whatever is in the file
//! - `gate`: one writer at a time among threads
//! - `pool`: the connections that read
//! - `writer`: the connection that writes, and its transactions
//! - `lock`: keeping others off
//! - `modes`: who may read and write the file, and those beside it
//! - `identity`: whether the file is the one that was opened
//! - `catalog`: the classes
//! - `tree`: from containers to rows, and back
//! - `read`: from rows to records
//! - `links`: where the links in a record lead, and who links to one
//! - `commit`: from batches to rows
//! - `generation`: where generations are found
//! - `track`: following commits
//! - `upkeep`: finding what is wrong beyond the records, and mending it
//! - `trace`: events for `tracing`
//! - `error`: SQLite's errors in the store's terms
//!
//! A commit is a transaction of SQLite, in WAL mode: it takes effect at once, readers see the last one that was
//! committed before they began, and what a dead writer has left is never seen. Each read is one read transaction.
//!
//! One connection writes, and each thread that reads uses one of its own. One more, the *observer*, never writes: its
//! `PRAGMA data_version` tells whether anybody has.

mod bounded;
mod catalog;
mod commit;
mod error;
mod expected;
mod files;
mod gate;
mod generation;
mod identity;
mod indexes;
mod links;
mod lock;
mod modes;
mod open;
mod pool;
mod read;
mod schema;
mod trace;
mod track;
mod tree;
mod upkeep;
mod writer;

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Backend, Lock, Moment, Recovered, Seal, Stat, Track, Upkeep};
use crate::record::batch::{Batch, Durability};
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Key, Record};
use bounded::Bounded;
use error::{at, unwritten};
use gate::{Gate, Patience};
use identity::Identity;
use pool::Pool;
use writer::Writer;

/// Keeps records in one file, a database of SQLite whose tables can be asked in SQL: `docs/format.md` describes them.
///
/// Threads and processes read while others write. `{path}-wal` and `{path}-shm` belong to the database while it is open,
/// and are to be copied with it then.
pub struct Sqlite {
    path: PathBuf,
    /// The path as it was given, for messages.
    shown: PathBuf,
    gate: Gate,
    readers: Pool,
    observer: Mutex<Bounded>,
    declared: catalog::Declared,
    /// `None` if the store was opened for reading. It is closed last: who only reads leaves the log where it is.
    writer: Option<Mutex<Writer>>,
    identity: Identity,
    /// A sync has failed.
    poisoned: AtomicBool,
    moments: AtomicU64,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Sqlite");
        debug.field("path", &self.shown).field("writable", &self.writer.is_some()).finish_non_exhaustive()
    }
}

impl Sqlite {
    fn observer(&self) -> MutexGuard<'_, Bounded> {
        // Whatever a thread was at when it panicked, the next statement begins anew.
        let observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner);
        observer.begin_operation();
        observer
    }

    /// Runs something that reads, and names the file in its error.
    fn read_with<R>(&self, read: impl FnOnce(&Bounded) -> Result<R>) -> Result<R> {
        let run = || {
            self.gate.check_process()?;
            if self.writer.is_none() && self.gate.is_mine() {
                return read(&self.observer());
            }
            let connection = self.readers.take()?;
            connection.begin_operation();
            let done = read(&connection);
            self.readers.give(connection);
            done
        };
        run().map_err(at(&self.shown))
    }

    /// Runs something that reads what is stored under a key, or a base. Nothing is where its class is not declared.
    fn read_of<R: Default>(&self, key: &Key, read: impl FnOnce(&Bounded) -> Result<R>) -> Result<R> {
        self.read_with(|connection| {
            if self.declared.contains(connection, key.class())? { read(connection) } else { Ok(R::default()) }
        })
    }

    /// Runs something that reads what this thread has written, too, and has not committed.
    fn with_present<R>(&self, read: impl FnOnce(&Bounded) -> Result<R>) -> Result<R> {
        match &self.writer {
            Some(writer) if self.gate.is_mine() => {
                let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.connection.begin_operation();
                read(&writer.connection).map_err(at(&self.shown))
            }
            _ => self.read_with(read),
        }
    }

    /// Returns the writer, of which only the thread that holds the gate may make use.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        let Some(writer) = &self.writer else {
            return Err(Error::message(ErrorKind::ReadOnly, "the store was opened for reading only"));
        };
        if self.poisoned.load(Ordering::Relaxed) {
            let message = "the disk did not confirm an earlier write: open the store again";
            return Err(Error::message(ErrorKind::Poisoned, message));
        }
        // A transaction that a panic has left open is undone by the next.
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs something that writes, in a transaction of its own; or in that of this thread, if it has the lock, and then
    /// it stays if the lock is given back without a batch.
    fn write<R>(
        &self,
        durability: Option<Durability>,
        patience: Patience,
        work: impl FnOnce(&mut Writer) -> Result<R>,
    ) -> Result<R> {
        let run = || {
            if self.writer.is_some() && self.gate.is_mine() {
                let mut writer = self.writer()?;
                let done = writer.nested(work)?;
                writer.has_more = true;
                return Ok(done);
            }
            self.write_alone(durability, patience, work)
        };
        run().map_err(at(&self.shown))
    }

    /// Runs something that writes, in a transaction of its own.
    fn write_alone<R>(
        &self,
        durability: Option<Durability>,
        patience: Patience,
        work: impl FnOnce(&mut Writer) -> Result<R>,
    ) -> Result<R> {
        // Whoever may not write need not wait.
        drop(self.writer()?);
        let held = self.gate.acquire(patience)?;
        let mut writer = self.writer()?;
        self.begin(&mut writer, durability, &held)?;
        match work(&mut writer) {
            Ok(done) => self.end(&mut writer).map(|()| done),
            Err(error) => {
                writer.roll_back();
                Err(error)
            }
        }
    }

    /// Begins a transaction, in the file that was opened.
    fn begin(&self, writer: &mut Writer, durability: Option<Durability>, held: &gate::Held<'_>) -> Result<()> {
        self.identity.check(&self.path)?;
        writer.begin(durability, held)
    }

    /// Commits the transaction.
    fn end(&self, writer: &mut Writer) -> Result<()> {
        writer.commit().inspect_err(|error| self.heed(error))?;
        if writer.has_retired {
            self.declared.clear();
        }
        Ok(())
    }

    /// Writes nothing any more after the disk has not confirmed something.
    fn heed(&self, error: &Error) {
        if error.kind() == ErrorKind::Poisoned {
            self.poisoned.store(true, Ordering::Relaxed);
        }
    }

    /// Makes all that was committed durable: a commit that waits for the disk has it write what came before, too.
    fn sync(&self, writer: &mut Writer, held: &gate::Held<'_>) -> Result<()> {
        self.begin(writer, Some(Durability::Sync), held)?;
        writer.expect_unsynced();
        self.end(writer)
    }

    /// Returns a number that is another after every commit; `None` while it cannot be told, since the observer stands
    /// still for another thread, which has the lock of a store that was opened for reading.
    fn version(&self) -> Result<Option<u64>> {
        let observe = || {
            self.gate.check_process()?;
            if self.writer.is_none() && self.gate.is_of_another() {
                return Ok(None);
            }
            Ok(Some(writer::version(&self.observer())?.unsigned_abs()))
        };
        observe().map_err(at(&self.shown))
    }
}

impl Backend for Sqlite {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        self.read_of(key, |connection| read::record(connection, key))
    }

    fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        // What is committed between these is in the record, and the seal is of before.
        let seal = self.version()?.map_or(Seal::none(), |version| Seal::new([version, 0]));
        Ok((self.read(key)?, seal))
    }

    fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
        let Some(version) = self.version()? else { return Ok(false) };
        for (_, seal) in sealed {
            if seal.numbers() != Some([version, 0]) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        self.read_of(key, |connection| read::contains(connection, key))
    }

    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        self.read_of(key, |connection| links::from(connection, key))
    }

    fn stat(&self, key: &Key) -> Result<Option<Stat>> {
        self.read_of(key, |connection| read::stat(connection, key))
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        let durability = Some(batch.durability());
        let commit = self.write_alone(durability, Patience::Usual, |writer| commit::apply(writer, &batch));
        commit.map_err(at(&self.shown))
    }

    fn lock(&self) -> Result<Box<dyn Lock + '_>> {
        let lock = lock::Locked::take(self).map_err(at(&self.shown))?;
        Ok(Box::new(lock))
    }

    fn moment(&self) -> Result<Moment> {
        Ok(match self.version()? {
            Some(version) => Moment::new([version, 0]),
            // No other moment is this one.
            None => Moment::new([0, 1 + self.moments.fetch_add(1, Ordering::Relaxed)]),
        })
    }

    fn track(&self) -> Result<Box<dyn Track + '_>> {
        match self.writer {
            Some(_) => Ok(Box::new(track::Notes::begin(self)?)),
            None => Ok(Box::new(track::Versions::begin(self)?)),
        }
    }

    fn classes(&self) -> Result<Vec<Class>> {
        self.read_with(|connection| catalog::classes(connection))
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        if !self.read_with(|connection| self.declared.contains(connection, class))? {
            return Ok(());
        }
        let mut ids = read::Ids::start();
        while self.read_with(|connection| ids.advance(connection, class))? {
            if ids.iter().any(|id| each(id).is_break()) {
                break;
            }
        }
        Ok(())
    }

    fn backlinks(&self, targets: &[Key], each: &mut dyn FnMut(&Key) -> ControlFlow<()>) -> Result<()> {
        let found = self.read_with(|connection| links::to(connection, targets))?;
        let _ = found.iter().try_for_each(each);
        Ok(())
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        self.read_of(base, |connection| read::generations(connection, base))
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        self.read_of(base, |connection| read::newest(connection, base))
    }

    fn identity(&self) -> u64 {
        self.identity.number()
    }

    fn checkpoint(&self) -> Result<()> {
        let checkpoint = || {
            drop(self.writer()?);
            let held = self.gate.acquire(Patience::Usual)?;
            let mut writer = self.writer()?;
            self.sync(&mut writer, &held)?;
            // What readers still look at stays in the log, which is durable.
            writer.connection.begin_operation();
            let truncate = writer.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
            truncate.map_err(unwritten("bring the log into the database")).inspect_err(|error| self.heed(error))
        };
        checkpoint().map_err(at(&self.shown))
    }

    fn recovered(&self) -> Option<Recovered> {
        None
    }

    fn upkeep(&self) -> &dyn Upkeep {
        self
    }

    fn is_shared(&self) -> bool {
        self.read_with(|connection| catalog::shared(connection)).is_ok_and(|shared| shared.is_some())
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::*;
    use crate::backend::{OpenOptions, conformance};

    #[test]
    fn conforms() -> Result<()> {
        let directory = tempfile::tempdir().map_err(|error| Error::new(ErrorKind::Io, error))?;
        let mut number = 0;
        conformance::check(|| {
            number += 1;
            Sqlite::open(directory.path().join(format!("{number}.db")), &OpenOptions::default())
                .unwrap_or_else(|error| unreachable!("{error}"))
        })
    }
}
