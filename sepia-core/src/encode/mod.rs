//! From objects to batches.

mod writer;

use std::collections::HashSet;
use std::sync::Arc;

use crate::batch::{Batch, Change, Expect};
use crate::class::{Claims, Kind};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::name::split_generation;
use crate::object::Object;
use crate::record::{Entry, Key, Record};

pub use writer::Writer;

/// The most containers within each other.
pub(crate) const MAX_NESTING: usize = 128;

/// Gathers the batch that saves objects, with everything that they own.
#[derive(Debug)]
pub struct Encoder {
    claims: Arc<Claims>,
    batch: Batch,
    /// The containers of the tree in hand, by class and id.
    nested: HashSet<(&'static str, Box<str>)>,
    depth: usize,
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

impl Encoder {
    pub(crate) fn new(claims: Arc<Claims>) -> Self {
        Self { claims, batch: Batch::new(), nested: HashSet::new(), depth: 0 }
    }

    /// Adds an object to the batch as a record of its own, with everything that it owns.
    pub(crate) fn add<T: Object>(&mut self, object: &T) -> Result<Key> {
        let key = self.key(T::__id(object))?;
        self.nested.clear();
        let record = self.record(object, Hidden::NOTHING);
        let put = record.and_then(|record| self.put::<T>(key.clone(), record));
        put.map_err(|error| error.at(key.path()))?;
        Ok(key)
    }

    pub(crate) fn finish(self) -> Batch {
        self.batch
    }

    /// Makes the entry of an object: a link to its own record, or a nested container.
    pub(crate) fn object<T: Object>(&mut self, object: &T, hidden: Hidden) -> Result<Entry> {
        let key = self.key(T::__id(object))?;
        match self.record(object, hidden) {
            Ok(Record::Container(node)) => Ok(Entry::Container(node)),
            Ok(leaf @ Record::Leaf(_)) => {
                self.put::<T>(key.clone(), leaf).map_err(|error| error.at(key.path()))?;
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

    fn put<T: Object>(&mut self, key: Key, record: Record) -> Result<()> {
        if let Some(known) = self.batch.get(&key) {
            if matches!(&known.change, Change::Put(same) if *same == record) {
                return Ok(());
            }
            let message = match known.change {
                Change::Put(_) => "one save holds this object twice, with different content",
                _ => "one save holds generation 0 of this object under both its spellings",
            };
            let error = Error::invalid_value(message);
            return Err(error.object(key.class(), key.id()));
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
        self.batch.put(key, record, Expect::Any);
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
