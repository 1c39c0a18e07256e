//! Batches: puts, deletes and expectations that commit entirely or not at all.
//!
//! ```
//! # use sepia_core as sepia;
//! use sepia::ErrorKind;
//! use sepia::backend::{Backend, Memory};
//! use sepia::batch::{Batch, Expect};
//! use sepia::class::{Class, Format};
//! use sepia::record::{Key, Record};
//!
//! # fn main() -> sepia::Result<()> {
//! let backend = Memory::new();
//! let (old, new) = (Key::new("Note", "old")?, Key::new("Note", "new")?);
//!
//! let mut batch = Batch::new();
//! batch.declare(&Class::serializable("Note", Format::Text))?;
//! batch.put(new.clone(), Record::Leaf(b"Milk".to_vec()), Expect::Absent);
//! batch.delete(old, Expect::Present);
//!
//! // There is no such note to delete, so nothing is put either.
//! let refused = backend.commit(batch).map_err(|error| error.kind());
//! assert_eq!(refused, Err(ErrorKind::Conflict));
//! assert!(!backend.contains(&new)?);
//! # Ok(())
//! # }
//! ```

mod classes;
mod index;

use std::sync::OnceLock;

use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::name::generation_of;
use crate::record::{Fingerprint, Key, Record};
use index::{Arrival, Families, Index};

/// What must be stored under a key for a batch to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Whatever is there.
    Any,
    /// Nothing.
    Absent,
    /// Something.
    Present,
    /// The record with this fingerprint.
    Unchanged(Fingerprint),
    /// Whatever is there, but the newest stored generation of the key's base is this one.
    LatestIs(u64),
    /// Something; or nothing, and no stored generation of the key's base is newer than the key. So
    /// a generation that has been pruned is not made again.
    PresentOrNewest,
}

/// What a commit survives once it has returned. Both survive the death of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// The loss of power, too: the commit waits for the disk.
    #[default]
    Sync,
    /// What the operating system has written by itself survives the loss of power; a batch may
    /// survive in part.
    Buffered,
}

/// What a batch does to the record of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: only the expectation is checked.
    Keep,
    /// The record is there afterwards, and nothing else.
    Put(Record),
    /// No record is there afterwards.
    Delete,
}

/// One key of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whose record.
    pub key: Key,
    /// What must be there before.
    pub expect: Expect,
    /// What becomes of it.
    pub change: Change,
}

/// What a backend has stored, as far as expectations ask.
pub trait Inspect {
    /// Returns whether the key has a record.
    ///
    /// # Errors
    /// As [`Backend::contains`](crate::backend::Backend::contains).
    fn contains(&mut self, key: &Key) -> Result<bool>;

    /// Returns the fingerprint of the key's record.
    ///
    /// # Errors
    /// As [`Backend::read`](crate::backend::Backend::read).
    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>>;

    /// Returns the newest stored generation of a base.
    ///
    /// # Errors
    /// As [`Backend::newest`](crate::backend::Backend::newest).
    fn newest(&mut self, base: &Key) -> Result<Option<Key>>;

    /// Returns whether a stored generation of the key's base is newer than the key.
    ///
    /// # Errors
    /// As [`Backend::newest`](crate::backend::Backend::newest).
    fn is_superseded(&mut self, key: &Key) -> Result<bool> {
        let (base, generation) = key.generation();
        Ok(self.newest(&base)?.is_some_and(|newest| newest.generation().1 > generation))
    }
}

impl Expect {
    fn is_met(&self, key: &Key, stored: &mut impl Inspect) -> Result<bool> {
        Ok(match self {
            Self::Any => true,
            Self::Absent => !stored.contains(key)?,
            Self::Present => stored.contains(key)?,
            Self::Unchanged(fingerprint) => stored.fingerprint(key)? == Some(*fingerprint),
            Self::LatestIs(generation) => {
                let newest = stored.newest(&key.generation().0)?;
                newest.is_some_and(|newest| newest.generation().1 == *generation)
            }
            Self::PresentOrNewest => stored.contains(key)? || !stored.is_superseded(key)?,
        })
    }
}

impl Step {
    /// The error of a batch in which this step's expectation is the first that is not met.
    fn conflict(&self, keys: Vec<Key>) -> Error {
        let message = match self.expect {
            Expect::Any | Expect::Present => "the object was expected to be stored, and is not",
            Expect::Absent => "the object is stored already",
            Expect::Unchanged(_) => "the object was changed elsewhere since it was loaded or saved here",
            Expect::LatestIs(_) => "the object is not the newest stored generation",
            Expect::PresentOrNewest => "a newer generation of the object is stored, and this one is gone",
        };
        Error::conflict(message, keys).object(self.key.class(), self.key.id())
    }
}

/// Changes that commit entirely or not at all. Every change to a store is one.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    classes: Vec<Class>,
    retired: Vec<String>,
    steps: Vec<Step>,
    durability: Durability,
    is_hidden: bool,
    /// Where each key's step is, once there are too many to look through.
    index: Option<Index>,
    /// The same by base, once that has been asked.
    families: OnceLock<Families>,
}

/// What a batch makes of the newest generation of a base.
pub(crate) enum Newest {
    /// Generations come at most, and this is the newest of them.
    Put(Option<Key>),
    /// Some go: the rest must be looked at.
    Unknown,
}

/// Up to here a walk over the steps is cheaper than hashing the key.
const WALKED: usize = 8;

impl Batch {
    /// Makes an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a class whose objects this batch puts. A class must be declared before, or in the
    /// same batch as, its first put.
    ///
    /// # Errors
    /// `ClassClash` if the batch declares the class otherwise already.
    pub fn declare(&mut self, class: &Class) -> Result<()> {
        match self.classes.iter_mut().find(|known| known.name() == class.name()) {
            None => self.classes.push(class.clone()),
            Some(known) if known == class => {}
            Some(known) => *known = known.merge(class)?,
        }
        Ok(())
    }

    /// Takes back the declaration of a class. It is `Conflict` if the class has records that the batch
    /// does not delete.
    pub fn retire(&mut self, class: &str) {
        self.retired.push(class.to_owned());
    }

    /// Puts a record; a later step on the same key replaces an earlier one.
    pub fn put(&mut self, key: Key, record: Record, expect: Expect) {
        self.step(Step { key, expect, change: Change::Put(record) });
    }

    /// Deletes the record of a key, if it has one.
    pub fn delete(&mut self, key: Key, expect: Expect) {
        self.step(Step { key, expect, change: Change::Delete });
    }

    /// Only checks what is there.
    pub fn expect(&mut self, key: Key, expect: Expect) {
        self.step(Step { key, expect, change: Change::Keep });
    }

    /// Expects something else of a key that the batch has a step for.
    pub(crate) fn set_expect(&mut self, key: &Key, expect: Expect) {
        if let Some(at) = self.position(key) {
            self.steps[at].expect = expect;
        }
    }

    /// Sets what the commit survives; [`Durability::Sync`] by default.
    pub fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    /// Returns what the commit survives.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Has what the batch puts where nothing is be for the owner of the store alone, where records are files and the store
    /// is not shared; as it was where the records come from. It is committed through a [lock](crate::backend::Lock), so
    /// that no other batch becomes one with it.
    pub(crate) fn set_hidden(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
    }

    /// Returns whether what it puts anew is for the owner of the store alone.
    #[cfg(unix)]
    pub(crate) fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    /// Returns what the batch does to this key so far.
    pub fn get(&self, key: &Key) -> Option<&Step> {
        self.position(key).map(|at| &self.steps[at])
    }

    /// Returns the classes that the batch declares.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Returns the names of the classes that the batch retires.
    pub fn retired(&self) -> &[String] {
        &self.retired
    }

    /// Returns the steps, each key once, in the order in which they were given.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Gives up the steps, to move their records into a backend.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// For backends: checks that every record that is put can be stored, and has no more than so many bytes.
    ///
    /// # Errors
    /// `InvalidValue`, as [`Record::check`] and [`Record::check_size`].
    pub fn check_records(&self, most: u64) -> Result<()> {
        self.steps.iter().try_for_each(|Step { key, change, .. }| match change {
            Change::Put(record) => record
                .check_size(most)
                .and_then(|()| record.check())
                .map_err(|error| error.object(key.class(), key.id())),
            Change::Keep | Change::Delete => Ok(()),
        })
    }

    /// For backends: checks every expectation, by what is stored.
    ///
    /// # Errors
    /// `Conflict`, with [every key](Error::conflicts) that is not as expected.
    pub fn check_expectations(&self, stored: &mut impl Inspect) -> Result<()> {
        let mut conflicts = Vec::new();
        for step in &self.steps {
            if !step.expect.is_met(&step.key, stored)? {
                conflicts.push(step);
            }
        }
        match conflicts.first() {
            None => Ok(()),
            Some(first) => Err(first.conflict(conflicts.iter().map(|step| step.key.clone()).collect())),
        }
    }

    /// For backends: checks that a stored record of a class which this batch retires goes with it.
    ///
    /// # Errors
    /// `Conflict` if the batch does not delete the record.
    pub fn check_retired(&self, key: &Key) -> Result<()> {
        if self.get(key).is_some_and(|step| matches!(step.change, Change::Delete)) {
            return Ok(());
        }
        let error = Error::conflict("the class still has an object", vec![key.clone()]);
        Err(error.object(key.class(), key.id()))
    }

    /// Returns the steps on generations of a base.
    pub(crate) fn steps_of_base(&self, base: &Key) -> Vec<&Step> {
        if self.steps.len() <= WALKED {
            return self.steps.iter().filter(|step| is_of_base(&step.key, base)).collect();
        }
        self.families().steps(&self.steps, base)
    }

    /// Returns what becomes of the newest generation of a base.
    pub(crate) fn newest_of_base(&self, base: &Key) -> Newest {
        if self.steps.len() > WALKED {
            return self.families().newest(&self.steps, base);
        }
        let mut newest = None;
        for step in self.steps.iter().filter(|step| is_of_base(&step.key, base)) {
            match step.change {
                Change::Keep => {}
                Change::Delete => return Newest::Unknown,
                Change::Put(_) => newest = newest.max(Some((generation_of(base.id(), step.key.id()), &step.key))),
            }
        }
        Newest::Put(newest.map(|(_, key)| key.clone()))
    }

    /// Returns the number of a key's step.
    pub(crate) fn position(&self, key: &Key) -> Option<usize> {
        match &self.index {
            None => self.steps.iter().position(|step| step.key == *key),
            Some(index) => index.find(&self.steps, key),
        }
    }

    fn step(&mut self, step: Step) {
        match self.find_or_expect(&step.key) {
            None => self.push(step),
            Some(at) => {
                self.steps[at] = step;
                self.join_families(at, Arrival::Replacing);
            }
        }
    }

    /// Takes in a step of a batch that was met by what would be stored if this one had been committed.
    pub(crate) fn absorb(&mut self, step: Step) {
        // That stays so; but an editor knows no lock.
        let on_its_own = |change: &Change, expect: Expect| match expect {
            expect @ (Expect::Unchanged(_) | Expect::Absent) => expect,
            Expect::Present if *change == Change::Keep => Expect::Present,
            _ => Expect::Any,
        };
        let Step { key, expect, change } = step;
        let expect = on_its_own(&change, expect);
        let Some(at) = self.find_or_expect(&key) else {
            return self.push(Step { key, expect, change });
        };
        let known = &mut self.steps[at];
        match (&known.change, &change) {
            (Change::Keep, _) => {
                // Both were met by what is stored. What tells more holds for both, and longer.
                let before = on_its_own(&change, known.expect.clone());
                let expect = match before {
                    Expect::Any | Expect::Present if expect != Expect::Any => expect,
                    before => before,
                };
                *known = Step { key, expect, change };
            }
            (_, Change::Keep) => return,
            _ => known.change = change,
        }
        self.join_families(at, Arrival::Replacing);
    }

    /// Finds the step of a key. If it has none, it must be pushed next.
    fn find_or_expect(&mut self, key: &Key) -> Option<usize> {
        match &mut self.index {
            None => self.position(key),
            Some(index) => index.find_or_expect(&self.steps, key),
        }
    }

    fn push(&mut self, step: Step) {
        let at = self.steps.len();
        self.steps.push(step);
        if self.index.is_none() && at >= WALKED {
            self.index = Some(Index::of(&self.steps));
        }
        self.join_families(at, Arrival::New);
    }

    /// Empties the batch, to be filled anew, and returns its steps.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Step> {
        self.classes.clear();
        self.retired.clear();
        self.index = None;
        self.families.take();
        self.steps.drain(..)
    }

    /// Most batches are never asked for them.
    fn families(&self) -> &Families {
        self.families.get_or_init(|| Families::of(&self.steps))
    }

    fn join_families(&mut self, at: usize, arrival: Arrival) {
        if let Some(families) = self.families.get_mut() {
            families.join(&self.steps, at, arrival);
        }
    }
}

fn is_of_base(key: &Key, base: &Key) -> bool {
    key.class() == base.class() && generation_of(base.id(), key.id()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_step_in_small_and_large_batches() {
        for count in [1, WALKED - 1, WALKED, WALKED + 1, 3 * WALKED] {
            let key = |n: usize| Key::new("C", format!("{n}")).unwrap_or_else(|e| unreachable!("{e}"));
            let mut batch = Batch::new();
            for n in 0..count {
                batch.put(key(n), Record::Leaf(vec![1]), Expect::Any);
            }
            for n in 0..count {
                batch.delete(key(n), Expect::Present);
            }
            assert_eq!(batch.steps().len(), count);
            assert!(batch.steps().iter().all(|step| step.change == Change::Delete));
            assert_eq!(batch.get(&key(0)).map(|step| step.expect.clone()), Some(Expect::Present));
            assert_eq!(batch.get(&key(count)), None);
        }
    }
}
