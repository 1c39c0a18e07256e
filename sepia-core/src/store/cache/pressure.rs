//! Telling when much is kept.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Cache, CacheOptions, CacheStats};

/// What [`CacheOptions::on_pressure`] is told.
pub struct Pressure<'a> {
    cache: &'a Cache,
    stats: CacheStats,
}

impl Pressure<'_> {
    /// Returns what is kept, as it was when the budget's fraction was exceeded.
    pub fn stats(&self) -> &CacheStats {
        &self.stats
    }

    /// Lets go of objects, as [`Store::shrink_to`](crate::Store::shrink_to).
    pub fn shrink_to(&self, bytes: u64) {
        self.cache.shrink_to(bytes);
    }
}

impl fmt::Debug for Pressure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pressure").field("stats", &self.stats).finish()
    }
}

/// Whether more is kept than is told of.
pub(super) struct Gauge {
    /// From how many bytes on it is told.
    bytes: u64,
    /// It was told, and what is kept has not been less since.
    was_told: AtomicBool,
    is_telling: AtomicBool,
}

impl Gauge {
    pub(super) fn new(options: &CacheOptions) -> Self {
        let fraction = options.pressure.as_ref().map_or(1.0, |(fraction, _)| fraction.clamp(0.0, 1.0));
        let bytes = (options.bytes as f64 * fraction) as u64;
        Self { bytes, was_told: AtomicBool::new(false), is_telling: AtomicBool::new(false) }
    }
}

/// Ends the telling, also if it panics.
struct Telling<'a>(&'a AtomicBool);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Cache {
    /// Tells if too much is kept, and was not when it was last told. No lock may be held.
    pub(super) fn gauge(&self) {
        let (Some((_, tell)), gauge) = (&self.options.pressure, &self.gauge) else { return };
        if !self.is_above() {
            return;
        }
        // Whoever is being told may ask for objects. What comes back meanwhile is told of when more is kept afterwards.
        if gauge.is_telling.swap(true, Ordering::AcqRel) {
            return;
        }
        let _telling = Telling(&gauge.is_telling);
        if !gauge.was_told.swap(true, Ordering::AcqRel) {
            tell(&Pressure { cache: self, stats: self.stats_now() });
        }
    }

    /// Takes note if what is kept is little again.
    pub(super) fn ease(&self) {
        if self.options.pressure.is_some() {
            self.is_above();
        }
    }

    fn is_above(&self) -> bool {
        let is_above = self.strong.weight() > self.gauge.bytes;
        if !is_above {
            self.gauge.was_told.store(false, Ordering::Release);
        }
        is_above
    }
}
