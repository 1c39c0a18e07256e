//! Noting what a load reads.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;

use super::entry::Dependency;
use super::weigh;
use crate::backend::Backend;
use crate::object::source::Source;
use crate::record::class::Class;
use crate::record::error::Result;
use crate::record::{Key, Record};

/// What is committed, where whatever is read is noted.
pub(crate) struct Gathering<'a> {
    backend: &'a dyn Backend,
    gathered: RefCell<Gathered>,
}

/// What an object was made of.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(super) made_of: Vec<Dependency>,
    /// How many bytes the object takes, by estimate.
    pub(super) bytes: u64,
    /// Something was asked that can not be asked again.
    pub(super) is_vague: bool,
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(backend: &'a dyn Backend) -> Self {
        Self { backend, gathered: RefCell::default() }
    }

    pub(crate) fn end(self) -> Gathered {
        self.gathered.into_inner()
    }

    fn add(&self, dependency: Dependency, bytes: u64) {
        let mut gathered = self.gathered.borrow_mut();
        gathered.bytes += bytes;
        // Many links may lead to one object, one after another.
        if gathered.made_of.last().is_none_or(|last| !last.is_same(&dependency)) {
            gathered.made_of.push(dependency);
        }
    }

    fn set_vague(&self) {
        self.gathered.borrow_mut().is_vague = true;
    }
}

impl Source for Gathering<'_> {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        let (record, seal) = self.backend.read_sealed(key)?;
        self.add(Dependency::on_record(key, record.as_ref(), seal), record.as_ref().map_or(0, weigh::record));
        Ok(record)
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        let newest = self.backend.newest(base)?;
        self.add(Dependency::on_newest(base, newest.clone()), 0);
        Ok(newest)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        self.read(key).map(|record| record.is_some())
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        self.set_vague();
        self.backend.generations(base)
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        self.set_vague();
        self.backend.ids(class, each)
    }

    /// What types claim is settled once and for all objects of a class.
    fn classes(&self) -> Result<Vec<Class>> {
        self.backend.classes()
    }

    fn root(&self) -> Option<&Path> {
        self.backend.root()
    }

    fn is_settled(&self, _: &str) -> bool {
        true
    }

    fn make(&self, size: usize) {
        self.gathered.borrow_mut().bytes += weigh::object(size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CacheOptions;
    use crate::backend::Memory;
    use crate::store::cache::Cache;

    #[test]
    fn what_was_made_of_lists_is_not_kept() -> Result<()> {
        let (memory, base) = (Memory::new(), Key::new("Note", "a")?);
        let ask: [fn(&Gathering<'_>, &Key) -> Result<()>; 3] = [
            |source, base| source.newest(base).map(drop),
            |source, base| source.generations(base).map(drop),
            |source, base| source.ids(base.class(), &mut |_| ControlFlow::Continue(())),
        ];
        for (ask, entries) in ask.into_iter().zip([1, 0, 0]) {
            let cache = Cache::new(CacheOptions::new(1 << 20));
            let gathering = Gathering::new(&memory);
            ask(&gathering, &base)?;
            cache.add_meant(&base, base.clone(), gathering.end(), cache.begin());
            assert_eq!(cache.stats().entries, entries);
        }
        Ok(())
    }
}
