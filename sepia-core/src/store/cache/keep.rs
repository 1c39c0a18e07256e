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
use crate::object::Object;
use crate::record::Key;

/// What keeps those objects that were used last, and most.
pub(super) type Strong = sync::Cache<Place, Kept, Weigh, RandomState, Evicting>;

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

/// What is kept, and where.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    what: What,
    key: Key,
}

/// A file without a suffix is a generation, and has the name of the base: one may be kept beside the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// The object under a key.
    Object,
    /// The key of the generation that a key means.
    Meant,
}

impl Place {
    pub(super) fn of(what: What, key: &Key) -> Self {
        Self { what, key: key.clone() }
    }
}

/// A place that is looked for.
#[derive(Hash)]
pub(super) struct Sought<'a> {
    pub(super) what: What,
    pub(super) class: &'a str,
    pub(super) id: &'a str,
}

impl Equivalent<Place> for Sought<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.what == place.what && self.class == place.key.class() && self.id == place.key.id()
    }
}

/// Tells what was weighed when the entry was made.
#[derive(Clone)]
pub(super) struct Weigh;

impl Weighter<Place, Kept> for Weigh {
    fn weight(&self, place: &Place, kept: &Kept) -> u64 {
        kept.entry.weight + place.key.id().len() as u64
    }
}

/// Counts what had to go for others, and hands it on, since no user's code may run while something is locked.
#[derive(Clone)]
pub(super) struct Evicting(Arc<Counters>);

impl Lifecycle<Place, Kept> for Evicting {
    type RequestState = Vec<(Place, Kept)>;

    fn on_evict(&self, evicted: &mut Self::RequestState, place: Place, kept: Kept) {
        self.0.evictions.add(1);
        evicted.push((place, kept));
    }
}

impl Cache {
    /// Keeps an object that was just loaded, and returns it; or, if another that is made of the same is alive, that
    /// one.
    pub(crate) fn add<T: Object + Send + Sync>(
        &self,
        key: &Key,
        object: T,
        gathered: Gathered,
        began: Began,
    ) -> Arc<T> {
        self.add_at(&Place::of(What::Object, key), object, gathered, began)
    }

    /// Keeps what a key was found to mean.
    pub(crate) fn add_meant(&self, key: &Key, meant: Key, gathered: Gathered, began: Began) {
        self.add_at(&Place::of(What::Meant, key), meant, gathered, began);
    }

    fn add_at<T: Any + Send + Sync>(&self, place: &Place, object: T, gathered: Gathered, began: Began) -> Arc<T> {
        let Gathered { made_of, bytes, is_vague } = gathered;
        let object = Arc::new(object);
        if is_vague {
            return object;
        }
        self.put(place, object, Arc::new(Entry::new(made_of, bytes, began)))
    }

    /// Keeps an object, and returns it; or the one that everybody else has, if that is made of the same. An object
    /// that was loaded so slowly that someone holds a newer one by now is for its caller alone.
    pub(super) fn put<T: Any + Send + Sync>(&self, place: &Place, object: Arc<T>, entry: Arc<Entry>) -> Arc<T> {
        match self.alive.put(place, object, entry) {
            Ok((object, entry)) => {
                self.keep(place, Kept { object: Arc::<T>::clone(&object), entry });
                object
            }
            Err(older) => older,
        }
    }

    fn keep(&self, place: &Place, kept: Kept) {
        let mut evicted = Vec::new();
        let before = self.strong.remove(place);
        self.strong.insert_with_lifecycle(place.clone(), kept, &mut evicted);
        self.release(before.into_iter().chain(evicted));
        self.gauge();
    }

    /// Lets go of an object that is not what is stored.
    pub(super) fn drop_old(&self, place: &Place, entry: &Arc<Entry>) {
        self.release(self.strong.remove_if(place, |kept| Arc::ptr_eq(&kept.entry, entry)));
    }

    /// Lets go of an object that has been kept too long.
    pub(super) fn expire(&self, place: &Place, time: u64) {
        if let Some(expired) = self.strong.remove_if(place, |kept| self.is_too_old(&kept.entry, time)) {
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
                self.strong.iter().map(|(place, kept)| (kept.entry.used(), Weigh.weight(&place, &kept))).collect();
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
        self.strong.retain(|place, kept| {
            let is_meant = is_meant(kept);
            if is_meant {
                gone.borrow_mut().push((place.clone(), kept.clone()));
            }
            !is_meant
        });
        let gone = gone.into_inner();
        self.counters.evictions.add(gone.len() as u64);
        self.release(gone);
    }

    pub(super) fn release(&self, gone: impl IntoIterator<Item = (Place, Kept)>) {
        for (place, kept) in gone {
            self.alive.release(&place, kept);
        }
        self.ease();
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn a_place_is_found_by_what_is_sought() -> crate::Result<()> {
        let hasher = RandomState::new();
        let key = Key::new("Note", "a")?;
        let kept = Place::of(What::Object, &key);
        for (what, class, id) in [
            (What::Object, "Note", "a"),
            (What::Meant, "Note", "a"),
            (What::Object, "Note", "b"),
            (What::Object, "N", "otea"),
        ] {
            let sought = Sought { what, class, id };
            let is_it = what == What::Object && id == "a";
            assert_eq!(sought.equivalent(&kept), is_it);
            assert_eq!(hasher.hash_one(&sought) == hasher.hash_one(&kept), is_it);
        }
        Ok(())
    }
}
