//! Records in memory: for tests, caches and scratch data. Nothing outlives the process.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::Backend;
use crate::batch::{Batch, Change, Inspect};
use crate::class::Class;
use crate::error::Result;
use crate::name::generation_of;
use crate::record::{Fingerprint, Key, Record};

/// Keeps records in memory.
#[derive(Default)]
pub struct Memory {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    classes: Vec<Class>,
    records: HashMap<String, BTreeMap<Box<str>, Record>>,
}

impl State {
    fn get(&self, key: &Key) -> Option<&Record> {
        self.records.get(key.class())?.get(key.id())
    }

    /// Checks the records that are put, and that classes are empty when they are retired.
    fn check(&self, batch: &Batch) -> Result<()> {
        for step in batch.steps() {
            if let Change::Put(record) = &step.change {
                record.check().map_err(|error| error.object(step.key.class(), step.key.id()))?;
            }
        }
        for class in batch.retired() {
            for id in self.records.get(class).into_iter().flat_map(BTreeMap::keys) {
                batch.check_retired(&Key::new(class.as_str(), &**id)?)?;
            }
        }
        Ok(())
    }
}

impl Inspect for &State {
    fn contains(&mut self, key: &Key) -> Result<bool> {
        Ok(self.get(key).is_some())
    }

    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>> {
        Ok(self.get(key).map(Record::fingerprint))
    }

    fn newest(&mut self, base: &Key) -> Result<Option<Key>> {
        let _ = base;
        Ok(None)
    }
}

impl Memory {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic cannot leave the state half changed, so a poisoned lock is as good as any: whatever
    /// can fail comes before the first change.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: usize = self.state().records.values().map(BTreeMap::len).sum();
        f.debug_struct("Memory").field("records", &records).finish()
    }
}

impl Backend for Memory {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        Ok(self.state().get(key).cloned())
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.state().get(key).is_some())
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let classes = batch.merge_classes(&state.classes)?;
        batch.check_expectations(&mut &*state)?;
        state.check(&batch)?;
        if let Some(classes) = classes {
            state.classes = classes;
        }
        for step in batch.into_steps() {
            match step.change {
                Change::Keep => {}
                Change::Put(record) => match state.records.get_mut(step.key.class()) {
                    Some(records) => {
                        records.insert(step.key.id().into(), record);
                    }
                    None => {
                        let records = BTreeMap::from([(step.key.id().into(), record)]);
                        state.records.insert(step.key.class().to_owned(), records);
                    }
                },
                Change::Delete => {
                    if let Some(records) = state.records.get_mut(step.key.class()) {
                        records.remove(step.key.id());
                    }
                }
            }
        }
        Ok(())
    }

    fn classes(&self) -> Result<Vec<Class>> {
        Ok(self.state().classes.clone())
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str)) -> Result<()> {
        // `each` runs without the lock, so that it may call back into the store.
        let ids: Vec<_> = match self.state().records.get(class) {
            Some(records) => records.keys().cloned().collect(),
            None => return Ok(()),
        };
        ids.iter().for_each(|id| each(id));
        Ok(())
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        let mut found = Vec::new();
        if let Some(records) = self.state().records.get(base.class()) {
            // Every generation of the base begins with it; what else does is sorted out by its parts.
            let first: Box<str> = base.id().into();
            for id in records.range(first..).map(|(id, _)| &**id).take_while(|id| id.starts_with(base.id())) {
                if let Some(generation) = generation_of(base.id(), id) {
                    found.push((generation, base.sibling(id)?));
                }
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        Ok(self.generations(base)?.pop())
    }

    fn lock(&self) -> Result<Box<dyn super::Lock + '_>> {
        Err(crate::Error::message(crate::ErrorKind::Other, "not there yet"))
    }

    fn moment(&self) -> Result<super::Moment> {
        Ok(super::Moment::new([0, 0]))
    }

    fn identity(&self) -> u64 {
        std::ptr::from_ref(self) as u64
    }

    fn checkpoint(&self) -> Result<()> {
        Ok(())
    }

    fn recovered(&self) -> Option<super::Recovered> {
        None
    }
}
