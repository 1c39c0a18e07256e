//! Telling moments from each other, without a lock.
//!
//! Every commit is counted in the state, one with frames when it takes effect. One of a single operation without a
//! frame is counted before that operation is carried out; so a moment is the number of the last commit, and whether the
//! operation can be seen under its path. A writer that is held up in between keeps nobody waiting: until it goes on, the
//! operation is not there, and once it is, the moment is another. A repair that moves something away tells what goes in
//! the same way.

use std::sync::atomic::Ordering;

use rustix::io::{Errno, Result as IoResult};

use super::journal::Observed;
use super::journal::state::Single;
use super::operation::Image;
use super::{Filesystem, sys};
use crate::backend::Moment;
use crate::record::error::Result;
use crate::record::name::{self, DATA};

/// How often a moment is asked for while a repair is at work.
const ATTEMPTS: usize = 100;

impl Filesystem {
    /// Returns the present moment.
    pub(super) fn present(&self) -> Result<Moment> {
        for _ in 0..ATTEMPTS {
            let (sequence, single) = match self.journal.observe_single(&self.root)? {
                (Observed::Nothing, _) => (0, None),
                (Observed::Trusted(state), single) if state.single => (state.sequence, Some(single)),
                (Observed::Trusted(state), _) => (state.sequence, None),
                (Observed::Untrusted(state), _) => (state.map_or(u64::MAX, |state| state.sequence), None),
            };
            let Some(single) = single else { return Ok(Moment::new([sequence, 0])) };
            // What is done stays done.
            if self.seen.load(Ordering::Relaxed) == sequence {
                return Ok(Moment::new([sequence, 0]));
            }
            if let Some(done) = single.and_then(|single| self.is_carried_out_alone(&single).ok()) {
                if done {
                    self.seen.store(sequence, Ordering::Relaxed);
                }
                return Ok(Moment::new([sequence, u64::from(!done)]));
            }
            // A repair, of which the state tells nothing more: it is not under way if nobody has the lock.
            if self.lock.is_mine() || self.lock.try_acquire(&self.root)?.is_some() {
                return Ok(Moment::new([sequence, 0]));
            }
            std::thread::yield_now();
        }
        // Whoever has the lock is at work: no other moment is this one.
        Ok(Moment::new([0, 1 + self.moments.fetch_add(1, Ordering::Relaxed)]))
    }

    /// Returns whether the single operation of a commit can be seen under its path. If it cannot, it is under way, or
    /// its writer has died, or somebody has edited the file since.
    fn is_carried_out_alone(&self, single: &Single<'_>) -> IoResult<bool> {
        let (above, last) = single.path.rsplit_once('/').ok_or(Errno::INVAL)?;
        let is_above = above.split('/').all(is_name);
        let Some(left) = single.leaves else {
            // A record, or what a repair moves away: something in one, or what marks it.
            if !is_above || !is_name(last) && last != DATA {
                return Err(Errno::INVAL);
            }
            return match sys::kind_below(&self.root, &single.path) {
                Err(Errno::NOENT | Errno::NOTDIR) => Ok(true),
                stands => stands.map(|_| false),
            };
        };
        if !is_above || above.contains('/') || !is_name(last) {
            return Err(Errno::INVAL);
        }
        let file = match sys::open_below(&self.root, &single.path) {
            Err(Errno::NOENT) => return Ok(false),
            file => file?,
        };
        // Most are told apart by their lengths.
        Ok(sys::length(&file)? == left.length && Image::of_file(&sys::read(&file, left.length)?) == left.image)
    }
}

fn is_name(name: &str) -> bool {
    name::decode(name).is_some()
}
