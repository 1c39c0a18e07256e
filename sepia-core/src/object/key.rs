//! Keys and classes of objects.

use super::Object;
use super::id::Id;
use crate::record::Key;
use crate::record::class::Class;
use crate::record::error::Result;

impl Key {
    /// Returns the key of an object.
    ///
    /// # Errors
    /// `InvalidName` if its id is empty or over 200 bytes once encoded.
    pub fn of<T: Object>(object: &T) -> Result<Self> {
        Self::of_id(T::__id(object))
    }

    pub(crate) fn of_id<T: Object>(id: &Id<T>) -> Result<Self> {
        Self::of_static(T::__CLASS, id.shared())
    }
}

impl Class {
    /// The class of a type.
    pub fn of<T: Object>() -> Self {
        T::__CLASS_DEF
    }
}
