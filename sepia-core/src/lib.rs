//! The engine of `sepia`: records, batches, backends, documents, and the typed store.
//!
//! Use the crate `sepia`, which re-exports all that is public here beside the derive macros.
//!
//! *object ⇄ record ⇄ batch → backend*: derived code turns objects into [`record`]s and knows
//! nothing of disks; [`backend`]s take [`batch`]es of records and know nothing of types; the
//! [`Store`] joins the two.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backend;
pub mod document;
mod object;
pub mod record;
mod store;
mod tools;

#[doc(inline)]
pub use record::{batch, class};
pub use store::testing;
#[cfg(feature = "backup")]
#[cfg_attr(docsrs, doc(cfg(feature = "backup")))]
pub use tools::backup;
pub use tools::{gc, transfer, verify};

pub use object::decode::Reader;
pub use object::encode::Writer;
pub use object::field::Field;
pub use object::id::Id;
pub use object::reference::{Load, Ref, Reference};
pub use object::{AsObject, Content, Fields, Generations, Object};
pub use record::batch::Durability;
pub use record::error::{Error, ErrorKind, Result};
pub use record::problem::{Problem, ProblemKind, Severity};
pub use record::shared::Shared;
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
pub use store::cache::{CacheOptions, CacheStats, Pressure};
pub use store::{Iter, Snapshot, Store, StoreBuilder, Transaction};
pub use tools::progress::Progress;
pub use tools::roots::Root;

/// What generated code needs. Not part of the public API.
#[doc(hidden)]
pub mod derive {
    pub use crate::object::decode::{Decoder, Found, Reader};
    pub use crate::object::encode::{Encoder, Hidden, Writer};
    pub use crate::object::field::{
        Ask, AskNoReference, AskNoValue, AskReference, AskSet, AskValue, Bytes, Codec, FileReferenceSide, NeitherSide,
        ReferenceField, ReferenceSide, Text, ValueSide,
    };
    pub use crate::object::reference::{HoldsObjects, Item};
    pub use crate::object::{AsObject, IdOf, OfClass, decode_object, distinct, encode_object, shown};
    pub use crate::record::Entry;
    pub use crate::record::class::{Class, Format};
    pub use crate::{Content, Error, Field, Fields, Generations, Id, Object, Reference, Result};
    pub use serde;
}
