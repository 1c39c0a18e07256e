//! What dead writers have left.

use std::sync::atomic::Ordering;

use super::super::journal::state::State;
use super::super::journal::{Observed, START};
use super::super::overlay::Overlay;
use super::super::recover::{self, Effort};
use super::super::{Filesystem, sys};
use crate::record::error::{Error, Result};

impl Filesystem {
    /// Begins to write: adopts what a dead writer left (step 1). Under the lock.
    pub(in super::super) fn begin(&self) -> Result<State> {
        if self.poisoned.load(Ordering::Relaxed) {
            return Err(self.is_poisoned());
        }
        self.journal.make(&self.root)?;
        let owns_state = self.journal.keep_up(&self.root)?;
        match self.journal.observe(&self.root)? {
            Observed::Trusted(mut state) => {
                let is_pending = !state.is_settled();
                if is_pending {
                    // Whether files have checksums may have changed. If that cannot be read, what is carried out may
                    // bring it.
                    let _ = self.catalog.current(&self.root);
                    self.finish(&state).map_err(|unfinished| unfinished.into_error(&self.root))?;
                    state.applied = state.committed;
                }
                let is_mine = self.journal.is_mine(&state);
                if !self.journal.is_last(&state) {
                    self.journal.reread_touched();
                }
                // One operation without a frame writes the state alone, if no frame is there.
                let is_written = is_pending || !is_mine || state.committed > START || self.journal.is_unvoided();
                if !owns_state || is_written && !self.journal.owns_journal(&self.root) {
                    self.journal.own(&self.root, &mut state)?;
                }
                if self.journal.is_unvoided() {
                    // It would come back over what is written without a frame.
                    self.journal.void_for_good(&self.root).map_err(|failure| self.unsynced(&state, failure))?;
                }
                if is_pending || !is_mine {
                    // What another process wrote last may lie beyond, and never have taken effect.
                    self.journal.void(&self.root, state.committed)?;
                    self.journal.set(&self.root, &mut state)?;
                }
                if is_pending {
                    self.catalog.reread(&self.root)?;
                }
                Ok(state)
            }
            Observed::Untrusted(Some(state)) if state.poisoned => Err(self.is_poisoned()),
            Observed::Nothing => self.recover(None),
            Observed::Untrusted(state) => self.recover(state),
        }
    }

    /// Notes that the last single operation is not under way any more, for readers who would wait for it as long as
    /// the lock is held. Under the lock.
    pub(in super::super) fn end_single(&self, state: &mut State) -> Result<()> {
        if !state.single {
            return Ok(());
        }
        self.journal.set(&self.root, state)
    }

    /// Carries out again whatever may not have reached the disk. Under the lock.
    pub(in super::super) fn recover(&self, known: Option<State>) -> Result<State> {
        self.journal.make(&self.root)?;
        self.journal.reread_touched();
        let scan = self.journal.scan(&self.root, known)?;
        let poisoned = known.is_some_and(|state| state.poisoned);
        let before = known.map_or((0, 0), |state| (state.epoch, state.sequence));
        // What is known if a sync fails: then the next recovery must not take its word for what is on the disk.
        let doubtful = State {
            poisoned: true,
            unsynced: true,
            durable: known.is_some_and(|state| state.durable),
            single: false,
            followed: false,
            epoch: scan.epoch,
            sequence: before.1.max(scan.sequence),
            applied: scan.from,
            committed: scan.end,
            token: 0,
            synced: scan.from,
            writer: 0,
            done: before.1.max(scan.sequence),
            known: before.1.max(scan.sequence),
        };
        let overlay = Overlay::of(&scan.frames, true);
        if overlay.commits > 0 {
            // Whether files have checksums; if that cannot be read, what is carried out may bring it.
            let _ = self.catalog.current(&self.root);
            let effort = if poisoned { Effort::All } else { Effort::Due };
            let completed = recover::complete(&self.root, &overlay, effort);
            let report = completed.map_err(|stuck| stuck.into_error(&self.root))?;
            recover::sync(&self.root, overlay.paths()).map_err(|failure| self.unsynced(&doubtful, failure))?;
            self.report(report);
        }
        if poisoned {
            sys::sync_all(&self.root)
                .map_err(|errno| self.poison(&doubtful, Error::io("sync the file system", self.root.path(), errno)))?;
        }
        self.forget_hints()?;
        let mut state = State {
            poisoned: false,
            // Somebody else's commits, or files that were there before, may not be on the disk.
            unsynced: !self.is_new,
            durable: false,
            single: false,
            followed: false,
            epoch: before.0.max(scan.epoch) + 1,
            sequence: before.1.max(scan.sequence) + 1,
            applied: START,
            committed: START,
            token: 0,
            synced: START,
            writer: 0,
            done: 0,
            known: 0,
        };
        // What was carried out again just now was perhaps edited since, and readers may have seen that.
        (state.done, state.known) = (state.sequence, state.sequence);
        // Nothing of it shall be carried out again once others have written over it, nor be taken for a
        // frame of an epoch of the same number, where the state is lost.
        if self.journal.owns_files(&self.root) {
            self.journal.empty(&self.root).map_err(|failure| self.unsynced(&doubtful, failure))?;
            if known.is_none() {
                self.journal.forget_touched(&self.root)?;
            }
            self.journal.set(&self.root, &mut state)?;
        } else {
            self.journal.own(&self.root, &mut state)?;
        }
        self.poisoned.store(false, Ordering::Relaxed);
        Ok(state)
    }
}
