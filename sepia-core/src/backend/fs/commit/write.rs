//! From operations to frames, and on to the files.

use std::collections::HashSet;

use rustix::io::Errno;

use super::super::journal::frame::{Header, Size};
use super::super::journal::state::State;
use super::super::journal::{LIGHT_LIMIT, LIMIT, START, Unwritten, damaged};
use super::super::layout::is_within;
use super::super::operation::{Action, Before, Operation};
use super::super::operations::Part;
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
            && let Some(operation) = only.operations.single()
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
        let (mut checked, mut made, mut needed) = ("", None, 0);
        for part in group.iter().flat_map(|planned| planned.operations.parts()) {
            let directory = part.directory();
            // What this batch makes itself can be written.
            let is_made = made.is_some_and(|made| is_within(directory, made));
            if directory != checked && !is_made {
                publisher.check_way(directory).map_err(|errno| self.failed(&part.first(), errno))?;
                checked = directory;
            }
            if let Part::One(Operation { path, action: Action::MakeDirectory, before: Before::Nothing }) = part
                && !is_made
            {
                made = Some(&**path);
            }
            needed += room(part);
        }
        if self.root.folds() {
            self.check_spellings(group, &mut publisher)?;
        }
        match sys::free(&self.root) {
            Ok(Some(free)) if free < needed => Err(Error::io("write the batch", self.root.path(), Errno::NOSPC)),
            _ => Ok(()),
        }
    }

    /// Refuses what the file system would take for something else that is there, or comes.
    fn check_spellings(&self, group: &[Planned<'_>], publisher: &mut Publisher<'_>) -> Result<()> {
        let mut made = HashSet::new();
        group.iter().try_for_each(|planned| {
            planned.operations.try_each(&mut |operation| {
                let is_new = operation.before == Before::Nothing;
                match is_new && (!made.insert(operation.path.to_lowercase()) || publisher.is_taken(&operation.path)) {
                    true => Err(self.failed(operation, Errno::EXIST)),
                    false => Ok(()),
                }
            })
        })
    }

    /// Steps 3 to 5.
    fn write_frames(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        // Otherwise it has been looked at under this lock.
        if state.committed == START && !self.journal.owns_journal(&self.root) {
            self.journal.own(&self.root, state)?;
        }
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
        let planned: Vec<_> =
            group.iter().map(|planned| &planned.operations).filter(|operations| !operations.is_empty()).collect();
        let sizes: Vec<_> = planned.iter().map(|operations| Size::of(operations)).collect();
        let place = |next: &State| {
            let (mut at, mut sequence) = (next.committed, next.sequence);
            let frames = planned.iter().zip(&sizes).map(|(operations, size)| {
                sequence += 1;
                let header = Header { durable: next.durable, epoch: next.epoch, at, sequence, synced: next.synced };
                at += size.frame();
                (header, *size, *operations)
            });
            let frames: Vec<Unwritten<'_>> = frames.collect();
            (frames, at, sequence)
        };
        let (mut frames, mut end, mut sequence) = place(&next);
        let limit = if next.durable || next.followed { LIMIT } else { LIGHT_LIMIT };
        if end > limit && next.committed > START {
            if next.durable {
                self.checkpoint_epoch(&mut next)?;
                next.durable = true;
            }
            self.begin_epoch(&mut next)?;
            (frames, end, sequence) = place(&next);
        }
        let begin = next.committed;
        let written = self.journal.write(&self.root, begin, &frames);
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
        let mut group = group.iter().map(|planned| &planned.operations);
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

/// The bytes of the disk that operations take at most: each takes a block besides its content. What is removed takes
/// none, so that room can be made.
fn room(part: &Part<'_>) -> u64 {
    match part {
        Part::Links(links) => BLOCK * links.count as u64,
        Part::One(operation) => match &operation.action {
            Action::File(content) => BLOCK + content.len() as u64,
            Action::MakeDirectory | Action::Link(_) => BLOCK,
            Action::Remove | Action::RemoveDirectory => 0,
        },
    }
}

/// Whether an operation is all of a leaf's change.
pub(super) fn is_whole_record(operation: &Operation<'_>) -> bool {
    operation.path.split('/').count() == 2 && matches!(operation.action, Action::File(_) | Action::Remove)
}
