//! From records to objects.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::backend::Backend;
use crate::class::{Claims, Kind};
use crate::encode::{MAX_NESTING, SEPIA_CLASS, SEPIA_ID, SEPIA_SHAPE};
use crate::error::{Error, ErrorKind, Quoted, Result};
use crate::id::Id;
use crate::json;
use crate::name::{self, DATA, split_generation};
use crate::object::Object;
use crate::record::{Entries, Entry, Key, Name, Node, Record};
use crate::reference::Reference;

/// Makes the objects of one load, and follows the links among them.
pub struct Decoder<'a> {
    backend: &'a dyn Backend,
    claims: &'a Claims,
    /// What an `Arc` holds is shared within one load, by type and by link.
    shared: RefCell<HashMap<(TypeId, Key), Arc<dyn Any + Send + Sync>>>,
    depth: Cell<usize>,
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("backend", &self.backend).finish_non_exhaustive()
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
    pub(crate) fn new(backend: &'a dyn Backend, claims: &'a Claims) -> Self {
        Self { backend, claims, shared: RefCell::default(), depth: Cell::new(0) }
    }

    /// Makes the object of a record that has been read.
    pub(crate) fn top<T: Object>(&self, key: &Key, record: Record) -> Result<T> {
        self.claims.claim_in::<T>(self.backend)?;
        self.record(key.shared_id().into(), record).map_err(|error| self.locate(error, key))
    }

    /// Makes the object that stands in a place of its parent.
    pub(crate) fn object<T: Object>(&self, found: Found<'_>) -> Result<T> {
        let is_container = matches!(T::__CLASS_DEF.kind(), Kind::Container);
        match found.entry {
            Entry::Link(key) if !is_container => {
                if key.class() != T::__CLASS {
                    let message = format!("the link leads to {key}, where class {} belongs", Quoted(T::__CLASS));
                    return Err(Error::corrupt(message));
                }
                let (key, record) = self.follow(key, T::__CLASS_DEF.keeps_generations())?;
                self.top(&key, record)
            }
            Entry::Container(node) if is_container => {
                self.claims.claim_in::<T>(self.backend)?;
                self.nested(node, found.shown)
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

    /// Reads what a link leads to: exactly that, or the newest generation of it if it names none.
    fn follow(&self, key: Key, generations: bool) -> Result<(Key, Record)> {
        if let Some(record) = self.backend.read(&key)? {
            return Ok((key, record));
        }
        if generations && let Some(found) = resolve(self.backend, &key)? {
            return Ok(found);
        }
        Err(Error::message(ErrorKind::Dangling, format!("the link leads to {key}, which is not there")))
    }

    fn nested<T: Object>(&self, node: Node, shown: Option<&str>) -> Result<T> {
        let told = json::parse_fields(&node.data)
            .and_then(|mut fields| fields.take(SEPIA_ID).map(|json| fields.read::<String>(json)).transpose())
            .map_err(|error| error.corrupt().inside(DATA))?;
        let id = match told.or_else(|| shown.map(str::to_owned)) {
            Some(id) => id,
            None => {
                let message = format!("neither {SEPIA_ID} nor the name of the directory tells the id");
                return Err(Error::corrupt(message).inside(DATA));
            }
        };
        if self.depth.get() + 1 >= MAX_NESTING {
            return Err(Error::corrupt(format!("containers nest deeper than {MAX_NESTING} levels")));
        }
        self.depth.set(self.depth.get() + 1);
        let object = self.record(id.into(), Record::Container(node));
        self.depth.set(self.depth.get() - 1);
        object
    }

    fn record<T: Object>(&self, id: Id<T>, record: Record) -> Result<T> {
        let text = id.shared();
        let located = |error: Error| error.object(T::__CLASS, &text);
        match (T::__CLASS_DEF.kind(), record) {
            (Kind::Container, Record::Container(Node { data, entries })) => {
                let mut reader = Reader::new(self, T::__CLASS, &text);
                reader.open(&data, entries).map_err(located)?;
                let object = T::__read(id, &mut reader).map_err(located)?;
                reader.close(T::__IGNORE_UNKNOWN).map_err(located)?;
                Ok(object)
            }
            (Kind::Serializable(_), Record::Leaf(content)) => {
                let mut reader = Reader::new(self, T::__CLASS, &text);
                reader.content = &content;
                reader.open_leaf(T::__CLASS_DEF.kind()).map_err(located)?;
                let object = T::__read(id, &mut reader).map_err(located)?;
                reader.close(T::__IGNORE_UNKNOWN).map_err(located)?;
                Ok(object)
            }
            (Kind::Container, Record::Leaf(_)) => {
                Err(located(Error::corrupt("a file stands where a directory should be")))
            }
            (_, Record::Container(_)) => Err(located(Error::corrupt("a directory stands where a file should be"))),
        }
    }

    /// Completes the place of an error in the record of `key`.
    fn locate(&self, error: Error, key: &Key) -> Error {
        match self.backend.root() {
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

/// Reads the record that an id of a class with generations means: exactly that generation, or, for
/// a base, the newest.
pub(crate) fn resolve(backend: &dyn Backend, key: &Key) -> Result<Option<(Key, Record)>> {
    match split_generation(key.id()) {
        Some((base, generation)) => {
            if let Some(record) = backend.read(key)? {
                return Ok(Some((key.clone(), record)));
            }
            // A file without a suffix is generation 0.
            if generation > 0 {
                return Ok(None);
            }
            let base = key.sibling(base)?;
            Ok(backend.read(&base)?.map(|record| (base, record)))
        }
        None => {
            // A generation that has been found may be deleted before it is read: then look again.
            while let Some(newest) = backend.generations(key)?.pop() {
                if let Some(record) = backend.read(&newest)? {
                    return Ok(Some((newest, record)));
                }
            }
            Ok(None)
        }
    }
}

/// Gives the fields of one object. Generated code and hand-written [`Fields`](crate::Fields) read from it.
pub struct Reader<'a> {
    decoder: &'a Decoder<'a>,
    class: &'static str,
    id: &'a str,
    content: &'a [u8],
    is_container: bool,
    values: Option<json::Fields<'a>>,
    entries: Vec<(Name, Option<Entry>)>,
    /// Fields that are `None` by their own account.
    none: Vec<String>,
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("class", &self.class).field("id", &self.id).finish_non_exhaustive()
    }
}

impl<'a> Reader<'a> {
    fn new(decoder: &'a Decoder<'a>, class: &'static str, id: &'a str) -> Self {
        Self {
            decoder,
            class,
            id,
            content: &[],
            is_container: false,
            values: None,
            entries: Vec::new(),
            none: Vec::new(),
        }
    }

    /// Returns the id of the object whose fields these are.
    pub fn id(&self) -> &str {
        self.id
    }

    fn open(&mut self, data: &'a [u8], mut entries: Entries) -> Result<()> {
        self.is_container = true;
        let in_data = |error: json::JsonError| error.corrupt().inside(DATA);
        let mut values = json::parse_fields(data).map_err(in_data)?;
        // Read before, by those whom they tell something.
        values.take(SEPIA_CLASS);
        values.take(SEPIA_ID);
        let shape = values.take(SEPIA_SHAPE).map(|json| values.read::<Presence>(json)).transpose().map_err(in_data)?;
        for (path, present) in shape.into_iter().flat_map(|shape| shape.0) {
            if present {
                graft(&mut entries, &path).map_err(|error| error.inside(DATA))?;
            } else {
                self.none.push(path);
            }
        }
        self.values = Some(values);
        self.entries = entries.into_iter().map(|(name, entry)| (name, Some(entry))).collect();
        Ok(())
    }

    fn open_leaf(&mut self, kind: Kind) -> Result<()> {
        if matches!(kind, Kind::Serializable(Some(crate::class::Format::Json))) {
            self.values = Some(json::parse_fields(self.content).map_err(json::JsonError::corrupt)?);
        }
        Ok(())
    }

    /// Puts the name of the file that holds the values to an error.
    fn in_values(&self, error: Error) -> Error {
        if self.is_container { error.inside(DATA) } else { error }
    }

    /// Reads a value. Where the file does not have it, an `Option` is `None` and a collection empty.
    ///
    /// # Errors
    /// `Corrupt` if it is missing and neither of these, or is something else than a `T`.
    pub fn value<T: DeserializeOwned>(&mut self, name: &str) -> Result<T> {
        match self.value_if_any(name)? {
            Some(value) => Ok(value),
            None => json::missing().ok_or_else(|| self.in_values(missing(name))),
        }
    }

    /// Reads a value, or returns `None` if the file does not have it.
    ///
    /// # Errors
    /// `Corrupt` if it is something else than a `T`.
    pub fn value_if_any<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(values) = &mut self.values else {
            return Ok(None);
        };
        let Some(json) = values.take(name) else {
            return Ok(None);
        };
        match values.read(json) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.in_values(error.corrupt().field(name))),
        }
    }

    /// Reads a reference. Where there is nothing, an `Option` is `None` and a collection empty.
    ///
    /// # Errors
    /// `Dangling` if a link leads nowhere, `Corrupt` if what is there is not a `T`.
    pub fn reference<T: Reference>(&mut self, name: &str) -> Result<T> {
        match self.reference_if_any(name)? {
            Some(field) => Ok(field),
            None => T::__absent().ok_or_else(|| missing(name).inside(name)),
        }
    }

    /// Reads a reference, or returns `None` if nothing is there.
    ///
    /// # Errors
    /// `Dangling` if a link leads nowhere, `Corrupt` if what is there is not a `T`.
    pub fn reference_if_any<T: Reference>(&mut self, name: &str) -> Result<Option<T>> {
        let encoded = name::encode(name);
        if self.none.iter().any(|told| *told == *encoded) {
            return Ok(T::__absent());
        }
        let found = self.entries.iter_mut().find(|(entry, _)| entry.as_str() == encoded);
        let Some(entry) = found.and_then(|(_, entry)| entry.take()) else {
            return Ok(None);
        };
        let found = Found { entry, shown: None };
        T::__decode_field(found, self.decoder).map(Some).map_err(|error| error.inside(&encoded).field(name))
    }

    /// Makes sure that everything has been asked for.
    fn close(&self, ignore_unknown: bool) -> Result<()> {
        if ignore_unknown {
            return Ok(());
        }
        if let Some(name) = self.values.as_ref().and_then(|values| values.rest().next()) {
            return Err(self.in_values(unknown("the key", name)));
        }
        if let Some((name, _)) = self.entries.iter().find(|(_, entry)| entry.is_some()) {
            return Err(unknown("the entry", name.as_str()).inside(name.as_str()));
        }
        if let Some(path) = self.none.iter().find(|path| path.contains('/')) {
            return Err(self.in_values(unknown("the path", path)));
        }
        Ok(())
    }

    /// Gives the whole file.
    #[doc(hidden)]
    pub fn __content(&self) -> &[u8] {
        self.content
    }
}

fn missing(name: &str) -> Error {
    Error::corrupt("the field is missing, and has no default").field(name)
}

fn unknown(what: &str, name: &str) -> Error {
    Error::corrupt(format!(
        "{what} {} belongs to no field, and would vanish at the next save; #[sepia(ignore_unknown)] permits that",
        Quoted(name)
    ))
}

/// The shape as it is read: each path, and whether something is present there.
struct Presence(Vec<(String, bool)>);

impl<'de> serde::Deserialize<'de> for Presence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let paths = HashMap::<String, Option<[(); 0]>>::deserialize(deserializer)?;
        let mut paths: Vec<_> = paths.into_iter().map(|(path, present)| (path, present.is_some())).collect();
        paths.sort();
        Ok(Self(paths))
    }
}

/// Puts an empty collection at a path, unless a collection is there.
fn graft(entries: &mut Entries, path: &str) -> Result<()> {
    let wrong = || Error::corrupt(format!("{SEPIA_SHAPE} names {}, where no collection can be", Quoted(path)));
    let (mut at, mut entries) = (path, entries);
    loop {
        let (first, rest) = at.split_once('/').map_or((at, None), |(first, rest)| (first, Some(rest)));
        let name = Name::from_encoded(first).ok_or_else(wrong)?;
        let Entry::Collection(inner) = entries.get_or_insert(name, Entry::Collection(Entries::default())) else {
            return Err(wrong());
        };
        match rest {
            None => return Ok(()),
            Some(rest) => (at, entries) = (rest, inner),
        }
    }
}
