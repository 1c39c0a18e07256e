//! What is wrong with one record, as far as that can be seen without its type.

use super::index::Index;
use super::values::Wrong;
use super::{list, values};
use crate::backend::Backend;
use crate::object::source::{Committed, find};
use crate::record::class::{Class, Format, Kind};
use crate::record::error::{ErrorKind, Quoted, Result};
use crate::record::foreign;
use crate::record::name::DATA;
use crate::record::problem::{self, Problem, ProblemKind};
use crate::record::shape::SEPIA_ID;
use crate::record::{Entries, Entry, Key, MAX_NESTING, Node, Record};

/// What a judge can see of the store.
pub(super) struct Sight<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) classes: &'a [Class],
    /// What there was a moment ago. Without it, everything is asked for.
    pub(super) index: Option<&'a Index>,
}

impl Sight<'_> {
    /// Returns whether a link leads somewhere.
    pub(super) fn leads(&self, link: &Key) -> Result<bool> {
        if let Some(index) = self.index {
            return Ok(index.leads(link));
        }
        match self.backend.contains(link) {
            Ok(false) => {}
            Ok(true) => return Ok(true),
            // Where nobody can look, something may be; that is a problem of its own.
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Io) => return Ok(true),
            Err(error) => return Err(error),
        }
        let class = self.classes.iter().find(|class| class.name() == link.class());
        if !class.is_some_and(Class::may_keep_generations) {
            return Ok(false);
        }
        Ok(find(&Committed(self.backend), link)?.is_some())
    }

    /// Returns the container of its own that has the id of a nested one, and the same fields, if it differs.
    fn copy_of(&self, top: &Key, id: &str, node: &Node) -> Result<Option<Key>> {
        for class in self.classes.iter().filter(|class| class.kind() == Kind::Container) {
            let may_be_there = self.index.is_none_or(|index| index.has(class.name(), id));
            let key = match Key::new(class.name(), id) {
                Ok(key) if may_be_there && key != *top => key,
                _ => continue,
            };
            // One that cannot be read is a problem itself.
            let Ok(Some(Record::Container(own))) = self.backend.read(&key) else { continue };
            if values::have_same_fields(&own.data, &node.data) && !is_equal(&own, node) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

fn is_equal(own: &Node, nested: &Node) -> bool {
    values::are_equal(&own.data, &nested.data) && own.entries == nested.entries
}

/// What is wrong with a record.
#[derive(Default)]
pub(super) struct Judgement {
    pub(super) problems: Vec<Problem>,
    /// It can be of no use as it stands: no type can load it, or what it is stands elsewhere, too.
    pub(super) is_useless: bool,
}

/// Finds what is wrong with a record.
pub(super) fn record(sight: &Sight<'_>, class: &Class, key: &Key, record: &Record) -> Result<Judgement> {
    let mut judge = Judge { sight, key, found: Judgement::default() };
    match (class.kind(), record) {
        (Kind::Container, Record::Container(node)) => judge.container(node, values::Place::Top, "", 1)?,
        (Kind::Serializable(format), Record::Leaf(content)) => judge.leaf(format, content),
        (Kind::Container, Record::Leaf(_)) => {
            judge.find_useless("", problem::A_FILE);
        }
        (Kind::Serializable(_), Record::Container(_)) => {
            judge.find_useless("", problem::A_CONTAINER);
        }
    }
    Ok(judge.found)
}

struct Judge<'a> {
    sight: &'a Sight<'a>,
    key: &'a Key,
    found: Judgement,
}

impl Judge<'_> {
    fn find(&mut self, kind: ProblemKind, below: &str, message: impl Into<String>) {
        self.found.problems.push(Problem::within(self.key, kind, below, message));
    }

    fn find_useless(&mut self, below: &str, message: impl Into<String>) {
        self.find(ProblemKind::Undecodable, below, message);
        self.found.is_useless = true;
    }

    fn find_wrong(&mut self, below: &str, wrong: Wrong) {
        match wrong {
            Wrong::Always(message) => self.find_useless(below, message),
            Wrong::Mostly(message) => self.find(ProblemKind::Undecodable, below, message),
        }
    }

    fn leaf(&mut self, format: Option<Format>, content: &[u8]) {
        let wrong = match format {
            Some(Format::Json) => values::check(content).err().map(|wrong| self.advised(wrong, content)),
            Some(Format::Text) => {
                std::str::from_utf8(content).err().map(|error| Wrong::Always(format!("this is not UTF-8: {error}")))
            }
            Some(Format::Bytes | Format::Custom) | None => None,
        };
        if let Some(wrong) = wrong {
            self.find_wrong("", wrong);
        }
    }

    /// Says what to do about a file that is likely to be no object.
    fn advised(&self, wrong: Wrong, content: &[u8]) -> Wrong {
        let is_likely = !foreign::is_unlikely_content(content) && !foreign::is_unlikely_id(self.key.id());
        match wrong {
            Wrong::Always(message) if !is_likely && self.sight.backend.root().is_some() => {
                Wrong::Always(format!("{message}; {}", foreign::ADVICE))
            }
            wrong => wrong,
        }
    }

    /// Judges the container that is so many containers deep, itself included.
    fn container(&mut self, node: &Node, place: values::Place, below: &str, depth: usize) -> Result<()> {
        if depth > MAX_NESTING {
            let message = format!("containers nest deeper than {MAX_NESTING} levels");
            self.find(ProblemKind::Undecodable, below, message);
            return Ok(());
        }
        if let Err(wrong) = values::check_container(node, place) {
            self.find_wrong(&join(below, DATA), wrong);
        }
        self.entries(&node.entries, true, below, depth)
    }

    fn entries(&mut self, entries: &Entries, are_fields: bool, below: &str, depth: usize) -> Result<()> {
        if !are_fields {
            self.list(entries, below);
        }
        for (name, entry) in entries.iter() {
            let inner = join(below, name.as_str());
            match entry {
                Entry::Link(link) => {
                    if !self.sight.leads(link)? {
                        let message = format!("the link leads to {link}, which is not there");
                        self.find(ProblemKind::Dangling, &inner, message);
                    }
                }
                Entry::Container(node) => {
                    let place = if are_fields { values::Place::Field } else { values::Place::Element };
                    self.copy(name.text().as_ref(), node, &inner)?;
                    self.container(node, place, &inner, depth + 1)?;
                }
                Entry::Collection(entries) => self.entries(entries, false, &inner, depth)?,
                Entry::Stray => {
                    self.find(ProblemKind::Stray, &inner, "this is neither a link nor a directory");
                }
            }
        }
        Ok(())
    }

    fn list(&mut self, entries: &Entries, below: &str) {
        let Some(elements) = list::elements(entries) else { return };
        for twice in list::duplicates(&elements) {
            let message = format!("another element of the list has the index {}, too", twice.index);
            self.find(ProblemKind::DuplicateIndex, &join(below, twice.name.as_str()), message);
        }
        if let Some(gap) = list::gap(&elements) {
            let message = format!("the list has no element of the index {gap}; the next save closes the gap");
            self.find(ProblemKind::ListGap, below, message);
        }
        for element in elements.iter().filter(|element| !element.is_exact) {
            let message = match element.entry {
                Entry::Link(link) => format!("the name says {}, and the link leads to {link}", Quoted(element.shown)),
                _ => continue,
            };
            self.find(ProblemKind::EntryName, &join(below, element.name.as_str()), message);
        }
    }

    /// Looks for a container of its own that is the same one, as the Crystal original keeps them.
    fn copy(&mut self, name: &str, node: &Node, below: &str) -> Result<()> {
        let told = values::told(&node.data, SEPIA_ID);
        let shown = name.split_once('_').filter(|(index, _)| list::is_index(index)).map_or(name, |(_, id)| id);
        let id = told.as_deref().unwrap_or(shown);
        if let Some(other) = self.sight.copy_of(self.key, id, node)? {
            let message = format!("{other} is an object of its own, and differs from this nested one");
            self.find(ProblemKind::CopyDiffers, below, message);
        }
        Ok(())
    }
}

pub(super) fn join(below: &str, name: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }
}
