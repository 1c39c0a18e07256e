//! Objects of classes that keep generations.

use super::{ROUNDS, Store, Transaction};
use crate::object::Generations;
use crate::object::encode::Intent;
use crate::object::id::Id;
use crate::record::error::{Error, ErrorKind, Result};

/// Of classes that keep generations.
impl Store {
    /// Saves an object as the generation that follows its own, which must be the newest. Its id is that of
    /// the new generation afterwards; the old one stays as it is.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Content, ErrorKind, Generations, Id, Result, Store};
    /// # fn save<T: Generations>(store: &Store, speech: &mut T) -> Result<()> {
    /// store.save(speech)?;      // speech.0
    /// store.save_next(speech)?; // speech.1
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Conflict` if the object is not the newest stored generation, or that one is not as the object was
    /// loaded or last saved, `InvalidName` if there can be no further generation; else as
    /// [`save`](Store::save). Nothing was written, and the id is as before.
    pub fn save_next<T: Generations>(&self, object: &mut T) -> Result<()> {
        count_up(object, |object, previous| {
            self.commit_encoded(Intent::Save, |encoder| encoder.add_next(object, previous))
        })
    }

    /// Returns the ids of all stored generations of an object, oldest first. The id may be that of any
    /// generation, or the base. What is saved or deleted meanwhile may be among them or not.
    ///
    /// # Errors
    /// As [`ids`](Store::ids), and `InvalidName`.
    pub fn versions<T: Generations>(&self, id: impl Into<Id<T>>) -> Result<Vec<Id<T>>> {
        let id = id.into();
        self.look(|look| look.versions(&id))
    }

    /// Returns whether a newer generation of an object is stored.
    ///
    /// # Errors
    /// As [`exists`](Store::exists).
    pub fn is_stale<T: Generations>(&self, object: &T) -> Result<bool> {
        self.look(|look| look.is_stale(object))
    }

    /// Loads the newest generation of an object, changes it and saves it as the next one, with nothing in
    /// between: of any number of updates at once, each makes a generation of its own.
    ///
    /// `change` runs again on what is newest then if others saved a generation meanwhile; after a few runs, they
    /// are kept off. Returns what was saved.
    ///
    /// # Errors
    /// `NotFound` if there is no generation, `InvalidValue` if `change` gives the object another id; what `change`
    /// returns; else as [`save_next`](Store::save_next).
    /// Nothing was written.
    pub fn update<T: Generations>(
        &self,
        id: impl Into<Id<T>>,
        mut change: impl FnMut(&mut T) -> Result<()>,
    ) -> Result<T> {
        let id = id.into();
        for _ in 0..ROUNDS {
            let mut object = self.follow(|look| look.newest(&id))?;
            apply(&mut change, &mut object)?;
            match self.save_next(&mut object) {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                saved => return saved.map(|()| object),
            }
        }
        self.transaction(|transaction| transaction.update(&id, change))
    }

    /// Saves `mine`, which was made from the generation `base`, as the next one; if others have saved newer
    /// generations meanwhile, saves what `merge` makes of `base`, `mine` and the newest. `mine` is what was saved
    /// then, with its id; if this fails, it is as before.
    ///
    /// `merge` runs again on what is newest then if others saved a generation meanwhile; after a few runs, they
    /// are kept off.
    ///
    /// # Errors
    /// `InvalidValue` if `base` and `mine` are not generations of one object; what `merge` returns; else as
    /// [`save_next`](Store::save_next). Nothing was written.
    pub fn update_with_merge<T: Generations>(
        &self,
        base: &T,
        mine: &mut T,
        mut merge: impl FnMut(&T, &T, T) -> Result<T>,
    ) -> Result<()> {
        let id = T::__id(base);
        if T::__id(mine).base() != id.base() {
            let error = Error::invalid_value("the two objects are not generations of one");
            return Err(error.object(T::__CLASS, T::__id(mine).as_str()));
        }
        let own = std::mem::replace(T::__id_mut(mine), id.clone());
        match self.save_next(mine) {
            Ok(()) => return Ok(()),
            Err(error) => {
                *T::__id_mut(mine) = own;
                if error.kind() != ErrorKind::Conflict {
                    return Err(error);
                }
            }
        }
        let mut merged = |mine: &T, theirs: T| {
            let newest = T::__id(&theirs).clone();
            let mut merged = merge(base, mine, theirs)?;
            *T::__id_mut(&mut merged) = newest;
            Ok(merged)
        };
        for _ in 0..ROUNDS {
            let mut object = merged(mine, self.follow(|look| look.newest(id))?)?;
            match self.save_next(&mut object) {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    *mine = object;
                    return Ok(());
                }
            }
        }
        *mine = self.transaction(|transaction: &mut Transaction<'_>| {
            let mut object = merged(mine, transaction.newest(id)?)?;
            transaction.save_next(&mut object)?;
            Ok(object)
        })?;
        Ok(())
    }
}

/// Changes an object, but for its id.
pub(super) fn apply<T: Generations>(change: impl FnOnce(&mut T) -> Result<()>, object: &mut T) -> Result<()> {
    let id = T::__id(object).clone();
    change(object)?;
    if *T::__id(object) == id {
        return Ok(());
    }
    let error = Error::invalid_value("an update gave the object another id, and so would go on another history");
    Err(error.object(T::__CLASS, id.as_str()))
}

/// Gives an object the id of its next generation, for `save` to save it so; if that fails, it gets its own
/// id back.
pub(super) fn count_up<T: Generations>(object: &mut T, save: impl FnOnce(&T, &Id<T>) -> Result<()>) -> Result<()> {
    let own = T::__id(object);
    if own.generation() == u64::MAX {
        let error = Error::invalid_name("there is no generation behind this one");
        return Err(error.object(T::__CLASS, own.as_str()));
    }
    let next = own.next();
    let own = std::mem::replace(T::__id_mut(object), next);
    let saved = save(object, &own);
    if saved.is_err() {
        *T::__id_mut(object) = own;
    }
    saved
}
