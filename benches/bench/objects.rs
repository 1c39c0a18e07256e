//! What is saved, and how the floor encodes it.

use sepia::{Container, Id, Object, Ref, Serializable};
use serde::{Deserialize, Serialize};

use super::Result;

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

    pub(crate) fn id_of(number: usize) -> Id<Note> {
        format!("note-{number:06}").into()
    }

    pub(crate) fn numbered(number: usize) -> Self {
        Self {
            id: Self::id_of(number),
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

/// A container of containers and of the notes that they own.
#[derive(Clone, Container, Debug, PartialEq)]
pub(crate) struct Branch {
    pub(crate) id: Id<Branch>,
    pub(crate) name: String,
    pub(crate) branches: Vec<Branch>,
    pub(crate) notes: Vec<Note>,
}

/// What the `data.json` of a [`Branch`] holds.
#[derive(Deserialize, Serialize)]
struct BranchFields {
    name: String,
}

impl Branch {
    pub(crate) const CLASS: &str = "Branch";

    /// How many branches a tree has, itself among them, and how many notes.
    pub(crate) const SIZE: (usize, usize) = (1111, 3333);

    /// A tree of four levels: each branch has ten, but for those of the last, and three notes.
    pub(crate) fn tree(number: usize) -> Self {
        Self::grown(format!("tree-{number:06}"), number * Self::SIZE.0, 3)
    }

    fn grown(id: String, number: usize, levels: u32) -> Self {
        let below: usize = (0..levels).map(|level| 10usize.pow(level)).sum();
        let branch = |at: usize| {
            let number = number + 1 + at * below;
            Self::grown(format!("branch-{number:06}"), number, levels - 1)
        };
        Self {
            id: id.into(),
            name: format!("Branch number {number}"),
            branches: if levels == 0 { Vec::new() } else { (0..10).map(branch).collect() },
            notes: (0..3).map(|at| Note::numbered(3 * number + at)).collect(),
        }
    }

    /// Writes what Sepia writes, byte for byte.
    pub(crate) fn encode<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        encode(&BranchFields { name: self.name.clone() }, buffer)
    }

    /// Makes a branch without what grows on it.
    pub(crate) fn decode(id: Id<Branch>, content: &[u8]) -> Result<Self> {
        let BranchFields { name } = serde_json::from_slice(content)?;
        Ok(Self { id, name, branches: Vec::new(), notes: Vec::new() })
    }
}

/// Either container, as the floor has it.
#[derive(Clone)]
pub(crate) struct Folder {
    pub(crate) id: String,
    pub(crate) cover: Cover,
    pub(crate) notes: Notes,
}

#[derive(Clone)]
pub(crate) enum Notes {
    Linked(Vec<Id<Note>>),
    Owned(Vec<Note>),
}

impl Notes {
    /// Puts a note in the place of another.
    pub(crate) fn replace(&mut self, place: usize, note: &Note) {
        match self {
            Self::Linked(ids) => ids[place] = note.id.clone(),
            Self::Owned(notes) => notes[place] = note.clone(),
        }
    }

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

    /// Makes one with so many notes, and nothing besides.
    fn gathered(id: &str, notes: usize) -> Self;

    /// Puts a note in the place of another.
    fn replace(&mut self, place: usize, note: &Note);
}

impl IsFolder for Index {
    const CLASS: &str = "Index";
    const OWNS: bool = false;

    fn id(&self) -> &Id<Self> {
        &self.id
    }

    fn gathered(id: &str, notes: usize) -> Self {
        let Cover { name, shelf } = Cover::numbered(0);
        Self { id: id.into(), name, shelf, notes: (0..notes).map(|number| Ref::new(Note::id_of(number))).collect() }
    }

    fn replace(&mut self, place: usize, note: &Note) {
        self.notes[place] = Ref::new(&note.id);
    }
}

impl IsFolder for Album {
    const CLASS: &str = "Album";
    const OWNS: bool = true;

    fn id(&self) -> &Id<Self> {
        &self.id
    }

    fn gathered(id: &str, notes: usize) -> Self {
        let Cover { name, shelf } = Cover::numbered(0);
        Self { id: id.into(), name, shelf, notes: (0..notes).map(Note::numbered).collect() }
    }

    fn replace(&mut self, place: usize, note: &Note) {
        self.notes[place] = note.clone();
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
