//! How the fields of derived objects are stored.
//!
//! The compiler sorts them, by type, into values and references ([`Ask`]). Each side then demands
//! one of the traits here, which words the error for a type that does not fit, and gives the
//! [`Codec`] of one that does. They have no supertraits: those would be reported as well.

mod ask;
mod content;

use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::object::decode::Reader;
use crate::object::encode::Writer;
use crate::object::reference::Reference;
use crate::record::error::Result;

pub use ask::{
    Ask, AskNoReference, AskNoValue, AskReference, AskSet, AskValue, FileReferenceSide, NeitherSide, ReferenceSide,
    ValueSide,
};
pub use content::{Bytes, Text};

/// What a field's type must be: a value or a reference. No type implements it; it words the error
/// for a type that is neither.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a sepia container",
    label = "neither a value nor a reference",
    note = "derive `Serializable` or `Container` for it to store it as an object of its own,",
    note = "or derive serde's `Serialize` and `Deserialize` to store it in data.json",
    note = "for a type of another crate, turn on its feature `serde` (for `Arc` and `Rc` of values, serde's `rc`), \
            write it with `#[sepia(with = module)]`, or leave it out with `#[sepia(skip)]`",
    note = "a type parameter needs one of the two as its bound: `sepia::Object`, or `Serialize + DeserializeOwned`"
)]
pub trait Field: Sized {
    #[doc(hidden)]
    fn __codec() -> Codec<Self>;
}

/// A field that holds objects, in a shape that comes back exactly.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reference field",
    label = "not objects in a shape that comes back exactly",
    note = "a reference field is an object or a `Ref`, alone or in `Box`, `Arc`, `Vec`, `VecDeque`, maps, and sets of one class; \
            around all of it can stand one `Option`: write `Option<Vec<T>>`, not `Vec<Option<T>>`",
    note = "the `T` of a `Ref<T>` is an object: derive `Serializable` or `Container` for it",
    note = "instead of `Rc`, share objects with `Arc<T>`, or link to them with `Ref<T>`",
    note = "instead of a tuple or an array of objects, write a `Container` of its own, or a `Vec`; for objects of \
            several classes, an enum with `#[derive(Reference)]`"
)]
pub trait ReferenceField: Sized {
    #[doc(hidden)]
    fn __codec() -> Codec<Self>;
}

#[diagnostic::do_not_recommend]
impl<F: Reference> ReferenceField for F {
    fn __codec() -> Codec<Self> {
        Codec {
            write: |writer, name, field, defaulted| writer.__reference(name, field, defaulted),
            read: |reader, name| reader.__reference(name),
            read_if_any: |reader, name| {
                let field = reader.__reference_if_any(name)?;
                if field.is_none() {
                    // The caller fills in a default.
                    reader.set_vague();
                }
                Ok(field)
            },
        }
    }
}

/// A field with objects in it, in an object that is a file. No type implements it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds objects, which a field of a `Serializable` cannot",
    label = "a reference",
    note = "a serializable object is one file: derive `Container` instead, whose fields can be references",
    note = "an `Id` in place of a `Ref` can be a value, but is no link: `gc` does not follow it, and deletes what nothing \
            else leads to, unless it is named as a root or a container holds a `Ref` to it",
    note = "or mark the field `#[sepia(value)]` to copy what serde writes of it into the file"
)]
pub trait FileReferenceField: Sized {
    #[doc(hidden)]
    fn __codec() -> Codec<Self>;
}

/// A field that serde can write.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value: serde cannot write it",
    label = "not a value",
    note = "derive serde's `Serialize` and `Deserialize` for it,",
    note = "or name a module whose `serialize` and `deserialize` do it: `#[sepia(with = module)]`",
    note = "a type parameter needs the bounds `Serialize + DeserializeOwned`"
)]
pub trait ValueField: Sized {
    #[doc(hidden)]
    fn __codec() -> Codec<Self>;
}

#[diagnostic::do_not_recommend]
impl<F: Serialize + DeserializeOwned> ValueField for F {
    fn __codec() -> Codec<Self> {
        Codec {
            write: |writer, name, field, _| writer.__value(name, field),
            read: |reader, name| reader.__value(name),
            read_if_any: |reader, name| reader.__value_if_any(name),
        }
    }
}

/// A set of values, whose order means nothing and is not the same in every process.
#[doc(hidden)]
pub trait SetField: Sized {
    #[doc(hidden)]
    fn __codec() -> Codec<Self>;
}

impl<T: Serialize, S> SetField for HashSet<T, S>
where
    HashSet<T, S>: DeserializeOwned,
{
    fn __codec() -> Codec<Self> {
        Codec {
            write: |writer, name, set, _| writer.__unordered(name, set.iter()),
            read: |reader, name| reader.__value(name),
            read_if_any: |reader, name| reader.__value_if_any(name),
        }
    }
}

/// What a field is where it is missing, if the type says that.
type Missing<F> = Option<fn() -> F>;

/// How fields of one type are written and read.
#[doc(hidden)]
#[derive(Debug)]
pub struct Codec<F> {
    write: fn(&mut Writer<'_>, &str, &F, bool) -> Result<()>,
    read: fn(&mut Reader<'_>, &str) -> Result<F>,
    read_if_any: fn(&mut Reader<'_>, &str) -> Result<Option<F>>,
}

impl<F> Codec<F> {
    /// `defaulted`: missing, the field would be something else than "none" or "empty".
    #[doc(hidden)]
    pub fn write(self, writer: &mut Writer<'_>, name: &str, field: &F, defaulted: bool) -> Result<()> {
        (self.write)(writer, name, field, defaulted)
    }

    #[doc(hidden)]
    pub fn read(self, reader: &mut Reader<'_>, name: &str, default: Missing<F>) -> Result<F> {
        match default {
            None => (self.read)(reader, name),
            Some(default) => Ok(self.read_if_any(reader, name)?.unwrap_or_else(default)),
        }
    }

    /// Reads a field whose default the caller has: `None` if the record does not have the field.
    #[doc(hidden)]
    pub fn read_if_any(self, reader: &mut Reader<'_>, name: &str) -> Result<Option<F>> {
        (self.read_if_any)(reader, name)
    }
}
