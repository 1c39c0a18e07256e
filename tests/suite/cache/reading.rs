//! A backend for tests that have to do with how records are read.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use sepia::Result;
use sepia::backend::{Backend, Lock, Moment, Recovered, Seal, Stat, Track, Upkeep};
use sepia::batch::Batch;
use sepia::class::Class;
use sepia::record::{Key, Record};

/// A backend whose records are read in another way.
pub struct Reading<B, R>(pub B, pub R);

impl<B: Backend, R> fmt::Debug for Reading<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<B, R> Backend for Reading<B, R>
where
    B: Backend,
    R: Fn(&B, &Key) -> Result<(Option<Record>, Seal)> + Send + Sync + 'static,
{
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        self.read_sealed(key).map(|(record, _)| record)
    }

    fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        self.1(&self.0, key)
    }

    fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
        self.0.is_intact(sealed)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        self.0.contains(key)
    }

    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        self.0.links(key)
    }

    fn stat(&self, key: &Key) -> Result<Option<Stat>> {
        self.0.stat(key)
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        self.0.commit(batch)
    }

    fn lock(&self) -> Result<Box<dyn Lock + '_>> {
        self.0.lock()
    }

    fn moment(&self) -> Result<Moment> {
        self.0.moment()
    }

    fn track(&self) -> Result<Box<dyn Track + '_>> {
        self.0.track()
    }

    fn classes(&self) -> Result<Vec<Class>> {
        self.0.classes()
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        self.0.ids(class, each)
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        self.0.generations(base)
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        self.0.newest(base)
    }

    fn identity(&self) -> u64 {
        self.0.identity()
    }

    fn checkpoint(&self) -> Result<()> {
        self.0.checkpoint()
    }

    fn recovered(&self) -> Option<Recovered> {
        self.0.recovered()
    }

    fn upkeep(&self) -> &dyn Upkeep {
        self.0.upkeep()
    }

    fn root(&self) -> Option<&Path> {
        self.0.root()
    }
}
