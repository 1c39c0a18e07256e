//! From operations to frames, and on to the files.

use rustix::io::Errno;

use super::super::journal::frame::{HEADER, Header, Size};
use super::super::journal::state::{Left, Single, State};
use super::super::journal::{LIGHT_LIMIT, LIMIT, START, Unwritten, damaged};
use super::super::layout::names;
use super::super::operation::{Action, Operation};
use super::super::overlay::Overlay;
use super::super::publish::Publisher;
use super::super::recover::{self, Effort};
use super::super::root::Root;
use super::super::stuck::{self, Stuck};
use super::super::{Filesystem, trace, track};
use super::check::Planned;
use super::leaf::takes_no_frame;
use super::spread;
use crate::record::batch::Durability;
use crate::record::error::{Error, Result};

/// A batch that is so much longer than an epoch gives its part of the journal back at once.
const LARGE: u64 = 4 * LIGHT_LIMIT;

impl Filesystem {
    /// Lets planned batches take effect, and carries them out. If this fails, nothing has changed, or it is `Poisoned`.
    /// What comes after the moment at which they take effect cannot fail.
    pub(super) fn carry_out(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        let unnoted = self.hint_before(group)?;
        if let [only] = group
            && let Some(operation) = only.operations.single()
            && only.durability == Durability::Buffered
            && only.classes.is_none()
            && !only.is_hidden
            && takes_no_frame(state)
            && is_whole_record(operation)
        {
            let done = self.carry_out_single(state, operation);
            done.map_err(|errno| self.failed(operation, errno))?;
        } else if group.iter().any(|planned| !planned.operations.is_empty()) {
            match self.write_frames(state, group) {
                Err(error) if stuck::lacks_room(&error) && self.make_room(state)? => self.write_frames(state, group)?,
                written => written?,
            }
            self.publish(state, group);
        } else if group.iter().any(|planned| planned.durability == Durability::Sync) {
            self.make_durable(state)?;
        }
        if let Some(classes) = group.iter().find_map(|planned| planned.classes.as_deref()) {
            self.catalog.take_committed(&self.root, classes);
        }
        self.hint_after(group, &unnoted);
        Ok(())
    }

    /// Carries out one operation that needs no frame.
    fn carry_out_single(&self, state: &mut State, operation: &Operation<'_>) -> rustix::io::Result<()> {
        // What it takes comes first, so that little can fail in between.
        let mut publisher = Publisher::new(&self.root);
        publisher.open_way(&operation.path)?;
        let leaves = match &operation.action {
            Action::File(content) => Some(Left::of(content)),
            _ => None,
        };
        self.begin_unframed(state, &Single { path: (&*operation.path).into(), leaves })?;
        publisher.operate(operation)
    }

    pub(super) fn failed(&self, operation: &Operation<'_>, errno: Errno) -> Error {
        let place = self.root.place(&*operation.path);
        if errno == Errno::EXIST && self.root.folds() {
            let message = "the file system takes this name for another that is there";
            return Error::invalid_name(message).at(place.to_string_lossy());
        }
        Error::io(operation.action.describe(), &place, errno)
    }

    /// Steps 3 to 5. If this fails, the state may have gone on to another epoch.
    fn write_frames(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        // Otherwise it has been looked at under this lock.
        if state.committed == START && !self.journal.owns_journal(&self.root) {
            self.journal.own(&self.root, state)?;
        }
        let framed: Vec<_> = group.iter().filter(|planned| !planned.operations.is_empty()).collect();
        let planned: Vec<_> = framed.iter().map(|planned| &planned.operations).collect();
        let sizes: Vec<_> = planned.iter().map(|operations| Size::of(operations)).collect();
        let size: u64 = sizes.iter().map(|size| size.frame()).sum();
        let length = self.check_feasible(state, group, size + HEADER as u64)?;
        // How long the journal is, until it is cut.
        let mut length = Some(length);
        let durable = group.iter().any(|planned| planned.durability == Durability::Sync);
        let mut next = *state;
        if durable && !next.durable {
            // What came before in this epoch is carried out, and shall be as durable as what comes now.
            if next.unsynced {
                self.sync_everything(&mut next)?;
            }
            self.sync_ground().map_err(|failure| self.unsynced(&next, failure))?;
            next.durable = true;
            length = None;
            self.begin_epoch(&mut next)?;
        }
        let place = |next: &State| {
            let (mut at, mut sequence) = (next.committed, next.sequence);
            let frames = framed.iter().zip(&sizes).map(|(planned, size)| {
                sequence += 1;
                let (durable, is_hidden) = (next.durable, planned.is_hidden);
                let header = Header { durable, is_hidden, epoch: next.epoch, at, sequence, synced: next.synced };
                at += size.frame();
                (header, *size, &planned.operations)
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
            length = None;
            self.begin_epoch(&mut next)?;
            (frames, end, sequence) = place(&next);
        }
        let begin = next.committed;
        let rejected = State { applied: begin, single: false, ..next };
        let first = begin + sizes.first().map_or(0, |size| size.frame());
        let written = self.journal.write(&self.root, begin, &frames, length);
        written.map_err(|error| self.reject(&rejected, first, error))?;
        if durable {
            if let Err(error) = self.journal.sync(&self.root) {
                // The state says up to where frames count. Should that be lost, the frame is void, if the disk can still
                // be written.
                let poisoned = self.poison(&rejected, error);
                let _ = self.journal.void(&self.root, begin).and_then(|()| self.journal.sync(&self.root));
                return Err(poisoned);
            }
            next.synced = end;
        } else {
            next.unsynced |= !next.durable;
        }
        let records = planned.iter().flat_map(|operations| track::records(operations.parts()));
        if self.journal.note_touched(&self.root, records, sequence).is_err() {
            // Then nobody can rely on what is noted up to here.
            next.known = sequence;
        }
        next.done = state.sequence;
        (next.applied, next.committed, next.sequence) = (begin, end, sequence);
        self.journal.set(&self.root, &mut next).map_err(|error| self.reject(&rejected, first, error))?;
        *state = next;
        Ok(())
    }

    /// Makes frames void that were written and do not take effect, of which the first ends at `first`: a recovery that
    /// has no state would find them. Returns the error, which is `Poisoned` if they can be neither made void nor be known
    /// to be incomplete.
    fn reject(&self, state: &State, first: u64, error: Error) -> Error {
        let is_void = self.journal.void(&self.root, state.committed).is_ok()
            // The disk may have written it by itself.
            && (!state.durable || self.journal.sync(&self.root).is_ok());
        let frames = || self.journal.frames(&self.root, state.epoch, state.committed, first);
        if is_void || matches!(frames(), Ok(None)) { error } else { self.poison(state, error) }
    }

    /// Begins another epoch, after one of which nothing is needed any more.
    pub(super) fn begin_epoch(&self, state: &mut State) -> Result<()> {
        self.hand_on(state);
        // In this order: what is killed in between leaves no frame that could be taken for one of either.
        self.journal.void(&self.root, START)?;
        self.journal.trim(&self.root, state.committed)?;
        state.next_epoch();
        self.journal.set(&self.root, state)
    }

    /// Steps 6 and 7. The batches have taken effect: what cannot be carried out now is carried out
    /// later, and readers see it all the same.
    fn publish(&self, state: &mut State, group: &[Planned<'_>]) {
        let mut publisher = Publisher::new(&self.root);
        let carried_out = group.iter().try_for_each(|planned| {
            publisher.set_hidden(planned.is_hidden);
            spread::carry_out(&self.root, &mut publisher, &planned.operations)
        });
        if carried_out.is_err() && self.finish(state).is_err() {
            trace::pending(self.root.path());
            return;
        }
        state.applied = state.committed;
        // If this cannot be noted, it is found to be done.
        let noted = self.journal.set(&self.root, state);
        if noted.is_ok() && !state.durable && !state.followed && state.committed > LARGE {
            // If that fails, the next epoch gives it back, or a checkpoint.
            let _ = self.begin_epoch(state).and_then(|()| self.journal.shrink(&self.root));
        }
    }

    /// Carries out what is left of what has taken effect.
    pub(in super::super) fn finish(&self, state: &State) -> Result<(), Unfinished> {
        let frames = self.journal.frames(&self.root, state.epoch, state.applied, state.committed);
        let frames =
            frames.and_then(|frames| frames.ok_or_else(|| damaged(&self.root, "a commit in it cannot be read")));
        let overlay = Overlay::of(&frames.map_err(Unfinished::Unread)?, false);
        let complete = || recover::complete(&self.root, &overlay, Effort::Due);
        let completed = match complete() {
            // The journal's own room may be enough.
            Err(stuck) if stuck.lacks_room() && self.journal.cut_behind(&self.root, state.committed) => complete(),
            completed => completed,
        };
        self.report(completed.map_err(Unfinished::Stuck)?);
        Ok(())
    }
}

/// Why something that has taken effect is not carried out.
#[derive(Debug)]
pub(in super::super) enum Unfinished {
    /// The journal cannot be read.
    Unread(Error),
    Stuck(Stuck),
}

impl Unfinished {
    pub(super) fn into_error(self, root: &Root) -> Error {
        match self {
            Self::Unread(error) => error,
            Self::Stuck(stuck) => stuck.into_error(root),
        }
    }
}

/// Whether an operation is all of a leaf's change.
pub(super) fn is_whole_record(operation: &Operation<'_>) -> bool {
    matches!(operation.action, Action::File(_) | Action::Remove) && names(&operation.path).count() == 2
}

#[cfg(test)]
mod tests {
    use super::super::super::layout::{PRIVATE, STATE, name_of};
    use super::super::super::sys;
    use super::*;
    use crate::backend::{Backend, OpenOptions};
    use crate::record::batch::{Batch, Expect};
    use crate::record::class::{Class, Format};
    use crate::record::error::ErrorKind;
    use crate::record::{Key, Record};

    fn batch(text: &str) -> Result<Batch> {
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Note", Format::Text))?;
        batch.set_durability(Durability::Sync);
        batch.put(Key::new("Note", "n")?, Record::Leaf(text.into()), Expect::Any);
        Ok(batch)
    }

    /// The disk has a frame that it did not confirm, and that could not be made void. Whoever committed it was told that
    /// it is not stored; so the poisoned state, which says up to where frames count, must be believed.
    #[test]
    fn a_rejected_frame_does_not_return() -> Result<()> {
        for is_rejected in [true, false] {
            let directory = tempfile::tempdir().map_err(|error| Error::new(ErrorKind::Io, error))?;
            let open = || Filesystem::open(directory.path(), &OpenOptions::default());
            let store = open()?;
            store.commit(batch("confirmed")?)?;
            let state = store.begin()?;
            let second = batch("not confirmed")?;
            let planned = store.plan(&second)?;
            let header = Header {
                durable: true,
                is_hidden: false,
                epoch: state.epoch,
                at: state.committed,
                sequence: state.sequence + 1,
                synced: state.synced,
            };
            let size = Size::of(&planned.operations);
            store.journal.write(&store.root, state.committed, &[(header, size, &planned.operations)], None)?;
            if is_rejected {
                let poisoned = store.poison(&state, Error::message(ErrorKind::Io, "the disk does not confirm it"));
                assert_eq!(poisoned.kind(), ErrorKind::Poisoned);
            } else {
                // As after the loss of power: the frame is found by its checksum.
                let private = sys::open_directory(&store.root, PRIVATE);
                let removed = private.and_then(|private| sys::remove(private, name_of(STATE)));
                removed.map_err(|errno| Error::io("remove", store.root.path(), errno))?;
            }
            drop(store);
            let expected = if is_rejected { "confirmed" } else { "not confirmed" };
            for _ in 0..2 {
                let found = open()?.read(&Key::new("Note", "n")?)?;
                assert_eq!(found, Some(Record::Leaf(expected.into())), "{is_rejected}");
            }
        }
        Ok(())
    }
}
