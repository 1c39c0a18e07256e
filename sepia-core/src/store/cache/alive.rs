//! Every object that is alive, so that the same one is returned, whether it is kept or not.
//!
//! What is known of an object that is not kept is of use as long as someone holds the object, and nobody tells when
//! that ends. So whatever is let go of while it is held is *loose*, and when much is, all that is loose is looked at: what
//! has died is forgotten. What is remembered of the dead is never more than a small part of the budget, or of what others
//! hold.

use std::any::Any;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::entry::{Entry, Kept};
use super::keep::Place;

/// How many threads come by each other.
const SHARDS: usize = 16;
/// Which part of the budget may be taken by what has died.
const PART: u64 = 64;
/// Which part of what others hold may be.
const PART_OF_LOOSE: u64 = 4;

pub(super) struct Alive {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    /// What all that is loose weighs.
    loose: AtomicU64,
    /// What has died is looked for when so much is loose.
    full: AtomicU64,
    /// How much may be loose, however little is held.
    least: u64,
}

#[derive(Default)]
struct Shard {
    kept: HashMap<Place, Known>,
    loose: HashMap<Place, Known>,
}

struct Known {
    object: Weak<dyn Any + Send + Sync>,
    entry: Arc<Entry>,
}

impl Known {
    fn is_alive(&self) -> bool {
        self.object.strong_count() > 0
    }
}

impl Alive {
    pub(super) fn new(budget: u64) -> Self {
        let least = budget / PART;
        let (loose, full) = (AtomicU64::new(0), AtomicU64::new(least));
        Self { shards: Default::default(), hasher: RandomState::new(), loose, full, least }
    }

    /// No user's code runs while a shard is locked.
    fn shard(&self, place: &Place) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[self.hasher.hash_one(place) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, place: &Place) -> Option<Kept> {
        let shard = self.shard(place);
        let known = shard.get(place)?;
        Some(Kept { object: known.object.upgrade()?, entry: Arc::clone(&known.entry) })
    }

    /// Takes in an object that is to be kept, and returns it; or, if one that is made of the same is alive, that one.
    ///
    /// # Errors
    /// The object, if another one is alive that was known to be what is stored after this one was.
    pub(super) fn put<T: Any + Send + Sync>(
        &self,
        place: &Place,
        object: Arc<T>,
        entry: Arc<Entry>,
    ) -> Result<(Arc<T>, Arc<Entry>), Arc<T>> {
        self.sweep_if_full();
        // Let go of when nothing is locked.
        let alive;
        let mut shard = self.shard(place);
        let (mut object, mut entry) = (object, entry);
        if let Some(known) = shard.get(place).filter(|known| known.is_alive()) {
            let is_later = known.entry.validated() > entry.validated();
            if known.entry.is_same(&entry) {
                alive = known.object.upgrade().map(Arc::downcast::<T>);
                if let Some(Ok(alive)) = &alive {
                    object = Arc::clone(alive);
                    entry = if is_later { Arc::clone(&known.entry) } else { entry };
                }
            } else if is_later {
                return Err(object);
            }
        }
        let shared: Arc<dyn Any + Send + Sync> = Arc::clone(&object) as _;
        let known = Known { object: Arc::downgrade(&shared), entry: Arc::clone(&entry) };
        if let Some(before) = shard.loose.remove(place) {
            self.loose.fetch_sub(before.entry.weight, Ordering::Relaxed);
        }
        shard.kept.insert(place.clone(), known);
        Ok((object, entry))
    }

    /// Takes note that an object is not kept any more, and forgets it if nobody holds it.
    pub(super) fn release(&self, place: &Place, kept: Kept) {
        let Kept { object, entry } = kept;
        drop(object);
        let mut shard = self.shard(place);
        if shard.kept.get(place).is_some_and(|known| Arc::ptr_eq(&known.entry, &entry))
            && let Some(known) = shard.kept.remove(place)
            && known.is_alive()
        {
            self.loose.fetch_add(entry.weight, Ordering::Relaxed);
            shard.loose.insert(place.clone(), known);
        }
    }

    fn sweep_if_full(&self) {
        if self.loose.load(Ordering::Relaxed) > self.full.load(Ordering::Relaxed) {
            self.sweep();
        }
    }

    /// Forgets all that has died.
    pub(super) fn sweep(&self) {
        for shard in &self.shards {
            let gone = shard.lock().unwrap_or_else(PoisonError::into_inner).sweep();
            self.loose.fetch_sub(gone, Ordering::Relaxed);
        }
        let loose = self.loose.load(Ordering::Relaxed);
        self.full.store(loose + self.least.max(loose / PART_OF_LOOSE), Ordering::Relaxed);
    }
}

impl Shard {
    /// An object is either kept or loose.
    fn get(&self, place: &Place) -> Option<&Known> {
        self.kept.get(place).or_else(|| self.loose.get(place))
    }

    /// Forgets what has died, and returns what that has weighed.
    fn sweep(&mut self) -> u64 {
        let mut gone = 0;
        self.loose.retain(|_, known| {
            let is_alive = known.is_alive();
            gone += if is_alive { 0 } else { known.entry.weight };
            is_alive
        });
        for known in [&mut self.kept, &mut self.loose] {
            known.shrink_to(2 * known.len());
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Key;
    use crate::store::cache::Began;
    use crate::store::cache::keep::What;

    fn known(alive: &Alive) -> (usize, usize) {
        let shards: Vec<_> = alive.shards.iter().map(|shard| shard.lock().unwrap()).collect();
        (shards.iter().map(|shard| shard.kept.len()).sum(), shards.iter().map(|shard| shard.loose.len()).sum())
    }

    #[test]
    fn what_is_let_go_of_is_remembered_while_someone_holds_it() -> crate::Result<()> {
        let alive = Alive::new(0);
        let place = Place::of(What::Object, &Key::new("Note", "a")?);
        let entry = Arc::new(Entry::new(Vec::new(), 100, Began { time: 0, commits: 0 }));
        for is_held in [true, false] {
            let Ok((object, entry)) = alive.put(&place, Arc::new(1_u8), Arc::clone(&entry)) else {
                unreachable!("nothing is newer")
            };
            assert_eq!(known(&alive), (1, 0));
            let held = is_held.then(|| Arc::clone(&object));
            alive.release(&place, Kept { object, entry: Arc::clone(&entry) });
            assert_eq!(known(&alive), (0, usize::from(is_held)));
            assert_eq!(alive.loose.load(Ordering::Relaxed), if is_held { entry.weight } else { 0 });
            alive.sweep();
            assert_eq!(alive.get(&place).is_some(), is_held);
            drop(held);
            alive.sweep();
            assert_eq!((known(&alive), alive.loose.load(Ordering::Relaxed)), ((0, 0), 0));
        }
        Ok(())
    }
}
