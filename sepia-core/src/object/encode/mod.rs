//! From objects to batches.

mod check;
mod saved;
mod writer;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::object::Object;
use crate::object::claims::Claims;
use crate::object::id::{Eyes, Id};
use crate::record::batch::{Batch, Change, Expect};
use crate::record::class::Kind;
use crate::record::error::{Error, Result};
use crate::record::name::split_generation;
use crate::record::{Entry, Key, MAX_NESTING, Record};
use saved::Found;

pub(crate) use saved::Saved;
pub use writer::Writer;
pub(crate) use writer::Written;

/// Gathers the batch that saves objects, with everything that they own.
pub struct Encoder {
    claims: Arc<Claims>,
    eyes: Eyes,
    intent: Intent,
    extent: Extent,
    batch: Batch,
    saved: Saved,
    /// The containers of the tree in hand, by class and id.
    nested: HashSet<(&'static str, Box<str>)>,
    depth: usize,
    /// What has to be read back, if that was asked for.
    checks: Option<Box<check::Checks>>,
}

/// What an entry does not show of the object in it, so that a nested container must tell.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Hidden {
    id: bool,
    class: bool,
}

impl Hidden {
    /// The name shows the id, and the place the class.
    pub(crate) const NOTHING: Self = Self { id: false, class: false };
    /// The name shows something else than the id.
    pub(crate) const ID: Self = Self { id: true, class: false };

    /// Objects of several classes can stand in this place.
    #[must_use]
    pub const fn with_class(self) -> Self {
        Self { class: true, ..self }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("batch", &self.batch).finish_non_exhaustive()
    }
}

/// What may be stored already where an object is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// What the object remembers; anything if it remembers nothing.
    Save,
    /// Anything.
    Overwrite,
}

/// How much is encoded of what an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// All of it.
    Tree,
    /// What is part of its record: links, but not what they lead to.
    Record,
}

impl Encoder {
    pub(crate) fn new(claims: Arc<Claims>, eyes: Eyes, intent: Intent) -> Self {
        let (batch, saved, nested) = Default::default();
        Self { claims, eyes, intent, extent: Extent::Tree, batch, saved, nested, depth: 0, checks: None }
    }

    /// Encodes an object to its own record, and nothing else that it owns.
    pub(crate) fn record_of<T: Object>(claims: Arc<Claims>, eyes: Eyes, object: &T) -> Result<Record> {
        let mut encoder = Self { extent: Extent::Record, ..Self::new(claims, eyes, Intent::Overwrite) };
        encoder.record(object, Hidden::NOTHING)
    }

    /// Adds the expectation that the record of an object is what the object was loaded from or last saved as.
    pub(crate) fn require<T: Object>(&mut self, object: &T) -> Result<()> {
        let id = T::__id(object);
        let key = self.key(id)?;
        let Some(known) = id.recall(&self.eyes) else {
            let message = "the object was neither loaded from this store nor saved into it, so that nothing is known of \
                           how it should be stored: load it, and require what was loaded";
            return Err(Error::invalid_value(message).object(key.class(), key.id()).at(key.path()));
        };
        self.batch.expect(key, Expect::Unchanged(known.stored));
        Ok(())
    }

    /// Adds an object to the batch as a record of its own, with everything that it owns.
    pub(crate) fn add<T: Object>(&mut self, object: &T) -> Result<Key> {
        let key = self.key(T::__id(object))?;
        self.nested.clear();
        if let Some(checks) = &mut self.checks {
            checks.begin_tree();
        }
        let record = self.record(object, Hidden::NOTHING);
        let put = record.and_then(|record| self.put::<T>(key.clone(), T::__id(object), record));
        put.map_err(|error| error.at(key.path()))?;
        Ok(key)
    }

    /// Adds an object, whose id has been counted up, as the generation that follows `previous`.
    pub(crate) fn add_next<T: Object>(&mut self, object: &T, previous: &Id<T>) -> Result<()> {
        let key = self.add(object)?;
        let (_, generation) = Key::of_id(previous)?.generation();
        self.batch.set_expect(&key, Expect::LatestIs(generation));
        if let Some(known) = previous.recall(&self.eyes) {
            self.batch.expect(Key::of_id(previous)?, Expect::Unchanged(known.stored));
        }
        Ok(())
    }

    /// Begins another batch, in the room of one that was taken or given up.
    pub(crate) fn begin(&mut self, intent: Intent) {
        drop(self.batch.drain());
        self.saved.clear();
        if let Some(checks) = &mut self.checks {
            checks.clear();
        }
        self.depth = 0;
        self.intent = intent;
    }

    /// Returns the batch so far.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Moves the steps into a batch of which they were found to be fit to be part.
    pub(crate) fn join(&mut self, batch: &mut Batch) {
        self.batch.drain().for_each(|step| batch.absorb(step));
        self.saved.drain(&self.eyes);
    }

    pub(crate) fn finish(self) -> (Batch, Saved) {
        (self.batch, self.saved)
    }

    /// Makes the entry of an object: a link to its own record, or a nested container.
    pub(crate) fn object<T: Object>(&mut self, object: &T, hidden: Hidden) -> Result<Entry> {
        let key = self.key(T::__id(object))?;
        let is_container = matches!(T::__CLASS_DEF.kind(), Kind::Container);
        if self.extent == Extent::Record && !is_container {
            return Ok(Entry::Link(key));
        }
        match self.record(object, hidden) {
            Ok(Record::Container(node)) => Ok(Entry::Container(node)),
            Ok(leaf @ Record::Leaf(_)) => {
                self.put::<T>(key.clone(), T::__id(object), leaf).map_err(|error| error.at(key.path()))?;
                Ok(Entry::Link(key))
            }
            Err(error) if !is_container => Err(error.at(key.path())),
            Err(error) => Err(error),
        }
    }

    /// The key of a target that is saved by itself.
    pub(crate) fn key<T: Object>(&mut self, id: &Id<T>) -> Result<Key> {
        self.claims.claim::<T>()?;
        Key::of_id(id)
    }

    fn put<T: Object>(&mut self, key: Key, id: &Id<T>, record: Record) -> Result<()> {
        let known = id.recall(&self.eyes).filter(|_| self.intent == Intent::Save);
        let content = record.fingerprint();
        if let Some(step) = self.batch.position(&key) {
            return self.put_again::<T>(key, id, record, Found::new(step, content, known));
        }
        self.batch.declare(&T::__CLASS_DEF)?;
        let keeps_generations = T::__CLASS_DEF.keeps_generations();
        if keeps_generations {
            // Generation 0 has two spellings, and one of them is in use at most.
            let other = match split_generation(key.id()) {
                Some((base, 0)) => Some(key.sibling(base)?),
                Some(_) => None,
                None => Some(key.sibling(&format!("{}.0", key.id()))?),
            };
            if let Some(other) = other {
                self.batch.expect(other, Expect::Absent);
            }
        }
        let found = Found::new(self.batch.steps().len(), content, known);
        self.step::<T>(key, record, &found, keeps_generations);
        let place = self.saved.push(found);
        self.saved.add(id.memory(), place);
        Ok(())
    }

    /// Puts an object whose key the batch has a step for.
    fn put_again<T: Object>(&mut self, key: Key, id: &Id<T>, record: Record, found: Found) -> Result<()> {
        let step = &self.batch.steps()[found.step];
        let before = self.saved.of_step(found.step);
        let is_same = match (&step.change, &before) {
            (Change::Put(same), _) => *same == record,
            (Change::Keep, Some((_, before))) => before.content == found.content,
            (Change::Keep, None) | (Change::Delete, _) => false,
        };
        let Some((place, before)) = before.filter(|_| is_same) else {
            let message = match (&step.change, &step.expect) {
                (Change::Keep, Expect::Absent) => "one save holds generation 0 of this object under both its spellings",
                _ => "one save holds this object twice, with different content",
            };
            return Err(Error::invalid_value(message).object(key.class(), key.id()));
        };
        let Some(both) = before.merge(&found) else {
            let message = "one save holds this object twice, as it was at different times";
            return Err(Error::conflict(message, vec![key.clone()]).object(key.class(), key.id()));
        };
        if both != before {
            self.step::<T>(key, record, &both, T::__CLASS_DEF.keeps_generations());
            self.saved.set(place, both);
        }
        self.saved.add(id.memory(), place);
        Ok(())
    }

    fn step<T: Object>(&mut self, key: Key, record: Record, found: &Found, keeps_generations: bool) {
        let expect = found.expect(keeps_generations);
        if found.is_kept() {
            return self.batch.expect(key, expect);
        }
        if let Some(checks) = &mut self.checks {
            checks.note_put::<T>(&key, &record);
        }
        self.batch.put(key, record, expect);
    }

    fn record<T: Object>(&mut self, object: &T, hidden: Hidden) -> Result<Record> {
        let class = T::__CLASS;
        let id = T::__id(object).as_str();
        let located = |error: Error| error.object(class, id);
        let is_container = matches!(T::__CLASS_DEF.kind(), Kind::Container);
        if is_container {
            self.enter(class, id).map_err(located)?;
        }
        let mut writer = Writer::new(self, class, id, is_container);
        let record = writer.tell(hidden).and_then(|()| T::__write(object, &mut writer)).and_then(|()| writer.finish());
        if is_container {
            self.depth -= 1;
        }
        if let (Some(checks), Ok(Record::Container(node))) = (&mut self.checks, &record) {
            checks.note_container(class, id, node);
        }
        if record.is_err() {
            // Whoever goes on in spite of the error may try the object again.
            self.nested.remove(&(class, id.into()));
        }
        record.map_err(located)
    }

    fn enter(&mut self, class: &'static str, id: &str) -> Result<()> {
        if self.depth == MAX_NESTING {
            return Err(Error::invalid_value(format!("containers nest deeper than {MAX_NESTING} levels")));
        }
        if !self.nested.insert((class, id.into())) {
            return Err(Error::invalid_value(
                "this container stands twice in one tree, and would come back as two: hold it once, and link to it \
                 from elsewhere with a `Ref`",
            ));
        }
        self.depth += 1;
        Ok(())
    }
}
