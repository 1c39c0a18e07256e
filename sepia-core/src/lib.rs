//! The engine of `sepia`: records, batches, backends, and the typed store.
//!
//! Use the crate `sepia`, which re-exports all that is public here beside the derive macros.
//!
//! *object ⇄ record ⇄ batch → backend*: derived code turns objects into [`record`]s and knows
//! nothing of disks; [`backend`]s take [`batch`]es of records and know nothing of types; the
//! [`Store`] joins the two.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backend;
#[cfg(feature = "backup")]
#[cfg_attr(docsrs, doc(cfg(feature = "backup")))]
pub mod backup;
pub mod batch;
#[cfg(feature = "cache")]
mod cache;
// What no backend of this system keeps, and no archive either, needs no file.
#[cfg(any(unix, feature = "backup", feature = "export"))]
mod catalog;
pub mod class;
mod decode;
mod encode;
mod error;
mod field;
mod fingerprint;
mod foreign;
pub mod gc;
mod id;
mod json;
#[cfg(any(unix, feature = "backup"))]
mod link;
mod name;
mod object;
mod problem;
mod progress;
pub mod record;
mod reference;
mod roots;
mod shape;
mod shared;
mod source;
mod store;
pub mod testing;
pub mod transfer;
pub mod verify;
mod words;

pub use batch::Durability;
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
pub use cache::{CacheOptions, CacheStats, Pressure};
pub use decode::Reader;
pub use encode::Writer;
pub use error::{Error, ErrorKind, Result};
pub use field::Field;
pub use id::Id;
pub use object::{AsObject, Content, Fields, Generations, Object};
pub use problem::{Problem, ProblemKind, Severity};
pub use progress::Progress;
pub use reference::{Load, Ref, Reference};
pub use roots::Root;
pub use shared::Shared;
pub use store::{Iter, Snapshot, Store, StoreBuilder, Transaction};

/// What generated code needs. Not part of the public API.
#[doc(hidden)]
pub mod derive {
    pub use crate::class::{Class, Format};
    pub use crate::decode::{Decoder, Found, Reader};
    pub use crate::encode::{Encoder, Hidden, Writer};
    pub use crate::field::{
        Ask, AskNoReference, AskNoValue, AskReference, AskSet, AskValue, Bytes, Codec, FileReferenceSide, NeitherSide,
        ReferenceField, ReferenceSide, Text, ValueSide,
    };
    pub use crate::object::{AsObject, IdOf, OfClass, decode_object, distinct, encode_object, shown};
    pub use crate::record::Entry;
    pub use crate::reference::{HoldsObjects, Item};
    pub use crate::{Content, Error, Field, Fields, Generations, Id, Object, Reference, Result};
    pub use serde;
}
