//! Changes to several objects that commit together.

use std::fmt;
use std::sync::Arc;

use super::look::Look;
use super::{Store, generation};
use crate::backend::Lock;
use crate::object::encode::{Encoder, Intent};
use crate::object::id::{Eyes, Id, Known, Outcome};
use crate::object::reference::{Load, sealed};
use crate::object::source::{Committed, Pending, Source};
use crate::object::{Generations, Object};
use crate::record::batch::{Batch, Durability, Expect};
use crate::record::error::{Error, Result};

/// What [`Store::transaction`] gives: reads see what it has saved and deleted itself, and nobody else does
/// before it commits.
pub struct Transaction<'a> {
    pub(super) store: &'a Store,
    lock: Box<dyn Lock + 'a>,
    pub(super) batch: Batch,
    outcome: Undecided,
    pub(super) eyes: Eyes,
    encoder: Encoder,
}

/// What becomes of the transaction: nothing, unless it is decided otherwise before it ends.
struct Undecided(Arc<Outcome>);

impl Drop for Undecided {
    fn drop(&mut self) {
        // The first decision holds.
        self.0.decide(false);
    }
}

impl Store {
    /// Makes several changes as one: all of them take effect together when `change` has returned, or none.
    ///
    /// Other writers, threads and processes, wait until it is done, so what is read in it does not change
    /// meanwhile; readers go on and see nothing of it before. If `change` returns an error or panics, nothing is
    /// changed, and the objects that were saved in it remember what they did before. What a transaction survives
    /// once it has returned is as the store's [`Durability`] says, unless it
    /// [chooses](Transaction::set_durability) for itself.
    ///
    /// The store's own methods that write are `Locked` within `change`: it has those of the transaction.
    ///
    /// # Errors
    /// What `change` returns; `Locked` if others hold the store for longer than the timeout, or this thread does
    /// already; else what [`save`](Store::save) returns. Nothing was written.
    pub fn transaction<R>(&self, change: impl FnOnce(&mut Transaction<'_>) -> Result<R>) -> Result<R> {
        self.try_transaction(change)
    }

    /// The same as [`transaction`](Store::transaction), for a `change` with errors of its own.
    ///
    /// # Errors
    /// As [`transaction`](Store::transaction).
    pub fn try_transaction<R, E: From<Error>>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut transaction = Transaction::begin(self)?;
        let result = change(&mut transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

impl<'a> Transaction<'a> {
    fn begin(store: &'a Store) -> Result<Self> {
        let outcome = Arc::new(Outcome::new(store.backend.identity()));
        let mut batch = Batch::new();
        batch.set_durability(store.durability);
        let eyes = Eyes::transaction(&outcome);
        let encoder = store.encoder(eyes.clone(), Intent::Save);
        Ok(Self { store, lock: store.backend.lock()?, batch, outcome: Undecided(outcome), eyes, encoder })
    }

    fn commit(self) -> Result<()> {
        if !self.batch.steps().is_empty() {
            self.lock.commit(self.batch)?;
        }
        self.outcome.0.decide(true);
        Ok(())
    }

    pub(super) fn look<R>(&self, look: impl FnOnce(Look<'_>) -> Result<R>) -> Result<R> {
        // What an object was loaded from stays true when the transaction is rolled back, unless it was saved in it.
        look(self.store.look_in(&self.pending()))
    }

    pub(super) fn pending(&self) -> Pending<'_> {
        Pending { committed: Committed(&*self.store.backend), batch: &self.batch, eyes: &self.eyes }
    }

    /// Sets what the transaction survives once it has committed.
    pub fn set_durability(&mut self, durability: Durability) {
        self.batch.set_durability(durability);
    }

    /// Saves an object, as [`Store::save`].
    ///
    /// # Errors
    /// As [`Store::save`]: the object is not part of the transaction then.
    pub fn save<T: Object>(&mut self, object: &T) -> Result<()> {
        self.encode(Intent::Save, |encoder| encoder.add(object).map(|_| ()))
    }

    /// Saves an object whatever is stored, as [`Store::overwrite`].
    ///
    /// # Errors
    /// As [`Store::overwrite`].
    pub fn overwrite<T: Object>(&mut self, object: &T) -> Result<()> {
        self.encode(Intent::Overwrite, |encoder| encoder.add(object).map(|_| ()))
    }

    /// Asks that what is stored is what this object was loaded from or last saved as, now and when the transaction
    /// commits. The object is not saved, and whether it was changed here does not matter. Without that, what was loaded
    /// before the transaction, and is not written in it, is not checked. The serializable objects in a container are not
    /// part of its record: each is required by itself.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Object, Result, Store};
    /// # fn book<Shift: Object, Roster: Object>(store: &Store, roster: &Roster, mine: &Shift) -> Result<()> {
    /// store.transaction(|transaction| {
    ///     transaction.require(roster)?; // nobody has changed it since I looked
    ///     transaction.save(mine)
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Conflict` if the object was changed or deleted since; `InvalidValue` if it was neither loaded from this store
    /// nor saved into it; `ClassClash`, `InvalidName`, `Corrupt`, `Io`. Nothing is required then.
    pub fn require<T: Object>(&mut self, object: &T) -> Result<()> {
        self.encode(Intent::Save, |encoder| encoder.require(object))
    }

    /// Saves an object as its next generation, as [`Store::save_next`]. If the transaction is rolled back, the
    /// object keeps the id of the generation that did not come to be, and saving it is `Conflict`.
    ///
    /// # Errors
    /// As [`Store::save_next`].
    pub fn save_next<T: Generations>(&mut self, object: &mut T) -> Result<()> {
        generation::count_up(object, |object, previous| {
            self.encode(Intent::Save, |encoder| encoder.add_next(object, previous))?;
            // If this is rolled back, the object has the id of a generation that it never was, and that others
            // may make.
            T::__id(object).remember(&self.store.eyes, Known::NOTHING);
            Ok(())
        })
    }

    /// Loads the newest generation of an object, changes it and saves it as the next one, as
    /// [`Store::update`].
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn update<T: Generations>(
        &mut self,
        id: impl Into<Id<T>>,
        change: impl FnOnce(&mut T) -> Result<()>,
    ) -> Result<T> {
        let mut object = self.newest(&id.into())?;
        generation::apply(change, &mut object)?;
        self.save_next(&mut object)?;
        Ok(object)
    }

    pub(super) fn newest<T: Generations>(&self, id: &Id<T>) -> Result<T> {
        self.look(|look| look.newest(id))
    }

    pub(super) fn encode(&mut self, intent: Intent, add: impl FnOnce(&mut Encoder) -> Result<()>) -> Result<()> {
        self.encoder.begin(intent);
        add(&mut self.encoder).map_err(|error| self.store.locate(error))?;
        self.encoder.check(&self.pending())?;
        self.join()
    }

    /// Makes what has been encoded part of the transaction.
    fn join(&mut self) -> Result<()> {
        let batch = self.encoder.batch();
        // Nobody else changes anything meanwhile, so what is true now is true when all of it commits.
        if batch.classes().iter().any(|class| !self.batch.classes().contains(class)) {
            batch.merge_classes(&self.pending().classes()?)?;
        }
        batch.check_expectations(&mut self.pending())?;
        for class in batch.classes() {
            self.batch.declare(class)?;
        }
        self.encoder.join(&mut self.batch);
        Ok(())
    }

    /// Deletes an object, and returns whether it was there, as [`Store::delete`].
    ///
    /// # Errors
    /// As [`Store::delete`].
    pub fn delete<T: Object>(&mut self, id: impl Into<Id<T>>) -> Result<bool> {
        let mut was_there = false;
        for key in self.look(|look| look.doomed(&id.into()))? {
            was_there |= Source::contains(&self.pending(), &key)?;
            let known = self.batch.get(&key).map(|known| known.expect.clone());
            self.batch.delete(key, known.unwrap_or(Expect::Any));
        }
        Ok(was_there)
    }

    /// Loads an object, as [`Store::load`].
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn load<T: Object>(&self, id: impl Into<Id<T>>) -> Result<T> {
        self.look(|look| look.load(&id.into()))
    }

    /// Loads an object if it is there, as [`Store::find`].
    ///
    /// # Errors
    /// As [`Store::find`].
    pub fn find<T: Object>(&self, id: impl Into<Id<T>>) -> Result<Option<T>> {
        self.look(|look| look.find(&id.into()))
    }

    /// Returns whether an object is there, as [`Store::exists`].
    ///
    /// # Errors
    /// As [`Store::exists`].
    pub fn exists<T: Object>(&self, id: impl Into<Id<T>>) -> Result<bool> {
        self.look(|look| look.exists(&id.into()))
    }

    /// Returns the ids of a class, as [`Store::ids`].
    ///
    /// # Errors
    /// As [`Store::ids`].
    pub fn ids<T: Object>(&self) -> Result<Vec<Id<T>>> {
        self.look(|look| look.ids())
    }

    /// Returns how many objects a class has, as [`Store::count`].
    ///
    /// # Errors
    /// As [`Store::count`].
    pub fn count<T: Object>(&self) -> Result<u64> {
        self.look(|look| look.count::<T>())
    }

    /// Returns the generations of an object, as [`Store::versions`].
    ///
    /// # Errors
    /// As [`Store::versions`].
    pub fn versions<T: Generations>(&self, id: impl Into<Id<T>>) -> Result<Vec<Id<T>>> {
        self.look(|look| look.versions(&id.into()))
    }

    /// Returns whether a newer generation of an object is stored, as [`Store::is_stale`].
    ///
    /// # Errors
    /// As [`Store::is_stale`].
    pub fn is_stale<T: Generations>(&self, object: &T) -> Result<bool> {
        self.look(|look| look.is_stale(object))
    }
}

impl Load for Transaction<'_> {
    fn __follow<T: Object>(&self, id: &Id<T>) -> Result<T> {
        self.look(|look| look.follow(id))
    }
}

impl sealed::Sealed for Transaction<'_> {}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("store", self.store).finish_non_exhaustive()
    }
}
