//! The floor of containers: a directory with a `data.json`, and in it one with a link to each note.

use std::fmt::Write;

use sepia::Id;

use super::{Directory, buffer, notes};
use crate::bench::Result;
use crate::bench::ground::Fresh;
use crate::bench::objects::{Cover, Folder, IsFolder, Note, Notes};

pub(super) const DATA: &str = "data.json";
pub(super) const NOTES: &str = "notes";
/// From a folder's notes to the class.
const TO_CLASS: &str = "../../../Note/";

/// The directories of two classes: the notes', and the folders'.
pub(crate) struct Folders {
    pub(crate) notes: Fresh<Directory>,
    pub(crate) folders: Directory,
}

impl Folders {
    /// Saves a new folder whose notes are there already.
    pub(crate) fn make(&self, folder: &Folder) -> Result {
        let mut content = Vec::new();
        self.are_stored(&folder.notes, &mut content)?;
        let directory = self.folders.make_directory(&folder.id)?;
        let links = directory.make_directory(NOTES)?;
        let mut expected = Link::default();
        for (index, id) in folder.notes.ids().enumerate() {
            expected.set(index, id)?;
            links.link(&expected.name, &expected.target)?;
        }
        Ok(directory.make(DATA, folder.cover.encode(&mut content)?)?)
    }

    /// Saves a folder that has not changed: finds that nothing is to be done.
    pub(crate) fn is_stored(&self, folder: &Folder) -> Result<bool> {
        let (_, differing) = self.differing(folder)?;
        Ok(differing.is_empty())
    }

    /// Saves a folder of which one link has changed.
    pub(crate) fn change(&self, folder: &Folder) -> Result {
        let (links, differing) = self.differing(folder)?;
        let [(old, new)] = &differing[..] else { return Err("one link was to differ".into()) };
        links.link(&new.name, &new.target)?;
        Ok(links.remove(old)?)
    }

    /// The directory of the links, and those that are not as they must be: the name of each, and what it must be.
    fn differing(&self, folder: &Folder) -> Result<(Directory, Vec<(String, Link)>)> {
        let mut content = Vec::new();
        let mut equal = self.are_stored(&folder.notes, &mut content)?;
        let (directory, links) = self.open(&folder.id)?;
        equal &= directory.read(DATA, &mut buffer())? == folder.cover.encode(&mut content)?;
        let ids: Vec<_> = folder.notes.ids().collect();
        let (mut expected, mut target, mut found) = (Link::default(), Vec::new(), 0);
        let mut differing = Vec::new();
        links.list(|name| {
            let index = index(name)?;
            expected.set(index, ids.get(index).ok_or("one link too many")?)?;
            target = links.read_link(name, std::mem::take(&mut target))?;
            if name != expected.name || target != expected.target.as_bytes() {
                differing.push((name.to_owned(), std::mem::take(&mut expected)));
            }
            found += 1;
            Ok(())
        })?;
        if equal && found == ids.len() { Ok((links, differing)) } else { Err("more than a link differs".into()) }
    }

    /// Loads a folder of a kind.
    pub(crate) fn load<T: IsFolder>(&self, id: &Id<T>) -> Result<Folder> {
        let (directory, links) = self.open(id.as_str())?;
        let cover: Cover = serde_json::from_slice(directory.read(DATA, &mut buffer())?)?;
        let (mut ids, mut target) = (Vec::new(), Vec::new());
        links.list(|name| {
            target = links.read_link(name, std::mem::take(&mut target))?;
            let id = std::str::from_utf8(&target)?.strip_prefix(TO_CLASS).ok_or("a link leads elsewhere")?;
            ids.push((index(name)?, Id::from(id)));
            Ok(())
        })?;
        ids.sort_unstable_by_key(|(index, _)| *index);
        let ids = ids.into_iter().map(|(_, id)| id);
        let notes = if T::OWNS {
            Notes::Owned(ids.map(|id| notes::read(&self.notes, &id)).collect::<Result<_>>()?)
        } else {
            Notes::Linked(ids.collect())
        };
        Ok(Folder { id: id.as_str().to_owned(), cover, notes })
    }

    /// Opens the directory of a folder and that of its links. What else stands there must be found.
    fn open(&self, id: &str) -> Result<(Directory, Directory)> {
        let directory = self.folders.directory(id)?;
        directory.list(|name| if [DATA, NOTES].contains(&name) { Ok(()) } else { Err("what is this?".into()) })?;
        let links = directory.directory(NOTES)?;
        Ok((directory, links))
    }

    /// Saves notes that have not changed, if they are saved with their folder.
    fn are_stored(&self, notes: &Notes, content: &mut Vec<u8>) -> Result<bool> {
        let Notes::Owned(notes) = notes else { return Ok(true) };
        notes.iter().try_fold(true, |equal, note| Ok(equal & notes::is_stored(&self.notes, note, content)?))
    }
}

/// A link as it must be.
#[derive(Default)]
struct Link {
    name: String,
    target: String,
}

impl Link {
    fn set(&mut self, index: usize, id: &Id<Note>) -> Result {
        self.name.clear();
        self.target.clear();
        write!(self.name, "{index:04}_{id}")?;
        write!(self.target, "{TO_CLASS}{id}")?;
        Ok(())
    }
}

pub(super) fn index(name: &str) -> Result<usize> {
    Ok(name.split_once('_').ok_or("a link without an index")?.0.parse()?)
}
