//! Keeping others off: a transaction that was begun, and has written nothing.
//!
//! In a store that was opened for reading, where nothing can be kept off, it is one of the observer that only reads: its
//! thread sees one state for as long.

use super::gate::{Held, Patience};
use super::{Sqlite, commit, error::failed};
use crate::backend::Lock;
use crate::batch::{Batch, Durability};
use crate::error::Result;

/// Keeps others off until it is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    sqlite: &'a Sqlite,
    held: Held<'a>,
}

impl<'a> Locked<'a> {
    pub(super) fn take(sqlite: &'a Sqlite) -> Result<Self> {
        let held = sqlite.gate.acquire(Patience::Usual)?;
        if sqlite.writer.is_none() {
            // The snapshot is of the first read in it.
            let snapshot = "BEGIN; SELECT 1 FROM class";
            held.retry(|| sqlite.observer().execute_batch(snapshot)).map_err(failed("begin to read"))?;
        } else {
            // What the batch will have to survive is not known yet: likely what the last had to.
            sqlite.writer()?.begin(None, &held)?;
        }
        Ok(Self { sqlite, held })
    }

    fn finish(&self, batch: &Batch) -> Result<()> {
        let mut writer = self.sqlite.writer()?;
        writer.nested(|writer| commit::apply(writer, batch))?;
        writer.expect(batch.durability());
        let is_durable = writer.durability() == Durability::Sync;
        self.sqlite.end(&mut writer)?;
        if batch.durability() == Durability::Sync && !is_durable {
            return self.sqlite.sync(&mut writer, &self.held);
        }
        Ok(())
    }
}

impl Lock for Locked<'_> {
    fn commit(self: Box<Self>, batch: Batch) -> Result<()> {
        self.finish(&batch).map_err(super::at(&self.sqlite.path))
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
            // Nobody can be told any more that it failed, unless by the next write.
            let _ = self.sqlite.end(&mut writer);
        } else {
            writer.roll_back();
        }
    }
}
