//! How fields are sorted into values and references, by the compiler.
//!
//! Derived code asks `(&&&&Ask::<F>::NEW).__side()`. Method lookup takes off one reference at a
//! time and settles on the first trait that fits: does the type hold objects, is it an unordered
//! set of values, can serde write it, or none of these. The answer is a type, whose methods demand
//! what its side needs, so that an unfit type is reported once, where the field stands.

use std::collections::HashSet;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::decode::Reader;
use crate::encode::Writer;
use crate::error::Result;
use crate::id::Id;
use crate::object::{Content, Fields};
use crate::reference::{HoldsObjects, Reference};

/// What a field's type must be: a value or a reference. No type implements it; it words the error
/// for a type that is neither.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a sepia object",
    label = "neither a value nor a reference",
    note = "derive `Serializable` or `Container` for it to store it as an object of its own,",
    note = "or derive serde's `Serialize` and `Deserialize` to store it in data.json",
    note = "a type parameter needs one of the two as its bound: `sepia::Object`, or `Serialize + DeserializeOwned`"
)]
pub trait Field {}

/// A field that serde can write and that holds no objects.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds objects, which a field of a `Serializable` cannot",
    label = "a reference",
    note = "a serializable object is one file: derive `Container` instead, whose fields can be references",
    note = "or mark the field `#[sepia(value)]` to copy what serde writes of it into the file"
)]
pub trait Value: Serialize + DeserializeOwned {}

/// A field that holds objects, in a shape that comes back exactly.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reference field",
    label = "not objects in a shape that comes back exactly",
    note = "a reference field is an object or a `Ref`, alone or in `Box`, `Arc`, `Vec`, `VecDeque`, maps and sets; \
            around all of it can stand one `Option`: write `Option<Vec<T>>`, not `Vec<Option<T>>`",
    note = "instead of `Rc`, share objects with `Arc<T>`, or link to them with `Ref<T>`",
    note = "instead of a tuple or an array of objects, write a `Container` of its own, or a `Vec`; for objects of \
            several classes, an enum with `#[derive(Reference)]`"
)]
pub trait ReferenceField: Reference {}
#[diagnostic::do_not_recommend]
impl<F: Reference> ReferenceField for F {}

/// A set of values whose order means nothing.
#[doc(hidden)]
pub trait UnorderedField {
    #[doc(hidden)]
    fn write(&self, writer: &mut Writer<'_>, name: &str) -> Result<()>;
}
impl<T: Serialize, S> UnorderedField for HashSet<T, S> {
    fn write(&self, writer: &mut Writer<'_>, name: &str) -> Result<()> {
        writer.unordered(name, self.iter())
    }
}

/// What the one field of a text file can be.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    label = "cannot be the content",
    note = "with `#[sepia(content = \"text\")]` the file is the text itself: the field is a `String`, a `Box<str>`, \
            an `Arc<str>` or whatever is `AsRef<str> + From<String>`"
)]
pub trait Text: AsRef<str> + From<String> {}
#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + From<String>> Text for T {}

/// What the one field of a file of bytes can be.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not bytes",
    label = "cannot be the content",
    note = "with `#[sepia(content = \"bytes\")]` the file is the bytes themselves: the field is a `Vec<u8>`, a \
            `Box<[u8]>`, an `Arc<[u8]>` or whatever is `AsRef<[u8]> + From<Vec<u8>>`"
)]
pub trait Bytes: AsRef<[u8]> + From<Vec<u8>> {}
#[diagnostic::do_not_recommend]
impl<T: AsRef<[u8]> + From<Vec<u8>>> Bytes for T {}

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
}

#[diagnostic::do_not_recommend]
impl<O> IdOf<O> for Id<O> {
    fn __give(id: Id<O>) -> Self {
        id
    }

    fn __id(&self) -> &Id<O> {
        self
    }
}

/// Returns the id that the id field holds.
#[doc(hidden)]
pub fn id_of<O, F: IdOf<O>>(field: &F) -> &Id<O> {
    field.__id()
}

/// Makes the id field.
#[doc(hidden)]
pub fn give_id<O, F: IdOf<O>>(id: Id<O>) -> F {
    F::__give(id)
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

/// Asks on which side a field of type `F` is.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ask<F: ?Sized>(PhantomData<F>);

impl<F: ?Sized> Ask<F> {
    #[doc(hidden)]
    pub const NEW: Self = Self(PhantomData);
}

macro_rules! sides {
    ($($(#[$doc:meta])* $ask:ident => $side:ident;)*) => {$(
        $(#[$doc])*
        #[doc(hidden)]
        #[derive(Clone, Copy, Debug)]
        pub struct $side;

        impl $side {
            #[doc(hidden)]
            pub fn __and<E>(self, element: E) -> <Self as And<E>>::Side
            where
                Self: And<E>,
            {
                And::and(self, element)
            }
        }

        #[doc(hidden)]
        pub trait $ask {
            #[doc(hidden)]
            fn __side(&self) -> $side {
                $side
            }
        }
    )*};
}
sides! {
    /// It holds objects.
    AskReference => ReferenceSide;
    /// It is a set of values whose order means nothing, and is not the same in every process.
    AskSet => SetSide;
    /// Serde can write it.
    AskValue => ValueSide;
    /// None of these.
    AskNeither => NeitherSide;
}
impl<F: HoldsObjects + ?Sized> AskReference for &&&Ask<F> {}
impl<T: Serialize + DeserializeOwned, S> AskSet for &&Ask<HashSet<T, S>> where HashSet<T, S>: DeserializeOwned {}
impl<F: Serialize + DeserializeOwned> AskValue for &Ask<F> {}
impl<F: ?Sized> AskNeither for Ask<F> {}

/// Brings the side of a field and that of an element of a tuple in it together.
#[doc(hidden)]
pub trait And<Element> {
    #[doc(hidden)]
    type Side;
    #[doc(hidden)]
    fn and(self, element: Element) -> Self::Side;
}

macro_rules! and {
    ($($field:ident + $element:ident => $side:ident;)*) => {$(
        impl And<$element> for $field {
            type Side = $side;
            fn and(self, _: $element) -> $side {
                $side
            }
        }
    )*};
}
and! {
    ReferenceSide + ReferenceSide => ReferenceSide;
    ReferenceSide + SetSide => ReferenceSide;
    ReferenceSide + ValueSide => ReferenceSide;
    ReferenceSide + NeitherSide => ReferenceSide;
    SetSide + ReferenceSide => ReferenceSide;
    SetSide + SetSide => SetSide;
    SetSide + ValueSide => SetSide;
    SetSide + NeitherSide => SetSide;
    ValueSide + ReferenceSide => ReferenceSide;
    ValueSide + SetSide => ValueSide;
    ValueSide + ValueSide => ValueSide;
    ValueSide + NeitherSide => ValueSide;
    NeitherSide + ReferenceSide => ReferenceSide;
    NeitherSide + SetSide => NeitherSide;
    NeitherSide + ValueSide => NeitherSide;
    NeitherSide + NeitherSide => NeitherSide;
}

/// Asks how a field of type `F` is read. Unlike [`AskReference`], what fits nowhere is let through:
/// writing the field has reported it already, and once is enough.
#[doc(hidden)]
pub trait FillReference<F> {
    #[doc(hidden)]
    fn __read(&self, reader: &mut Reader<'_>, name: &'static str, default: Default<F>) -> Result<F>;
}
#[doc(hidden)]
pub trait FillValue<F> {
    #[doc(hidden)]
    fn __read(&self, reader: &mut Reader<'_>, name: &'static str, default: Default<F>) -> Result<F>;
}
#[doc(hidden)]
pub trait FillNothing<F> {
    #[doc(hidden)]
    fn __read(&self, reader: &mut Reader<'_>, name: &'static str, default: Default<F>) -> Result<F>;
}
impl<F: Reference> FillReference<F> for &&Ask<F> {
    fn __read(&self, reader: &mut Reader<'_>, name: &'static str, default: Default<F>) -> Result<F> {
        ReferenceSide.__read(reader, name, default)
    }
}
impl<F: DeserializeOwned> FillValue<F> for &Ask<F> {
    fn __read(&self, reader: &mut Reader<'_>, name: &'static str, default: Default<F>) -> Result<F> {
        ValueSide.__read(reader, name, default)
    }
}
impl<F> FillNothing<F> for Ask<F> {
    fn __read(&self, _: &mut Reader<'_>, name: &'static str, _: Default<F>) -> Result<F> {
        Err(never(name))
    }
}

/// Makes the id field, likewise.
#[doc(hidden)]
#[derive(Debug)]
pub struct AskId<O, F>(PhantomData<(O, F)>);
impl<O, F> AskId<O, F> {
    #[doc(hidden)]
    pub const NEW: Self = Self(PhantomData);
}
#[doc(hidden)]
pub trait GiveId<O, F> {
    #[doc(hidden)]
    fn __give(&self, id: Id<O>) -> Result<F>;
}
#[doc(hidden)]
pub trait GiveNothing<O, F> {
    #[doc(hidden)]
    fn __give(&self, id: Id<O>) -> Result<F>;
}
impl<O, F: IdOf<O>> GiveId<O, F> for &AskId<O, F> {
    fn __give(&self, id: Id<O>) -> Result<F> {
        Ok(F::__give(id))
    }
}
impl<O, F> GiveNothing<O, F> for AskId<O, F> {
    fn __give(&self, _: Id<O>) -> Result<F> {
        Err(never("id"))
    }
}

/// Makes the one field of a text or of bytes, or a custom object, likewise.
#[doc(hidden)]
pub trait FillText<F> {
    #[doc(hidden)]
    fn __read_text(&self, reader: &mut Reader<'_>) -> Result<F>;
}
#[doc(hidden)]
pub trait FillBytes<F> {
    #[doc(hidden)]
    fn __read_bytes(&self, reader: &mut Reader<'_>) -> Result<F>;
}
#[doc(hidden)]
pub trait FillCustom<T> {
    #[doc(hidden)]
    fn __read_custom(&self, reader: &mut Reader<'_>, id: Id<T>) -> Result<T>;
}
#[doc(hidden)]
pub trait FillFields<T> {
    #[doc(hidden)]
    fn __read_fields(&self, reader: &mut Reader<'_>, id: Id<T>) -> Result<T>;
}
/// What none of these could fill.
#[doc(hidden)]
pub trait FillNone<F> {
    #[doc(hidden)]
    fn __read_text(&self, _: &mut Reader<'_>) -> Result<F> {
        Err(never(""))
    }
    #[doc(hidden)]
    fn __read_bytes(&self, _: &mut Reader<'_>) -> Result<F> {
        Err(never(""))
    }
    #[doc(hidden)]
    fn __read_custom(&self, _: &mut Reader<'_>, _: Id<F>) -> Result<F> {
        Err(never(""))
    }
    #[doc(hidden)]
    fn __read_fields(&self, _: &mut Reader<'_>, _: Id<F>) -> Result<F> {
        Err(never(""))
    }
}
impl<F: Text> FillText<F> for &Ask<F> {
    fn __read_text(&self, reader: &mut Reader<'_>) -> Result<F> {
        reader.__text()
    }
}
impl<F: Bytes> FillBytes<F> for &Ask<F> {
    fn __read_bytes(&self, reader: &mut Reader<'_>) -> Result<F> {
        reader.__bytes()
    }
}
impl<T: Content> FillCustom<T> for &Ask<T> {
    fn __read_custom(&self, reader: &mut Reader<'_>, id: Id<T>) -> Result<T> {
        reader.__custom(id)
    }
}
impl<T: Fields> FillFields<T> for &Ask<T> {
    fn __read_fields(&self, reader: &mut Reader<'_>, id: Id<T>) -> Result<T> {
        reader.__fields(id)
    }
}
impl<F> FillNone<F> for Ask<F> {}

type Default<F> = Option<fn() -> F>;

fn read_value<F: DeserializeOwned>(reader: &mut Reader<'_>, name: &str, default: Default<F>) -> Result<F> {
    match default {
        None => reader.value(name),
        Some(default) => Ok(reader.value_if_any(name)?.unwrap_or_else(default)),
    }
}

impl ReferenceSide {
    #[doc(hidden)]
    pub fn __write<F: ReferenceField>(
        self,
        writer: &mut Writer<'_>,
        name: &'static str,
        field: &F,
        default: Default<F>,
    ) -> Result<()> {
        writer.__reference(name, field, default.is_some())
    }

    #[doc(hidden)]
    pub fn __read<F: Reference>(self, reader: &mut Reader<'_>, name: &'static str, default: Default<F>) -> Result<F> {
        match default {
            None => reader.reference(name),
            Some(default) => Ok(reader.reference_if_any(name)?.unwrap_or_else(default)),
        }
    }

    #[doc(hidden)]
    pub fn __write_value<F: Value>(
        self,
        writer: &mut Writer<'_>,
        name: &'static str,
        field: &F,
        _: Default<F>,
    ) -> Result<()> {
        writer.value(name, field)
    }

    #[doc(hidden)]
    pub fn __read_value<F: Value>(self, reader: &mut Reader<'_>, name: &'static str, default: Default<F>) -> Result<F> {
        read_value(reader, name, default)
    }
}

impl SetSide {
    #[doc(hidden)]
    pub fn __write<F: UnorderedField>(
        self,
        writer: &mut Writer<'_>,
        name: &'static str,
        field: &F,
        _: Default<F>,
    ) -> Result<()> {
        field.write(writer, name)
    }

    #[doc(hidden)]
    pub fn __write_value<F: UnorderedField>(
        self,
        writer: &mut Writer<'_>,
        name: &'static str,
        field: &F,
        _: Default<F>,
    ) -> Result<()> {
        field.write(writer, name)
    }

    #[doc(hidden)]
    pub fn __read<F: DeserializeOwned>(
        self,
        reader: &mut Reader<'_>,
        name: &'static str,
        default: Default<F>,
    ) -> Result<F> {
        read_value(reader, name, default)
    }

    #[doc(hidden)]
    pub fn __read_value<F: DeserializeOwned>(
        self,
        reader: &mut Reader<'_>,
        name: &'static str,
        default: Default<F>,
    ) -> Result<F> {
        read_value(reader, name, default)
    }
}

impl ValueSide {
    #[doc(hidden)]
    pub fn __write<F: Serialize>(
        self,
        writer: &mut Writer<'_>,
        name: &'static str,
        field: &F,
        _: Default<F>,
    ) -> Result<()> {
        writer.value(name, field)
    }

    #[doc(hidden)]
    pub fn __read<F: DeserializeOwned>(
        self,
        reader: &mut Reader<'_>,
        name: &'static str,
        default: Default<F>,
    ) -> Result<F> {
        read_value(reader, name, default)
    }

    #[doc(hidden)]
    pub fn __write_value<F: Serialize>(
        self,
        writer: &mut Writer<'_>,
        name: &'static str,
        field: &F,
        _: Default<F>,
    ) -> Result<()> {
        writer.value(name, field)
    }

    #[doc(hidden)]
    pub fn __read_value<F: DeserializeOwned>(
        self,
        reader: &mut Reader<'_>,
        name: &'static str,
        default: Default<F>,
    ) -> Result<F> {
        read_value(reader, name, default)
    }
}

/// The bounds cannot be met, so nothing here ever runs.
impl NeitherSide {
    #[doc(hidden)]
    pub fn __write<F: Field>(self, _: &mut Writer<'_>, name: &'static str, _: &F, _: Default<F>) -> Result<()> {
        Err(never(name))
    }

    #[doc(hidden)]
    pub fn __read<F>(self, _: &mut Reader<'_>, name: &'static str, _: Default<F>) -> Result<F> {
        Err(never(name))
    }

    #[doc(hidden)]
    pub fn __write_value<F: Field>(self, _: &mut Writer<'_>, name: &'static str, _: &F, _: Default<F>) -> Result<()> {
        Err(never(name))
    }

    #[doc(hidden)]
    pub fn __read_value<F>(self, _: &mut Reader<'_>, name: &'static str, _: Default<F>) -> Result<F> {
        Err(never(name))
    }
}

fn never(name: &str) -> crate::error::Error {
    crate::error::Error::invalid_value("the field is neither a value nor a reference").field(name)
}
