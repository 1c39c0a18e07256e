//! What is asked of a cache.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Pressure;

/// How much a store keeps of what it has loaded, and for how long: for [`StoreBuilder::cache`](crate::StoreBuilder::cache)
/// and [`Store::with_cache`](crate::Store::with_cache).
///
/// ```
/// # use sepia_core as sepia;
/// use std::time::Duration;
///
/// use sepia::{CacheOptions, Store};
///
/// let options = CacheOptions::new(64 << 20)
///     .time_to_idle(Duration::from_secs(600))
///     .on_pressure(0.9, |pressure| pressure.shrink_to(32 << 20));
/// let store = Store::in_memory().with_cache(options);
/// assert_eq!(store.cache_stats().bytes, 0);
/// ```
#[derive(Clone)]
pub struct CacheOptions {
    pub(super) bytes: u64,
    pub(super) time_to_live: Option<Duration>,
    pub(super) time_to_idle: Option<Duration>,
    pub(super) trust: Option<Duration>,
    pub(super) pressure: Option<(f64, Arc<OnPressure>)>,
}

pub(super) type OnPressure = dyn Fn(&Pressure<'_>) + Send + Sync;

impl CacheOptions {
    /// Keeps objects that take up to this many bytes of memory, by estimate: with all that they own, and what it takes
    /// to know whether they are still as stored. What the program itself holds on to comes on top. An object that takes
    /// over 4 MiB, or most of a smaller budget, may not be kept.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, time_to_live: None, time_to_idle: None, trust: None, pressure: None }
    }

    /// Keeps no object for longer than this since it was loaded, or asked for while only others held it. Without limit
    /// by default.
    #[must_use]
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = Some(time);
        self
    }

    /// Keeps no object for longer than this since it was last asked for. Without limit by default.
    ///
    /// What is kept too long is let go of when the store is next asked for an object or for
    /// [`cache_stats`](crate::Store::cache_stats): there is no thread that does it.
    #[must_use]
    pub fn time_to_idle(mut self, time: Duration) -> Self {
        self.time_to_idle = Some(time);
        self
    }

    /// Takes an object for what is stored, without looking, for this long since it last was. What others change
    /// meanwhile (processes, editors, handles that were made without this cache) is not seen until then; what this
    /// store and its clones commit is seen at once all the same. No time at all by default.
    #[must_use]
    pub fn trust(mut self, time: Duration) -> Self {
        self.trust = Some(time);
        self
    }

    /// Calls `tell` whenever what is kept grows beyond this fraction of the budget, in the thread that has asked for an
    /// object, and with no lock held: once, and again after it was less.
    #[must_use]
    pub fn on_pressure(mut self, fraction: f64, tell: impl Fn(&Pressure<'_>) + Send + Sync + 'static) -> Self {
        self.pressure = Some((fraction, Arc::new(tell)));
        self
    }
}

impl fmt::Debug for CacheOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheOptions")
            .field("bytes", &self.bytes)
            .field("time_to_live", &self.time_to_live)
            .field("time_to_idle", &self.time_to_idle)
            .field("trust", &self.trust)
            .field("pressure", &self.pressure.as_ref().map(|(fraction, _)| fraction))
            .finish()
    }
}
