//! From objects to batches.

mod check;
mod writer;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::batch::{Batch, Change, Expect};
use crate::class::{Claims, Kind};
use crate::error::{Error, Result};
use crate::id::{Eyes, Id, Memory};
use crate::name::split_generation;
use crate::object::Object;
use crate::record::{Entry, Fingerprint, Key, Record};

pub use writer::Writer;

/// The most containers within each other.
pub(crate) const MAX_NESTING: usize = 128;

/// Gathers the batch that saves objects, with everything that they own.
pub struct Encoder {
    claims: Arc<Claims>,
    eyes: Eyes,
    intent: Intent,
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

/// The objects that a batch saves, and as what.
#[derive(Default)]
pub(crate) struct Saved(Vec<(Arc<dyn Memory>, Fingerprint)>);

impl Saved {
    /// Has them remember as what they were saved.
    pub(crate) fn remember(mut self, eyes: &Eyes) {
        self.drain(eyes);
    }

    fn drain(&mut self, eyes: &Eyes) {
        for (memory, fingerprint) in self.0.drain(..) {
            memory.remembered().remember(eyes, fingerprint);
        }
    }
}

impl Encoder {
    pub(crate) fn new(claims: Arc<Claims>, eyes: Eyes, intent: Intent) -> Self {
        let (batch, saved, nested) = Default::default();
        Self { claims, eyes, intent, batch, saved, nested, depth: 0, checks: None }
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
        if let Some(fingerprint) = previous.recall(&self.eyes) {
            self.batch.expect(Key::of_id(previous)?, Expect::Unchanged(fingerprint));
        }
        Ok(())
    }

    /// Begins another batch, in the room of one that was taken or given up.
    pub(crate) fn begin(&mut self, intent: Intent) {
        drop(self.batch.drain());
        self.saved.0.clear();
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
        match self.record(object, hidden) {
            Ok(Record::Container(node)) => Ok(Entry::Container(node)),
            Ok(leaf @ Record::Leaf(_)) => {
                self.put::<T>(key.clone(), T::__id(object), leaf).map_err(|error| error.at(key.path()))?;
                Ok(Entry::Link(key))
            }
            Err(error) if matches!(T::__CLASS_DEF.kind(), Kind::Serializable(_)) => Err(error.at(key.path())),
            Err(error) => Err(error),
        }
    }

    /// The key of a target that is saved by itself.
    pub(crate) fn key<T: Object>(&mut self, id: &Id<T>) -> Result<Key> {
        self.claims.claim::<T>()?;
        Key::of_id(id)
    }

    fn put<T: Object>(&mut self, key: Key, id: &Id<T>, record: Record) -> Result<()> {
        let fingerprint = record.fingerprint();
        let expect = match id.recall(&self.eyes).filter(|_| self.intent == Intent::Save) {
            Some(remembered) => Expect::Unchanged(remembered),
            None if T::__CLASS_DEF.keeps_generations() => Expect::PresentOrNewest,
            None => Expect::Any,
        };
        let is_new = match self.batch.get(&key) {
            None => true,
            Some(known) => {
                let is_same = match &known.change {
                    Change::Put(same) => *same == record,
                    Change::Keep => known.expect == Expect::Unchanged(fingerprint),
                    Change::Delete => false,
                };
                if !is_same {
                    let message = match known.change {
                        Change::Keep if known.expect == Expect::Absent => {
                            "one save holds generation 0 of this object under both its spellings"
                        }
                        _ => "one save holds this object twice, with different content",
                    };
                    let error = Error::invalid_value(message);
                    return Err(error.object(key.class(), key.id()));
                }
                match (&known.expect, &expect) {
                    (Expect::Unchanged(known), Expect::Unchanged(remembered)) if known != remembered => {
                        let message = "one save holds this object twice, as it was at different times";
                        return Err(Error::conflict(message, vec![key.clone()]).object(key.class(), key.id()));
                    }
                    // What remembers more knows better.
                    (Expect::Any | Expect::PresentOrNewest, Expect::Unchanged(_)) => true,
                    _ => false,
                }
            }
        };
        self.saved.0.extend(id.memory().map(|memory| (Arc::clone(memory), fingerprint)));
        if !is_new {
            return Ok(());
        }
        self.batch.declare(&T::__CLASS_DEF)?;
        if T::__CLASS_DEF.keeps_generations() {
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
        if expect == Expect::Unchanged(fingerprint) {
            self.batch.expect(key, expect);
        } else {
            if let Some(checks) = &mut self.checks {
                checks.note_put::<T>(&key, &record);
            }
            self.batch.put(key, record, expect);
        }
        Ok(())
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
