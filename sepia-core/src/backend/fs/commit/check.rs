//! Whether all is as a batch expects, and what it does.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustix::io::Errno;

use super::super::layout::{FORMAT_FILE, MAX_CATALOG};
use super::super::operation::{Action, Before, Operation};
use super::super::operations::Operations;
use super::super::plan::Plan;
use super::super::read::{self, Presence, Stored};
use super::super::sys::{self, Directory, Kind};
use super::super::{Filesystem, catalog, removal, stuck};
use crate::record::batch::{Batch, Change, Durability, Inspect, Step};
use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::{Fingerprint, Key};

/// A batch that has been checked, and what it does.
#[derive(Debug, Default)]
pub(super) struct Planned<'b> {
    pub(super) operations: Operations<'b>,
    /// The list of classes afterwards, if it changes.
    pub(super) classes: Option<Vec<Class>>,
    pub(super) bases: HashMap<Key, Base>,
    pub(super) durability: Durability,
    /// What it makes is for the owner alone.
    pub(super) is_hidden: bool,
}

/// The newest generation of a base of which a generation comes or goes. `None` afterwards means that it must
/// be looked for.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) before: Option<u64>,
    pub(super) after: Option<u64>,
    /// If the newest goes: the newest that stays, as far as that was looked for.
    pub(super) left: Option<u64>,
}

impl Base {
    /// Whether the newest generation goes, and no newer one comes.
    pub(super) fn is_lowered(&self) -> bool {
        self.after < self.before
    }
}

impl Filesystem {
    /// Checks a batch, and finds the operations that it takes.
    pub(super) fn plan<'b>(&self, batch: &'b Batch) -> Result<Planned<'b>> {
        let stored = self.catalog.current(&self.root)?;
        let classes = batch.merge_classes(&stored)?;
        batch.check_records(self.root.max_record())?;
        let mut present =
            Present { filesystem: self, classes: &stored, read: HashMap::new(), newest: HashMap::new(), class: None };
        batch.check_expectations(&mut present)?;
        for class in batch.classes().iter().filter(|class| !present.declares(class.name())) {
            self.check_new_class(class)?;
        }
        let mut plan = Plan::default();
        let mut removals: Operations<'static> = Operations::default();
        let mut bases = HashMap::new();
        for step in batch.steps() {
            match &step.change {
                Change::Keep => continue,
                Change::Put(record) => {
                    let stored = present.take(&step.key)?;
                    plan.put(&step.key, stored, record).map_err(|error| error.below(self.root.path()))?;
                }
                Change::Delete if present.declares(step.key.class()) => present.remove(&step.key, &mut removals)?,
                Change::Delete => {}
            }
            let known = classes.as_deref().unwrap_or(&stored);
            let class = known.iter().find(|class| class.name() == step.key.class());
            if let Some(class) = class.filter(|class| class.keeps_generations()) {
                self.plan_generation(class, step, &mut present, &mut bases)?;
            }
        }
        for (key, base) in bases.iter_mut().filter(|(_, base)| base.is_lowered()) {
            base.left = self.newest_left(batch, key, base.before.unwrap_or(0))?;
        }
        for class in stored.iter().filter(|class| batch.retired().iter().any(|retired| retired == class.name())) {
            removal::of_class(&self.root, class, batch, &mut removals)?;
        }
        let mut operations = plan.finish();
        operations.append(removals);
        if let Some(classes) = &classes {
            // Declared before the first object is there, retired after the last is gone.
            let content = catalog::print(classes, &self.catalog.settings())?;
            if content.len() as u64 > MAX_CATALOG {
                let message = format!("the list of classes would have more than {MAX_CATALOG} bytes");
                return Err(Error::invalid_value(message).at(self.root.place(FORMAT_FILE).to_string_lossy()));
            }
            let content = Cow::Owned(content);
            let operation = Operation::new(FORMAT_FILE, Action::File(content), Before::Unknown);
            match batch.retired().is_empty() {
                true => operations.push_first(operation),
                false => operations.push(operation),
            }
        }
        Ok(Planned { operations, classes, bases, durability: batch.durability(), is_hidden: batch.is_hidden() })
    }

    /// Finds out what becomes of the newest generation.
    fn plan_generation(
        &self,
        class: &Class,
        step: &Step,
        present: &mut Present<'_>,
        bases: &mut HashMap<Key, Base>,
    ) -> Result<()> {
        let (key, generation) = step.key.generation();
        let base = match bases.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                match self.keep_hints(class, unknown.key()) {
                    // What is deleted makes room, and the class can be listed.
                    Err(error) if step.change == Change::Delete && stuck::lacks_room(&error) => {}
                    kept => kept?,
                }
                // The hint is right before anything changes.
                let before = present.newest_before(&step.key)?;
                unknown.insert(Base { before, after: before, left: None })
            }
        };
        let after = &mut base.after;
        match step.change {
            Change::Put(_) => *after = (*after).max(Some(generation)),
            Change::Delete if *after == Some(generation) => *after = None,
            Change::Delete | Change::Keep => {}
        }
        Ok(())
    }
}

/// What is stored, under the lock.
struct Present<'a> {
    filesystem: &'a Filesystem,
    classes: &'a [Class],
    /// What has been read to check an expectation, for the plan.
    read: HashMap<Key, Stored>,
    /// The newest generations of bases.
    newest: HashMap<Key, Option<Key>>,
    /// The directory of the class that was looked into last.
    class: Option<(String, Arc<Directory>)>,
}

impl Present<'_> {
    fn declares(&self, class: &str) -> bool {
        self.classes.iter().any(|known| known.name() == class)
    }

    /// Returns the newest generation of the base of a key that is put.
    fn newest_before(&mut self, key: &Key) -> Result<Option<u64>> {
        let (base, generation) = key.generation();
        if generation == 0 && !self.newest.contains_key(&base) && self.filesystem.is_new_base(&base)? {
            self.newest.insert(base, None);
            return Ok(None);
        }
        Ok(self.newest(&base)?.map(|newest| newest.generation().1))
    }

    fn take(&mut self, key: &Key) -> Result<Stored> {
        if !self.read.is_empty()
            && let Some(stored) = self.read.remove(key)
        {
            return Ok(stored);
        }
        self.stored(key)
    }

    /// Reads what stands under a key. Most of it are leaves.
    fn stored(&mut self, key: &Key) -> Result<Stored> {
        let root = &self.filesystem.root;
        let opened = match self.class(key) {
            Ok(class) if !root.folds() => sys::open(class, &key.name()),
            Ok(_) => Err(Errno::OPNOTSUPP),
            Err(errno) => Err(errno),
        };
        // What is no leaf may have to be looked at properly.
        let directory = match opened {
            Err(Errno::NOENT) => return Ok(Stored::Absent),
            Err(_) => None,
            Ok(file) => match sys::read(&file, root.max_record()) {
                Ok(content) => return Ok(Stored::Leaf(content)),
                Err(errno) => (errno == Errno::ISDIR).then_some(file),
            },
        };
        read::stored_again(root, key, directory)
    }

    /// Plans the removal of whatever stands under a key.
    fn remove(&mut self, key: &Key, operations: &mut Operations<'static>) -> Result<()> {
        let root = &self.filesystem.root;
        match self.class(key) {
            Ok(class) => removal::of_record(root, class, key, operations),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(read::refused(errno, &root.place(key.path())).object(key.class(), key.id())),
        }
    }

    /// Opens the directory of a key's class, mostly that of the key before.
    fn class(&mut self, key: &Key) -> rustix::io::Result<&Directory> {
        let known = match self.class.take() {
            Some((class, directory)) if class == key.class() => (class, directory),
            _ => (key.class().to_owned(), self.filesystem.root.directory(&key.class_name())?),
        };
        Ok(&self.class.insert(known).1)
    }
}

impl Inspect for Present<'_> {
    fn contains(&mut self, key: &Key) -> Result<bool> {
        if !self.declares(key.class()) {
            return Ok(false);
        }
        let root = &self.filesystem.root;
        if !root.folds()
            && let Ok(class) = self.class(key)
        {
            // One call tells of a leaf; whatever else is there is looked at properly.
            match sys::kind(class, &key.name()) {
                Ok(Kind::File) => return Ok(true),
                Err(Errno::NOENT) => return Ok(false),
                _ => {}
            }
        }
        Ok(read::presence(root, key)? == Presence::Present)
    }

    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>> {
        if !self.declares(key.class()) {
            return Ok(None);
        }
        let stored = self.stored(key)?;
        let fingerprint = stored.fingerprint();
        self.read.insert(key.clone(), stored);
        Ok(fingerprint)
    }

    fn newest(&mut self, base: &Key) -> Result<Option<Key>> {
        if let Some(known) = self.newest.get(base) {
            return Ok(known.clone());
        }
        if !self.declares(base.class()) {
            return Ok(None);
        }
        let newest = self.filesystem.newest_for_writer(base)?;
        self.newest.insert(base.clone(), newest.clone());
        Ok(newest)
    }

    fn is_superseded(&mut self, key: &Key) -> Result<bool> {
        let (_, generation) = key.generation();
        Ok(self.declares(key.class()) && self.newest_before(key)?.is_some_and(|newest| newest > generation))
    }
}
