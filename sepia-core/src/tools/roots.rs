//! Where one begins to follow links.

use crate::object::Object;
use crate::record::Key;
use crate::record::class::Class;
use crate::record::error::Result;

/// Something from which links are followed: what it reaches is live, backed up, copied.
///
/// ```
/// # use sepia_core as sepia;
/// use sepia::{Root, record::Key};
///
/// # fn main() -> sepia::Result<()> {
/// let roots: [Root; 2] = [Key::new("Board", "work")?.into(), Root::class("Template")];
/// # let _ = roots;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Root {
    /// One object. In a class with generations, a base means the newest, and what is said of an object there
    /// holds for its other generations, too.
    Object(Key),
    /// Every object of a class, by its name; one that the store does not have is an error.
    Class(String),
    /// Every object of a class, if the store has it already.
    ClassIfAny(String),
}

impl Root {
    /// Returns an object as a root.
    ///
    /// # Errors
    /// As [`Key::of`].
    pub fn of<T: Object>(object: &T) -> Result<Self> {
        Key::of(object).map(Self::Object)
    }

    /// Returns every object of a class as roots, by its name, which must be that of a class of the store.
    pub fn class(name: impl Into<String>) -> Self {
        Self::Class(name.into())
    }
}

impl From<Key> for Root {
    fn from(key: Key) -> Self {
        Self::Object(key)
    }
}

/// A type's class is not misspelt: the store may simply have no objects of it yet.
impl From<Class> for Root {
    fn from(class: Class) -> Self {
        Self::ClassIfAny(class.name().to_owned())
    }
}
