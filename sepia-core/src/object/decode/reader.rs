//! The fields of one object, as they are read.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;

use super::{Decoder, Found};
use crate::object::reference::Reference;
use crate::record::class::Format;
use crate::record::error::{Error, Quoted, Result};
use crate::record::json;
use crate::record::name::{self, DATA};
use crate::record::shape::{Presence, SEPIA_SHAPE, graft};
use crate::record::{Entries, Entry, Name};

/// Gives the fields of one object. Generated code and hand-written [`Fields`](crate::Fields) read from it.
pub struct Reader<'a> {
    decoder: &'a Decoder<'a>,
    class: &'static str,
    id: &'a str,
    content: Cow<'a, [u8]>,
    is_container: bool,
    values: Option<json::Values<'a>>,
    entries: Vec<(Name, Option<Entry>)>,
    /// Fields that are `None` by their own account.
    none: Vec<String>,
    /// The fields that were asked for as references.
    references: Vec<String>,
    /// The fields that were asked for as values, and under whose names something stands among the references.
    values_with_entry: Vec<String>,
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("class", &self.class).field("id", &self.id).finish_non_exhaustive()
    }
}

impl<'a> Reader<'a> {
    /// The fields of a container. `values` are without those that told of the container itself.
    pub(super) fn of_container(
        decoder: &'a Decoder<'a>,
        (class, id): (&'static str, &'a str),
        mut values: json::Values<'a>,
        mut entries: Entries,
    ) -> Result<Self> {
        let in_data = |wrong: json::Wrong| wrong.into_error().corrupt().inside(DATA);
        let shape = values.read_rare::<Presence>(SEPIA_SHAPE).map_err(in_data)?;
        if shape.is_some() {
            decoder.set_vague();
        }
        let mut none = Vec::new();
        for (path, present) in shape.into_iter().flat_map(|shape| shape.0) {
            if present {
                graft(&mut entries, &path).map_err(|error| error.inside(DATA))?;
            } else {
                none.push(path);
            }
        }
        let entries = entries.into_iter().map(|(name, entry)| (name, Some(entry))).collect();
        let (references, values_with_entry) = Default::default();
        Ok(Self {
            decoder,
            class,
            id,
            content: Cow::Borrowed(&[]),
            is_container: true,
            values: Some(values),
            entries,
            none,
            references,
            values_with_entry,
        })
    }

    /// The fields, or the content, of a serializable object. JSON is borrowed.
    pub(super) fn of_file(
        decoder: &'a Decoder<'a>,
        (class, id): (&'static str, &'a str),
        content: Cow<'a, [u8]>,
        format: Option<Format>,
    ) -> Result<Self> {
        let values = match (format, &content) {
            (Some(Format::Json), Cow::Borrowed(json)) => {
                Some(json::Values::of(json).map_err(json::JsonError::corrupt)?)
            }
            _ => None,
        };
        let (entries, none, references, values_with_entry) = Default::default();
        Ok(Self {
            decoder,
            class,
            id,
            content,
            is_container: false,
            values,
            entries,
            none,
            references,
            values_with_entry,
        })
    }

    /// Returns the id of the object whose fields these are.
    pub fn id(&self) -> &str {
        self.id
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
            None => json::missing().ok_or_else(|| match self.stands_as_reference(name) {
                true => stored_as_reference(name),
                false => self.in_values(missing(name)),
            }),
        }
    }

    /// Reads a value, or returns `None` if the file does not have it.
    ///
    /// # Errors
    /// `Corrupt` if it is something else than a `T`.
    pub fn value_if_any<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        self.note_value(name);
        match &mut self.values {
            Some(values) => values.read(name).map_err(|wrong| self.wrong(name, wrong)),
            None => Ok(None),
        }
    }

    /// Notes that a field is a value, if that matters: its name may stand among the references as well.
    #[inline]
    fn note_value(&mut self, name: &str) {
        if self.stands_as_reference(name) {
            self.values_with_entry.push(name.to_owned());
        }
    }

    /// Whether objects, or that there are none, are stored under this name, and nobody has asked for them.
    #[inline]
    fn stands_as_reference(&self, name: &str) -> bool {
        !(self.entries.is_empty() && self.none.is_empty()) && self.stands_as_entry(name)
    }

    #[cold]
    fn stands_as_entry(&self, name: &str) -> bool {
        let encoded = name::encode(name);
        // What Sepia did not make is nobody's field.
        let is_stored = |entry: &Option<Entry>| matches!(entry, Some(entry) if !matches!(entry, Entry::Stray));
        self.entries.iter().any(|(entry, stored)| entry.as_str() == encoded && is_stored(stored))
            || self.none.iter().any(|path| *path == *encoded)
    }

    /// Reads a value under a name of which the derive has made sure that nobody else asks for it.
    #[doc(hidden)]
    pub fn __value<T: DeserializeOwned>(&mut self, name: &str) -> Result<T> {
        match self.next(name) {
            Some(value) => {
                self.note_value(name);
                Ok(value)
            }
            None => self.value(name),
        }
    }

    /// The same, if there is one.
    #[doc(hidden)]
    pub fn __value_if_any<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        match self.next(name) {
            Some(value) => {
                self.note_value(name);
                Ok(Some(value))
            }
            None => self.value_if_any(name),
        }
    }

    fn next<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.values.as_mut().and_then(|values| values.read_next(name))
    }

    fn wrong(&self, name: &str, wrong: json::Wrong) -> Error {
        self.in_values(match wrong {
            json::Wrong::File(error) => error.corrupt(),
            json::Wrong::Field(error) => error.corrupt().field(name),
        })
    }

    /// Reads a reference. Where there is nothing, an `Option` is `None` and a collection empty.
    ///
    /// # Errors
    /// `Corrupt` if it is missing and neither of these, or is not a `T`; `Dangling` if a link leads
    /// nowhere; else what [`Store::find`](crate::Store::find) returns of the objects in it.
    pub fn reference<T: Reference>(&mut self, name: &str) -> Result<T> {
        // Who reads by hand may write otherwise.
        self.decoder.set_vague();
        self.__reference(name)
    }

    pub(crate) fn __reference<T: Reference>(&mut self, name: &str) -> Result<T> {
        match self.__reference_if_any(name)? {
            Some(field) => Ok(field),
            None => match T::__absent() {
                Some(absent) => Ok(absent),
                None if self.stands_as_value(name)? => Err(self.in_values(stored_as_value(name))),
                None => Err(missing(name).inside(name)),
            },
        }
    }

    /// Whether a value is stored under this name, and nobody has asked for it.
    fn stands_as_value(&mut self, name: &str) -> Result<bool> {
        let stands = self.values.as_mut().map_or(Ok(false), |values| values.has(name));
        stands.map_err(|error| self.in_values(error.corrupt()))
    }

    /// Reads a reference, or returns `None` if nothing is there.
    ///
    /// # Errors
    /// `Corrupt` if what is there is not a `T`, `Dangling` if a link leads nowhere; else what
    /// [`Store::find`](crate::Store::find) returns of the objects in it.
    pub fn reference_if_any<T: Reference>(&mut self, name: &str) -> Result<Option<T>> {
        self.decoder.set_vague();
        self.__reference_if_any(name)
    }

    pub(crate) fn __reference_if_any<T: Reference>(&mut self, name: &str) -> Result<Option<T>> {
        self.references.push(name.to_owned());
        let encoded = name::encode(name);
        if let Some(told) = self.none.iter().position(|told| *told == *encoded) {
            self.none.swap_remove(told);
            return Ok(T::__absent());
        }
        let found = self.entries.iter_mut().find(|(entry, _)| entry.as_str() == encoded);
        let Some(entry) = found.and_then(|(_, entry)| entry.take()) else {
            return Ok(None);
        };
        let found = Found { entry, shown: None };
        T::__decode_field(found, self.decoder).map(Some).map_err(|error| error.inside(&encoded).field(name))
    }

    /// Makes sure that everything has been asked for, and that it was JSON. What is stored of a field on the other side
    /// is an error in any case: the field was loaded without it, and the next save would erase it.
    pub(super) fn close(&mut self, ignore_unknown: bool) -> Result<()> {
        let checked = self.values.as_mut().map_or(Ok(()), json::Values::end);
        checked.map_err(|error| self.in_values(error.corrupt()))?;
        let mut rest = self.values.iter().flat_map(json::Values::rest);
        if let Some(name) = rest.find(|rest| self.references.iter().any(|reference| reference == rest)) {
            return Err(self.in_values(stored_as_value(name)));
        }
        if let Some(name) = self.values_with_entry.iter().find(|name| self.stands_as_reference(name)) {
            return Err(stored_as_reference(name));
        }
        if ignore_unknown {
            // Entries would be left out; the values are compared.
            self.decoder.set_vague();
            let checked = self.values.as_ref().map_or(Ok(()), json::Values::check_rest);
            return checked.map_err(|error| self.in_values(error.corrupt()));
        }
        if let Some(name) = self.values.as_ref().and_then(|values| values.rest().next()) {
            return Err(self.in_values(unknown("the key", name)));
        }
        if let Some((name, _)) = self.entries.iter().find(|(_, entry)| entry.is_some()) {
            return Err(unknown("the entry", name.as_str()).inside(name.as_str()));
        }
        if let Some(path) = self.none.first() {
            return Err(self.in_values(unknown("the path", path)));
        }
        Ok(())
    }

    /// Gives the whole file.
    #[doc(hidden)]
    pub fn __content(&self) -> &[u8] {
        &self.content
    }

    /// Gives the whole file away: nobody else asks for it.
    pub(crate) fn __take_content(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.content).into_owned()
    }

    /// Takes note that what is missing was filled in.
    pub(crate) fn set_vague(&self) {
        self.decoder.set_vague();
    }
}

fn missing(name: &str) -> Error {
    Error::corrupt("the field is missing, and has no default").field(name)
}

/// A field that holds objects, and is stored as a value.
fn stored_as_value(name: &str) -> Error {
    let message = format!(
        "the field holds objects, and {DATA} has a value under its name, which would be lost: give the field another \
         name on disk with #[sepia(rename = \"..\")], and convert the value in a field that has the old name, or take it \
         out of {DATA}"
    );
    Error::corrupt(message).field(name)
}

/// A field that is a value, and is stored as objects.
fn stored_as_reference(name: &str) -> Error {
    let message = "the field is a value, and objects are stored under its name, which would be lost: give the field \
                   another name on disk with #[sepia(rename = \"..\")], and convert the objects in a field that has the \
                   old name, or take them out of the directory";
    Error::corrupt(message).inside(&name::encode(name)).field(name)
}

fn unknown(what: &str, name: &str) -> Error {
    Error::corrupt(format!(
        "{what} {} belongs to no field, and would vanish at the next save; #[sepia(ignore_unknown)] permits that",
        Quoted(name)
    ))
}
