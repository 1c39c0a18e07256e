//! Every object that is alive, so that the same one is returned, whether it is kept or not.

use std::any::Any;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::entry::{Entry, Kept};
use crate::record::Key;

/// How many threads come by each other.
const SHARDS: usize = 16;
/// Below this, nobody looks for what has died.
const FEW: usize = 32;

pub(super) struct Alive {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    known: HashMap<Key, Known>,
    /// What has died is swept out when there is so much.
    full: usize,
}

struct Known {
    object: Weak<dyn Any + Send + Sync>,
    entry: Arc<Entry>,
}

impl Alive {
    pub(super) fn new() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new() }
    }

    /// No user's code runs while a shard is locked.
    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[self.hasher.hash_one(key) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &Key) -> Option<Kept> {
        let shard = self.shard(key);
        let known = shard.known.get(key)?;
        Some(Kept { object: known.object.upgrade()?, entry: Arc::clone(&known.entry) })
    }

    /// Takes an object in, and returns it; or, if one that is made of the same is alive, that one.
    pub(super) fn put<T: Any + Send + Sync>(&self, key: &Key, object: Arc<T>, entry: &Arc<Entry>) -> Arc<T> {
        let mut shard = self.shard(key);
        let known = shard.known.get_mut(key).filter(|known| known.entry.is_same(entry));
        if let Some(known) = known
            && let Some(Ok(same)) = known.object.upgrade().map(Arc::downcast::<T>)
        {
            known.entry = Arc::clone(entry);
            return same;
        }
        shard.sweep_if_full();
        let shared: Arc<dyn Any + Send + Sync> = Arc::clone(&object) as _;
        let known = Known { object: Arc::downgrade(&shared), entry: Arc::clone(entry) };
        shard.known.insert(key.clone(), known);
        object
    }

    /// Forgets all that has died.
    pub(super) fn sweep(&self) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).sweep();
        }
    }

    /// Forgets an object that is not kept any more, if nobody holds it.
    pub(super) fn release(&self, key: &Key, kept: Kept) {
        let Kept { object, entry } = kept;
        drop(object);
        let mut shard = self.shard(key);
        let is_dead = |known: &Known| Arc::ptr_eq(&known.entry, &entry) && known.object.strong_count() == 0;
        if shard.known.get(key).is_some_and(is_dead) {
            shard.known.remove(key);
        }
    }
}

impl Shard {
    fn sweep_if_full(&mut self) {
        if self.known.len() >= self.full.max(FEW) {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        self.known.retain(|_, known| known.object.strong_count() > 0);
        self.full = 2 * self.known.len();
        self.known.shrink_to(self.full);
    }
}
