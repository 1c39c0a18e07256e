//! JSON as Sepia writes it: pretty-printed, fields in the order of their declaration, maps sorted by
//! key, the same value always the same bytes; and nothing that would not come back as it was.

mod key;
mod read;
mod split;
#[cfg(feature = "export")]
mod tokens;
mod write;

use std::fmt;

pub(crate) use key::{from_key_text, to_key_text};
pub(crate) use read::{Fields, cut_fields, missing, parse_fields};
#[cfg(feature = "export")]
pub(crate) use tokens::{compact, is_json, pretty, string_length};
pub(crate) use write::Object;

use crate::error::Error;

/// The most levels of brackets in one file: what the parser takes, with one to spare.
pub(crate) const MAX_DEPTH: usize = 127;

/// Why a value cannot be written or read. Becomes an [`Error`] where class, id and field are known.
#[derive(Clone, Debug)]
pub(crate) struct JsonError(String);

impl JsonError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    pub(crate) fn invalid(self) -> Error {
        Error::invalid_value(self.0)
    }

    pub(crate) fn corrupt(self) -> Error {
        Error::corrupt(self.0)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonError {}

impl serde::ser::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}
