//! From records to objects.

mod encoding;
mod reader;

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::object::Object;
use crate::object::claims::Claims;
use crate::object::id::{Eyes, Known};
use crate::object::source::{Source, resolve};
use crate::record::class::{Format, Kind};
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::foreign;
use crate::record::json;
use crate::record::name::DATA;
use crate::record::problem;
use crate::record::shape::{SEPIA_CLASS, SEPIA_ID};
use crate::record::{Entry, Fingerprint, Key, MAX_NESTING, Node, Record};

pub use reader::Reader;

/// Makes the objects of one load, and follows the links among them.
pub struct Decoder<'a> {
    source: &'a dyn Source,
    claims: &'a Arc<Claims>,
    /// In whose eyes the objects will remember what they were loaded from.
    eyes: &'a Eyes,
    /// How many bytes may still be read.
    left: Cell<u64>,
    /// What an `Arc` holds is shared within one load, by type and by link.
    shared: RefCell<HashMap<(TypeId, Key), Arc<dyn Any + Send + Sync>>>,
    /// The containers of the tree in hand, by class and id.
    nested: RefCell<HashSet<(&'static str, Arc<str>)>>,
    depth: Cell<usize>,
    /// The references of the container in hand may be written otherwise than they were read.
    is_vague: Cell<bool>,
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("root", &self.source.root()).finish_non_exhaustive()
    }
}

/// What stands in the place of a reference.
#[doc(hidden)]
#[derive(Debug)]
pub struct Found<'a> {
    pub(crate) entry: Entry,
    /// The id that the entry's name shows.
    pub(crate) shown: Option<&'a str>,
}

impl Found<'_> {
    /// Returns which of the classes that can stand here it is.
    ///
    /// # Errors
    /// `Corrupt` if it is none of them.
    pub fn class(&self, _: &Decoder<'_>, known: &[&'static str]) -> Result<&'static str> {
        let find = |class: &str| {
            known.iter().copied().find(|known| *known == class).ok_or_else(|| {
                let message = format!("an object of class {} cannot stand here, only of {known:?}", Quoted(class));
                Error::corrupt(message)
            })
        };
        match &self.entry {
            Entry::Link(key) => find(key.class()),
            Entry::Container(node) => {
                let told = json::parse_fields(&node.data).and_then(|mut fields| {
                    fields.take(SEPIA_CLASS).map(|json| fields.read::<String>(json)).transpose()
                });
                match told.map_err(|error| error.corrupt().inside(DATA))? {
                    Some(class) => find(&class).map_err(|error| error.inside(DATA)),
                    None => {
                        let message = format!("it does not say in {SEPIA_CLASS} of which class it is");
                        Err(Error::corrupt(message).inside(DATA))
                    }
                }
            }
            Entry::Collection(_) => Err(not_a_container()),
            Entry::Stray => Err(stray()),
        }
    }
}

fn not_a_container() -> Error {
    Error::corrupt(format!("this directory has no {DATA}, so it is no container"))
}

pub(crate) fn stray() -> Error {
    Error::corrupt("a file or directory that sepia did not make stands here")
}

impl<'a> Decoder<'a> {
    /// A decoder that reads at most so many bytes.
    pub(crate) fn new(source: &'a dyn Source, claims: &'a Arc<Claims>, eyes: &'a Eyes, limit: u64) -> Self {
        let (shared, nested, depth, is_vague) = Default::default();
        Self { source, claims, eyes, left: Cell::new(limit), shared, nested, depth, is_vague }
    }

    /// Takes note that a reference may be written otherwise than it was read, so that has to be tried.
    pub(crate) fn set_vague(&self) {
        self.is_vague.set(true);
    }

    /// Makes the object of a record that has been read.
    pub(crate) fn top<T: Object>(&self, key: &Key, record: Record) -> Result<T> {
        let stored = record.fingerprint();
        self.source.make(size_of::<T>());
        let is_unlikely = matches!(&record, Record::Leaf(content) if foreign::is_unlikely_content(content));
        let made = self.count(&record).and_then(|()| self.claims.claim_in::<T>(self.source));
        let made = made.and_then(|()| match (T::__CLASS_DEF.kind(), record) {
            (Kind::Container, Record::Container(node)) => self.container(key, node, stored),
            (Kind::Serializable(format), Record::Leaf(content)) => self.leaf(key, content, format, stored),
            (Kind::Container, Record::Leaf(_)) => Err(Error::corrupt(problem::A_FILE)),
            (_, Record::Container(_)) => Err(Error::corrupt(problem::A_CONTAINER)),
        });
        match made {
            Ok((object, encoded)) => {
                let known = Known { stored, encoded };
                match self.source.saved_by(key) {
                    None => T::__id(&object).remember(self.eyes, known),
                    Some(saved_by) => {
                        T::__id(&object).remember(self.eyes, Known::NOTHING);
                        T::__id(&object).remember(saved_by, known);
                    }
                }
                Ok(object)
            }
            Err(error) => {
                let is_json = T::__CLASS_DEF.kind() == Kind::Serializable(Some(Format::Json));
                let is_foreign = is_json && (is_unlikely || foreign::is_unlikely_id(key.id()));
                let is_advised = is_foreign && error.kind() == ErrorKind::Corrupt && self.source.root().is_some();
                let error = if is_advised { error.advise(foreign::ADVICE) } else { error };
                Err(self.locate(error.object(T::__CLASS, key.id()), key))
            }
        }
    }

    /// Makes a container, and finds out what it is encoded to.
    fn container<T: Object>(&self, key: &Key, node: Node, stored: Fingerprint) -> Result<(T, Fingerprint)> {
        let (Node { data, entries }, id) = (node, key.shared_id());
        self.enter(T::__CLASS, &id)?;
        self.is_vague.set(false);
        let values = parse_values(&data)?;
        let object = read(Reader::of_container(self, (T::__CLASS, &id), values, entries)?, Arc::clone(&id))?;
        let encoded = self.encoding(&object, &data, stored);
        Ok((object, encoded))
    }

    /// Makes a serializable object, and finds out what it is encoded to.
    fn leaf<T: Object>(
        &self,
        key: &Key,
        content: Vec<u8>,
        format: Option<Format>,
        stored: Fingerprint,
    ) -> Result<(T, Fingerprint)> {
        let id = key.shared_id();
        if matches!(format, Some(Format::Text | Format::Bytes)) {
            // The object is made of these bytes themselves: there is no second copy of them at any time.
            let reader = Reader::of_file(self, (T::__CLASS, &id), Cow::Owned(content), format)?;
            let object = read(reader, Arc::clone(&id))?;
            let encoded = self.encoding(&object, &[], stored);
            return Ok((object, encoded));
        }
        let reader = Reader::of_file(self, (T::__CLASS, &id), Cow::Borrowed(&content), format)?;
        let object = read(reader, Arc::clone(&id))?;
        let encoded = self.encoding(&object, &content, stored);
        Ok((object, encoded))
    }

    /// Makes the object that stands in a place of its parent.
    pub(crate) fn object<T: Object>(&self, found: Found<'_>) -> Result<T> {
        let is_container = matches!(T::__CLASS_DEF.kind(), Kind::Container);
        match found.entry {
            Entry::Link(key) if !is_container => self.linked(&key),
            Entry::Container(Node { data, entries }) if is_container => {
                self.claims.claim_in::<T>(self.source)?;
                self.source.make(size_of::<T>());
                // Its values are compared by encoding all of the record.
                self.set_vague();
                let mut values = parse_values(&data)?;
                let id = told_id(T::__CLASS, &mut values, found.shown)?;
                let depth = self.depth.get();
                self.enter(T::__CLASS, &id).map_err(|error| error.object(T::__CLASS, &id))?;
                let object = Reader::of_container(self, (T::__CLASS, &id), values, entries)
                    .and_then(|reader| read(reader, Arc::clone(&id)));
                self.depth.set(depth);
                object.map_err(|error| error.object(T::__CLASS, &id))
            }
            Entry::Link(key) => Err(Error::corrupt(format!(
                "a link to {key} stands where a nested container of class {} belongs",
                Quoted(T::__CLASS)
            ))),
            Entry::Container(_) => Err(Error::corrupt(format!(
                "a nested container stands where a link to class {} belongs",
                Quoted(T::__CLASS)
            ))),
            Entry::Collection(_) => Err(not_a_container()),
            Entry::Stray => Err(stray()),
        }
    }

    /// Makes the object that a link leads to. Apart from those that stand in their parents, so that their readers, which
    /// are on the stack together, do not hold it.
    fn linked<T: Object>(&self, link: &Key) -> Result<T> {
        if link.class() != T::__CLASS {
            let message = format!("the link leads to {link}, where class {} belongs", Quoted(T::__CLASS));
            return Err(Error::corrupt(message));
        }
        let (key, record) = self.follow(link.clone(), T::__CLASS_DEF.keeps_generations())?;
        let object: T = self.top(&key, record)?;
        if T::__id(&object).as_str() != link.id() {
            self.set_vague();
        }
        Ok(object)
    }

    /// Reads what a link leads to: exactly that, or the newest generation of it if it names none.
    fn follow(&self, key: Key, generations: bool) -> Result<(Key, Record)> {
        if let Some(record) = self.source.read(&key)? {
            return Ok((key, record));
        }
        if generations && let Some(found) = resolve(self.source, &key)? {
            return Ok(found);
        }
        Err(Error::message(ErrorKind::Dangling, format!("the link leads to {key}, which is not there")))
    }

    /// Counts the bytes of a record among those that one load may read: a link takes a few bytes of the disk, and what it
    /// leads to is in memory once for each that is followed.
    fn count(&self, record: &Record) -> Result<()> {
        match self.left.get().checked_sub(record.bytes()) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(Error::corrupt(
                "with this object, the load would read more than one load may. An object that several links lead to is \
                 read for each of them: hold it as an `Arc`, which is read once, or as a `Ref`, which is loaded when asked; \
                 or set another limit with `StoreBuilder::max_load_size`",
            )),
        }
    }

    /// Takes a container into the tree in hand.
    fn enter(&self, class: &'static str, id: &Arc<str>) -> Result<()> {
        if self.depth.get() == MAX_NESTING {
            return Err(Error::corrupt(format!("containers nest deeper than {MAX_NESTING} levels")));
        }
        if !self.nested.borrow_mut().insert((class, Arc::clone(id))) {
            return Err(Error::corrupt("this container stands twice in one tree"));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(())
    }

    /// Completes the place of an error in the record of `key`.
    fn locate(&self, error: Error, key: &Key) -> Error {
        match self.source.root() {
            Some(root) => error.at(root.join(key.path()).to_string_lossy()),
            None => error.at(key.path()),
        }
    }

    /// Makes what an `Arc` holds, or finds it if this load has already followed the same link.
    pub(crate) fn shared<T: Any + Send + Sync>(
        &self,
        found: Found<'_>,
        decode: impl FnOnce(Found<'_>) -> Result<T>,
    ) -> Result<Arc<T>> {
        let Entry::Link(key) = &found.entry else {
            return decode(found).map(Arc::new);
        };
        let place = (TypeId::of::<T>(), key.clone());
        let known = self.shared.borrow().get(&place).map(Arc::clone);
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return Ok(known);
        }
        let made = Arc::new(decode(found)?);
        self.shared.borrow_mut().insert(place, Arc::<T>::clone(&made));
        Ok(made)
    }
}

/// Has an object read its fields, and makes sure that it has asked for all of them.
fn read<T: Object>(mut reader: Reader<'_>, id: Arc<str>) -> Result<T> {
    // Not `and_then`: without optimisation, each closure would hold the object on the stack once more.
    match T::__read(id.into(), &mut reader) {
        Ok(object) => match reader.close(T::__IGNORE_UNKNOWN) {
            Ok(()) => Ok(object),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

fn parse_values(data: &[u8]) -> Result<json::Values<'_>> {
    json::Values::of(data).map_err(|error| error.corrupt().inside(DATA))
}

/// Takes what a nested container tells of itself, and returns its id.
fn told_id(class: &str, values: &mut json::Values<'_>, shown: Option<&str>) -> Result<Arc<str>> {
    let mut told = |key: &str| {
        let told = values.read_rare::<String>(key);
        told.map_err(|wrong| wrong.into_error().corrupt().field(key).inside(DATA))
    };
    if let Some(other) = told(SEPIA_CLASS)?.filter(|other| other != class) {
        let message = format!("this is of class {}, where class {} belongs", Quoted(&other), Quoted(class));
        return Err(Error::corrupt(message).inside(DATA));
    }
    match told(SEPIA_ID)?.or_else(|| shown.map(str::to_owned)) {
        Some(id) => Ok(id.into()),
        None => {
            let message = format!("neither {SEPIA_ID} nor the name of the directory tells the id");
            Err(Error::corrupt(message).inside(DATA))
        }
    }
}
