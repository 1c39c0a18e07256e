//! Objects as they are named on the command line.
//!
//! - `Class/id`, encoded like the path below the store, also with the store's path in front:
//!   `./data/Board/work`;
//! - what leads on into a container: `Board/work/boards/0000_x`, through links, too;
//! - the id alone, if one class has it;
//! - with `--class`, the id as it is, not encoded.

use std::path::{Path, PathBuf};

use clap::Args;
use sepia::Root;
use sepia::record::{Entries, Entry, Key, Name, Node, Record};

use super::resolve::Records;
use crate::failure::{Failure, Result};
use crate::render::text::{printable, quoted};

/// The file of a container, which stands for the container.
const DATA: &str = "data.json";

/// How ids are to be read.
#[derive(Args, Clone, Debug)]
pub(crate) struct Ids {
    /// Take objects as ids of this class, as they are, not encoded
    #[arg(long, short, value_name = "CLASS")]
    pub(crate) class: Option<String>,
}

/// What an argument names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) key: Key,
    /// The way on into the record.
    pub(crate) within: Vec<String>,
}

/// An object, or a part of one, that is there.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) key: Key,
    pub(crate) record: Record,
    /// The way to the part.
    pub(crate) within: Vec<String>,
}

/// What an object or a part of one is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'r> {
    Leaf(&'r [u8]),
    Container(&'r Node),
    Collection(&'r Entries),
}

impl Target {
    /// Reads an argument.
    pub(crate) fn parse(records: &Records<'_>, ids: &Ids, argument: &str) -> Result<Self> {
        if let Some(class) = &ids.class {
            let key = Key::new(class.as_str(), argument)?;
            return Ok(Self { key, within: Vec::new() });
        }
        let trimmed = argument.trim_end_matches('/');
        if !argument.contains('/') {
            return Ok(Self { key: alone(records, trimmed)?, within: Vec::new() });
        }
        let mut parts: Vec<String> = trimmed.split('/').map(str::to_owned).collect();
        if records.class(&text_of(&parts[0])).is_none()
            && let Some(below) = below_root(records, trimmed)
        {
            parts = below;
        }
        if parts.len() < 2 {
            return Err(Failure::said(format!(
                "{} names no object: write Class/id; `sepia ls Class` lists the objects of a class",
                quoted(argument)
            )));
        }
        let mut within = parts.split_off(2);
        within.retain(|part| !part.is_empty());
        let key = Key::new(text_of(&parts[0]), text_of(&parts[1]))?;
        Ok(Self { key, within })
    }

    /// Reads an argument that must name a whole object.
    pub(crate) fn parse_whole(records: &Records<'_>, ids: &Ids, argument: &str) -> Result<Key> {
        let target = Self::parse(records, ids, argument)?;
        match target.within.as_slice() {
            [] => Ok(target.key),
            [data] if data == DATA => Ok(target.key),
            within => Err(Failure::said(format!(
                "{}/{} is a part of {}, not an object of its own",
                target.key.path(),
                printable(&within.join("/")),
                target.key.path()
            ))),
        }
    }
}

/// The text of a name, or the name itself if no text has it: then somebody has typed an id as it is.
fn text_of(name: &str) -> String {
    Name::from_encoded(name).map_or_else(|| name.to_owned(), |name| name.text().into_owned())
}

/// The object of an id that only one class has.
fn alone(records: &Records<'_>, argument: &str) -> Result<Key> {
    let id = text_of(argument);
    let mut found = Vec::new();
    for class in &records.classes {
        let key = Key::new(class.name(), id.as_str())?;
        if records.find(&key)?.is_some() {
            found.push(key);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::said(format!("no class has an object {}", quoted(argument)))),
        _ => {
            let names: Vec<_> = found.iter().map(Key::path).collect();
            Err(Failure::said(format!("{} may be any of {}", quoted(argument), names.join(", "))))
        }
    }
}

/// The rest of a path that leads into the store's directory.
fn below_root(records: &Records<'_>, argument: &str) -> Option<Vec<String>> {
    let root = records.backend.root()?.canonicalize().ok()?;
    let mut rest = PathBuf::new();
    // The end of the path may be no file: a base stands for its newest generation.
    for before in Path::new(argument).ancestors() {
        let before = if before.as_os_str().is_empty() { Path::new(".") } else { before };
        if let Ok(real) = before.canonicalize() {
            let path = real.strip_prefix(&root).ok()?.join(&rest);
            return path.iter().map(|part| part.to_str().map(str::to_owned)).collect();
        }
        rest = if rest.as_os_str().is_empty() {
            PathBuf::from(before.file_name()?)
        } else {
            Path::new(before.file_name()?).join(&rest)
        };
    }
    None
}

impl Object {
    /// Finds the object that an argument names; links on the way are followed.
    pub(crate) fn find(records: &Records<'_>, ids: &Ids, argument: &str) -> Result<Self> {
        let Target { key, within } = Target::parse(records, ids, argument)?;
        let mut object = Self::read(records, &key)?;
        for name in within {
            object = object.step(records, name)?;
        }
        Ok(object)
    }

    fn read(records: &Records<'_>, key: &Key) -> Result<Self> {
        let Some((key, record)) = records.read(key)? else {
            return Err(absent(records, key));
        };
        Ok(Self { key, record, within: Vec::new() })
    }

    fn step(mut self, records: &Records<'_>, name: String) -> Result<Self> {
        let entries = match self.part() {
            Part::Container(_) if name == DATA => return Ok(self),
            Part::Container(node) => Some(&node.entries),
            Part::Collection(entries) => Some(entries),
            Part::Leaf(_) => None,
        };
        match entries.and_then(|entries| entries.get(&name)) {
            Some(Entry::Link(key)) => {
                let key = key.clone();
                Self::read(records, &key)
            }
            Some(Entry::Container(_) | Entry::Collection(_)) => {
                self.within.push(name);
                Ok(self)
            }
            Some(Entry::Stray) => {
                Err(Failure::said(format!("{}/{} is a file that is not Sepia's", self.path(), printable(&name))))
            }
            None => Err(Failure::said(format!("there is no {} in {}", quoted(&name), self.path()))),
        }
    }

    /// Returns what the argument has named.
    pub(crate) fn part(&self) -> Part<'_> {
        let mut part = match &self.record {
            Record::Leaf(content) => return Part::Leaf(content),
            Record::Container(node) => Part::Container(node),
        };
        for name in &self.within {
            let (Part::Container(Node { entries, .. }) | Part::Collection(entries)) = part else { break };
            // Invariant: `step` has seen these containers and collections on its way.
            part = match entries.get(name) {
                Some(Entry::Container(node)) => Part::Container(node),
                Some(Entry::Collection(entries)) => Part::Collection(entries),
                _ => break,
            };
        }
        part
    }

    /// Returns its name, as commands take it.
    pub(crate) fn path(&self) -> String {
        let mut path = self.key.path();
        for name in &self.within {
            path.push('/');
            path.push_str(name);
        }
        path
    }
}

/// The error of an object that is not there.
pub(crate) fn absent(records: &Records<'_>, key: &Key) -> Failure {
    let store = records.backend.root().map(|root| format!(" in {}", root.display())).unwrap_or_default();
    if records.class(key.class()).is_none() {
        return Failure::said(format!(
            "there is no class {}{store}, and so no object {}",
            quoted(key.class()),
            key.path()
        ));
    }
    Failure::said(format!("there is no object {}{store}", key.path()))
}

/// Reads an argument that names a class: as it is, encoded, or by a path.
pub(crate) fn class(records: &Records<'_>, argument: &str) -> Result<String> {
    let trimmed = argument.trim_end_matches('/');
    let decoded = text_of(trimmed);
    for name in [argument, trimmed, &decoded] {
        if records.class(name).is_some() {
            return Ok(name.to_owned());
        }
    }
    if let Some([name]) = below_root(records, trimmed).as_deref()
        && records.class(&text_of(name)).is_some()
    {
        return Ok(text_of(name));
    }
    let known: Vec<_> = records.classes.iter().map(|class| printable(class.name())).collect();
    Err(Failure::said(match known.as_slice() {
        [] => format!("there is no class {}: the store is empty", quoted(argument)),
        known => format!("there is no class {}, only {}", quoted(argument), known.join(", ")),
    }))
}

/// Reads an argument that names a class or an object, as where links begin.
pub(crate) fn root(records: &Records<'_>, argument: &str) -> Result<Root> {
    match class(records, argument) {
        Ok(class) => Ok(Root::class(class)),
        Err(_) => Ok(Target::parse_whole(records, &Ids { class: None }, argument)?.into()),
    }
}
