//! Looking at what is stored: the same for a store, a snapshot and a transaction.

use std::sync::Arc;

use crate::backend::to_the_end;
use crate::object::claims::Claims;
use crate::object::decode::Decoder;
use crate::object::id::{self, Eyes, Id};
use crate::object::source::{self, Source, resolve};
use crate::object::{Generations, Object};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::name::split_generation;
use crate::record::{Key, Record};

/// Reads objects from a source.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) claims: &'a Arc<Claims>,
    pub(super) eyes: &'a Eyes,
    /// How many bytes one load may read.
    pub(super) max_load: u64,
}

impl Look<'_> {
    pub(super) fn key<T: Object>(&self, id: &Id<T>) -> Result<Key> {
        self.claim::<T>()?;
        Key::of_id(id)
    }

    /// Makes sure that a class is that of a type.
    pub(super) fn claim<T: Object>(&self) -> Result<()> {
        self.claims.claim_in::<T>(self.source)
    }

    pub(super) fn load<T: Object>(&self, id: &Id<T>) -> Result<T> {
        self.find(id)?.ok_or_else(|| absent(id))
    }

    pub(super) fn find<T: Object>(&self, id: &Id<T>) -> Result<Option<T>> {
        let key = self.key(id)?;
        if !T::__CLASS_DEF.keeps_generations() {
            return self.exactly(&key);
        }
        resolve(self.source, &key)?.map(|(key, record)| self.decode(&key, record)).transpose()
    }

    fn decode<T: Object>(&self, key: &Key, record: Record) -> Result<T> {
        Decoder::new(self.source, self.claims, self.eyes, self.max_load).top(key, record)
    }

    /// Loads what is stored under a key, and not what it means as a base.
    pub(super) fn exactly<T: Object>(&self, key: &Key) -> Result<Option<T>> {
        self.source.read(key)?.map(|record| self.decode(key, record)).transpose()
    }

    /// Loads the newest generation of the object of which an id names one.
    pub(super) fn newest<T: Generations>(&self, id: &Id<T>) -> Result<T> {
        let (base, _) = self.key(id)?.generation();
        let (key, record) = source::newest(self.source, &base)?.ok_or_else(|| absent::<T>(&base.shared_id().into()))?;
        self.decode(&key, record)
    }

    pub(super) fn follow<T: Object>(&self, id: &Id<T>) -> Result<T> {
        self.find(id)?.ok_or_else(|| {
            let error = Error::message(ErrorKind::Dangling, "a `Ref` leads to an object that is not there");
            error.object(T::__CLASS, id.as_str())
        })
    }

    pub(super) fn exists<T: Object>(&self, id: &Id<T>) -> Result<bool> {
        let key = self.key(id)?;
        if T::__CLASS_DEF.keeps_generations() {
            return Ok(source::find(self.source, &key)?.is_some());
        }
        self.source.contains(&key)
    }

    /// Returns the keys that an id stands for when it is deleted.
    pub(super) fn doomed<T: Object>(&self, id: &Id<T>) -> Result<Vec<Key>> {
        let key = self.key(id)?;
        match split_generation(key.id()) {
            _ if !T::__CLASS_DEF.keeps_generations() => Ok(vec![key]),
            Some(_) if self.source.contains(&key)? => Ok(vec![key]),
            Some((base, 0)) if self.source.contains(&key.sibling(base)?)? => Ok(vec![key.sibling(base)?]),
            // A base can end like a generation.
            _ => self.source.generations(&key),
        }
    }

    pub(super) fn ids<T: Object>(&self) -> Result<Vec<Id<T>>> {
        self.claim::<T>()?;
        Ok(self.texts(T::__CLASS)?.into_iter().map(Id::from).collect())
    }

    fn texts(&self, class: &str) -> Result<Vec<Arc<str>>> {
        let (mut ids, mut is_sorted) = (Vec::<Arc<str>>::new(), true);
        let mut each = to_the_end(|id| {
            is_sorted &= ids.last().is_none_or(|last| **last <= *id);
            ids.push(id.into());
        });
        self.source.ids(class, &mut each)?;
        drop(each);
        Ok(if is_sorted { ids } else { id::sort(ids) })
    }

    pub(super) fn count<T: Object>(&self) -> Result<u64> {
        self.claim::<T>()?;
        let mut count = 0;
        self.source.ids(T::__CLASS, &mut to_the_end(|_| count += 1))?;
        Ok(count)
    }

    pub(super) fn classes(&self) -> Result<Vec<String>> {
        Ok(self.source.classes()?.iter().map(|class| class.name().to_owned()).collect())
    }

    pub(super) fn versions<T: Generations>(&self, id: &Id<T>) -> Result<Vec<Id<T>>> {
        let (base, _) = self.key(id)?.generation();
        Ok(self.source.generations(&base)?.iter().map(|key| key.shared_id().into()).collect())
    }

    pub(super) fn is_stale<T: Generations>(&self, object: &T) -> Result<bool> {
        let (base, generation) = self.key(T::__id(object))?.generation();
        Ok(self.source.newest(&base)?.is_some_and(|newest| newest.generation().1 > generation))
    }
}

pub(super) fn absent<T: Object>(id: &Id<T>) -> Error {
    let error = Error::message(ErrorKind::NotFound, "the object is not in the store");
    error.object(T::__CLASS, id.as_str())
}
