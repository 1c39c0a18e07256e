//! What an object remembers: as which record each store has it, and what it was encoded to at that time.
//!
//! The two are the same after a save, and mostly after a load. They differ where a type does not write what it has
//! read: a file that was formatted by hand, fields that the type does not have or that the file did not have, a list
//! whose names have gaps. Whether an object was changed *by this program* is told by its encoding alone, and what was
//! changed elsewhere by the record alone.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::record::Fingerprint;

/// Where an id keeps what its object remembers. A trait object, because ids are keys of maps: what is
/// behind it never takes part in comparing and hashing, and lints that look for that see no cell.
pub(crate) trait Memory: Send + Sync + UnwindSafe + RefUnwindSafe {
    fn remembered(&self) -> MutexGuard<'_, Remembered>;
}

impl Memory for Mutex<Remembered> {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        // A panic cannot leave it half changed.
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an object remembers of one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The record that the object was loaded from or last saved as.
    pub(crate) stored: Fingerprint,
    /// The record that the object was encoded to at that time. As long as it still is, nobody has changed it here.
    pub(crate) encoded: Fingerprint,
}

impl Known {
    /// Of an object that never was what it is: saving it is a conflict.
    pub(crate) const NOTHING: Self = Self { stored: Fingerprint::NOTHING, encoded: Fingerprint::NOTHING };

    /// Of an object that was saved as this record.
    pub(crate) fn saved(record: Fingerprint) -> Self {
        Self { stored: record, encoded: record }
    }
}

/// What an object remembers, by store.
#[derive(Clone, Default)]
pub(crate) struct Remembered {
    /// The record in the first store, which is the only one as a rule.
    first: Option<(u64, Fingerprint)>,
    /// Boxed, as every object has this, and few have more to remember.
    more: Option<Box<More>>,
}

#[derive(Clone, Default)]
struct More {
    /// The records in the other stores.
    stores: Vec<(u64, Fingerprint)>,
    /// The encodings that differ from the record in their store.
    encoded: Vec<(u64, Fingerprint)>,
    /// What transactions have saved and not committed, when this was last looked at.
    pending: Vec<(Arc<Outcome>, Known)>,
}

/// What becomes of a transaction. Objects that were saved in it, and their clones, find out by themselves.
pub(crate) struct Outcome {
    store: u64,
    committed: OnceLock<bool>,
}

impl Outcome {
    pub(crate) fn new(store: u64) -> Self {
        Self { store, committed: OnceLock::new() }
    }

    /// Decides it; the first decision holds.
    pub(crate) fn decide(&self, committed: bool) {
        let _ = self.committed.set(committed);
    }
}

/// In whose eyes: a store's, or those of a transaction, which sees what it has saved itself.
#[derive(Clone)]
pub(crate) struct Eyes {
    store: u64,
    transaction: Option<Arc<Outcome>>,
}

impl Eyes {
    pub(crate) fn store(store: u64) -> Self {
        Self { store, transaction: None }
    }

    pub(crate) fn transaction(outcome: &Arc<Outcome>) -> Self {
        Self { store: outcome.store, transaction: Some(Arc::clone(outcome)) }
    }
}

impl Remembered {
    /// Returns what the object was loaded from or last saved as.
    pub(crate) fn recall(&mut self, eyes: &Eyes) -> Option<Known> {
        self.settle();
        let own = |(outcome, _): &&(Arc<Outcome>, Known)| {
            eyes.transaction.as_ref().is_some_and(|own| Arc::ptr_eq(own, outcome))
        };
        let more = self.more.as_deref();
        if let Some((_, pending)) = more.and_then(|more| more.pending.iter().find(own)) {
            return Some(*pending);
        }
        let stores = self.first.iter().chain(more.into_iter().flat_map(|more| &more.stores));
        let stored = find(stores, eyes.store)?;
        let encoded = more.and_then(|more| find(more.encoded.iter(), eyes.store));
        Some(Known { stored, encoded: encoded.unwrap_or(stored) })
    }

    /// Remembers what the object was loaded from or saved as: for good, or if the transaction commits.
    pub(crate) fn remember(&mut self, eyes: &Eyes, known: Known) {
        self.settle();
        let Some(outcome) = &eyes.transaction else {
            return self.set(eyes.store, known);
        };
        let pending = &mut self.more.get_or_insert_default().pending;
        match pending.iter_mut().find(|(other, _)| Arc::ptr_eq(other, outcome)) {
            Some((_, before)) => *before = known,
            None => pending.push((Arc::clone(outcome), known)),
        }
    }

    fn set(&mut self, store: u64, known: Known) {
        match &mut self.first {
            None => self.first = Some((store, known.stored)),
            Some((first, stored)) if *first == store => *stored = known.stored,
            Some(_) => put(&mut self.more.get_or_insert_default().stores, store, known.stored),
        }
        if known.encoded != known.stored {
            put(&mut self.more.get_or_insert_default().encoded, store, known.encoded);
        } else if let Some(more) = &mut self.more {
            more.encoded.retain(|(other, _)| *other != store);
        }
    }

    /// Takes over what has been committed meanwhile, and forgets what has been rolled back.
    fn settle(&mut self) {
        let Some(more) = &mut self.more else { return };
        let mut committed = Vec::new();
        more.pending.retain(|(outcome, known)| match outcome.committed.get() {
            None => true,
            Some(false) => false,
            Some(true) => {
                committed.push((outcome.store, *known));
                false
            }
        });
        for (store, known) in committed {
            self.set(store, known);
        }
    }
}

fn find<'a>(mut stores: impl Iterator<Item = &'a (u64, Fingerprint)>, store: u64) -> Option<Fingerprint> {
    stores.find(|(other, _)| *other == store).map(|(_, fingerprint)| *fingerprint)
}

fn put(stores: &mut Vec<(u64, Fingerprint)>, store: u64, fingerprint: Fingerprint) {
    match stores.iter_mut().find(|(other, _)| *other == store) {
        Some((_, before)) => *before = fingerprint,
        None => stores.push((store, fingerprint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn fingerprint(content: &str) -> Fingerprint {
        Record::Leaf(content.into()).fingerprint()
    }

    fn known(content: &str) -> Known {
        Known::saved(fingerprint(content))
    }

    #[test]
    fn each_store_is_remembered_by_itself() {
        let mut memory = Remembered::default();
        let stores: Vec<Eyes> = (0..4).map(Eyes::store).collect();
        for round in ["1", "2"] {
            for (number, eyes) in stores.iter().enumerate() {
                memory.remember(eyes, known(&format!("{number} {round}")));
            }
        }
        for (number, eyes) in stores.iter().enumerate() {
            assert_eq!(memory.recall(eyes), Some(known(&format!("{number} 2"))));
        }
        assert_eq!(memory.recall(&Eyes::store(4)), None);
    }

    #[test]
    fn what_a_transaction_saved_counts_there_at_once_and_elsewhere_when_it_commits() {
        for commits in [true, false] {
            let outcome = Arc::new(Outcome::new(7));
            let (inside, outside) = (Eyes::transaction(&outcome), Eyes::store(7));
            let mut memory = Remembered::default();
            memory.remember(&outside, known("before"));
            memory.remember(&inside, known("first"));
            memory.remember(&inside, known("after"));
            let mut clone = memory.clone();
            assert_eq!(clone.recall(&inside), Some(known("after")));
            assert_eq!(clone.recall(&outside), Some(known("before")));
            outcome.decide(commits);
            outcome.decide(!commits);
            let expected = known(if commits { "after" } else { "before" });
            for mut memory in [memory, clone] {
                assert_eq!(memory.recall(&outside), Some(expected));
                assert!(memory.more.is_some_and(|more| more.pending.is_empty()));
            }
        }
    }

    #[test]
    fn an_encoding_is_remembered_only_where_it_is_another_than_the_record() {
        let (mut memory, store, other) = (Remembered::default(), Eyes::store(0), Eyes::store(1));
        let loaded = |record, encoded| Known { stored: fingerprint(record), encoded: fingerprint(encoded) };
        memory.remember(&store, loaded("a", "a"));
        assert!(memory.more.is_none());
        for eyes in [&store, &other] {
            memory.remember(eyes, loaded("by hand", "a"));
            assert_eq!(memory.recall(eyes), Some(loaded("by hand", "a")));
        }
        memory.remember(&store, known("b"));
        assert_eq!(memory.recall(&store), Some(known("b")));
        assert_eq!(memory.recall(&other), Some(loaded("by hand", "a")));
        let outcome = Arc::new(Outcome::new(1));
        memory.remember(&Eyes::transaction(&outcome), known("c"));
        assert_eq!(memory.recall(&other), Some(loaded("by hand", "a")));
        outcome.decide(true);
        assert_eq!(memory.recall(&other), Some(known("c")));
        assert!(memory.more.is_some_and(|more| more.encoded.is_empty()));
    }
}
