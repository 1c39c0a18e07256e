//! The floor of leaves.

use sepia::Id;

use super::{Directory, buffer};
use crate::bench::Result;
use crate::bench::objects::Note;

/// Saves a new note.
pub(crate) fn make(class: &Directory, note: &Note, content: &mut Vec<u8>) -> Result {
    Ok(class.make(note.id.as_str(), note.encode(content)?)?)
}

/// Saves a note whose file is there with another content: renames over it.
pub(crate) fn replace(class: &Directory, note: &Note, content: &mut Vec<u8>) -> Result {
    Ok(class.replace(note.id.as_str(), note.encode(content)?)?)
}

/// The same: exchanges the files, and removes the old one.
pub(crate) fn exchange(class: &Directory, note: &Note, content: &mut Vec<u8>) -> Result {
    Ok(class.exchange(note.id.as_str(), note.encode(content)?)?)
}

/// Saves a note that has not changed: finds that nothing is to be done.
pub(crate) fn is_stored(class: &Directory, note: &Note, content: &mut Vec<u8>) -> Result<bool> {
    Ok(class.read(note.id.as_str(), &mut buffer())? == note.encode(content)?)
}

/// Loads a note.
pub(crate) fn read(class: &Directory, id: &Id<Note>) -> Result<Note> {
    Note::decode(id, class.read(id.as_str(), &mut buffer())?)
}
