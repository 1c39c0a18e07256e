//! JSON as Sepia writes it: pretty-printed, fields in the order of their declaration, maps sorted by
//! key, the same value always the same bytes; and nothing that would not come back as it was.

mod follow;
mod key;
mod read;
mod split;
#[cfg(feature = "export")]
mod tokens;
mod write;

use std::fmt;

pub(crate) use follow::{Values, Wrong};
pub(crate) use key::{from_key_text, to_key_text};
pub(crate) use read::{Fields, missing, parse_fields};
#[cfg(feature = "export")]
pub(crate) use tokens::{compact, is_json, pretty, string_length};
pub(crate) use write::Object;

use crate::error::Error;

/// The most levels of brackets in one file: what the parser takes, with one to spare.
pub(crate) const MAX_DEPTH: usize = 127;

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
    /// A bit in each byte that is a quote, a backslash or below the space, and none anywhere if there is no such byte.
    fn special(word: u64) -> u64 {
        const ONES: u64 = u64::MAX / 0xff;
        const HIGH: u64 = ONES << 7;
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let low = word.wrapping_sub(ONES * 0x20) & !word;
        (zero(word ^ (ONES * b'"' as u64)) | zero(word ^ (ONES * b'\\' as u64)) | low) & HIGH
    }
    let bytes = text.as_bytes();
    // What is no whole word is looked at with some of what stands before it, or twice.
    let last = match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
        (Some(last), ..) => {
            let mut found = 0;
            for word in bytes.as_chunks::<8>().0 {
                found |= special(u64::from_ne_bytes(*word));
            }
            return found | special(u64::from_ne_bytes(*last)) == 0;
        }
        (None, Some([a, b, c, d]), Some([e, f, g, h]), _) => [*a, *b, *c, *d, *e, *f, *g, *h],
        (.., [first, .., last]) => [*first, bytes[1], *last, b' ', b' ', b' ', b' ', b' '],
        (.., [only]) => [*only; 8],
        (.., []) => return true,
    };
    special(u64::from_ne_bytes(last)) == 0
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Looks at one byte after the other.
    fn is_plain_by_bytes(text: &str) -> bool {
        text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
    }

    #[test]
    fn a_special_character_is_found_wherever_it_stands() {
        for length in 0..40 {
            let plain = "é~".repeat(20)[..length - length % 3].to_owned() + &"!#[]\u{7f}"[..length % 3];
            assert!(is_plain(&plain), "{plain:?}");
            for at in (0..plain.len()).filter(|at| plain.is_char_boundary(*at)) {
                for special in ['"', '\\', '\0', '\u{1f}', '\n'] {
                    let mut text = plain.clone();
                    text.insert(at, special);
                    assert!(!is_plain(&text), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_text_is_plain_if_every_byte_is(text in "[ -~é\"\\\\\n]{0,30}|[a-z]{0,30}") {
            prop_assert_eq!(is_plain(&text), is_plain_by_bytes(&text));
        }
    }
}
