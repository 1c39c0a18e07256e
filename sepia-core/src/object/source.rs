//! Where objects are read from: a backend, or what a transaction sees.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use crate::backend::Backend;
use crate::object::id::Eyes;
use crate::record::batch::{Batch, Change, Inspect, Newest, Step};
use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::name::{generation_of, split_generation};
use crate::record::{Fingerprint, Key, Record};

/// The reading half of a backend.
pub(crate) trait Source {
    fn read(&self, key: &Key) -> Result<Option<Record>>;
    fn contains(&self, key: &Key) -> Result<bool>;
    fn newest(&self, base: &Key) -> Result<Option<Key>>;
    fn generations(&self, base: &Key) -> Result<Vec<Key>>;
    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()>;
    fn classes(&self) -> Result<Vec<Class>>;
    fn root(&self) -> Option<&Path>;
    /// Whether what this says of a class is so for good.
    fn is_settled(&self, class: &str) -> bool;
    /// In whose eyes alone a record is as it is read here, if it is not committed.
    fn saved_by(&self, key: &Key) -> Option<&Eyes> {
        let _ = key;
        None
    }
    /// Takes note that an object of this many bytes is made of what was read.
    fn make(&self, size: usize) {
        let _ = size;
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        (**self).read(key)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        (**self).contains(key)
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        (**self).newest(base)
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        (**self).generations(base)
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        (**self).ids(class, each)
    }

    fn classes(&self) -> Result<Vec<Class>> {
        (**self).classes()
    }

    fn root(&self) -> Option<&Path> {
        (**self).root()
    }

    fn is_settled(&self, class: &str) -> bool {
        (**self).is_settled(class)
    }

    fn make(&self, size: usize) {
        (**self).make(size);
    }
}

/// What a backend has committed.
#[derive(Clone, Copy)]
pub(crate) struct Committed<'a>(pub(crate) &'a dyn Backend);

impl Source for Committed<'_> {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        self.0.read(key)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        self.0.contains(key)
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        self.0.newest(base)
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        self.0.generations(base)
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        self.0.ids(class, each)
    }

    fn classes(&self) -> Result<Vec<Class>> {
        self.0.classes()
    }

    fn root(&self) -> Option<&Path> {
        self.0.root()
    }

    fn is_settled(&self, _: &str) -> bool {
        true
    }
}

/// What would be committed if this batch were.
#[derive(Clone, Copy)]
pub(crate) struct Pending<'a, S = Committed<'a>> {
    /// What is there without it: committed, or as the batches before it leave it.
    pub(crate) committed: S,
    pub(crate) batch: &'a Batch,
    /// In whose eyes this is.
    pub(crate) eyes: &'a Eyes,
}

impl<S> Pending<'_, S> {
    fn change(&self, key: &Key) -> Option<&Change> {
        self.batch.get(key).map(|step| &step.change).filter(|change| **change != Change::Keep)
    }
}

/// Which ids come and which go.
fn changes<'s>(steps: impl IntoIterator<Item = &'s Step>) -> BTreeMap<&'s str, bool> {
    let changes = steps.into_iter().filter_map(|step| match step.change {
        Change::Keep => None,
        Change::Put(_) => Some((step.key.id(), true)),
        Change::Delete => Some((step.key.id(), false)),
    });
    changes.collect()
}

impl<S: Source> Source for Pending<'_, S> {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        match self.change(key) {
            Some(Change::Put(record)) => Ok(Some(record.clone())),
            Some(Change::Delete) => Ok(None),
            Some(Change::Keep) | None => self.committed.read(key),
        }
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        match self.change(key) {
            Some(change) => Ok(matches!(change, Change::Put(_))),
            None => self.committed.contains(key),
        }
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        let generation = |key: &Key| generation_of(base.id(), key.id());
        match self.batch.newest_of_base(base) {
            Newest::Put(put) => Ok(self.committed.newest(base)?.into_iter().chain(put).max_by_key(generation)),
            Newest::Unknown => Ok(self.generations(base)?.pop()),
        }
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        let changed = changes(self.batch.steps_of_base(base));
        let mut generations = self.committed.generations(base)?;
        generations.retain(|key| !changed.contains_key(key.id()));
        for id in changed.iter().filter_map(|(id, put)| put.then_some(id)) {
            generations.push(base.sibling(id)?);
        }
        generations.sort_by_key(|key| generation_of(base.id(), key.id()));
        Ok(generations)
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        let changed = changes(self.batch.steps().iter().filter(|step| step.key.class() == class));
        let mut flow = ControlFlow::Continue(());
        self.committed.ids(class, &mut |id| {
            if !changed.contains_key(id) {
                flow = each(id);
            }
            flow
        })?;
        if flow.is_continue() {
            let _ = changed.iter().filter_map(|(id, put)| put.then_some(id)).try_for_each(|id| each(id));
        }
        Ok(())
    }

    fn classes(&self) -> Result<Vec<Class>> {
        let committed = self.committed.classes()?;
        Ok(self.batch.merge_classes(&committed)?.unwrap_or(committed))
    }

    fn root(&self) -> Option<&Path> {
        self.committed.root()
    }

    fn saved_by(&self, key: &Key) -> Option<&Eyes> {
        self.change(key).map(|_| self.eyes)
    }

    fn is_settled(&self, class: &str) -> bool {
        !self.batch.classes().iter().any(|declared| declared.name() == class) && self.committed.is_settled(class)
    }
}

impl<S: Source> Inspect for Pending<'_, S> {
    fn contains(&mut self, key: &Key) -> Result<bool> {
        Source::contains(self, key)
    }

    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>> {
        Ok(self.read(key)?.map(|record| record.fingerprint()))
    }

    fn newest(&mut self, base: &Key) -> Result<Option<Key>> {
        Source::newest(self, base)
    }

    /// As in a batch, the order does not count in which generations come: what is put here does not make an older one
    /// that is yet to come one that is gone. What was deleted here is gone.
    fn is_superseded(&mut self, key: &Key) -> Result<bool> {
        let (base, generation) = key.generation();
        let steps = self.batch.steps_of_base(&base);
        let deleted = |id: &str| steps.iter().any(|step| step.key.id() == id && step.change == Change::Delete);
        let newest = if steps.iter().all(|step| step.change != Change::Delete) {
            self.committed.newest(&base)?
        } else if steps.iter().any(|step| step.change == Change::Delete && step.key.generation().1 == generation) {
            Source::newest(self, &base)?
        } else {
            self.committed.generations(&base)?.into_iter().rfind(|key| !deleted(key.id()))
        };
        Ok(newest.is_some_and(|newest| newest.generation().1 > generation))
    }
}

/// Finds the record that an id of a class with generations means: exactly that generation, or, for
/// a base, the newest. A base can end like a generation: that is what is meant if there is no such generation.
pub(crate) fn find(source: &dyn Source, key: &Key) -> Result<Option<Key>> {
    for key in exactly(key)? {
        if source.contains(&key)? {
            return Ok(Some(key));
        }
    }
    source.newest(key)
}

/// Reads the record that [`find`] finds.
pub(crate) fn resolve(source: &dyn Source, key: &Key) -> Result<Option<(Key, Record)>> {
    for key in exactly(key)? {
        if let Some(record) = source.read(&key)? {
            return Ok(Some((key, record)));
        }
    }
    newest(source, key)
}

/// The keys under which the generation stands that an id names: a file without a suffix is generation 0.
fn exactly(key: &Key) -> Result<Vec<Key>> {
    Ok(match split_generation(key.id()) {
        Some((base, 0)) => vec![key.clone(), key.sibling(base)?],
        Some(_) => vec![key.clone()],
        None => Vec::new(),
    })
}

/// Reads the record of the newest generation of a base.
pub(crate) fn newest(source: &dyn Source, base: &Key) -> Result<Option<(Key, Record)>> {
    /// More often than that, nobody deletes and saves one generation between two looks.
    const LOOKS: u32 = 32;
    let mut gone: Option<Key> = None;
    let mut looks = 0;
    // A generation that has been found may be deleted before it is read: then look again.
    while let Some(newest) = source.newest(base)? {
        if let Some(record) = source.read(&newest)? {
            return Ok(Some((newest, record)));
        }
        looks = if gone.as_ref() == Some(&newest) { looks + 1 } else { 0 };
        if looks == LOOKS {
            let message =
                "it is listed as the newest generation, and is not there: `sepia verify` tells what is damaged";
            return Err(Error::corrupt(message).object(newest.class(), newest.id()));
        }
        gone = Some(newest);
    }
    Ok(None)
}
