//! What is saved, and how the floor encodes it.

use sepia::{Container, Id, Object, Ref, Serializable};
use serde::{Deserialize, Serialize};

use crate::Result;

/// A leaf of about 200 bytes of JSON.
#[derive(Clone, Debug, PartialEq, Serializable, Serialize)]
pub(crate) struct Note {
    #[serde(skip)]
    pub(crate) id: Id<Note>,
    title: String,
    author: String,
    text: String,
    weight: f64,
    done: bool,
    tags: Vec<String>,
    revision: u64,
}

/// What the file of a [`Note`] holds.
#[derive(Deserialize)]
struct NoteFields {
    title: String,
    author: String,
    text: String,
    weight: f64,
    done: bool,
    tags: Vec<String>,
    revision: u64,
}

impl Note {
    pub(crate) const CLASS: &str = "Note";

    pub(crate) fn numbered(number: usize) -> Self {
        Self {
            id: format!("note-{number:06}").into(),
            title: format!("Note number {number:06}"),
            author: "Ada Lovelace".to_owned(),
            text: "It weaves algebraic patterns.".to_owned(),
            weight: (number % 1000) as f64 / 8.0,
            done: number.is_multiple_of(2),
            tags: vec!["paper".to_owned(), "yellow".to_owned()],
            revision: 1,
        }
    }

    /// The same note with another content, of the same length.
    pub(crate) fn revised(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }

    /// Writes what Sepia writes, byte for byte.
    pub(crate) fn encode<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        encode(self, buffer)
    }

    pub(crate) fn decode(id: &Id<Note>, content: &[u8]) -> Result<Self> {
        let NoteFields { title, author, text, weight, done, tags, revision } = serde_json::from_slice(content)?;
        Ok(Self { id: id.clone(), title, author, text, weight, done, tags, revision })
    }
}

/// A container that links to its notes.
#[derive(Container, Debug, PartialEq)]
pub(crate) struct Index {
    id: Id<Index>,
    name: String,
    shelf: u32,
    notes: Vec<Ref<Note>>,
}

/// A container that owns its notes.
#[derive(Container, Debug, PartialEq)]
pub(crate) struct Album {
    id: Id<Album>,
    name: String,
    shelf: u32,
    notes: Vec<Note>,
}

/// Either container, as the floor has it.
pub(crate) struct Folder {
    pub(crate) id: String,
    pub(crate) cover: Cover,
    pub(crate) notes: Notes,
}

pub(crate) enum Notes {
    Linked(Vec<Id<Note>>),
    Owned(Vec<Note>),
}

impl Notes {
    pub(crate) fn ids(&self) -> impl Iterator<Item = &Id<Note>> {
        let (linked, owned): (&[_], &[_]) = match self {
            Self::Linked(ids) => (ids, &[]),
            Self::Owned(notes) => (&[], notes),
        };
        linked.iter().chain(owned.iter().map(|note| &note.id))
    }
}

/// The values of a container.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Cover {
    name: String,
    shelf: u32,
}

impl Cover {
    pub(crate) fn numbered(number: usize) -> Self {
        Self { name: format!("Folder number {number}"), shelf: 7 }
    }

    /// Writes what Sepia writes, byte for byte.
    pub(crate) fn encode<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        encode(self, buffer)
    }
}

/// What both containers have in common.
pub(crate) trait IsFolder: Object + From<Folder> + std::fmt::Debug + PartialEq {
    const CLASS: &str;
    /// Whether its notes are saved and loaded with it.
    const OWNS: bool;
    fn id(&self) -> &Id<Self>;
}

impl IsFolder for Index {
    const CLASS: &str = "Index";
    const OWNS: bool = false;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl IsFolder for Album {
    const CLASS: &str = "Album";
    const OWNS: bool = true;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl From<Folder> for Index {
    fn from(Folder { id, cover: Cover { name, shelf }, notes }: Folder) -> Self {
        Self { id: id.into(), name, shelf, notes: notes.ids().map(Ref::new).collect() }
    }
}

impl From<Folder> for Album {
    fn from(Folder { id, cover: Cover { name, shelf }, notes }: Folder) -> Self {
        let notes = match notes {
            Notes::Linked(_) => Vec::new(),
            Notes::Owned(notes) => notes,
        };
        Self { id: id.into(), name, shelf, notes }
    }
}

fn encode<'b>(values: &impl Serialize, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
    buffer.clear();
    serde_json::to_writer_pretty(&mut *buffer, values)?;
    buffer.push(b'\n');
    Ok(buffer)
}
