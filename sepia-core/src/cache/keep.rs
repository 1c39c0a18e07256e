//! Keeping objects within the budget, and letting go of others.

use std::any::Any;
use std::cell::RefCell;
use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quick_cache::{Equivalent, Lifecycle, OptionsBuilder, Weighter, sync};

use super::entry::{Entry, Kept};
use super::gather::Gathered;
use super::stats::Counters;
use super::{Began, Cache, nanoseconds};
use crate::record::Key;

/// What keeps those objects that were used last, and most.
pub(super) type Strong = sync::Cache<Key, Kept, Weigh, RandomState, Evicting>;

/// What one part of the budget has at least: no object can take more than its part.
const PART: u64 = 4 << 20;
/// How many parts there are at most, so that threads do not wait for each other.
const PARTS: u64 = 64;
/// What objects weigh, as an order of magnitude.
const TYPICAL: u64 = 2048;
/// How often within the time to live, or to idle, it is looked for what has been kept too long.
const PURGES: u32 = 4;
/// How often that is, at most.
const SHORTEST_PURGE: Duration = Duration::from_millis(1);

pub(super) fn strong(bytes: u64, counters: &Arc<Counters>) -> Strong {
    let parts = (bytes / PART).clamp(1, PARTS);
    let parts = 1 << parts.ilog2();
    let options = OptionsBuilder::new()
        .shards(parts as usize)
        .estimated_items_capacity(usize::try_from(bytes / TYPICAL).unwrap_or(usize::MAX))
        // Not rounded up in each part.
        .weight_capacity(bytes - bytes % parts)
        .build();
    let options = options.unwrap_or_else(|_| unreachable!("both capacities are set"));
    Strong::with_options(options, Weigh, RandomState::new(), Evicting(Arc::clone(counters)))
}

/// A key that is looked for.
#[derive(Hash)]
pub(super) struct Place<'a> {
    pub(super) class: &'a str,
    pub(super) id: &'a str,
}

impl Equivalent<Key> for Place<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.class == key.class() && self.id == key.id()
    }
}

/// Tells what was weighed when the entry was made.
#[derive(Clone)]
pub(super) struct Weigh;

impl Weighter<Key, Kept> for Weigh {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        kept.entry.weight + key.id().len() as u64
    }
}

/// Counts what had to go for others, and hands it on, since no user's code may run while something is locked.
#[derive(Clone)]
pub(super) struct Evicting(Arc<Counters>);

impl Lifecycle<Key, Kept> for Evicting {
    type RequestState = Vec<(Key, Kept)>;

    fn on_evict(&self, evicted: &mut Self::RequestState, key: Key, kept: Kept) {
        self.0.evictions.add(1);
        evicted.push((key, kept));
    }
}

impl Cache {
    /// Keeps an object that was just loaded, and returns it; or, if another that is made of the same is alive, that
    /// one.
    pub(crate) fn add<T: Any + Send + Sync>(&self, key: &Key, object: T, gathered: Gathered, began: Began) -> Arc<T> {
        let Gathered { made_of, bytes, is_vague } = gathered;
        let object = Arc::new(object);
        if is_vague {
            return object;
        }
        self.put(key, object, Entry::new(made_of, bytes, began))
    }

    pub(super) fn put<T: Any + Send + Sync>(&self, key: &Key, object: Arc<T>, entry: Entry) -> Arc<T> {
        let entry = Arc::new(entry);
        let object = self.alive.put(key, object, &entry);
        self.keep(key, Kept { object: Arc::<T>::clone(&object), entry });
        object
    }

    /// Keeps an object that was let go of.
    pub(super) fn keep_again(&self, key: &Key, kept: Kept, began: Began) {
        kept.entry.set_kept(began.time);
        self.keep(key, kept);
    }

    fn keep(&self, key: &Key, kept: Kept) {
        let mut evicted = Vec::new();
        let before = self.strong.remove(key);
        self.strong.insert_with_lifecycle(key.clone(), kept, &mut evicted);
        drop(before);
        self.release(evicted);
        self.gauge();
    }

    /// Lets go of an object that is not what is stored.
    pub(super) fn drop_old(&self, key: &Key, entry: &Arc<Entry>) {
        drop(self.strong.remove_if(key, |kept| Arc::ptr_eq(&kept.entry, entry)));
    }

    /// Lets go of an object that has been kept too long.
    pub(super) fn expire(&self, key: &Key, time: u64) {
        if let Some(expired) = self.strong.remove_if(key, |kept| self.is_too_old(&kept.entry, time)) {
            self.counters.evictions.add(1);
            self.release([expired]);
        }
    }

    /// Lets go of all that has been kept too long, now and then.
    pub(super) fn purge(&self, began: Began) {
        let limits = [self.options.time_to_live, self.options.time_to_idle];
        let Some(limit) = limits.into_iter().flatten().min() else { return };
        let due = self.next_purge.load(Ordering::Relaxed);
        let next = began.time.saturating_add(nanoseconds((limit / PURGES).max(SHORTEST_PURGE)));
        let is_mine = || self.next_purge.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if began.time < due || !is_mine() {
            return;
        }
        self.let_go(|kept| self.is_too_old(&kept.entry, began.time));
    }

    /// Lets go of objects until no more than this is kept: those first that were used longest ago.
    ///
    /// The table could be told to take less, and then again what it took. But it rounds at each step, and what it knows
    /// of old keys goes first; and while it takes less, so it does for all threads.
    pub(crate) fn shrink_to(&self, bytes: u64) {
        if self.strong.weight() > bytes {
            let mut kept: Vec<_> =
                self.strong.iter().map(|(key, kept)| (kept.entry.used(), Weigh.weight(&key, &kept))).collect();
            kept.sort_unstable_by(|one, other| other.cmp(one));
            let mut left = bytes;
            let gone = kept.iter().find(|(_, weight)| match left.checked_sub(*weight) {
                Some(less) => {
                    left = less;
                    false
                }
                None => true,
            });
            if let Some(&(last_used, _)) = gone {
                self.let_go(|kept| kept.entry.used() <= last_used);
            }
        }
        self.alive.sweep();
        self.ease();
    }

    fn let_go(&self, is_meant: impl Fn(&Kept) -> bool) {
        let gone = RefCell::new(Vec::new());
        self.strong.retain(|key, kept| {
            let is_meant = is_meant(kept);
            if is_meant {
                gone.borrow_mut().push((key.clone(), kept.clone()));
            }
            !is_meant
        });
        let gone = gone.into_inner();
        self.counters.evictions.add(gone.len() as u64);
        self.release(gone);
    }

    pub(super) fn release(&self, gone: impl IntoIterator<Item = (Key, Kept)>) {
        for (key, kept) in gone {
            self.alive.release(&key, kept);
        }
        self.ease();
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn a_place_is_found_where_its_key_is() -> crate::Result<()> {
        let hasher = RandomState::new();
        let key = Key::new("Note", "a")?;
        for (class, id) in [("Note", "a"), ("Note", "b"), ("N", "otea")] {
            let place = Place { class, id };
            assert_eq!(place.equivalent(&key), id == "a");
            assert_eq!(hasher.hash_one(&place) == hasher.hash_one(&key), id == "a");
        }
        Ok(())
    }
}
