//! Following commits: the frames of the journal tell what they change.
//!
//! While someone follows, the state says so (`followed`): no batch goes without a frame, and frames are
//! kept as long as there is room for them. It ends with the epoch, so that one who died does no harm. Whether
//! frames are missing all the same is seen from their sequence.

use super::journal::Observed;
use super::journal::state::State;
use super::{Filesystem, layout::PRIVATE};
use crate::backend::Track;
use crate::error::Result;
use crate::name;
use crate::record::Key;

/// Up to where commits have been followed.
#[derive(Debug)]
pub(super) struct Tracker<'a> {
    filesystem: &'a Filesystem,
    /// `None` if it is not known.
    last: Option<State>,
}

impl Filesystem {
    pub(super) fn tracker(&self) -> Result<Tracker<'_>> {
        Ok(Tracker { filesystem: self, last: self.follow()? })
    }

    /// Asks writers to leave frames of all that they commit, and returns the state from which on they do.
    fn follow(&self) -> Result<Option<State>> {
        if !self.writable {
            // Some leave them anyway.
            return Ok(match self.journal.observe(&self.root)? {
                Observed::Trusted(state) if state.is_settled() => Some(state),
                _ => None,
            });
        }
        let _held = if self.lock.is_mine() { None } else { Some(self.lock.acquire(&self.root)?) };
        let mut state = self.begin()?;
        if !state.followed {
            state.followed = true;
            self.journal.set(&self.root, &mut state)?;
        }
        Ok(Some(state))
    }

    /// Returns the keys that commits have changed between two states; `None` if not all have left frames.
    fn changed_between(&self, from: &State, to: &State) -> Result<Option<Vec<Key>>> {
        if from.epoch != to.epoch || to.committed < from.committed {
            return Ok(None);
        }
        let Some(frames) = self.journal.frames(&self.root, to.epoch, from.committed, to.committed)? else {
            return Ok(None);
        };
        let (mut keys, mut sequence, mut previous) = (Vec::new(), from.sequence, String::new());
        for frame in frames.iter() {
            sequence += 1;
            for operation in &frame.operations {
                let mut parts = operation.path.splitn(3, '/');
                let (Some(class), Some(id)) = (parts.next(), parts.next()) else { continue };
                let record = &operation.path[..class.len() + 1 + id.len()];
                // Those of one record follow each other.
                if class == PRIVATE || record == previous {
                    continue;
                }
                previous = record.to_owned();
                if let (Some(class), Some(id)) = (name::decode(class), name::decode(id)) {
                    keys.push(Key::new(&*class, &*id)?);
                }
            }
        }
        Ok((sequence == to.sequence).then_some(keys))
    }
}

impl Track for Tracker<'_> {
    fn changed(&mut self) -> Result<Option<Vec<Key>>> {
        if let Some(from) = self.last
            && let Observed::Trusted(to) = self.filesystem.journal.observe(&self.filesystem.root)?
            && let Some(keys) = self.filesystem.changed_between(&from, &to)?
        {
            self.last = Some(to);
            return Ok(Some(keys));
        }
        self.last = self.filesystem.follow()?;
        Ok(None)
    }
}

impl Drop for Tracker<'_> {
    /// Lets writers do without frames again, if none is at work just now: they do in the next epoch anyway.
    fn drop(&mut self) {
        let Self { filesystem, last } = self;
        let Some(last) = last.filter(|_| filesystem.writable) else { return };
        let held =
            if filesystem.lock.is_mine() { None } else { filesystem.lock.try_acquire(&filesystem.root).ok().flatten() };
        if (held.is_some() || filesystem.lock.is_mine())
            && let Ok(Observed::Trusted(mut state)) = filesystem.journal.observe(&filesystem.root)
            && state.followed
            && state.epoch == last.epoch
            && state.is_settled()
        {
            state.followed = false;
            let _ = filesystem.journal.try_set(&filesystem.root, &mut state);
        }
    }
}
