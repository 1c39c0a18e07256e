//! The traits that make a type an object.

pub(crate) mod claims;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod field;
pub(crate) mod id;
mod key;
pub(crate) mod reference;
pub(crate) mod source;

use crate::object::decode::{Decoder, Found, Reader};
use crate::object::encode::{Encoder, Hidden, Writer};
use crate::object::id::Id;
use crate::object::reference::Item;
use crate::record::Entry;
use crate::record::class::Class;
use crate::record::error::Result;

/// A type whose values are stored as objects of a class: derive
/// [`Serializable`](../sepia/derive.Serializable.html) or
/// [`Container`](../sepia/derive.Container.html).
///
/// Its methods are for generated code only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sepia object",
    label = "neither serializable nor a container",
    note = "derive `Serializable` (one file) or `Container` (one directory) for it",
    note = "or, if no type was named, write `store.load::<Board>(..)`"
)]
pub trait Object: OfClass + 'static {
    #[doc(hidden)]
    const __CLASS_DEF: Class;
    #[doc(hidden)]
    const __IGNORE_UNKNOWN: bool = false;
    #[doc(hidden)]
    fn __id(object: &Self) -> &Id<Self>;
    #[doc(hidden)]
    fn __id_mut(object: &mut Self) -> &mut Id<Self>;
    #[doc(hidden)]
    fn __write(object: &Self, writer: &mut Writer<'_>) -> Result<()>;
    #[doc(hidden)]
    fn __read(id: Id<Self>, reader: &mut Reader<'_>) -> Result<Self>;
}

/// An object whose class keeps generations: `#[sepia(generations)]`.
#[diagnostic::on_unimplemented(
    message = "the class of `{Self}` does not keep generations",
    note = "add `#[sepia(generations)]` to the type, so that its ids end in a generation"
)]
pub trait Generations: Object {}

/// An object, or something that holds one: what [`Store::save_all`](crate::Store::save_all) takes.
///
/// Its method is for generated code only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sepia object",
    note = "an object, a reference to one, or a `Box` or an `Arc` of one is expected"
)]
pub trait AsObject {
    #[doc(hidden)]
    type __Object: Object;
    #[doc(hidden)]
    fn __object(item: &Self) -> &Self::__Object;
}

macro_rules! as_object {
    ($($shape:ty),*) => {$(
        impl<T: Object> AsObject for $shape {
            type __Object = T;

            fn __object(item: &Self) -> &T {
                item
            }
        }
    )*};
}
// Not of every object: that would be in conflict with these. Each type has it from its derive.
as_object!(&T, &mut T, Box<T>, std::sync::Arc<T>);

/// One object of one known class: an object, a [`Ref`](crate::Ref), or one of them in a `Box` or
/// an `Arc`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one object of one class",
    note = "a variant of a `Reference` enum holds one object, e.g. `Circle(Circle)`, `Circle(Box<Circle>)` \
            or `Circle(Ref<Circle>)`",
    note = "and so does an element of a set"
)]
pub trait OfClass: Item {
    #[doc(hidden)]
    const __CLASS: &'static str;
}

/// Whether no class stands twice among the variants of an enum.
#[doc(hidden)]
pub const fn distinct(classes: &[&str]) -> bool {
    let mut a = 0;
    while a < classes.len() {
        let mut b = 0;
        while b < a {
            if equal(classes[a].as_bytes(), classes[b].as_bytes()) {
                return false;
            }
            b += 1;
        }
        a += 1;
    }
    true
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The type of the id field of `O`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the id field of `{O}` is a `{Self}`",
    label = "not the id of this type",
    note = "write `id: sepia::Id<{O}>`"
)]
pub trait IdOf<O>: Sized {
    #[doc(hidden)]
    fn __give(id: Id<O>) -> Self;
    #[doc(hidden)]
    fn __id(&self) -> &Id<O>;
    #[doc(hidden)]
    fn __id_mut(&mut self) -> &mut Id<O>;
}

#[diagnostic::do_not_recommend]
impl<O> IdOf<O> for Id<O> {
    fn __give(id: Id<O>) -> Self {
        id
    }

    fn __id(&self) -> &Id<O> {
        self
    }

    fn __id_mut(&mut self) -> &mut Id<O> {
        self
    }
}

/// The content of a serializable object, written by hand: `#[sepia(content = "custom")]`.
///
/// ```
/// # use sepia_core as sepia;
/// use sepia::{Content, Error, ErrorKind, Id, Result};
///
/// struct Colour { id: Id<Colour>, rgb: [u8; 3] }
///
/// impl Content for Colour {
///     fn to_sepia(&self) -> Result<Vec<u8>> {
///         let [r, g, b] = self.rgb;
///         Ok(format!("#{r:02x}{g:02x}{b:02x}\n").into_bytes())
///     }
///
///     fn from_sepia(id: Id<Self>, content: &[u8]) -> Result<Self> {
///         let hex = content.strip_prefix(b"#").and_then(|hex| std::str::from_utf8(hex).ok());
///         let number = hex.and_then(|hex| u32::from_str_radix(hex.trim_end(), 16).ok());
///         let number = number.ok_or_else(|| Error::new(ErrorKind::Corrupt, "not a colour like #aabbcc"))?;
///         let [_, r, g, b] = number.to_be_bytes();
///         Ok(Self { id, rgb: [r, g, b] })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has custom content, but no `Content`",
    note = "implement `sepia::Content` for it, or choose another `#[sepia(content = \"..\")]`: json, text or bytes"
)]
pub trait Content: Sized {
    /// Returns the bytes of the file. Equal objects must give equal bytes. Asked after each load as well, to tell later
    /// whether the object was changed.
    ///
    /// # Errors
    /// What keeps the object from being stored; nothing is written then.
    fn to_sepia(&self) -> Result<Vec<u8>>;

    /// Makes the object from the bytes of its file.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt), as a rule, if they do not make an object.
    fn from_sepia(id: Id<Self>, content: &[u8]) -> Result<Self>;
}

/// The fields of a container, written by hand: `#[sepia(content = "custom")]`.
///
/// What [`write_fields`](Fields::write_fields) writes, [`read_fields`](Fields::read_fields) must
/// ask for under the same names: what it does not ask for is an error, unless the type says
/// `#[sepia(ignore_unknown)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has custom content, but no `Fields`",
    note = "implement `sepia::Fields` for it, or remove `#[sepia(content = \"custom\")]`"
)]
pub trait Fields: Sized {
    /// Writes every field. Asked after each load as well, to tell later whether the object was changed.
    ///
    /// # Errors
    /// What keeps the object from being stored; nothing is written then.
    fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()>;

    /// Reads every field and makes the object.
    ///
    /// # Errors
    /// What keeps the object from being made.
    fn read_fields(id: Id<Self>, reader: &mut Reader<'_>) -> Result<Self>;
}

/// The id that an object shows in the name of its entry.
#[doc(hidden)]
pub fn shown<T: Object>(object: &T) -> Option<&str> {
    Some(T::__id(object).as_str())
}

/// Makes the entry under which an object stands in its parent.
#[doc(hidden)]
pub fn encode_object<T: Object>(object: &T, encoder: &mut Encoder, hidden: Hidden) -> Result<Entry> {
    encoder.object(object, hidden)
}

/// Makes an object from the entry under which it stands in its parent.
#[doc(hidden)]
pub fn decode_object<T: Object>(found: Found<'_>, decoder: &Decoder<'_>) -> Result<T> {
    decoder.object(found)
}
