//! The questions that sort a field, answered by the compiler.
//!
//! Derived code asks `(&&&Ask::<F>::NEW).__value(otherwise)`, then
//! `(&&Ask::<F>::NEW).__reference(side, otherwise)`. Method lookup takes off one reference at a time
//! and settles on the first trait that fits. The answer is a side: a type of its own, which demands
//! what it needs of `F` only when nothing else is left to ask, so that a type which does not fit is
//! reported once, where the field stands.

use std::marker::PhantomData;

use super::{Codec, Field, FileReferenceField, ReferenceField, SetField, ValueField};
use crate::object::reference::HoldsObjects;

/// What is asked about the type `F`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ask<F: ?Sized>(PhantomData<F>);

impl<F: ?Sized> Ask<F> {
    #[doc(hidden)]
    pub const NEW: Self = Self(PhantomData);
}

/// It is a set of values.
#[doc(hidden)]
pub trait AskSet {
    #[doc(hidden)]
    fn __value<N>(&self, _: N) -> SetSide {
        SetSide
    }
}
impl<F: SetField> AskSet for &&Ask<F> {}

/// It is another value.
#[doc(hidden)]
pub trait AskValue {
    #[doc(hidden)]
    fn __value<N>(&self, _: N) -> ValueSide {
        ValueSide
    }
}
impl<F: ValueField> AskValue for &Ask<F> {}

/// It is no value.
#[doc(hidden)]
pub trait AskNoValue {
    #[doc(hidden)]
    fn __value<N>(&self, otherwise: N) -> N {
        otherwise
    }
}
impl<F: ?Sized> AskNoValue for Ask<F> {}

/// It holds objects.
#[doc(hidden)]
pub trait AskReference {
    #[doc(hidden)]
    fn __reference<R, N>(&self, reference: R, _: N) -> R {
        reference
    }
}
impl<F: HoldsObjects + ?Sized> AskReference for &Ask<F> {}

/// It holds none.
#[doc(hidden)]
pub trait AskNoReference {
    #[doc(hidden)]
    fn __reference<R, N>(&self, _: R, otherwise: N) -> N {
        otherwise
    }
}
impl<F: ?Sized> AskNoReference for Ask<F> {}

/// A reference of a container.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ReferenceSide;

impl ReferenceSide {
    #[doc(hidden)]
    pub fn __codec<F: ReferenceField>(self) -> Codec<F> {
        F::__codec()
    }
}

/// Objects in an object that is a file, which is a mistake.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct FileReferenceSide;

impl FileReferenceSide {
    #[doc(hidden)]
    pub fn __codec<F: FileReferenceField>(self) -> Codec<F> {
        F::__codec()
    }
}

/// A set of values.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct SetSide;

impl SetSide {
    #[doc(hidden)]
    pub fn __codec<F: SetField>(self) -> Codec<F> {
        F::__codec()
    }
}

/// Any other value, or what should be one.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ValueSide;

impl ValueSide {
    #[doc(hidden)]
    pub fn __codec<F: ValueField>(self) -> Codec<F> {
        F::__codec()
    }
}

/// Neither a value nor a reference, which is a mistake.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct NeitherSide;

impl NeitherSide {
    #[doc(hidden)]
    pub fn __codec<F: Field>(self) -> Codec<F> {
        F::__codec()
    }
}
