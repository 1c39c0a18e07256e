//! Layers: what stands between a program and an engine, and changes what is stored.
//!
//! A store that is made through layers says so, and is refused without them: whoever read it would take what they have
//! made of the records for the records, and a repair would move all of them away.

use crate::record::class::Requires;
use crate::record::error::{Error, ErrorKind, Quoted, Result};

/// What a store that is made through these layers requires of everybody.
pub(super) fn required(layers: &[String]) -> Requires {
    Requires { read: layers.iter().cloned().collect(), ..Requires::none() }
}

/// Checks that a store requires nothing that the program does not know, and was made through all of its layers.
///
/// # Errors
/// `UnsupportedFormat`.
pub(super) fn check(requires: &Requires, layers: &[String], for_writing: bool) -> Result<()> {
    let known = if for_writing {
        requires.check_write(layers, &"the store")
    } else {
        requires.check_read(layers, &"the store")
    };
    known?;
    let Some(layer) = layers.iter().find(|layer| !requires.read.contains(*layer)) else { return Ok(()) };
    let message = format!(
        "the store was made without the layer {}: copy what it holds into a store that is made with it",
        Quoted(layer)
    );
    Err(Error::message(ErrorKind::UnsupportedFormat, message))
}
