//! What the file of a serializable object holds.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::text::{count, printable_lines};
use crate::failure::Result;
use crate::output::{DIM, Output};

/// How many bytes of what is no text are shown.
const SHOWN: usize = 256;

/// A file's content, by what can be made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> From<&'a [u8]> for Content<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Bytes(bytes), Self::Text)
    }
}

impl Content<'_> {
    /// Prints it so that a terminal shows it and does not obey it.
    pub(crate) fn print(self, out: &mut Output) -> Result<()> {
        match self {
            Self::Text(text) => {
                out.write_all(printable_lines(text).as_bytes())?;
                if !text.is_empty() && !text.ends_with('\n') {
                    writeln!(out)?;
                }
            }
            Self::Bytes(bytes) => {
                for (at, row) in bytes[..bytes.len().min(SHOWN)].chunks(16).enumerate() {
                    let hex: String = row.iter().map(|byte| format!(" {byte:02x}")).collect();
                    let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
                    let text: String = row.iter().map(shown).collect();
                    writeln!(out, "{:08x} {hex:<48}  {text}", at * 16)?;
                }
                if bytes.len() > SHOWN {
                    let rest = count((bytes.len() - SHOWN) as u64, "byte");
                    writeln!(out, "{}", out.paint(DIM, format!("({rest} more; --raw writes all of them)")))?;
                }
            }
        }
        Ok(())
    }
}

/// `{"text": ".."}`, or `{"base64": ".."}` where it is none.
impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Text(text) => map.serialize_entry("text", text)?,
            Self::Bytes(bytes) => map.serialize_entry("base64", &STANDARD.encode(bytes))?,
        }
        map.end()
    }
}
