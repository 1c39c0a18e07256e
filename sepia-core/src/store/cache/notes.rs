//! Which records the store's own commits have changed.
//!
//! Commits are counted, and a fixed table of slots, by the hash of keys, says which was the last that touched a key
//! of each slot. An object that was loaded when commit `c` had been noted, and none of whose keys has a later slot, is as
//! it was for all that this store has done since. Keys that share a slot cost a look at what is stored, and no more.
//!
//! A commit is noted after it has taken effect and before it returns. What is loaded in between counts as loaded before
//! it, so whatever a load has raced with is looked at once more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use twox_hash::XxHash3_64;

use super::entry::Entry;
use crate::record::Key;
use crate::record::name::split_generation;

/// How many slots there are.
const SLOTS: usize = 4096;

pub(super) type Slot = u16;

pub(super) struct Notes {
    /// How many commits have been noted.
    count: AtomicU64,
    /// The last one after which nothing is as it was.
    upheaval: AtomicU64,
    slots: Box<[AtomicU64]>,
    writing: Mutex<()>,
}

/// Returns the slot of a record, and of a base.
pub(super) fn slot(key: &Key) -> Slot {
    slot_of(key.class(), key.id())
}

fn slot_of(class: &str, id: &str) -> Slot {
    let seed = XxHash3_64::oneshot(class.as_bytes());
    (XxHash3_64::oneshot_with_seed(seed, id.as_bytes()) % SLOTS as u64) as Slot
}

/// What a commit touches: the records under these keys, and what the newest generations of their bases are.
pub(super) fn touched<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Vec<Slot> {
    let mut slots = Vec::new();
    for key in keys {
        slots.push(slot(key));
        // Whether the class keeps generations does not matter: too much may be noted.
        if let Some((base, _)) = split_generation(key.id()) {
            slots.push(slot_of(key.class(), base));
        }
    }
    slots
}

impl Notes {
    pub(super) fn new() -> Self {
        let slots = std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect();
        Self { count: AtomicU64::new(0), upheaval: AtomicU64::new(0), slots, writing: Mutex::new(()) }
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Notes a commit.
    pub(super) fn add(&self, touched: &[Slot]) {
        self.write(|number| {
            for slot in touched {
                self.slots[usize::from(*slot)].store(number, Ordering::Relaxed);
            }
        });
    }

    /// Notes that anything may be another.
    pub(super) fn add_upheaval(&self) {
        self.write(|number| self.upheaval.store(number, Ordering::Relaxed));
    }

    fn write(&self, write: impl FnOnce(u64)) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.count.load(Ordering::Relaxed) + 1;
        write(number);
        // Whoever sees the number sees what was noted.
        self.count.store(number, Ordering::Release);
    }

    /// Returns whether no commit up to `count` has touched an entry since it was last known to be as stored.
    pub(super) fn is_untouched(&self, entry: &Entry, count: u64) -> bool {
        let known = entry.commits();
        if known >= count {
            return true;
        }
        let is_later = |number: &AtomicU64| number.load(Ordering::Relaxed) > known;
        if is_later(&self.upheaval) || entry.slots().any(|slot| is_later(&self.slots[usize::from(slot)])) {
            return false;
        }
        entry.set_commits(count);
        true
    }
}
