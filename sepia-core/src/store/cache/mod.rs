//! Objects kept in memory, shared, and never stale by accident.
//!
//! An object is kept with what it was [made of](entry): every record that loading it has read, each with its
//! fingerprint and its [seal](crate::backend::Seal). A [`get`](crate::Store::get) returns it only if that is what is
//! stored, which is known in one of three ways, the cheapest first:
//! 1. It was so lately, and the time for which that is [trusted](CacheOptions::trust) has not passed; and none of the
//!    store's [own commits](notes) has touched any of it since.
//! 2. All [seals](crate::backend::Backend::is_intact) are intact.
//! 3. All records, read again, have the same fingerprints. They get new seals then.
//!
//! All that is compared was read after the `get` began, so what it returns is at least as new as that, but for what is
//! trusted.
//!
//! - `options`, `stats`, `pressure`: what is asked for, and what is told
//! - `gather`: noting what a load reads
//! - `entry`: what an object was made of
//! - `weigh`: how much memory that takes
//! - `notes`: which records own commits have changed; `witness`: the backend that takes note of them
//! - `alive`: every object that someone holds, kept or not
//! - `find`: finding an object, if it is as stored
//! - `keep`: keeping an object, and letting go of others

mod alive;
mod entry;
mod find;
mod gather;
mod keep;
mod notes;
mod options;
mod pressure;
mod stats;
mod weigh;
mod witness;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use crate::record::Key;
use alive::Alive;
use keep::{Place, Strong, What};
use notes::{Notes, Slot};
use pressure::Gauge;
use stats::Counters;

pub use options::CacheOptions;
pub use pressure::Pressure;
pub use stats::CacheStats;

pub(crate) use gather::Gathering;
pub(crate) use witness::Witness;

/// The objects that a store keeps.
pub(crate) struct Cache {
    options: CacheOptions,
    /// Objects that are kept, within the budget.
    strong: Strong,
    /// Objects that are kept, or that someone else holds.
    alive: Alive,
    notes: Notes,
    counters: Arc<Counters>,
    gauge: Gauge,
    made: Instant,
    /// When it is next looked for what has been kept too long.
    next_purge: AtomicU64,
}

/// When a get began, before it looked at anything.
#[derive(Clone, Copy)]
pub(crate) struct Began {
    /// Nanoseconds since the cache was made.
    time: u64,
    /// How many own commits had been noted.
    commits: u64,
}

impl Cache {
    pub(crate) fn new(options: CacheOptions) -> Self {
        let counters = Arc::<Counters>::default();
        Self {
            strong: keep::strong(options.bytes, &counters),
            alive: Alive::new(options.bytes),
            notes: Notes::new(),
            gauge: Gauge::new(&options),
            made: Instant::now(),
            next_purge: AtomicU64::new(0),
            counters,
            options,
        }
    }

    /// Begins a get.
    pub(crate) fn begin(&self) -> Began {
        let began = self.now();
        self.purge(began);
        began
    }

    fn now(&self) -> Began {
        Began { time: nanoseconds(self.made.elapsed()), commits: self.notes.count() }
    }

    /// Whether anything is taken for stored without a look.
    pub(crate) fn trusts(&self) -> bool {
        self.options.trust.is_some()
    }

    /// Takes note of a commit that has changed these records.
    fn note(&self, keys: &[Key], touched: &[Slot]) {
        self.notes.add(touched);
        // What they were before is of use to nobody; who holds it has it.
        self.release(keys.iter().filter_map(|key| self.strong.remove(&Place::of(What::Object, key))));
    }

    /// Takes note that any record may have been changed.
    fn forget_all(&self) {
        self.notes.add_upheaval();
        self.release(self.strong.drain());
    }

    pub(crate) fn count_hit(&self) {
        self.counters.hits.add(1);
    }

    pub(crate) fn count_miss(&self) {
        self.counters.misses.add(1);
    }

    pub(crate) fn stats(&self) -> CacheStats {
        self.begin();
        self.stats_now()
    }

    fn stats_now(&self) -> CacheStats {
        CacheStats {
            hits: self.counters.hits.get(),
            misses: self.counters.misses.get(),
            validations: self.counters.validations.get(),
            evictions: self.counters.evictions.get(),
            bytes: self.strong.weight(),
            entries: self.strong.len() as u64,
        }
    }
}

/// A time that is too long to be counted is as good as forever.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("options", &self.options).field("stats", &self.stats_now()).finish()
    }
}
