//! What ids and links lead to.

use sepia::backend::Backend;
use sepia::class::Class;
use sepia::record::{Key, Record};

use crate::failure::Result;

/// A store's records, as ids and links name them.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    pub(crate) backend: &'a dyn Backend,
    pub(crate) classes: Vec<Class>,
}

impl<'a> Records<'a> {
    pub(crate) fn of(backend: &'a dyn Backend) -> Result<Self> {
        Ok(Self { backend, classes: backend.classes()? })
    }

    pub(crate) fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name() == name)
    }

    /// Returns whether ids of a class may end in generations.
    pub(crate) fn keeps_generations(&self, class: &str) -> bool {
        self.class(class).is_some_and(|class| class.generations() != Some(false))
    }

    /// Returns the key of the record that an id or a link means: exactly this one; in classes that keep
    /// generations, of a base the newest, and of generation 0 the one without a number. A base can end like a generation:
    /// that is what is meant if there is no such generation.
    pub(crate) fn find(&self, key: &Key) -> Result<Option<Key>> {
        if !self.keeps_generations(key.class()) {
            return Ok(self.backend.contains(key)?.then(|| key.clone()));
        }
        let (base, generation) = key.generation();
        if base == *key {
            return Ok(self.backend.newest(key)?);
        }
        if self.backend.contains(key)? {
            return Ok(Some(key.clone()));
        }
        if generation == 0 && self.backend.contains(&base)? {
            return Ok(Some(base));
        }
        Ok(self.backend.newest(key)?)
    }

    /// Returns the record that an id or a link means.
    pub(crate) fn read(&self, key: &Key) -> Result<Option<(Key, Record)>> {
        // What has been found may be deleted before it is read: then look again.
        while let Some(found) = self.find(key)? {
            if let Some(record) = self.backend.read(&found)? {
                return Ok(Some((found, record)));
            }
        }
        Ok(None)
    }
}
