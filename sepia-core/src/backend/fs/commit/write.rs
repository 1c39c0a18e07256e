//! From operations to frames, and on to the files.

use std::collections::HashSet;

use rustix::io::Errno;

use super::super::journal::state::State;
use super::super::journal::{LIGHT_LIMIT, LIMIT, START, damaged, frame};
use super::super::operation::{Action, Before, Operation};
use super::super::overlay::Overlay;
use super::super::publish::Publisher;
use super::super::recover::{self, Effort};
use super::super::{Filesystem, sys, trace};
use super::check::Planned;
use super::leaf::takes_no_frame;
use super::spread;
use crate::batch::Durability;
use crate::error::{Error, Result};

/// What a small file takes on most disks.
const BLOCK: u64 = 4096;

impl Filesystem {
    /// Lets planned batches take effect, and carries them out. If this fails, nothing has changed.
    pub(super) fn carry_out(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        for (key, base) in group.iter().flat_map(|planned| &planned.bases).filter(|(_, base)| base.after > base.before)
        {
            // A hint that is ahead of the generations is seen to be bad; one that lags may not be.
            self.set_hint(key, base.after)?;
        }
        if let [only] = group
            && let [operation] = &*only.operations
            && only.durability == Durability::Buffered
            && only.classes.is_none()
            && takes_no_frame(state)
            && is_whole_record(operation)
        {
            let done = self.carry_out_single(state, operation);
            done.map_err(|errno| self.failed(operation, errno))?;
        } else if group.iter().any(|planned| !planned.operations.is_empty()) {
            self.check_feasible(group)?;
            self.write_frames(state, group)?;
            self.publish(state, group)?;
        } else if group.iter().any(|planned| planned.durability == Durability::Sync) {
            self.make_durable(state)?;
        }
        if group.iter().any(|planned| planned.classes.is_some()) {
            self.catalog.reread(&self.root)?;
        }
        let bases = group.iter().flat_map(|planned| &planned.bases).filter(|(_, base)| base.after < base.before);
        let lowered: Vec<_> = bases.map(|(key, base)| (key, base.before.unwrap_or(0))).collect();
        // They are bad now; if they cannot be set right, they stay so.
        let _ = self.lower_hints(&lowered);
        Ok(())
    }

    /// Carries out one operation that needs no frame.
    fn carry_out_single(&self, state: &mut State, operation: &Operation<'_>) -> rustix::io::Result<()> {
        // What it takes comes first, so that little can fail in between.
        let mut publisher = Publisher::new(&self.root);
        publisher.open_way(&operation.path)?;
        self.begin_unframed(state)?;
        publisher.operate(operation)
    }

    fn failed(&self, operation: &Operation<'_>, errno: Errno) -> Error {
        let place = self.root.place(&*operation.path);
        if errno == Errno::EXIST && self.root.folds() {
            let message = "the file system takes this name for another that is there";
            return Error::invalid_name(message).at(place.to_string_lossy());
        }
        Error::io(operation.action.describe(), &place, errno)
    }

    /// Refuses what would be found impossible only after it has taken effect.
    fn check_feasible(&self, group: &[Planned<'_>]) -> Result<()> {
        let mut publisher = Publisher::new(&self.root);
        let (mut checked, mut needed) = ("", 0);
        let mut made = HashSet::new();
        for operation in group.iter().flat_map(|planned| &planned.operations) {
            let parent = operation.path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if parent != checked {
                publisher.check_way(parent).map_err(|errno| self.failed(operation, errno))?;
                checked = parent;
            }
            // Each takes a block besides. What is removed takes none, so that room can be made.
            needed += match &operation.action {
                Action::File(content) => BLOCK + content.len() as u64,
                Action::MakeDirectory | Action::Link(_) => BLOCK,
                Action::Remove | Action::RemoveDirectory => 0,
            };
            if self.root.folds() && operation.before == Before::Nothing && !made.insert(operation.path.to_lowercase()) {
                return Err(self.failed(operation, Errno::EXIST));
            }
            if self.root.folds() && operation.before == Before::Nothing && publisher.is_taken(&operation.path) {
                return Err(self.failed(operation, Errno::EXIST));
            }
        }
        match sys::free(&self.root) {
            Ok(Some(free)) if free < needed => Err(Error::io("write the batch", self.root.path(), Errno::NOSPC)),
            _ => Ok(()),
        }
    }

    /// Steps 3 to 5.
    fn write_frames(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        self.journal.check_place(&self.root)?;
        let durable = group.iter().any(|planned| planned.durability == Durability::Sync);
        let mut next = *state;
        if durable && !next.durable {
            // What came before in this epoch is carried out, and shall be as durable as what comes now.
            if next.unsynced {
                self.sync_everything(&mut next)?;
            }
            self.sync_ground().map_err(|error| self.poison(state, error))?;
            next.durable = true;
            self.begin_epoch(&mut next)?;
        }
        let mut bytes = Vec::new();
        let mut encode = |next: &mut State| {
            bytes.clear();
            let (mut at, mut sequence) = (next.committed, next.sequence);
            for planned in group.iter().filter(|planned| !planned.operations.is_empty()) {
                sequence += 1;
                let header =
                    frame::Header { durable: next.durable, epoch: next.epoch, at, sequence, synced: next.synced };
                at += frame::encode(header, &planned.operations, &mut bytes);
            }
            // What a dead writer may have left right behind is none of these.
            bytes.resize(bytes.len() + frame::HEADER, 0);
            (at, sequence)
        };
        let (mut end, mut sequence) = encode(&mut next);
        let limit = if next.durable || next.followed { LIMIT } else { LIGHT_LIMIT };
        if end > limit && next.committed > START {
            if next.durable {
                self.checkpoint_epoch(&mut next)?;
                next.durable = true;
            }
            self.begin_epoch(&mut next)?;
            (end, sequence) = encode(&mut next);
        }
        let begin = next.committed;
        let written = self.journal.write(&self.root, begin, &bytes);
        written.inspect_err(|_| drop(self.journal.void(&self.root, begin)))?;
        if durable {
            if let Err(error) = self.journal.sync(&self.root) {
                let _ = self.journal.void(&self.root, begin);
                return Err(self.poison(state, error));
            }
            next.synced = end;
        } else {
            next.unsynced |= !next.durable;
        }
        (next.applied, next.committed, next.sequence, next.single) = (begin, end, sequence, false);
        let set = self.journal.set(&self.root, &mut next);
        set.inspect_err(|_| drop(self.journal.void(&self.root, begin)))?;
        *state = next;
        Ok(())
    }

    /// Begins another epoch, after one of which nothing is needed any more.
    pub(super) fn begin_epoch(&self, state: &mut State) -> Result<()> {
        self.hand_on(state);
        // In this order: what is killed in between leaves no frame that could be taken for one of either.
        self.journal.void(&self.root, START)?;
        self.journal.trim(&self.root)?;
        state.next_epoch();
        self.journal.set(&self.root, state)
    }

    /// Steps 6 and 7. The batches have taken effect: what cannot be carried out now is carried out
    /// later, and readers see it all the same.
    fn publish(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        let mut publisher = Publisher::new(&self.root);
        let mut group = group.iter().map(|planned| &*planned.operations);
        let carried_out = group.try_for_each(|operations| spread::carry_out(&self.root, &mut publisher, operations));
        if carried_out.is_err() && self.finish(state).is_err() {
            trace::pending(self.root.path());
            return Ok(());
        }
        state.applied = state.committed;
        // If this cannot be noted, it is found to be done.
        let _ = self.journal.set(&self.root, state);
        Ok(())
    }

    /// Carries out what is left of what has taken effect.
    pub(super) fn finish(&self, state: &State) -> Result<()> {
        let frames = self.journal.frames(&self.root, state.epoch, state.applied, state.committed)?;
        let frames = frames.ok_or_else(|| damaged(&self.root, "a commit in it cannot be read"))?;
        let report = recover::complete(&self.root, &Overlay::of(&frames, false), Effort::Due)?;
        self.report(report);
        Ok(())
    }
}

/// Whether an operation is all of a leaf's change.
pub(super) fn is_whole_record(operation: &Operation<'_>) -> bool {
    operation.path.split('/').count() == 2 && matches!(operation.action, Action::File(_) | Action::Remove)
}
