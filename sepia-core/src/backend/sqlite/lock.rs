//! Keeping others off: a transaction that was begun, and has written nothing.
//!
//! In a store that was opened for reading, it is one of a connection of its own; where that may not even be opened, others
//! can write. So the observer begins to read as well, and its thread sees one state in any case.

use std::time::Duration;

use rusqlite::Connection;

use super::bounded::Bounded;
use super::error::{at, failed, is_busy};
use super::gate::{Held, Patience};
use super::pool::{Access, connect};
use super::{Sqlite, commit, files, trace};
use crate::backend::Lock;
use crate::record::batch::{Batch, Durability};
use crate::record::error::{Error, ErrorKind, Result};

/// Keeps others off until it is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    sqlite: &'a Sqlite,
    /// Ends before others of this handle come in.
    _keeper: Option<Bounded>,
    held: Held<'a>,
}

impl<'a> Locked<'a> {
    pub(super) fn take(sqlite: &'a Sqlite) -> Result<Self> {
        let held = sqlite.gate.acquire(Patience::Usual)?;
        if sqlite.writer.is_some() {
            // What the batch will have to survive is not known yet: likely what the last had to.
            sqlite.begin(&mut *sqlite.writer()?, None, &held)?;
            return Ok(Self { sqlite, _keeper: None, held });
        }
        sqlite.identity.check(&sqlite.path)?;
        let keeper = keep_off(sqlite, &held)?;
        held.retry(|| begin_to_read(&sqlite.observer())).map_err(failed("begin to read"))?;
        Ok(Self { sqlite, _keeper: keeper, held })
    }

    fn finish(&mut self, batch: &Batch) -> Result<()> {
        let mut writer = self.sqlite.writer()?;
        writer.nested(|writer| commit::apply(writer, batch))?;
        writer.expect(batch.durability());
        let is_durable = writer.durability() == Durability::Sync;
        self.sqlite.end(&mut writer)?;
        if batch.durability() == Durability::Buffered || is_durable {
            return Ok(());
        }
        // Others may come in between, whose time is not that of those before.
        self.held.wait_anew();
        // It is committed, so it has not failed, and nobody may take it for refused.
        let unconfirmed = |error| {
            let message = "the batch is committed, and the disk has not confirmed it: open the store again";
            Error::because(message, error).of_kind(ErrorKind::Poisoned)
        };
        let synced = match self.sqlite.sync(&mut writer, &self.held) {
            // They may take as long as they like, and the log can be synced without them.
            Err(error) if error.kind() == ErrorKind::Locked => files::sync_log(&self.sqlite.path).map_err(|_| error),
            synced => synced,
        };
        synced.map_err(unconfirmed).inspect_err(|error| self.sqlite.heed(error))
    }
}

/// Begins a transaction that reads. Its state is that of the first read.
fn begin_to_read(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    connection.execute_batch("SELECT 1 FROM class").inspect_err(|_| {
        // It fails only if there is nothing to undo.
        let _ = connection.execute_batch("ROLLBACK");
    })
}

/// Keeps others off a store that was opened for reading; `None` if that takes more than may be done to it.
fn keep_off(sqlite: &Sqlite, held: &Held<'_>) -> Result<Option<Bounded>> {
    let begin = || {
        let keeper = connect(&sqlite.path, Access::KeepOff, Duration::ZERO)?;
        held.retry(|| keeper.execute_batch("BEGIN IMMEDIATE"))?;
        Ok(keeper)
    };
    match begin() {
        Ok(keeper) => Ok(Some(keeper)),
        Err(error) if is_busy(&error) => Err(held.locked()),
        Err(error) => match failed("keep others off")(error) {
            error if matches!(error.kind(), ErrorKind::ReadOnly | ErrorKind::Io) => Ok(None),
            error => Err(error),
        },
    }
}

impl Lock for Locked<'_> {
    fn commit(mut self: Box<Self>, batch: Batch) -> Result<()> {
        self.finish(&batch).map_err(at(&self.sqlite.shown))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if self.sqlite.writer.is_none() {
            // It fails only if there is nothing to end.
            let _ = self.sqlite.observer().execute_batch("COMMIT");
            return;
        }
        let Ok(mut writer) = self.sqlite.writer() else { return };
        if !writer.is_open() {
            return;
        }
        if writer.has_more {
            // Whoever did it has been told that it was done, and that it is durable once the lock has committed.
            if let Err(error) = self.sqlite.end(&mut writer) {
                trace::lost(&self.sqlite.shown, &error);
            }
        } else {
            writer.roll_back();
        }
    }
}
