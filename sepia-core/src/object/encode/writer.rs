//! The fields of one object, as they are written.

use std::fmt;

use serde::Serialize;

use super::{Encoder, Hidden};
use crate::object::reference::Reference;
use crate::record::error::{Error, Quoted, Result};
use crate::record::json::{self, Naming};
use crate::record::name::{self, DATA};
use crate::record::shape::{Present, RESERVED, SEPIA_CLASS, SEPIA_ID, SEPIA_SHAPE, Shape};
use crate::record::{Entries, Entry, Fingerprint, Name, Node, Record};

/// Takes the fields of one object. Generated code and hand-written [`Fields`](crate::Fields) write into it.
pub struct Writer<'a> {
    /// `None` where references are [passed over](Self::without_references).
    encoder: Option<&'a mut Encoder>,
    class: &'static str,
    id: &'a str,
    is_container: bool,
    values: json::Object,
    entries: Vec<(Name, Entry)>,
    shape: Shape,
    content: Option<Vec<u8>>,
    /// What a content of which no copy is wanted is, as a record.
    borrowed: Option<Fingerprint>,
    /// A reference was passed over that may be stored otherwise than it was read.
    is_vague: bool,
}

/// What an object writes, its references aside.
pub(crate) enum Written {
    /// The bytes of its file.
    Bytes(Vec<u8>),
    /// The same, as a record.
    Fingerprint(Fingerprint),
    /// That cannot be told without its references.
    Unknown,
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("class", &self.class).field("id", &self.id).finish_non_exhaustive()
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(encoder: &'a mut Encoder, class: &'static str, id: &'a str, is_container: bool) -> Self {
        Self::with(Some(encoder), (class, id), is_container, json::Object::new())
    }

    /// Takes the values alone, or the content, of an object, in the memory of a buffer.
    pub(crate) fn without_references(place: (&'static str, &'a str), is_container: bool, buffer: Vec<u8>) -> Self {
        Self::with(None, place, is_container, json::Object::in_buffer(buffer))
    }

    fn with(
        encoder: Option<&'a mut Encoder>,
        (class, id): (&'static str, &'a str),
        is_container: bool,
        values: json::Object,
    ) -> Self {
        let (entries, shape) = Default::default();
        Self {
            encoder,
            class,
            id,
            is_container,
            values,
            entries,
            shape,
            content: None,
            borrowed: None,
            is_vague: false,
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
    /// text-like, a `Some` that holds nothing, over 127 levels, what its own `Serialize` refuses, or
    /// if there is a value of this name;
    /// `InvalidName` if the name begins with `sepia_`. What has failed has not been written.
    pub fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.check_name(name)?;
        self.add(name, Naming::Free, value)
    }

    /// Writes a value under a name of which the derive has made sure that it is no other's, and not ours.
    #[doc(hidden)]
    pub fn __value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.add(name, Naming::Distinct, value)
    }

    fn add<T: Serialize + ?Sized>(&mut self, name: &str, naming: Naming, value: &T) -> Result<()> {
        self.values.add(name, naming, value).map_err(|error| self.in_values(error, name))
    }

    /// Names that begin with `sepia_` are ours.
    fn check_name(&self, name: &str) -> Result<()> {
        if name.starts_with(RESERVED) {
            let message = format!("the names of fields do not begin with {RESERVED}");
            return Err(Error::invalid_name(message).field(name));
        }
        Ok(())
    }

    fn in_values(&self, error: json::JsonError, name: &str) -> Error {
        let error = error.invalid().field(name);
        if self.is_container { error.inside(DATA) } else { error }
    }

    /// Writes the elements of a set as one value, in the order of what is written.
    pub(crate) fn __unordered<T: Serialize>(&mut self, name: &str, elements: impl Iterator<Item = T>) -> Result<()> {
        self.values.unordered(name, elements).map_err(|error| self.in_values(error, name))
    }

    /// Writes a reference: objects, `Ref`s and collections of them, as symlinks and subdirectories.
    ///
    /// # Errors
    /// `InvalidName` if the name begins with `sepia_` or is over 200 bytes once encoded; `InvalidName`,
    /// `InvalidValue`, `ClassClash`, or what its own [`Content`](crate::Content) or
    /// [`Fields`](crate::Fields) return, if an object in it cannot be stored.
    pub fn reference<T: Reference>(&mut self, name: &str, field: &T) -> Result<()> {
        self.check_name(name)?;
        // Who writes by hand may read otherwise.
        self.is_vague = true;
        self.__reference(name, field, false)
    }

    /// `defaulted`: the field has a default, so its absence would not mean "none" or "empty".
    pub(crate) fn __reference<T: Reference>(&mut self, name: &str, field: &T, defaulted: bool) -> Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        T::__encode_field(field, encoder)
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
    pub(super) fn tell(&mut self, hidden: Hidden) -> Result<()> {
        if !self.is_container {
            return Ok(());
        }
        let told = [(hidden.class, SEPIA_CLASS, self.class), (hidden.id, SEPIA_ID, self.id)];
        for (_, key, text) in told.into_iter().filter(|(hidden, ..)| *hidden) {
            self.add(key, Naming::Distinct, text)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Record> {
        if let Some(content) = self.content {
            return Ok(Record::Leaf(content));
        }
        if !self.is_container {
            return Ok(Record::Leaf(self.values.finish()));
        }
        if !self.shape.0.is_empty() {
            self.shape.0.sort();
            self.values.add(SEPIA_SHAPE, Naming::Distinct, &self.shape).map_err(json::JsonError::invalid)?;
        }
        let entries = Entries::new(self.entries)
            .map_err(|name| Error::invalid_value(format!("two fields are both stored as {}", Quoted(name.as_str()))))?;
        Ok(Record::Container(Node { data: self.values.finish(), entries }))
    }

    /// Returns what was written [without references](Self::without_references).
    pub(crate) fn finish_values(self) -> Written {
        match (self.borrowed, self.content) {
            (Some(fingerprint), _) => Written::Fingerprint(fingerprint),
            (None, Some(content)) => Written::Bytes(content),
            (None, None) if self.is_vague => Written::Unknown,
            (None, None) => Written::Bytes(self.values.finish()),
        }
    }

    /// Takes the whole file.
    #[doc(hidden)]
    pub fn __content(&mut self, content: Vec<u8>) {
        self.content = Some(content);
    }

    /// Takes the whole file, of which a copy may not be needed.
    pub(crate) fn __borrowed_content(&mut self, content: &[u8]) {
        match self.encoder {
            Some(_) => self.content = Some(content.to_vec()),
            None => self.borrowed = Some(Fingerprint::of_leaf(content)),
        }
    }
}
