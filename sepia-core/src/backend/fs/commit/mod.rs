//! Committing batches: the writer's steps, as [`journal`](super::journal) numbers them.
//!
//! - `check`: is all as the batch expects, and which operations does it take (step 2)
//! - `feasible`: what the system would refuse is refused before
//! - `hints`: those of newest generations, before and after
//! - `write`: from operations to frames, and on to the files (steps 3 to 7)
//! - `spread`: carrying them out, many by two threads
//! - `leaf`: one leaf, without a frame
//! - `begin`: what dead writers left (step 1)
//! - `checkpoint`: making all of it durable where it stands

mod begin;
mod check;
mod checkpoint;
mod feasible;
mod hints;
mod leaf;
mod spread;
mod write;

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::Filesystem;
use super::journal::Observed;
use super::lock::{Held, Outcome, Turn};
use crate::record::Key;
use crate::record::batch::{Batch, Change, Durability, Expect, Step};
use crate::record::error::Result;
pub(super) use write::Unfinished;

/// The most batches that are committed together.
const TOGETHER: usize = 256;

impl Filesystem {
    /// Commits a batch, alone or together with those of other threads.
    pub(super) fn commit_batch(&self, batch: Batch) -> Result<()> {
        if self.is_done(&batch)? {
            return Ok(());
        }
        match self.lock.acquire_for(&self.root, batch)? {
            Turn::Done(done) => done,
            Turn::Held(held, batch) => self.commit_held(&held, &batch, TOGETHER),
        }
    }

    /// Whether a batch changes nothing, and all is as it expects, and as durable. That takes no lock.
    fn is_done(&self, batch: &Batch) -> Result<bool> {
        let is_simple = |expect: &Expect| matches!(expect, Expect::Unchanged(_) | Expect::Present | Expect::Absent);
        let keeps = |step: &Step| step.change == Change::Keep && is_simple(&step.expect);
        if !batch.steps().iter().all(keeps) || !batch.retired().is_empty() || batch.steps().is_empty() {
            return Ok(false);
        }
        let observed = self.journal.observe(&self.root)?;
        let Observed::Trusted(state) = observed else {
            return Ok(false);
        };
        if self.poisoned.load(Ordering::Relaxed) || !(state.is_on_disk() || batch.durability() == Durability::Buffered)
        {
            return Ok(false);
        }
        if batch.merge_classes(&self.catalog.known())?.is_some() {
            return Ok(false);
        }
        for step in batch.steps() {
            let is_met = match &step.expect {
                Expect::Unchanged(fingerprint) => {
                    self.stored_since(observed, &step.key)?.fingerprint() == Some(*fingerprint)
                }
                Expect::Present => self.is_stored_since(observed, &step.key)?,
                _ => !self.is_stored_since(observed, &step.key)?,
            };
            if !is_met {
                // Under the lock it is said what is wrong.
                return Ok(false);
            }
        }
        // Of several, each could have been so at another time.
        let is_one = matches!(batch.steps(), [_]);
        Ok(is_one || !state.single && self.journal.observe(&self.root)? == Observed::Trusted(state))
    }

    /// Commits a batch under the lock, and up to so many others with it.
    pub(super) fn commit_held(&self, held: &Held<'_>, batch: &Batch, together: usize) -> Result<()> {
        let mut state = self.begin()?;
        if self.try_leaf(&mut state, batch)? {
            return Ok(());
        }
        let own = self.plan(batch)?;
        if own.classes.is_some() || together < 2 {
            return self.carry_out(&mut state, &[own]);
        }
        let mut places = HashSet::new();
        claim_places(batch, &mut places);
        if batch.durability() == Durability::Sync {
            // Those who committed together with the last one are about to commit again, and a wait for the disk
            // takes longer than they do.
            held.gather(self.together.load(Ordering::Relaxed));
        }
        let mut room = together - 1;
        let taken = held.take_along(|other| {
            let fits = room > 0 && other.retired().is_empty() && claim_places(other, &mut places);
            room -= usize::from(fits);
            fits
        });
        let mut group = vec![own];
        let mut settles = Vec::new();
        for ticket in taken.iter() {
            match self.plan(&ticket.batch) {
                // It changes the list of classes, by which the others were planned.
                Ok(planned) if planned.classes.is_some() => {}
                Ok(planned) => {
                    group.push(planned);
                    settles.push(ticket);
                }
                Err(error) => ticket.settle(Outcome::Done(Err(error))),
            }
        }
        self.together.store(settles.len(), Ordering::Relaxed);
        self.carry_out(&mut state, &group)?;
        settles.iter().for_each(|ticket| ticket.settle(Outcome::Done(Ok(()))));
        Ok(())
    }
}

/// Claims what a batch touches, unless others have claimed some of it. Batches are planned by what is
/// stored, so those that are committed together must not touch each other's.
fn claim_places(batch: &Batch, places: &mut HashSet<Key>) -> bool {
    // Bases stand for all of their generations.
    let touched: Vec<Key> = batch.steps().iter().map(|step| step.key.generation().0).collect();
    if touched.iter().any(|key| places.contains(key)) {
        return false;
    }
    places.extend(touched);
    true
}
