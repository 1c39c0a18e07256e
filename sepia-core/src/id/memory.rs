//! What an object remembers: as which record each store has it.

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

/// The fingerprints of the records that an object was loaded from or last saved as, by store.
#[derive(Clone, Default)]
pub(crate) struct Remembered {
    /// The first store, which is the only one as a rule.
    first: Option<(u64, Fingerprint)>,
    more: Option<Box<More>>,
}

#[derive(Clone, Default)]
struct More {
    stores: Vec<(u64, Fingerprint)>,
    /// What transactions have saved and not committed, when this was last looked at.
    pending: Vec<(Arc<Outcome>, Fingerprint)>,
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
    /// Returns the record that the object was loaded from or last saved as.
    pub(crate) fn recall(&mut self, eyes: &Eyes) -> Option<Fingerprint> {
        self.settle();
        let own = |(outcome, _): &&(Arc<Outcome>, Fingerprint)| {
            eyes.transaction.as_ref().is_some_and(|own| Arc::ptr_eq(own, outcome))
        };
        let more = self.more.as_deref();
        if let Some((_, pending)) = more.and_then(|more| more.pending.iter().find(own)) {
            return Some(*pending);
        }
        let mut stores = self.first.iter().chain(more.into_iter().flat_map(|more| &more.stores));
        stores.find(|(store, _)| *store == eyes.store).map(|(_, fingerprint)| *fingerprint)
    }

    /// Remembers a record: for good, or if the transaction commits.
    pub(crate) fn remember(&mut self, eyes: &Eyes, fingerprint: Fingerprint) {
        self.settle();
        let Some(outcome) = &eyes.transaction else {
            return self.set(eyes.store, fingerprint);
        };
        let pending = &mut self.more.get_or_insert_default().pending;
        match pending.iter_mut().find(|(known, _)| Arc::ptr_eq(known, outcome)) {
            Some((_, known)) => *known = fingerprint,
            None => pending.push((Arc::clone(outcome), fingerprint)),
        }
    }

    fn set(&mut self, store: u64, fingerprint: Fingerprint) {
        match &mut self.first {
            None => self.first = Some((store, fingerprint)),
            Some((first, known)) if *first == store => *known = fingerprint,
            Some(_) => {
                let stores = &mut self.more.get_or_insert_default().stores;
                match stores.iter_mut().find(|(other, _)| *other == store) {
                    Some((_, known)) => *known = fingerprint,
                    None => stores.push((store, fingerprint)),
                }
            }
        }
    }

    /// Takes over what has been committed meanwhile, and forgets what has been rolled back.
    fn settle(&mut self) {
        let Some(more) = &mut self.more else { return };
        let mut committed = Vec::new();
        more.pending.retain(|(outcome, fingerprint)| match outcome.committed.get() {
            None => true,
            Some(false) => false,
            Some(true) => {
                committed.push((outcome.store, *fingerprint));
                false
            }
        });
        for (store, fingerprint) in committed {
            self.set(store, fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn fingerprint(content: &str) -> Fingerprint {
        Record::Leaf(content.into()).fingerprint()
    }

    #[test]
    fn each_store_is_remembered_by_itself() {
        let mut memory = Remembered::default();
        let stores: Vec<Eyes> = (0..4).map(Eyes::store).collect();
        for round in ["1", "2"] {
            for (number, eyes) in stores.iter().enumerate() {
                memory.remember(eyes, fingerprint(&format!("{number} {round}")));
            }
        }
        for (number, eyes) in stores.iter().enumerate() {
            assert_eq!(memory.recall(eyes), Some(fingerprint(&format!("{number} 2"))));
        }
        assert_eq!(memory.recall(&Eyes::store(4)), None);
    }

    #[test]
    fn what_a_transaction_saved_counts_there_at_once_and_elsewhere_when_it_commits() {
        for commits in [true, false] {
            let outcome = Arc::new(Outcome::new(7));
            let (inside, outside) = (Eyes::transaction(&outcome), Eyes::store(7));
            let mut memory = Remembered::default();
            memory.remember(&outside, fingerprint("before"));
            memory.remember(&inside, fingerprint("first"));
            memory.remember(&inside, fingerprint("after"));
            let mut clone = memory.clone();
            assert_eq!(clone.recall(&inside), Some(fingerprint("after")));
            assert_eq!(clone.recall(&outside), Some(fingerprint("before")));
            outcome.decide(commits);
            outcome.decide(!commits);
            let expected = fingerprint(if commits { "after" } else { "before" });
            for mut memory in [memory, clone] {
                assert_eq!(memory.recall(&outside), Some(expected));
                assert!(memory.more.is_some_and(|more| more.pending.is_empty()));
            }
        }
    }
}
