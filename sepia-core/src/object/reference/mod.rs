//! References: the shapes of fields that hold objects.
//!
//! Three questions are asked of a field's type. *Does it hold objects* ([`HoldsObjects`]: every
//! standard shape around an object, also those that cannot be stored)? Then it must be a
//! [`Reference`]. A reference is an [`Item`], or an `Option` of one; and collections hold items, so
//! an `Option` stands outermost or not at all.

mod link;
mod map;
mod shape;

use crate::object::decode::{Decoder, Found};
use crate::object::encode::{Encoder, Hidden};
use crate::record::Entry;
use crate::record::error::Result;

pub(crate) use link::sealed;
pub use link::{Load, Ref};

/// A type with objects somewhere in it, whether or not it can be stored.
#[doc(hidden)]
pub trait HoldsObjects {}

/// What takes one place: an object, a link, or a collection of items.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds objects in a way that could not come back exactly",
    label = "cannot be stored as a reference",
    note = "an `Option` can only stand outermost: write `Option<Vec<T>>`, not `Vec<Option<T>>`",
    note = "share objects with `Arc<T>`, link to them with `Ref<T>`, own them with `Box<T>`",
    note = "instead of a tuple or an array of objects, write a `Container` of its own or a `Vec`; \
            for objects of several classes, an enum with `#[derive(Reference)]`"
)]
pub trait Item: HoldsObjects + Sized {
    /// The id that the name of its entry in a list shows.
    #[doc(hidden)]
    fn __shown(item: &Self) -> Option<&str>;
    #[doc(hidden)]
    fn __encode(item: &Self, encoder: &mut Encoder, hidden: Hidden) -> Result<Entry>;
    #[doc(hidden)]
    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self>;
    /// What it is where nothing is stored; `None` if something must be.
    #[doc(hidden)]
    fn __empty() -> Option<Self> {
        None
    }
}

/// A type that can be a reference field: it holds objects, in a shape that comes back exactly.
///
/// Objects (derive [`Serializable`](../sepia/derive.Serializable.html) or
/// [`Container`](../sepia/derive.Container.html)), [`Ref`], enums with
/// [`#[derive(Reference)]`](../sepia/derive.Reference.html); `Box`, `Arc`, `Vec`, `VecDeque`, sets
/// and maps of these, within each other; and an `Option` around the whole.
pub trait Reference: HoldsObjects + Sized {
    #[doc(hidden)]
    const __OPTIONAL: bool;
    #[doc(hidden)]
    fn __encode_field(field: &Self, encoder: &mut Encoder) -> Result<Option<Entry>>;
    #[doc(hidden)]
    fn __decode_field(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self>;
    #[doc(hidden)]
    fn __absent() -> Option<Self>;
}

impl<T: Item> Reference for T {
    const __OPTIONAL: bool = false;

    fn __encode_field(field: &Self, encoder: &mut Encoder) -> Result<Option<Entry>> {
        T::__encode(field, encoder, Hidden::ID).map(Some)
    }

    fn __decode_field(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        T::__decode(found, decoder)
    }

    fn __absent() -> Option<Self> {
        T::__empty()
    }
}

impl<T: Item> Reference for Option<T> {
    const __OPTIONAL: bool = true;

    fn __encode_field(field: &Self, encoder: &mut Encoder) -> Result<Option<Entry>> {
        field.as_ref().map(|item| T::__encode(item, encoder, Hidden::ID)).transpose()
    }

    fn __decode_field(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        T::__decode(found, decoder).map(Some)
    }

    fn __absent() -> Option<Self> {
        Some(None)
    }
}

macro_rules! holds {
    ($([$($generics:tt)*] $shape:ty;)*) => {$(
        impl<$($generics)*> HoldsObjects for $shape {}
    )*};
}
holds! {
    [T: HoldsObjects] Option<T>;
    [T: HoldsObjects, E] Result<T, E>;
    [T: HoldsObjects] Vec<T>;
    [T: HoldsObjects] [T];
    [T: HoldsObjects, const N: usize] [T; N];
    [T: HoldsObjects] std::collections::VecDeque<T>;
    [T: HoldsObjects] std::collections::LinkedList<T>;
    [T: HoldsObjects] std::collections::BinaryHeap<T>;
    [T: HoldsObjects] std::collections::BTreeSet<T>;
    [T: HoldsObjects, S] std::collections::HashSet<T, S>;
    [K, V: HoldsObjects] std::collections::BTreeMap<K, V>;
    [K, V: HoldsObjects, S] std::collections::HashMap<K, V, S>;
    [T: HoldsObjects + ?Sized] Box<T>;
    [T: HoldsObjects + ?Sized] std::sync::Arc<T>;
    [T: HoldsObjects + ?Sized] std::rc::Rc<T>;
    [T: HoldsObjects + ?Sized] std::sync::Weak<T>;
    [T: HoldsObjects + ?Sized] std::rc::Weak<T>;
    [T: HoldsObjects + ?Sized] std::cell::Cell<T>;
    [T: HoldsObjects + ?Sized] std::cell::RefCell<T>;
    [T: HoldsObjects] std::cell::OnceCell<T>;
    [T: HoldsObjects] std::sync::OnceLock<T>;
    [T: HoldsObjects + ?Sized] std::sync::Mutex<T>;
    [T: HoldsObjects + ?Sized] std::sync::RwLock<T>;
    [T: HoldsObjects] std::cmp::Reverse<T>;
    [T: HoldsObjects + ToOwned + ?Sized] std::borrow::Cow<'_, T>;
    // A marker cannot say "this or that": derived code asks for each element of a tuple that it sees.
    [A: HoldsObjects] (A,);
    [A: HoldsObjects, B] (A, B);
    [A: HoldsObjects, B, C] (A, B, C);
    [A: HoldsObjects, B, C, D] (A, B, C, D);
}
