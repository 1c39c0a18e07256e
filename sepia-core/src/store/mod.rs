//! The typed front: objects in, objects out.

#[cfg(feature = "cache")]
pub(crate) mod cache;
mod document;
mod generation;
mod get;
mod iter;
mod look;
mod many;
mod open;
mod snapshot;
pub mod testing;
mod transaction;

use std::fmt;
use std::sync::Arc;

use crate::backend::{Backend, Recovered, to_the_end};
use crate::object::Object;
use crate::object::claims::Claims;
use crate::object::encode::{Encoder, Intent};
use crate::object::id::{Eyes, Id};
use crate::object::reference::Load;
use crate::object::source::{Committed, Source};
use crate::record::batch::{Batch, Durability, Expect};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Key, MAX_RECORD_SIZE};
use look::Look;

pub use iter::Iter;
pub(crate) use many::workers;
pub use open::StoreBuilder;
pub use snapshot::Snapshot;
pub use transaction::Transaction;

/// How often something is tried that others may come in between, before they are kept off.
const ROUNDS: usize = 8;

/// How many bytes one load may read, if nothing else is said.
const MAX_LOAD: u64 = 1 << 30;

/// Typed objects as plain files and folders. Cheap to clone; clones are the same store, and threads
/// can share it.
///
/// # What is guaranteed
/// - **One save, delete or [transaction](Store::transaction)** takes effect entirely or not at all, for every
///   thread and process that reads through Sepia, also if its process is killed at any point. What returned
///   under [`Durability::Sync`] survives the loss of power; under [`Durability::Buffered`], the death of the
///   process.
/// - **One load** sees each record (an object, with all containers nested in it) as it was before or after any
///   commit, and at least as new as when the load began. The serializable objects that links lead to are records of
///   their own: they may be newer than what links to them.
/// - **Several loads** may see later and later states; those of one [`snapshot`](Store::snapshot) or transaction
///   see one state.
/// - **No update is lost.** An object remembers the record that it was loaded from or last saved as; if that was
///   changed elsewhere, and the object here, saving the object is `Conflict`.
/// - **What was only read is not checked.** A save compares what it writes with what is stored, and nothing else. Two
///   programs that each change what the other has only looked at both succeed (*write skew*). What is loaded within a
///   transaction does not change before that has committed; of what was loaded before,
///   [`Transaction::require`] makes sure that it is still so.
///
/// Besides what each method says, any of them may be `Corrupt` or `UnsupportedFormat` once the
/// store's list of classes has been edited into something else or taken over by a newer version of
/// Sepia while it was open.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    claims: Arc<Claims>,
    eyes: Eyes,
    durability: Durability,
    /// Whether what is saved is read back first.
    checks_saves: bool,
    /// The most bytes of a record.
    max_record_size: u64,
    max_load: u64,
    #[cfg(feature = "cache")]
    cache: Option<Arc<crate::store::cache::Cache>>,
}

impl Store {
    /// Makes a store over a backend.
    pub fn with_backend(backend: impl Backend) -> Self {
        let eyes = Eyes::store(backend.identity());
        Self {
            backend: Arc::new(backend),
            claims: Arc::default(),
            eyes,
            durability: Durability::default(),
            checks_saves: false,
            max_record_size: MAX_RECORD_SIZE,
            max_load: MAX_LOAD,
            #[cfg(feature = "cache")]
            cache: None,
        }
    }

    /// Returns the same store, whose commits survive what this says; [`Durability::Sync`] by default.
    #[must_use]
    pub fn with_durability(&self, durability: Durability) -> Self {
        Self { durability, ..self.clone() }
    }

    /// Returns the most bytes of a record.
    #[cfg(any(feature = "backup", feature = "export"))]
    pub(crate) fn max_record_size(&self) -> u64 {
        self.max_record_size
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
    /// Each of these objects is looked at by itself. One that was changed since it was loaded or last saved here is
    /// written, and must be stored as it was then. One that was not is not written, whatever was changed elsewhere, but
    /// must still be there; it goes on remembering what it did. One that remembers nothing, because it is new or comes
    /// from another store, is saved whatever is there. What was only read is not checked:
    /// [`Transaction::require`] asks for more.
    ///
    /// # Errors
    /// `Conflict` if one of the objects was changed here and elsewhere, or deleted elsewhere: [`Error::conflicts`] says
    /// which, and each can be loaded, to merge; also for the other spelling of a generation 0, and for a
    /// generation that is gone while a newer one is stored. `InvalidName`, `InvalidValue`, `ClassClash`,
    /// `ReadOnly`, `Locked`, `Poisoned`, `Io`, `Corrupt` if something that Sepia did not make is in the way (a file
    /// in a container's directory, a symlink in place of a class), and what a type's own
    /// [`Content`](crate::Content) or [`Fields`](crate::Fields) return. Nothing was written.
    pub fn save<T: Object>(&self, object: &T) -> Result<()> {
        self.commit_encoded(Intent::Save, |encoder| encoder.add(object).map(|_| ()))
    }

    /// Saves an object with everything that it owns, whatever is stored and whatever they remember.
    ///
    /// # Errors
    /// As [`save`](Store::save); `Conflict` only for what concerns generations.
    pub fn overwrite<T: Object>(&self, object: &T) -> Result<()> {
        self.commit_encoded(Intent::Overwrite, |encoder| encoder.add(object).map(|_| ()))
    }

    fn commit_encoded(&self, intent: Intent, add: impl FnOnce(&mut Encoder) -> Result<()>) -> Result<()> {
        let mut encoder = self.encoder(self.eyes.clone(), intent);
        add(&mut encoder).map_err(|error| self.locate(error))?;
        encoder.check(&Committed(&*self.backend))?;
        let (mut batch, saved) = encoder.finish();
        if batch.steps().is_empty() {
            return Ok(());
        }
        batch.set_durability(self.durability);
        self.backend.commit(batch)?;
        saved.remember(&self.eyes);
        Ok(())
    }

    fn encoder(&self, eyes: Eyes, intent: Intent) -> Encoder {
        let encoder = Encoder::new(Arc::clone(&self.claims), eyes, intent);
        if self.checks_saves { encoder.with_checks() } else { encoder }
    }

    /// Completes the place of an error that arose before any file was looked at.
    fn locate(&self, error: Error) -> Error {
        match self.backend.root() {
            Some(root) => error.below(root),
            None => error,
        }
    }

    fn look<R>(&self, look: impl Fn(Look<'_>) -> Result<R>) -> Result<R> {
        look(self.look_in(&Committed(&*self.backend)))
    }

    fn look_in<'a>(&'a self, source: &'a dyn Source) -> Look<'a> {
        Look { source, claims: &self.claims, eyes: &self.eyes, max_load: self.max_load }
    }

    /// Follows links from record to record. If others change them meanwhile, they may lead nowhere: then it
    /// is done again.
    fn follow<R>(&self, look: impl Fn(Look<'_>) -> Result<R>) -> Result<R> {
        let mut before = None;
        for _ in 0..ROUNDS {
            let error = match self.look(&look) {
                Err(error) if matches!(error.kind(), ErrorKind::Dangling | ErrorKind::Corrupt) => error,
                done => return done,
            };
            // Not asked for before it is needed, so one round more tells.
            let after = Some(self.backend.moment()?);
            if before == after {
                return Err(error);
            }
            before = after;
        }
        let _lock = self.backend.lock()?;
        self.look(look)
    }

    /// Loads an object with everything that it owns. In a class that keeps generations, a base id
    /// means the newest.
    ///
    /// # Errors
    /// `NotFound` if it is absent; else what [`find`](Store::find) returns.
    pub fn load<T: Object>(&self, id: impl Into<Id<T>>) -> Result<T> {
        let id = id.into();
        self.follow(|look| look.load(&id))
    }

    /// Loads an object if it is there.
    ///
    /// # Errors
    /// `Corrupt` if what is there is not such an object, `Dangling` if a link in it leads nowhere,
    /// `ClassClash`, `InvalidName`, `Io`, and what a type's own [`Content`](crate::Content) or
    /// [`Fields`](crate::Fields) return.
    pub fn find<T: Object>(&self, id: impl Into<Id<T>>) -> Result<Option<T>> {
        let id = id.into();
        self.follow(|look| look.find(&id))
    }

    /// Returns whether an object is there, without reading it. In a class that keeps generations, a
    /// base id asks for any.
    ///
    /// # Errors
    /// `ClassClash`, `InvalidName`, `Corrupt` if what stands where the class belongs is no directory of
    /// its own, `Io`.
    pub fn exists<T: Object>(&self, id: impl Into<Id<T>>) -> Result<bool> {
        let id = id.into();
        self.look(|look| look.exists(&id))
    }

    /// Deletes an object, and returns whether it was there. In a class that keeps generations, a base
    /// id deletes all of them, which takes a list of the class. What it links to stays; links to it dangle.
    ///
    /// # Errors
    /// `ClassClash`, `InvalidName`, `ReadOnly`, `Locked`, `Poisoned`, `Io`, `Corrupt` if what stands where the class
    /// or the object belongs is nothing that Sepia makes (a symlink in place of a class, a pipe). Nothing
    /// was removed.
    pub fn delete<T: Object>(&self, id: impl Into<Id<T>>) -> Result<bool> {
        let id = id.into();
        // What an id stands for can change meanwhile, where generations come.
        let lock = if T::__CLASS_DEF.keeps_generations() { Some(self.backend.lock()?) } else { None };
        let mut batch = Batch::new();
        batch.set_durability(self.durability);
        for key in self.look(|look| look.doomed(&id))? {
            batch.delete(key, Expect::Present);
        }
        if batch.steps().is_empty() {
            return Ok(false);
        }
        let deleted = match lock {
            Some(lock) => lock.commit(batch),
            None => self.backend.commit(batch),
        };
        match deleted {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the ids of a class, sorted; every generation by itself. What is saved or deleted meanwhile may be
    /// among them or not; a [snapshot](Store::snapshot) lists one moment.
    ///
    /// # Errors
    /// `ClassClash`, `Corrupt` if what stands where the class belongs is no directory of its own, `Io`.
    pub fn ids<T: Object>(&self) -> Result<Vec<Id<T>>> {
        self.look(|look| look.ids())
    }

    /// Returns how many objects a class has; every generation counts, and of what is saved or deleted meanwhile some.
    ///
    /// # Errors
    /// As [`ids`](Store::ids).
    pub fn count<T: Object>(&self) -> Result<u64> {
        self.look(|look| look.count::<T>())
    }

    /// Returns the names of the classes that have been saved into this store, sorted.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat` or `Io` if the list of classes cannot be read.
    pub fn classes(&self) -> Result<Vec<String>> {
        self.look(|look| look.classes())
    }

    /// Deletes every object of every class, and forgets the classes. Files that Sepia did not make
    /// stay.
    ///
    /// # Errors
    /// `ReadOnly`, `Locked`, `Poisoned`, `Io`, `Corrupt` as for [`delete`](Store::delete). Nothing was removed.
    pub fn clear(&self) -> Result<()> {
        let lock = self.backend.lock()?;
        let mut batch = Batch::new();
        batch.set_durability(self.durability);
        for class in self.backend.classes()? {
            let mut ids: Vec<Arc<str>> = Vec::new();
            self.backend.ids(class.name(), &mut to_the_end(|id| ids.push(id.into())))?;
            for id in ids {
                batch.delete(Key::new(class.name(), id)?, Expect::Any);
            }
            batch.retire(class.name());
        }
        lock.commit(batch)?;
        self.claims.clear();
        Ok(())
    }

    /// Makes all that has been committed durable where it stands, whatever [`Durability`] it was committed
    /// with, and closes this handle; its clones stay open. A handle that is dropped instead closes without waiting for
    /// the disk: nothing is lost by that, but until the next open it takes the store's private directory to
    /// survive the loss of power, and a restart may undo what was deleted or put back by hand.
    ///
    /// # Errors
    /// `Locked`, `Poisoned`, `Io`. A store that was opened for reading closes without any.
    pub fn close(self) -> Result<()> {
        match self.backend.checkpoint() {
            Err(error) if error.kind() == ErrorKind::ReadOnly => Ok(()),
            closed => closed,
        }
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// Returns the backend: records, for tools that have no types.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Returns what was found left by writers that died, when the store was opened or since, and what was
    /// done about it; `None` if there was nothing. With the feature `tracing`, it is an event as well.
    pub fn recovered(&self) -> Option<Recovered> {
        self.backend.recovered()
    }
}

impl Load for Store {
    fn __follow<T: Object>(&self, id: &Id<T>) -> Result<T> {
        self.follow(|look| look.follow(id))
    }
}

impl crate::object::reference::sealed::Sealed for Store {}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.backend).finish()
    }
}
