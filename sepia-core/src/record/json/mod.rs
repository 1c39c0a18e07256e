//! JSON as Sepia writes it: pretty-printed, fields in the order of their declaration, maps sorted by
//! key, the same value always the same bytes; and nothing that would not come back as it was.

mod follow;
mod key;
mod read;
mod split;
mod tokens;
mod write;

use std::fmt;

pub(crate) use follow::{Values, Wrong};
pub(crate) use key::{from_key_text, to_key_text};
pub(crate) use read::{Fields, missing, parse_fields};
pub(crate) use tokens::{check_depth, compact, pretty, value_tokens};
#[cfg(feature = "export")]
pub(crate) use tokens::{is_json, string_length};
pub(crate) use write::Object;

use crate::record::error::Error;
use crate::record::words;

/// The most levels of brackets in one file: what the parser takes, with one to spare.
pub(crate) const MAX_DEPTH: usize = 127;

/// Returns a file without the byte order mark that editors on Windows put in front of UTF-8. Nothing that is written
/// here has one.
pub(crate) fn without_mark(file: &[u8]) -> &[u8] {
    file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file)
}

/// What is known of the names under which the fields of a file are written, or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Each is another: the derive has made sure of it.
    Distinct,
    /// One may come again.
    Free,
}

/// Whether a text stands in JSON as it is, without an escape.
fn is_plain(text: &str) -> bool {
    !words::any(text, |word| words::below_or_either(word, b' ', [b'"', b'\\']))
}

/// Why a value cannot be written or read. Becomes an [`Error`] where class, id and field are known.
#[derive(Clone, Debug)]
pub(crate) struct JsonError(String);

impl JsonError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
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
