//! Reading several objects as of one moment.

use std::fmt;

use super::look::Look;
use super::{ROUNDS, Store};
use crate::object::id::Id;
use crate::object::reference::{Load, sealed};
use crate::object::source::Committed;
use crate::object::{Generations, Object};
use crate::record::error::Result;

/// What [`Store::snapshot`] gives: all that is read through it is as it was at one moment.
pub struct Snapshot<'a> {
    store: &'a Store,
}

impl Store {
    /// Reads several objects as of one moment: no commit falls in between.
    ///
    /// `read` runs again if a commit did fall in between, so it should do nothing but read (what writes
    /// in every run disturbs itself, and is `Locked` in the last); only the result of
    /// its last run is returned, be it a value or an error. After a few runs, writers are kept off for the last
    /// one. Snapshots take no lock otherwise, and hold no writer up.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let store = sepia::Store::in_memory();
    /// let classes = store.snapshot(|snapshot| snapshot.classes())?;
    /// assert!(classes.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `read` returns; `Locked` if writers cannot be kept off, `Corrupt`, `Io`.
    pub fn snapshot<R>(&self, mut read: impl FnMut(&Snapshot<'_>) -> Result<R>) -> Result<R> {
        let snapshot = Snapshot { store: self };
        for _ in 0..ROUNDS {
            let before = self.backend.moment()?;
            let result = read(&snapshot);
            if self.backend.moment()? == before {
                return result;
            }
        }
        let _lock = self.backend.lock()?;
        read(&snapshot)
    }
}

impl Snapshot<'_> {
    pub(super) fn look<R>(&self, look: impl FnOnce(Look<'_>) -> Result<R>) -> Result<R> {
        look(self.store.look_in(&Committed(&*self.store.backend)))
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

    /// Returns the names of the classes, as [`Store::classes`].
    ///
    /// # Errors
    /// As [`Store::classes`].
    pub fn classes(&self) -> Result<Vec<String>> {
        self.look(|look| look.classes())
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

impl Load for Snapshot<'_> {
    fn __follow<T: Object>(&self, id: &Id<T>) -> Result<T> {
        self.look(|look| look.follow(id))
    }
}

impl sealed::Sealed for Snapshot<'_> {}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(self.store).finish()
    }
}
