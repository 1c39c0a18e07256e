//! What a document holds, nested documents included.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Member;
use crate::record::error::{Error, Quoted, Result};
use crate::record::json::{self, JsonError};
use crate::record::name::DATA;
use crate::record::shape::RESERVED;
use crate::record::{Key, Name, class};

/// The fields of a document: values, and [`Member`]s, which are links, nested documents and collections.
///
/// A [`Document`](super::Document) is one, and so is each document that is nested in it. A field is a value or a
/// member, not both: to make a value of a field that is a member, [remove](Self::remove) it first. The names of fields do
/// not begin with `sepia_`; keys of `data.json` that do are written by Sepia.
#[derive(Clone, Debug)]
pub struct Body {
    pub(super) holds: Holds,
    /// That of a nested document is known only where it is stored.
    pub(super) class: Option<Arc<str>>,
    pub(super) id: Arc<str>,
    /// By name, in the order of the file: JSON without white space between its tokens.
    pub(super) values: Vec<(String, String)>,
    /// In the order of the names' bytes.
    pub(super) members: Vec<(Name, Member)>,
    /// The fields that are `None` where absence would mean a default.
    pub(super) none: Vec<Name>,
    /// The file as it was read, until a value is changed.
    pub(super) file: Option<File>,
}

/// A `data.json`, or the file of a serializable object, with what it says beside values.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) content: Vec<u8>,
    pub(super) tells_class: bool,
    pub(super) tells_id: bool,
    /// `sepia_shape`, sorted: each path, and whether an empty collection is there.
    pub(super) shape: Vec<(String, bool)>,
}

/// What a body can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A container: values and members.
    All,
    /// A serializable object of JSON content.
    Values,
    /// A serializable object of any other content.
    Nothing,
}

impl Body {
    pub(super) fn empty(holds: Holds, class: Option<Arc<str>>, id: Arc<str>) -> Self {
        let (values, members, none) = Default::default();
        Self { holds, class, id, values, members, none, file: None }
    }

    /// Makes an empty nested document, for a place where objects of one class stand.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut section = sepia::document::Body::new("intro")?;
    /// section.set("title", "Introduction")?;
    /// assert_eq!(section.id(), "intro");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidName` if the id is empty or over 200 bytes once encoded.
    pub fn new(id: impl Into<Arc<str>>) -> Result<Self> {
        let id = id.into();
        if !Key::is_id(&id) {
            let message = format!("{} cannot be an id: it is empty, or over 200 bytes once encoded", Quoted(&id));
            return Err(Error::invalid_name(message));
        }
        Ok(Self::empty(Holds::All, None, id))
    }

    /// Names the class of a nested document, for a place where objects of several classes can stand: the field of an
    /// `enum`. Where only one class can stand, it is not named.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let circle = sepia::document::Body::new("c")?.with_class("Circle")?;
    /// assert_eq!(circle.class(), Some("Circle"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidName` if the name is empty or over 200 bytes once encoded.
    pub fn with_class(mut self, class: impl Into<Arc<str>>) -> Result<Self> {
        let class = class.into();
        class::check_name(&class)?;
        self.class = Some(class);
        self.file = None;
        Ok(self)
    }

    /// Returns the id.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// assert_eq!(sepia::document::Body::new("intro")?.id(), "intro");
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the class; `None` of a nested document that stands where only one class can, as that is known to types
    /// alone.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// assert_eq!(sepia::document::Body::new("intro")?.class(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn class(&self) -> Option<&str> {
        self.class.as_deref()
    }

    /// Iterates over the names of all fields: values in the order of the file, then members.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set_link("pinned", Key::new("Postit", "report")?)?;
    /// body.set("name", "Work")?;
    /// assert_eq!(body.fields().collect::<Vec<_>>(), ["name", "pinned"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let values = self.values.iter().map(|(name, _)| Cow::Borrowed(name.as_str()));
        values.chain(self.members.iter().map(|(name, _)| name.text()))
    }

    /// Iterates over the values in the order of the file, each with its name, as JSON text without white space between
    /// its tokens.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set_json("sizes", "[1.50, 2]")?;
    /// assert_eq!(body.values().collect::<Vec<_>>(), [("sizes", "[1.50,2]")]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn values(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, json)| (name.as_str(), json.as_str()))
    }

    /// Iterates over the links, nested documents and collections, each with the name of its field, in the order of the
    /// names' bytes.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set_link("pinned", Key::new("Postit", "report")?)?;
    /// assert_eq!(body.members().map(|(name, _)| name.text()).collect::<Vec<_>>(), ["pinned"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&Name, &Member)> {
        self.members.iter().map(|(name, member)| (name, member))
    }

    /// Returns the JSON text of a value, without white space between its tokens.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set("name", "Work")?;
    /// assert_eq!(body.value("name"), Some("\"Work\""));
    /// assert_eq!(body.value("size"), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn value(&self, field: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == field).map(|(_, json)| json.as_str())
    }

    /// Returns a value as a type that serde can read; `None` if the field is not there, or is a member.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set("sizes", &[1, 2])?;
    /// assert_eq!(body.get::<Vec<u8>>("sizes")?, Some(vec![1, 2]));
    /// assert!(body.get::<bool>("sizes").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Corrupt` if the value is something else than a `T`.
    pub fn get<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>> {
        let read = self.value(field).map(|json| serde_json::from_str(json)).transpose();
        read.map_err(|error| self.in_values(JsonError::new(error.to_string()).corrupt(), field))
    }

    /// Sets a value to whatever serde can write.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set("name", "Work")?;
    /// assert!(body.set("size", &f64::NAN).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if it could not come back as it is, as for [`Writer::value`](crate::Writer::value), or if the field
    /// is a member; `InvalidName` if the name begins with `sepia_`. The field is as before then.
    pub fn set<T: Serialize + ?Sized>(&mut self, field: &str, value: &T) -> Result<()> {
        self.check_value(field)?;
        let json = to_json(value).map_err(|error| self.in_values(error.invalid(), field))?;
        self.put_value(field, json);
        Ok(())
    }

    /// Sets a value to JSON text. Each token is stored as it is, numbers with all their digits.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set_json("price", "1.50")?;
    /// assert_eq!(body.value("price"), Some("1.50"));
    /// assert!(body.set_json("price", "1.").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the text is not one JSON value or nests over 126 levels deep, or if the field is a member;
    /// `InvalidName` if the name begins with `sepia_`. The field is as before then.
    pub fn set_json(&mut self, field: &str, json: &str) -> Result<()> {
        self.check_value(field)?;
        let json = json::value_tokens(json).map_err(|error| self.in_values(error.invalid(), field))?;
        self.put_value(field, json);
        Ok(())
    }

    fn put_value(&mut self, field: &str, json: String) {
        match self.values.iter_mut().find(|(name, _)| name == field) {
            Some((_, before)) if *before == json => return,
            Some((_, before)) => *before = json,
            None => self.values.push((field.to_owned(), json)),
        }
        self.file = None;
    }

    /// Removes a field, and returns whether it was there. A list or map that has to stay, empty, is set to an empty
    /// [`Collection`](super::Collection) instead; a member that has to be `None` in spite of a default, [to none](Self::set_none).
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set("name", "Work")?;
    /// assert!(body.remove("name"));
    /// assert!(!body.remove("name"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&mut self, field: &str) -> bool {
        if let Some(at) = self.values.iter().position(|(name, _)| name == field) {
            self.values.remove(at);
            self.file = None;
            return true;
        }
        self.take_member(field).is_some() | self.take_none(field)
    }

    /// Forgets how the files looked, so that all are written in Sepia's own form.
    pub(super) fn forget_files(&mut self) {
        self.file = None;
        self.members.iter_mut().for_each(|(_, member)| member.forget_files());
    }

    /// Checks that a field can be a value.
    fn check_value(&self, field: &str) -> Result<()> {
        if self.holds == Holds::Nothing {
            return Err(self.wrong(field, "the object has a content, and no fields: set its text or its bytes"));
        }
        self.check_name(field)?;
        if self.member(field).is_some() || self.is_none(field) {
            let message = "the field holds objects, and a value under its name would be lost: remove the field first";
            return Err(self.wrong(field, message));
        }
        Ok(())
    }

    pub(super) fn check_name(&self, field: &str) -> Result<()> {
        if field.starts_with(RESERVED) {
            let message = format!("the names of fields do not begin with {RESERVED}");
            return Err(self.located(Error::invalid_name(message).field(field)));
        }
        Ok(())
    }

    pub(super) fn wrong(&self, field: &str, message: impl Into<String>) -> Error {
        self.located(Error::invalid_value(message).field(field))
    }

    fn in_values(&self, error: Error, field: &str) -> Error {
        let error = error.field(field);
        self.located(if self.holds == Holds::All { error.inside(DATA) } else { error })
    }

    /// Names the object, as far as it is known, in which an error arose.
    pub(super) fn located(&self, error: Error) -> Error {
        match &self.class {
            Some(class) => error.object(class, &self.id),
            None => error,
        }
    }
}

/// The JSON of a value, as a typed save writes it, without white space between its tokens.
fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, JsonError> {
    let mut object = json::Object::new();
    object.field("", value)?;
    let file = object.finish();
    let mut fields = json::parse_fields(&file)?;
    // Invariant: the object has this one field.
    fields.take("").map(json::compact).ok_or_else(|| JsonError::new("the value was not written"))
}
