//! Making all that has been committed durable where it stands.

use std::sync::atomic::Ordering;

use super::super::journal::state::{Single, State};
use super::super::journal::{RESERVE, START, damaged};
use super::super::layout::{FORMAT_FILE, PRIVATE, STATE};
use super::super::recover::{self, SyncFailure};
use super::super::{Filesystem, sys};
use crate::record::error::{Error, ErrorKind, Result};

impl Filesystem {
    /// Makes all that has been committed durable where it stands, and begins the journal anew. Under the
    /// lock.
    pub(in super::super) fn checkpoint_held(&self) -> Result<()> {
        let mut state = self.begin()?;
        self.journal.own(&self.root, &mut state)?;
        if state.durable {
            self.checkpoint_epoch(&mut state)?;
        }
        if state.unsynced {
            self.sync_everything(&mut state)?;
        }
        match state.committed {
            ..=START => self.journal.set(&self.root, &mut state)?,
            _ => self.begin_epoch(&mut state)?,
        }
        self.journal.clear(&self.root)
    }

    /// Begins a change of a single path that is not in the journal, as a move is not: nothing that the journal
    /// holds will be carried out again over it, whatever happens, and whoever follows commits sees that there is one. Who is
    /// told what goes need not wait to know whether it has gone. Under the lock.
    pub(in super::super) fn begin_single(&self, single: Option<&Single<'_>>) -> Result<()> {
        let mut state = self.begin()?;
        self.journal.own(&self.root, &mut state)?;
        if state.durable {
            self.checkpoint_epoch(&mut state)?;
        } else {
            // Also where no frame is left: one that was made void without waiting may still be on the disk.
            self.begin_epoch(&mut state)?;
            self.journal.sync(&self.root).map_err(|error| self.poison(&state, error))?;
        }
        state.sequence += 1;
        state.unsynced = true;
        // Of what is not told, readers who have to know wait until the lock is free.
        let set = self.journal.try_set_single(&self.root, &mut state, single);
        set.map_err(|errno| Error::io("write the state of the store", &self.root.place(STATE), errno))
    }

    /// Syncs the files of an epoch with durable frames, and leaves the journal empty.
    pub(super) fn checkpoint_epoch(&self, state: &mut State) -> Result<()> {
        let frames = self.journal.frames(&self.root, state.epoch, START, state.committed)?;
        let frames = frames.ok_or_else(|| damaged(&self.root, "a commit in it cannot be read"))?;
        let paths = frames.iter().flat_map(|frame| frame.operations).map(|operation| operation.path);
        recover::sync(&self.root, paths).map_err(|failure| self.unsynced(state, failure))?;
        self.hand_on(state);
        // From here on, nothing needs what the journal holds.
        state.next_epoch();
        (state.durable, state.unsynced) = (false, false);
        self.journal.set(&self.root, state)?;
        // Killed here: whoever writes next voids it.
        self.journal.void_for_good(&self.root).map_err(|failure| self.unsynced(state, failure))?;
        self.journal.shrink(&self.root)
    }

    /// Ends an epoch on a disk without room, for what its frames take. Returns whether there is more room now. Under the
    /// lock.
    pub(super) fn make_room(&self, state: &mut State) -> Result<bool> {
        *state = self.begin()?;
        let length = self.journal.length(&self.root)?;
        // Less is not worth a checkpoint.
        if length <= 2 * RESERVE && state.committed < RESERVE / 2 {
            return Ok(false);
        }
        if state.durable {
            self.checkpoint_epoch(state)?;
        } else {
            self.begin_epoch(state)?;
            self.journal.shrink(&self.root)?;
        }
        Ok(true)
    }

    /// Nothing changes, but what came before may not have been waited for.
    pub(super) fn make_durable(&self, state: &mut State) -> Result<()> {
        if state.is_on_disk() {
            return Ok(());
        }
        if state.unsynced {
            self.sync_everything(state)?;
        } else {
            self.journal.sync(&self.root).map_err(|error| self.poison(state, error))?;
            state.synced = state.committed;
        }
        self.journal.set(&self.root, state)
    }

    /// Makes sure that what the journal itself stands on is found again: it may be new.
    pub(super) fn sync_ground(&self) -> Result<(), SyncFailure> {
        let fail = |errno| Error::io("sync the store", self.root.path(), errno);
        let opened = |errno| SyncFailure::NotAsked(fail(errno));
        let private = sys::open_directory(&self.root, PRIVATE).map_err(opened)?;
        let format = sys::open_below(&self.root, FORMAT_FILE).map_err(opened)?;
        let synced = sys::sync(format).and_then(|()| sys::sync(private)).and_then(|()| sys::sync(&self.root));
        synced.map_err(|errno| SyncFailure::NotConfirmed(fail(errno)))
    }

    pub(super) fn sync_everything(&self, state: &mut State) -> Result<()> {
        match sys::sync_all(&self.root) {
            Ok(()) => {
                state.unsynced = false;
                Ok(())
            }
            Err(errno) => Err(self.poison(state, Error::io("sync the file system", self.root.path(), errno))),
        }
    }

    /// Something is not known to be on the disk: an ordinary error, unless the disk was asked.
    pub(super) fn unsynced(&self, state: &State, failure: SyncFailure) -> Error {
        match failure {
            SyncFailure::NotAsked(error) => error,
            SyncFailure::NotConfirmed(error) => self.poison(state, error),
        }
    }

    /// A sync has failed: what the disk has is not known. The state says up to where frames count all the same.
    pub(super) fn poison(&self, state: &State, cause: Error) -> Error {
        self.poisoned.store(true, Ordering::Relaxed);
        // If that fails too, this process at least knows.
        if self.journal.owns_files(&self.root) {
            let _ = self.journal.set(&self.root, &mut State { poisoned: true, ..*state });
        }
        Error::new(ErrorKind::Poisoned, cause).at(self.root.path().to_string_lossy())
    }

    pub(super) fn is_poisoned(&self) -> Error {
        let message = "the disk failed to confirm an earlier write: open the store again";
        Error::message(ErrorKind::Poisoned, message).at(self.root.path().to_string_lossy())
    }
}
