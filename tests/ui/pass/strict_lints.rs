//! Derived code trips no lint that its user has turned into an error.

#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, single_use_lifetimes, clippy::all, clippy::pedantic)]
#![allow(dead_code, missing_debug_implementations, reason = "that is about the types themselves")]

use std::collections::BTreeMap;
use std::sync::Arc;

use sepia::{Container, Id, Ref, Reference, Serializable};

/// A note.
#[derive(Serializable, Clone)]
pub struct Note {
    /// Its id.
    pub id: Id<Self>,
    /// Its text.
    pub text: String,
}

/// One of several.
#[derive(Reference)]
pub enum Either<T: sepia::Object> {
    /// A note.
    Note(Box<Note>),
    /// Another.
    Other(Ref<T>),
}

/// A board.
#[derive(Container)]
#[allow(clippy::type_complexity)]
pub struct Board {
    /// Its id.
    pub id: Id<Self>,
    /// Complex.
    pub all: BTreeMap<String, Vec<BTreeMap<u8, Vec<Arc<Note>>>>>,
    /// Values.
    pub values: Vec<BTreeMap<String, Vec<(u8, Option<Vec<String>>)>>>,
    /// Either.
    pub either: Vec<Either<Self>>,
}

pub(super) fn main() {}
