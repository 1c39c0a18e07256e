//! Typed ids.

mod order;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::object::{Generations, Object};
use crate::record::name::split_generation;

pub(crate) use crate::record::memory::{Eyes, Known, Memory, Outcome, Remembered};
pub(crate) use order::sort;

/// Names an object within its class. Cheap to clone.
///
/// Any text is an id, except the empty one and those whose encoded form is over 200 bytes, which
/// are [`InvalidName`](crate::ErrorKind::InvalidName) when they are used. In classes that keep
/// generations, `{base}.{N}` names generation N of `base`, and `base` alone the newest one.
///
/// As a field of another object, an id is a value, written as text. It is no link: nothing looks whether its object is
/// there, and [`Store::gc`](crate::Store::gc) does not follow it, so it deletes what only ids name. To keep such objects,
/// name them or their class as roots, or link to them with a [`Ref`](crate::Ref) in a container.
///
/// The id of an object also remembers, for each store, as which record the object was loaded or last
/// saved, so that [`Store::save`](crate::Store::save) can tell what was changed here and what elsewhere. That is no part
/// of the id: it is not compared, hashed, printed or serialized. A clone remembers the same, and from then
/// on by itself.
pub struct Id<T: ?Sized> {
    text: Arc<str>,
    /// `None` where no object has this id: in a [`Ref`](crate::Ref).
    memory: Option<Arc<dyn Memory>>,
    of: PhantomData<fn() -> T>,
}

impl<T: ?Sized> Id<T> {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    fn with(text: Arc<str>, remembered: Remembered) -> Self {
        Self { text, memory: Some(Arc::new(Mutex::new(remembered))), of: PhantomData }
    }

    /// The same text, for a place that holds no object.
    pub(crate) fn without_memory(&self) -> Self {
        Self { text: self.shared(), memory: None, of: PhantomData }
    }

    pub(crate) fn memory(&self) -> Option<&Arc<dyn Memory>> {
        self.memory.as_ref()
    }

    /// Returns what the object was loaded from or last saved as.
    pub(crate) fn recall(&self, eyes: &Eyes) -> Option<Known> {
        self.memory.as_ref().and_then(|memory| memory.remembered().recall(eyes))
    }

    pub(crate) fn remember(&self, eyes: &Eyes, known: Known) {
        if let Some(memory) = &self.memory {
            memory.remembered().remember(eyes, known);
        }
    }
}

impl<T: Object> Id<T> {
    /// Makes a fresh id, `{class in lower case}-{uuid v7}`, and `.0` behind it in classes that
    /// keep generations. Fresh ids sort by the time they were made.
    pub fn new() -> Self {
        let class = T::__CLASS_DEF.name().to_lowercase();
        let uuid = uuid::Uuid::now_v7();
        if T::__CLASS_DEF.keeps_generations() {
            format!("{class}-{uuid}.0").into()
        } else {
            format!("{class}-{uuid}").into()
        }
    }
}

/// Of classes that keep generations.
impl<T: Object> Id<T> {
    /// Returns the first generation of `base`: `{base}.0`, also when `base` ends like a
    /// generation itself. Such a base has no id of its own, as `10.0.0.1` means generation 1 of `10.0.0`: to
    /// reach the newest of its generations, give [`update`](crate::Store::update) or
    /// [`versions`](crate::Store::versions) any of them.
    pub fn first(base: impl AsRef<str>) -> Self
    where
        T: Generations,
    {
        format!("{}.0", base.as_ref()).into()
    }

    /// Returns the id without its generation.
    pub fn base(&self) -> &str
    where
        T: Generations,
    {
        split_generation(&self.text).map_or(&self.text, |(base, _)| base)
    }

    /// Returns the generation; 0 for an id that names none.
    pub fn generation(&self) -> u64
    where
        T: Generations,
    {
        split_generation(&self.text).map_or(0, |(_, generation)| generation)
    }

    /// Returns the id of the following generation. The last one there can be, `u64::MAX`, is
    /// followed by itself.
    #[must_use]
    pub fn next(&self) -> Self
    where
        T: Generations,
    {
        format!("{}.{}", self.base(), self.generation().saturating_add(1)).into()
    }
}

impl<T: Object> Default for Id<T> {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! from_text {
    ($($text:ty),*) => {$(
        impl<T: ?Sized> From<$text> for Id<T> {
            fn from(text: $text) -> Self {
                Self::with(text.into(), Remembered::default())
            }
        }
    )*};
}
from_text!(&str, String, Box<str>, Arc<str>, Cow<'_, str>);

impl<T: ?Sized> From<&String> for Id<T> {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl<T: ?Sized> From<&Id<T>> for Id<T> {
    fn from(id: &Id<T>) -> Self {
        id.clone()
    }
}

impl<T: ?Sized> AsRef<str> for Id<T> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl<T: ?Sized> Clone for Id<T> {
    fn clone(&self) -> Self {
        let remembered = self.memory.as_ref().map(|memory| memory.remembered().clone());
        Self::with(self.shared(), remembered.unwrap_or_default())
    }
}

impl<T: ?Sized> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<T: ?Sized> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl<T: ?Sized> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T: ?Sized> Eq for Id<T> {}

impl<T: ?Sized> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: ?Sized> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<T: ?Sized> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<T: ?Sized> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{RefUnwindSafe, UnwindSafe};

    use super::*;

    #[test]
    fn an_id_travels_whatever_it_is_of() {
        fn travels<T: Send + Sync + UnwindSafe + RefUnwindSafe + Unpin + 'static>() {}
        travels::<Id<std::rc::Rc<std::cell::Cell<u8>>>>();
    }
}
