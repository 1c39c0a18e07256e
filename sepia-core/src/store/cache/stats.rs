//! What a cache tells of itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a cache has done since it was made, and what it keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// How often [`Store::get`](crate::Store::get) has returned an object that was in memory.
    pub hits: u64,
    /// How often it has not: it has loaded one, or failed to, whatever was amiss.
    pub misses: u64,
    /// How often it has looked whether an object in memory is still as stored.
    pub validations: u64,
    /// How many objects were let go of: for others, because of their time, or when it was asked to shrink.
    pub evictions: u64,
    /// How many bytes the objects take that it keeps, by estimate.
    pub bytes: u64,
    /// How many objects it keeps, and base ids whose newest generation is trusted.
    pub entries: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) validations: Counter,
    pub(super) evictions: Counter,
}

/// Of no consequence for anything but the telling.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
