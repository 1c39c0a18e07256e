//! From what is stored and what shall be stored to the operations between them.
//!
//! The order is that of the promise that `data.json` marks a container: within a container, entries
//! come before `data.json`, and `data.json` before the removals; a container that goes loses its
//! `data.json` first. Nothing is operated on that is equal already, or that is not Sepia's.

use super::layout::{is_within, link_target};
use super::operation::{Action, Before, Image, Operation};
use super::operations::Operations;
use super::read::{Found, Stored};
use crate::record::error::{Error, Result};
use crate::record::name::DATA;
use crate::record::{Entries, Entry, Key, Name, Node, Record};

/// The operations that turn what is stored into what shall be.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    puts: Operations<'a>,
    removals: Operations<'a>,
    /// The paths of the directories of the record in hand that hold something foreign.
    foreign: Vec<String>,
    /// The paths of foreign files in it under names that an entry could have.
    occupied: Vec<String>,
}

/// A directory as far as it is Sepia's.
#[derive(Clone, Copy)]
struct Directory<'r> {
    data: Option<&'r [u8]>,
    entries: &'r Entries,
}

impl<'r> From<&'r Node> for Directory<'r> {
    fn from(node: &'r Node) -> Self {
        Self { data: Some(&node.data), entries: &node.entries }
    }
}

/// The directory that an entry is, if it is one.
fn as_directory(entry: &Entry) -> Option<Directory<'_>> {
    match entry {
        Entry::Container(node) => Some(node.into()),
        Entry::Collection(entries) => Some(Directory { data: None, entries }),
        Entry::Link(_) | Entry::Stray => None,
    }
}

impl<'a> Plan<'a> {
    /// Plans to turn what is stored under a key into a record.
    ///
    /// # Errors
    /// `Corrupt` if something is in the way that Sepia did not make.
    pub(super) fn put(&mut self, key: &Key, stored: Stored, record: &'a Record) -> Result<()> {
        record.check().map_err(|error| error.object(key.class(), key.id()))?;
        let path = key.path();
        let planned = match (stored, record) {
            (Stored::Absent, Record::Leaf(content)) => {
                self.push(path, Action::File(content.into()), Before::Nothing);
                Ok(())
            }
            (Stored::Leaf(old), Record::Leaf(content)) => {
                if old != *content {
                    self.push(path, Action::File(content.into()), Before::Image(Image::of_file(&old)));
                }
                Ok(())
            }
            (Stored::Misspelled, _) => {
                let message = "the file system takes this name for another that is there";
                Err(Error::invalid_name(message).at(path))
            }
            (Stored::Absent, Record::Container(node)) => self.make(&path, node.into(), 2),
            (Stored::Directory(Found { data, entries, foreign, occupied, .. }), Record::Container(node)) => {
                (self.foreign, self.occupied) = (foreign, occupied);
                let old = Directory { data: data.as_deref(), entries: &entries };
                self.change(&path, old, node.into(), 2)
            }
            (Stored::Directory(..), Record::Leaf(_)) => {
                Err(Error::corrupt("a directory stands where a file should be").at(path))
            }
            (Stored::Leaf(_), Record::Container(_)) => {
                Err(Error::corrupt("a file stands where a directory should be").at(path))
            }
        };
        planned.map_err(|error| error.object(key.class(), key.id()))
    }

    /// Returns the operations, in their order.
    pub(super) fn finish(mut self) -> Operations<'a> {
        self.puts.append(self.removals);
        self.puts
    }

    fn push(&mut self, path: String, action: Action<'a>, before: Before) {
        self.puts.push(Operation::new(path, action, before));
    }

    /// Makes a directory `depth` levels below the root.
    fn make(&mut self, path: &str, new: Directory<'a>, depth: usize) -> Result<()> {
        self.push(path.to_owned(), Action::MakeDirectory, Before::Nothing);
        for at in 0..new.entries.len() {
            self.make_entry(path, new.entries, at, depth)?;
        }
        if let Some(data) = new.data {
            self.push(join(path, DATA), Action::File(data.into()), Before::Nothing);
        }
        Ok(())
    }

    /// Makes entry number `at` of a directory `depth` levels below the root.
    fn make_entry(&mut self, directory: &str, entries: &'a Entries, at: usize, depth: usize) -> Result<()> {
        let Some((name, entry)) = entries.from(at).first() else { return Ok(()) };
        let path = || join(directory, name.as_str());
        match entry {
            Entry::Link(_) => {
                self.puts.push_link(directory, depth, entries, at);
                Ok(())
            }
            Entry::Stray => Err(Error::corrupt("a stray cannot be put").at(path())),
            Entry::Container(node) => self.make(&path(), node.into(), depth + 1),
            Entry::Collection(entries) => self.make(&path(), Directory { data: None, entries }, depth + 1),
        }
    }

    /// Changes a directory into another.
    fn change(&mut self, path: &str, old: Directory<'_>, new: Directory<'a>, depth: usize) -> Result<()> {
        // Both are sorted, so one walk over both finds what goes, comes and stays.
        let mut before = old.entries.iter().peekable();
        let mut gone = Vec::new();
        for (at, (name, entry)) in new.entries.iter().enumerate() {
            while let Some((other, entry)) = before.next_if(|(other, _)| *other < name) {
                gone.push((other, entry));
            }
            match before.next_if(|(other, _)| *other == name) {
                None if self.is_occupied(path, name) => return Err(in_the_way(join(path, name.as_str()))),
                None => self.make_entry(path, new.entries, at, depth)?,
                Some((_, old)) if !is_kept(old, entry) => self.change_entry(path, old, (new.entries, at), depth)?,
                Some(_) => {}
            }
        }
        gone.extend(before);
        let data = join(path, DATA);
        match (old.data, new.data) {
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => {
                self.push(data, Action::File(new.into()), Before::Image(Image::of_file(old)));
            }
            (None, Some(new)) => self.push(data, Action::File(new.into()), Before::Nothing),
            (Some(old), None) => self.push(data, Action::Remove, Before::Image(Image::of_file(old))),
            (None, None) => {}
        }
        for (name, entry) in gone {
            remove_entry(&mut self.removals, join(path, name.as_str()), entry, depth)?;
        }
        Ok(())
    }

    /// Whether a foreign file has the name of an entry that is to come.
    fn is_occupied(&self, directory: &str, name: &Name) -> bool {
        !self.occupied.is_empty() && self.occupied.contains(&join(directory, name.as_str()))
    }

    /// Changes what stands in a directory into entry number `at` of what shall stand there.
    fn change_entry(
        &mut self,
        directory: &str,
        old: &Entry,
        (entries, at): (&'a Entries, usize),
        depth: usize,
    ) -> Result<()> {
        let Some((name, new)) = entries.from(at).first() else { return Ok(()) };
        let path = join(directory, name.as_str());
        if let (Some(old), Some(new)) = (as_directory(old), as_directory(new)) {
            return self.change(&path, old, new, depth + 1);
        }
        match (old, new) {
            (Entry::Stray, _) => Err(in_the_way(path)),
            (Entry::Link(old), Entry::Link(new)) => {
                let before = Image::of_link(&link_target(depth, old));
                self.push(path, Action::Link(link_target(depth, new).into()), Before::Image(before));
                Ok(())
            }
            _ => {
                if self.foreign.iter().any(|foreign| is_within(foreign, &path)) {
                    return Err(in_the_way(path));
                }
                remove_entry(&mut self.puts, path, old, depth)?;
                self.make_entry(directory, entries, at, depth)
            }
        }
    }
}

/// Most entries are links that stay as they are.
fn is_kept(old: &Entry, new: &Entry) -> bool {
    matches!((old, new), (Entry::Link(old), Entry::Link(new)) if old == new)
}

fn in_the_way(path: String) -> Error {
    Error::corrupt("a file that sepia did not make stands in the way: move it elsewhere").at(path)
}

/// Removes what stands `depth` levels below the root.
fn remove_entry(operations: &mut Operations<'_>, path: String, entry: &Entry, depth: usize) -> Result<()> {
    let (data, entries) = match entry {
        Entry::Stray => return Err(in_the_way(path)),
        Entry::Link(key) => {
            let before = Before::Image(Image::of_link(&link_target(depth, key)));
            operations.push(Operation::new(path, Action::Remove, before));
            return Ok(());
        }
        Entry::Container(node) => (Some(&node.data), &node.entries),
        Entry::Collection(entries) => (None, entries),
    };
    if let Some(data) = data {
        let before = Before::Image(Image::of_file(data));
        operations.push(Operation::new(join(&path, DATA), Action::Remove, before));
    }
    for (name, entry) in entries.iter() {
        remove_entry(operations, join(&path, name.as_str()), entry, depth + 1)?;
    }
    operations.push(Operation::new(path, Action::RemoveDirectory, Before::Unknown));
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    let mut joined = String::with_capacity(path.len() + 1 + name.len());
    joined.push_str(path);
    joined.push('/');
    joined.push_str(name);
    joined
}
