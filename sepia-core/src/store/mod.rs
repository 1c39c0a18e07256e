//! The typed front: objects in, objects out.

mod open;

use std::fmt;
use std::sync::Arc;

use crate::backend::Backend;
use crate::batch::{Batch, Expect};
use crate::class::Claims;
use crate::decode::{Decoder, resolve};
use crate::encode::Encoder;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::name::split_generation;
use crate::object::Object;
use crate::record::{Key, Record};
use crate::reference::Load;

pub use open::StoreBuilder;

/// Typed objects as plain files and folders. Cheap to clone; clones are the same store, and threads
/// can share it.
///
/// A save is atomic for each single file: a reader, and the disk after a crash of the process, has
/// the old content or the new, never a part. Of an object of several files a load beside a save may
/// see some old and some new, and may fail as `Corrupt` or `Dangling` in between; so may a load after
/// a crash, until the object is saved again. Saves are serialized among threads and processes; the
/// last one wins. Nothing is synced to the disk beyond what the operating system does by itself.
///
/// Besides what each method says, any of them may be `Corrupt` or `UnsupportedFormat` once the
/// store's list of classes has been edited into something else or taken over by a newer version of
/// Sepia while it was open.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    claims: Arc<Claims>,
}

impl Store {
    /// Makes a store over a backend.
    pub fn with_backend(backend: impl Backend) -> Self {
        Self { backend: Arc::new(backend), claims: Arc::default() }
    }

    /// Returns the options with which a store is opened.
    pub fn builder() -> StoreBuilder {
        StoreBuilder::default()
    }

    /// Saves an object with everything that it owns: as one record, and one for each serializable
    /// object that it holds. What is stored equal already is not written again; what the stored
    /// object had and this one has not is gone afterwards, but for serializable objects, which stay
    /// until they are deleted.
    ///
    /// # Errors
    /// `InvalidName`, `InvalidValue`, `ClassClash`, `ReadOnly`, `Locked`, `Conflict` for the other
    /// spelling of a generation 0, `Corrupt` if something that Sepia did not make is in the way (a
    /// file in a container's directory, a symlink in place of a class), and what a type's own
    /// [`Content`](crate::Content) or [`Fields`](crate::Fields) return: nothing was written. `Io` in
    /// the middle of writing, and `InvalidName` where only the file system finds two names to be one:
    /// each file is old or new, and saving again, once the cause is gone, completes it.
    pub fn save<T: Object>(&self, object: &T) -> Result<()> {
        let mut encoder = Encoder::new(Arc::clone(&self.claims));
        encoder.add(object).map_err(|error| match self.backend.root() {
            Some(root) => error.below(root),
            None => error,
        })?;
        self.backend.commit(encoder.finish())
    }

    /// Loads an object with everything that it owns. In a class that keeps generations, a base id
    /// means the newest.
    ///
    /// # Errors
    /// `NotFound` if it is absent; else what [`find`](Store::find) returns.
    pub fn load<T: Object>(&self, id: impl Into<Id<T>>) -> Result<T> {
        let id = id.into();
        self.find(&id)?.ok_or_else(|| {
            let error = Error::message(ErrorKind::NotFound, "the object is not in the store");
            error.object(T::__CLASS, id.as_str())
        })
    }

    /// Loads an object if it is there.
    ///
    /// # Errors
    /// `Corrupt` if what is there is not such an object, `Dangling` if a link in it leads nowhere,
    /// `ClassClash`, `InvalidName`, `Io`, and what a type's own [`Content`](crate::Content) or
    /// [`Fields`](crate::Fields) return.
    pub fn find<T: Object>(&self, id: impl Into<Id<T>>) -> Result<Option<T>> {
        let key = self.key(&id.into())?;
        match self.resolve::<T>(&key)? {
            Some((key, record)) => Decoder::new(&*self.backend, &self.claims).top(&key, record).map(Some),
            None => Ok(None),
        }
    }

    /// Returns whether an object is there, without reading it. In a class that keeps generations, a
    /// base id asks for any.
    ///
    /// # Errors
    /// `ClassClash`, `InvalidName`, `Corrupt` if what stands where the class belongs is no directory of
    /// its own, `Io`.
    pub fn exists<T: Object>(&self, id: impl Into<Id<T>>) -> Result<bool> {
        let key = self.key(&id.into())?;
        if self.backend.contains(&key)? {
            return Ok(true);
        }
        if !T::__CLASS_DEF.keeps_generations() {
            return Ok(false);
        }
        match split_generation(key.id()) {
            Some((base, 0)) => self.backend.contains(&key.sibling(base)?),
            Some(_) => Ok(false),
            None => Ok(!self.backend.generations(&key)?.is_empty()),
        }
    }

    /// Deletes an object, and returns whether it was there. In a class that keeps generations, a base
    /// id deletes all of them. What it links to stays; links to it dangle.
    ///
    /// # Errors
    /// `ClassClash`, `InvalidName`, `ReadOnly`, `Locked`, `Corrupt` if what stands where the class or
    /// the object belongs is nothing that Sepia makes (a symlink in place of a class, a pipe): nothing
    /// was removed. `Io` in the middle of removing: deleting again completes it.
    pub fn delete<T: Object>(&self, id: impl Into<Id<T>>) -> Result<bool> {
        let key = self.key(&id.into())?;
        let keys = match split_generation(key.id()) {
            _ if !T::__CLASS_DEF.keeps_generations() => vec![key],
            None => self.backend.generations(&key)?,
            Some((base, 0)) if !self.backend.contains(&key)? => vec![key.sibling(base)?],
            Some(_) => vec![key],
        };
        let mut batch = Batch::new();
        let one = keys.len() == 1;
        for key in keys {
            batch.delete(key, if one { Expect::Present } else { Expect::Any });
        }
        if batch.steps().is_empty() {
            return Ok(false);
        }
        match self.backend.commit(batch) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the ids of a class, sorted; every generation by itself.
    ///
    /// # Errors
    /// `ClassClash`, `Corrupt` if what stands where the class belongs is no directory of its own, `Io`.
    pub fn ids<T: Object>(&self) -> Result<Vec<Id<T>>> {
        self.claims.claim_in::<T>(&*self.backend)?;
        let mut ids = Vec::new();
        self.backend.ids(T::__CLASS, &mut |id| ids.push(id.into()))?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// Returns how many objects a class has; every generation counts.
    ///
    /// # Errors
    /// As [`ids`](Store::ids).
    pub fn count<T: Object>(&self) -> Result<u64> {
        self.claims.claim_in::<T>(&*self.backend)?;
        let mut count = 0;
        self.backend.ids(T::__CLASS, &mut |_| count += 1)?;
        Ok(count)
    }

    /// Returns the names of the classes that have been saved into this store, sorted.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat` or `Io` if the list of classes cannot be read.
    pub fn classes(&self) -> Result<Vec<String>> {
        Ok(self.backend.classes()?.iter().map(|class| class.name().to_owned()).collect())
    }

    /// Deletes every object of every class, and forgets the classes. Files that Sepia did not make
    /// stay.
    ///
    /// # Errors
    /// `ReadOnly`, `Locked`, `Corrupt` as for [`delete`](Store::delete), `Conflict` if others save
    /// without pause: nothing was removed. `Io` in the middle of removing: clearing again completes it.
    pub fn clear(&self) -> Result<()> {
        // Others may save between the listing and the commit; who never stops saving is not outrun.
        let mut attempts = 100;
        loop {
            match self.clear_once() {
                Err(error) if error.kind() == ErrorKind::Conflict && attempts > 0 => attempts -= 1,
                cleared => return cleared,
            }
        }
    }

    fn clear_once(&self) -> Result<()> {
        let mut batch = Batch::new();
        for class in self.backend.classes()? {
            let mut ids: Vec<Arc<str>> = Vec::new();
            self.backend.ids(class.name(), &mut |id| ids.push(id.into()))?;
            for id in ids {
                batch.delete(Key::new(class.name(), id)?, Expect::Any);
            }
            batch.retire(class.name());
        }
        self.backend.commit(batch)?;
        self.claims.clear();
        Ok(())
    }

    fn key<T: Object>(&self, id: &Id<T>) -> Result<Key> {
        self.claims.claim_in::<T>(&*self.backend)?;
        Key::of_id(id)
    }

    fn resolve<T: Object>(&self, key: &Key) -> Result<Option<(Key, Record)>> {
        if T::__CLASS_DEF.keeps_generations() {
            return resolve(&*self.backend, key);
        }
        Ok(self.backend.read(key)?.map(|record| (key.clone(), record)))
    }
}

impl Load for Store {
    fn __follow<T: Object>(&self, id: &Id<T>) -> Result<T> {
        self.find(id)?.ok_or_else(|| {
            let error = Error::message(ErrorKind::Dangling, "a `Ref` leads to an object that is not there");
            error.object(T::__CLASS, id.as_str())
        })
    }
}

impl crate::reference::sealed::Sealed for Store {}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.backend).finish()
    }
}
