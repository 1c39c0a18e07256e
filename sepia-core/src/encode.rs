//! From objects to batches.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::batch::{Batch, Change, Expect};
use crate::class::{Claims, Kind};
use crate::error::{Error, Quoted, Result};
use crate::id::Id;
use crate::json;
use crate::name::{self, DATA, split_generation};
use crate::object::Object;
use crate::record::{Entries, Entry, Key, Name, Node, Record};
use crate::reference::Reference;

/// The most containers within each other.
pub(crate) const MAX_NESTING: usize = 128;

/// The keys of `data.json` for what the tree cannot show.
pub(crate) const SEPIA_ID: &str = "sepia_id";
pub(crate) const SEPIA_CLASS: &str = "sepia_class";
pub(crate) const SEPIA_SHAPE: &str = "sepia_shape";

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
            let error = Error::invalid_value("one save holds this object twice, with different content");
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
        if is_container {
            writer.tell(hidden).map_err(located)?;
        }
        T::__write(object, &mut writer).map_err(located)?;
        let record = writer.finish().map_err(located)?;
        if is_container {
            self.depth -= 1;
        }
        Ok(record)
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

/// Takes the fields of one object. Generated code and hand-written [`Fields`](crate::Fields) write into it.
pub struct Writer<'a> {
    encoder: &'a mut Encoder,
    class: &'static str,
    id: &'a str,
    is_container: bool,
    values: json::Object,
    entries: Vec<(Name, Entry)>,
    shape: Shape,
    content: Option<Vec<u8>>,
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("class", &self.class).field("id", &self.id).finish_non_exhaustive()
    }
}

impl<'a> Writer<'a> {
    fn new(encoder: &'a mut Encoder, class: &'static str, id: &'a str, is_container: bool) -> Self {
        Self {
            encoder,
            class,
            id,
            is_container,
            values: json::Object::new(),
            entries: Vec::new(),
            shape: Shape::default(),
            content: None,
        }
    }

    /// Returns the id of the object whose fields these are.
    pub fn id(&self) -> &str {
        self.id
    }

    /// Writes a value: whatever serde can write, into `data.json`.
    ///
    /// # Errors
    /// `InvalidValue` if it could not come back as it is: NaN, infinities, keys that are not
    /// text-like, a `Some` that holds nothing, over 127 levels.
    pub fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.values.field(name, value).map_err(|error| self.in_values(error, name))
    }

    fn in_values(&self, error: json::JsonError, name: &str) -> Error {
        let error = error.invalid().field(name);
        if self.is_container { error.inside(DATA) } else { error }
    }

    pub(crate) fn unordered<T: Serialize>(&mut self, name: &str, elements: impl Iterator<Item = T>) -> Result<()> {
        self.values.unordered(name, elements).map_err(|error| self.in_values(error, name))
    }

    /// Writes a reference: objects, `Ref`s and collections of them, as symlinks and subdirectories.
    ///
    /// # Errors
    /// `InvalidName` or `InvalidValue` if an object in it cannot be stored.
    pub fn reference<T: Reference>(&mut self, name: &str, field: &T) -> Result<()> {
        self.__reference(name, field, false)
    }

    /// `defaulted`: the field has a default, so its absence would not mean "none" or "empty".
    pub(crate) fn __reference<T: Reference>(&mut self, name: &str, field: &T, defaulted: bool) -> Result<()> {
        T::__encode_field(field, self.encoder)
            .and_then(|entry| self.entry(name, entry, T::__OPTIONAL || defaulted, defaulted))
            .map_err(|error| error.inside(&name::encode(name)).field(name))
    }

    fn entry(&mut self, name: &str, entry: Option<Entry>, tell_empty: bool, tell_none: bool) -> Result<()> {
        let name = Name::of(name)?;
        match entry {
            None if tell_none => self.shape.0.push((name.as_str().to_owned(), Present::None)),
            None => {}
            Some(Entry::Collection(entries)) if entries.is_empty() && !tell_empty => {}
            Some(mut entry) => {
                let left = self.shape.take_empty(name.as_str(), &mut entry);
                self.entries.extend(left.then_some((name, entry)));
            }
        }
        Ok(())
    }

    /// Writes down what the place of a nested container does not show.
    fn tell(&mut self, hidden: Hidden) -> Result<()> {
        let (class, id) = (self.class, self.id);
        if hidden.class {
            self.value(SEPIA_CLASS, class)?;
        }
        if hidden.id {
            self.value(SEPIA_ID, id)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Record> {
        if let Some(content) = self.content {
            return Ok(Record::Leaf(content));
        }
        if !self.is_container {
            return Ok(Record::Leaf(self.values.finish()));
        }
        if !self.shape.0.is_empty() {
            self.shape.0.sort();
            self.values.field(SEPIA_SHAPE, &self.shape).map_err(json::JsonError::invalid)?;
        }
        let entries = Entries::new(self.entries)
            .map_err(|name| Error::invalid_value(format!("two fields are both stored as {}", Quoted(name.as_str()))))?;
        Ok(Record::Container(Node { data: self.values.finish(), entries }))
    }

    /// Takes the whole file.
    #[doc(hidden)]
    pub fn __content(&mut self, content: Vec<u8>) {
        self.content = Some(content);
    }
}

/// What the tree cannot show of a container's references: `[]` for a collection that is there and
/// empty, `null` for an `Option` that is `None` where absence would mean a default.
#[derive(Debug, Default)]
struct Shape(Vec<(String, Present)>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Present {
    Empty,
    None,
}

impl Shape {
    /// Moves the empty collections of an entry in here. Returns whether anything is left of it.
    fn take_empty(&mut self, path: &str, entry: &mut Entry) -> bool {
        let Entry::Collection(entries) = entry else {
            return true;
        };
        if entries.is_empty() {
            self.0.push((path.to_owned(), Present::Empty));
            return false;
        }
        entries.retain(|name, entry| match entry {
            Entry::Collection(_) => self.take_empty(&format!("{path}/{}", name.as_str()), entry),
            _ => true,
        });
        !entries.is_empty()
    }
}

impl Serialize for Shape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (path, present) in &self.0 {
            match present {
                Present::Empty => map.serialize_entry(path, &[(); 0])?,
                Present::None => map.serialize_entry(path, &())?,
            }
        }
        map.end()
    }
}
