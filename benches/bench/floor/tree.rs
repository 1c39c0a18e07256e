//! The floor of a container of containers: all of its directories, links and leaves.

use std::fmt::Write;

use sepia::Id;

use super::folders::{DATA, NOTES, index};
use super::{Directory, buffer, notes};
use crate::bench::Result;
use crate::bench::ground::Fresh;
use crate::bench::objects::{Branch, Note};

const BRANCHES: &str = "branches";

/// The directories of two classes: the notes', and the trees'.
pub(crate) struct Trees {
    pub(crate) notes: Fresh<Directory>,
    pub(crate) trees: Directory,
}

impl Trees {
    /// Saves a new tree, with its notes, which are new, too.
    pub(crate) fn make(&self, tree: &Branch) -> Result {
        self.make_in(&self.trees.make_directory(tree.id.as_str())?, tree, &mut Text::new())
    }

    fn make_in(&self, directory: &Directory, branch: &Branch, text: &mut Text) -> Result {
        for note in &branch.notes {
            notes::make(&self.notes, note, &mut text.content)?;
        }
        if !branch.branches.is_empty() {
            let branches = directory.make_directory(BRANCHES)?;
            for (index, branch) in branch.branches.iter().enumerate() {
                text.entry(index, branch.id.as_str())?;
                text.depth += 1;
                self.make_in(&branches.make_directory(&text.name)?, branch, text)?;
                text.depth -= 1;
            }
        }
        if !branch.notes.is_empty() {
            let links = directory.make_directory(NOTES)?;
            for (index, note) in branch.notes.iter().enumerate() {
                text.entry(index, note.id.as_str())?;
                text.lead_to(&note.id)?;
                links.link(&text.name, &text.target)?;
            }
        }
        Ok(directory.make(DATA, branch.encode(&mut text.content)?)?)
    }

    /// Loads a tree, with its notes.
    pub(crate) fn load(&self, id: &Id<Branch>) -> Result<Branch> {
        self.load_in(&self.trees.directory(id.as_str())?, id.clone(), &mut Vec::new())
    }

    fn load_in(&self, directory: &Directory, id: Id<Branch>, target: &mut Vec<u8>) -> Result<Branch> {
        let (mut has_branches, mut has_notes) = (false, false);
        directory.list(|name| {
            match name {
                BRANCHES => has_branches = true,
                NOTES => has_notes = true,
                DATA => {}
                _ => return Err("what is this?".into()),
            }
            Ok(())
        })?;
        let mut branch = Branch::decode(id, directory.read(DATA, &mut buffer())?)?;
        if has_branches {
            let branches = directory.directory(BRANCHES)?;
            let mut entries = Vec::new();
            branches.list(|name| {
                entries.push((index(name)?, name.to_owned()));
                Ok(())
            })?;
            entries.sort_unstable_by_key(|(index, _)| *index);
            for (_, name) in entries {
                let id = name.split_once('_').map_or("", |(_, id)| id).into();
                branch.branches.push(self.load_in(&branches.directory(&name)?, id, target)?);
            }
        }
        if has_notes {
            let links = directory.directory(NOTES)?;
            let mut ids = Vec::new();
            links.list(|name| {
                *target = links.read_link(name, std::mem::take(target))?;
                let id = std::str::from_utf8(target)?.rsplit('/').next().unwrap_or_default();
                ids.push((index(name)?, Id::from(id)));
                Ok(())
            })?;
            ids.sort_unstable_by_key(|(index, _)| *index);
            branch.notes = ids.iter().map(|(_, id)| notes::read(&self.notes, id)).collect::<Result<_>>()?;
        }
        Ok(branch)
    }
}

/// Names and targets, written in place.
struct Text {
    name: String,
    target: String,
    content: Vec<u8>,
    /// How many branches are around the one at hand.
    depth: usize,
}

impl Text {
    fn new() -> Self {
        Self { name: String::new(), target: String::new(), content: Vec::new(), depth: 0 }
    }

    fn entry(&mut self, index: usize, id: &str) -> Result {
        self.name.clear();
        Ok(write!(self.name, "{index:04}_{id}")?)
    }

    fn lead_to(&mut self, id: &Id<Note>) -> Result {
        self.target.clear();
        (0..3 + 2 * self.depth).for_each(|_| self.target.push_str("../"));
        Ok(write!(self.target, "{}/{id}", Note::CLASS)?)
    }
}
