//! Links without their targets.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::{HoldsObjects, Item};
use crate::object::decode::{Decoder, Found, stray};
use crate::object::encode::{Encoder, Hidden};
use crate::object::id::Id;
use crate::object::{Generations, Object, OfClass};
use crate::record::Entry;
use crate::record::error::{Error, Quoted, Result};

/// A link to an object, loaded only when asked: for graphs, cycles and big sets.
///
/// Saving what holds a `Ref` saves the link alone; the target is saved by itself, before or after.
/// In a class that keeps generations, a link to a base id leads to the newest generation.
///
/// `Ref` never implements serde's traits: links stay out of JSON, where nobody would see them. So a serializable object
/// has none; an [`Id`] in its place is no link, and [`Store::gc`](crate::Store::gc) does not follow it.
pub struct Ref<T> {
    id: Id<T>,
}

impl<T> Ref<T> {
    /// Makes a link to the object of this id, which need not exist yet.
    pub fn new(id: impl Into<Id<T>>) -> Self {
        Self { id: id.into().without_memory() }
    }

    /// Returns the id of the target.
    pub fn id(&self) -> &Id<T> {
        &self.id
    }
}

impl<T: Object> Ref<T> {
    /// Makes a link to this object, and in classes with generations to exactly this generation.
    pub fn to(object: &T) -> Self {
        Self { id: T::__id(object).without_memory() }
    }

    /// Loads the target.
    ///
    /// # Errors
    /// [`Dangling`](crate::ErrorKind::Dangling) if it is not there; else as loading it by its id.
    pub fn load(&self, from: &impl Load) -> Result<T> {
        from.__follow(&self.id)
    }
}

impl<T: Generations> Ref<T> {
    /// Makes a link to the newest generation of this object, whichever that is when it is loaded.
    pub fn latest(object: &T) -> Self {
        Self::new(T::__id(object).base())
    }
}

/// What a [`Ref`] can be loaded from: a [`Store`](crate::Store), a [`Transaction`](crate::Transaction) or a
/// [`Snapshot`](crate::Snapshot).
pub trait Load: sealed::Sealed {
    #[doc(hidden)]
    fn __follow<T: Object>(&self, id: &Id<T>) -> Result<T>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

// Of any `T`, so that a target that is no object is reported once, where the field is stored.
impl<T> HoldsObjects for Ref<T> {}

impl<T: Object> Item for Ref<T> {
    fn __shown(item: &Self) -> Option<&str> {
        Some(item.id.as_str())
    }

    fn __encode(item: &Self, encoder: &mut Encoder, _: Hidden) -> Result<Entry> {
        encoder.key(&item.id).map(Entry::Link)
    }

    fn __decode(found: Found<'_>, _: &Decoder<'_>) -> Result<Self> {
        match found.entry {
            Entry::Link(key) if key.class() == T::__CLASS => Ok(Self::new(key.shared_id())),
            Entry::Link(key) => {
                let message = format!("the link leads to {key}, where class {} belongs", Quoted(T::__CLASS));
                Err(Error::corrupt(message))
            }
            Entry::Container(_) | Entry::Collection(_) => {
                Err(Error::corrupt(format!("a directory stands where a link to class {} belongs", Quoted(T::__CLASS))))
            }
            Entry::Stray => Err(stray()),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: Object> OfClass for Ref<T> {
    const __CLASS: &'static str = T::__CLASS;
}

impl<T> From<Id<T>> for Ref<T> {
    fn from(id: Id<T>) -> Self {
        Self::new(id)
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Self { id: self.id.without_memory() }
    }
}

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ref").field(&self.id).finish()
    }
}

impl<T> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<T> Eq for Ref<T> {}

impl<T> PartialOrd for Ref<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ref<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl<T> Hash for Ref<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
