//! What one could use instead: a store of keys and values, seen through as much as the workloads need.

use std::path::Path;

use sepia::{Durability, Id};

use super::Result;
use super::objects::{Cover, Folder, Note, Notes};
use serde::{Deserialize, Serialize};

/// A way to store things that is not Sepia.
pub(crate) trait Peer: Sync {
    fn name(&self) -> &'static str;

    /// Makes a store in a directory of its own. `Sync`: what a call has confirmed survives the loss of power,
    /// or its file says what is missing. `Buffered`: no call waits for the disk. `None` if it has no such promise to make.
    fn open(&self, directory: &Path, durability: Durability) -> Result<Option<Box<dyn Database>>>;

    /// Whether a million entries are a matter of seconds.
    fn holds_millions(&self) -> bool {
        true
    }
}

/// A store of a [`Peer`].
pub(crate) trait Database: Sync {
    fn put(&self, key: &str, value: &[u8]) -> Result;

    /// Puts all of them in one commit.
    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result;

    /// Calls `each` with the value of a key that is there. It does not come back for more.
    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result;

    /// Calls `each` with every key that begins so.
    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result;
}

/// A database, and what its peer is called.
pub(crate) type Named = (&'static str, Box<dyn Database>);

/// What all databases do alike: objects as JSON, each under its class and id.
impl dyn Database + '_ {
    pub(crate) fn save(&self, note: &Note, content: &mut Vec<u8>) -> Result {
        self.put(&note_key(&note.id), note.encode(content)?)
    }

    /// Saves notes in one commit, and other entries with them.
    pub(crate) fn save_all<'n>(
        &self,
        notes: impl IntoIterator<Item = &'n Note>,
        mut others: Vec<(String, Vec<u8>)>,
    ) -> Result {
        for note in notes {
            let mut content = Vec::new();
            note.encode(&mut content)?;
            others.push((note_key(&note.id), content));
        }
        self.put_all(others)
    }

    /// Whether a note is stored as it is.
    pub(crate) fn is_stored(&self, note: &Note, content: &mut Vec<u8>) -> Result<bool> {
        let expected = note.encode(content)?;
        let mut equal = false;
        self.get(&note_key(&note.id), &mut |stored| {
            equal = stored == expected;
            Ok(())
        })?;
        Ok(equal)
    }

    pub(crate) fn load(&self, id: &Id<Note>) -> Result<Note> {
        self.read(&note_key(id), |content| Note::decode(id, content))
    }

    /// The ids of all notes.
    pub(crate) fn ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        self.keys(NOTES, &mut |key| ids.push(key[NOTES.len()..].to_owned()))?;
        Ok(ids)
    }

    /// Saves a folder whose notes are there already, and have not changed: its values, and the ids of its notes.
    pub(crate) fn save_folder(&self, folder: &Folder, content: &mut Vec<u8>) -> Result {
        self.are_stored(&folder.notes, content)?;
        content.clear();
        serde_json::to_writer(&mut *content, &Entry::of(folder))?;
        self.put(&folder_key(&folder.id), content)
    }

    /// Whether a folder is stored as it is.
    pub(crate) fn is_folder_stored(&self, folder: &Folder, content: &mut Vec<u8>) -> Result<bool> {
        let mut equal = self.are_stored(&folder.notes, content)?;
        content.clear();
        serde_json::to_writer(&mut *content, &Entry::of(folder))?;
        self.get(&folder_key(&folder.id), &mut |stored| {
            equal &= stored == content.as_slice();
            Ok(())
        })?;
        Ok(equal)
    }

    /// Loads a folder, with its notes if it owns them.
    pub(crate) fn load_folder(&self, id: &str, owns: bool) -> Result<Folder> {
        let entry: StoredEntry = self.read(&folder_key(id), |content| Ok(serde_json::from_slice(content)?))?;
        let ids: Vec<Id<Note>> = entry.notes.into_iter().map(Id::from).collect();
        let notes = if owns {
            Notes::Owned(ids.iter().map(|id| self.load(id)).collect::<Result<_>>()?)
        } else {
            Notes::Linked(ids)
        };
        Ok(Folder { id: id.to_owned(), cover: entry.cover, notes })
    }

    /// Gets a value, and makes something of it.
    pub(crate) fn read<T>(&self, key: &str, make: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
        let mut made = None;
        self.get(key, &mut |content| {
            made = Some(make(content)?);
            Ok(())
        })?;
        made.ok_or_else(|| format!("{key} is not there").into())
    }

    fn are_stored(&self, notes: &Notes, content: &mut Vec<u8>) -> Result<bool> {
        let Notes::Owned(notes) = notes else { return Ok(true) };
        notes.iter().try_fold(true, |equal, note| Ok(equal & self.is_stored(note, content)?))
    }
}

const NOTES: &str = "Note/";

fn note_key(id: &Id<Note>) -> String {
    format!("{NOTES}{id}")
}

fn folder_key(id: &str) -> String {
    format!("Folder/{id}")
}

/// A folder as a value.
#[derive(Serialize)]
struct Entry<'f> {
    cover: &'f Cover,
    notes: Vec<&'f str>,
}

impl<'f> Entry<'f> {
    fn of(folder: &'f Folder) -> Self {
        Self { cover: &folder.cover, notes: folder.notes.ids().map(Id::as_str).collect() }
    }
}

#[derive(Deserialize)]
struct StoredEntry {
    cover: Cover,
    notes: Vec<String>,
}
