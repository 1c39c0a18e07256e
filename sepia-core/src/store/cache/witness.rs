//! A backend that passes everything on, and has the cache know what it commits.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::Cache;
use super::notes::{Slot, touched};
use crate::backend::{Backend, Examined, Lock, Moment, Recovered, Seal, Stat, Track, Upkeep};
use crate::record::batch::{Batch, Change};
use crate::record::class::Class;
use crate::record::error::Result;
use crate::record::problem::Problem;
use crate::record::{Key, Record};

pub(crate) struct Witness {
    inner: Arc<dyn Backend>,
    cache: Arc<Cache>,
}

impl Witness {
    pub(crate) fn new(inner: Arc<dyn Backend>, cache: Arc<Cache>) -> Self {
        Self { inner, cache }
    }
}

/// What a batch changes, as far as the cache has to know.
struct Touched {
    keys: Vec<Key>,
    slots: Vec<Slot>,
    /// It retires a class: types may claim it anew.
    retires: bool,
}

impl Touched {
    fn by(batch: &Batch) -> Self {
        let changed = batch.steps().iter().filter(|step| step.change != Change::Keep);
        let keys: Vec<_> = changed.map(|step| step.key.clone()).collect();
        Self { slots: touched(&keys), keys, retires: !batch.retired().is_empty() }
    }

    /// Whether the commit has succeeded does not matter: what is noted needlessly is looked at once more.
    fn note(&self, cache: &Cache) {
        if self.retires {
            cache.forget_all();
        } else {
            cache.note(&self.keys, &self.slots);
        }
    }
}

/// A lock of the inner backend.
struct Held<'a> {
    inner: Box<dyn Lock + 'a>,
    cache: &'a Cache,
}

impl Lock for Held<'_> {
    fn commit(self: Box<Self>, batch: Batch) -> Result<()> {
        let touched = Touched::by(&batch);
        let committed = self.inner.commit(batch);
        touched.note(self.cache);
        committed
    }
}

impl Backend for Witness {
    fn commit(&self, batch: Batch) -> Result<()> {
        let touched = Touched::by(&batch);
        let committed = self.inner.commit(batch);
        touched.note(&self.cache);
        committed
    }

    fn lock(&self) -> Result<Box<dyn Lock + '_>> {
        Ok(Box::new(Held { inner: self.inner.lock()?, cache: &self.cache }))
    }

    fn upkeep(&self) -> &dyn Upkeep {
        self
    }

    fn read(&self, key: &Key) -> Result<Option<Record>> {
        self.inner.read(key)
    }

    fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        self.inner.read_sealed(key)
    }

    fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
        self.inner.is_intact(sealed)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        self.inner.contains(key)
    }

    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        self.inner.links(key)
    }

    fn backlinks(&self, targets: &[Key], each: &mut dyn FnMut(&Key) -> ControlFlow<()>) -> Result<()> {
        self.inner.backlinks(targets, each)
    }

    fn stat(&self, key: &Key) -> Result<Option<Stat>> {
        self.inner.stat(key)
    }

    fn moment(&self) -> Result<Moment> {
        self.inner.moment()
    }

    fn track(&self) -> Result<Box<dyn Track + '_>> {
        self.inner.track()
    }

    fn classes(&self) -> Result<Vec<Class>> {
        self.inner.classes()
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        self.inner.ids(class, each)
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        self.inner.generations(base)
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        self.inner.newest(base)
    }

    fn identity(&self) -> u64 {
        self.inner.identity()
    }

    fn checkpoint(&self) -> Result<()> {
        self.inner.checkpoint()
    }

    fn recovered(&self) -> Option<Recovered> {
        self.inner.recovered()
    }

    fn root(&self) -> Option<&Path> {
        self.inner.root()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
}

impl Upkeep for Witness {
    fn examine(&self, each: &mut dyn FnMut(Problem)) -> Result<Examined> {
        self.inner.upkeep().examine(each)
    }

    fn mend(&self, problem: &Problem) -> Result<Option<String>> {
        let mended = self.inner.upkeep().mend(problem);
        // What it does is not said in keys.
        self.cache.forget_all();
        mended
    }

    fn set_aside(&self, key: &Key, record: &Record) -> Result<String> {
        self.inner.upkeep().set_aside(key, record)
    }

    fn note_checksums(&self) -> Result<u64> {
        self.inner.upkeep().note_checksums()
    }
}

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::*;
    use crate::CacheOptions;
    use crate::backend::{Memory, conformance};

    #[test]
    fn conforms() -> Result<()> {
        let witness = || Witness::new(Arc::new(Memory::new()), Arc::new(Cache::new(CacheOptions::new(1 << 20))));
        conformance::check(witness)
    }
}
