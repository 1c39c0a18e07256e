//! One object.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::body::Holds;
use super::{Body, read, write};
use crate::record::class::{Class, Format, Kind};
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::memory::{Eyes, Known, Remembered};
use crate::record::problem;
use crate::record::{Key, Record};

/// One object without its type: of a container, and of a serializable object of JSON content, the fields, which are its
/// [`Body`]; of any other serializable object, the content.
///
/// A document remembers the record that it was read from or last put as, as typed objects do, so that
/// [`Store::put_document`](crate::Store::put_document) can tell what was changed here and what elsewhere. A clone
/// remembers the same, and from then on by itself.
#[derive(Clone)]
pub struct Document {
    key: Key,
    content: Content,
    /// Empty where the content is no JSON.
    body: Body,
    memory: Remembered,
}

/// How an object is stored.
#[derive(Clone, Debug)]
enum Content {
    Container,
    Json,
    Text(String),
    /// Bytes, and what a class of unknown or custom format has.
    Bytes(Vec<u8>),
}

impl Content {
    fn holds(&self) -> Holds {
        match self {
            Self::Container => Holds::All,
            Self::Json => Holds::Values,
            Self::Text(_) | Self::Bytes(_) => Holds::Nothing,
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("key", &self.key).field("content", &self.content).finish_non_exhaustive()
    }
}

impl Document {
    fn with(key: Key, content: Content) -> Self {
        let body = Body::empty(content.holds(), Some(key.class().into()), key.shared_id());
        Self { key, content, body, memory: Remembered::default() }
    }

    /// Makes an empty container that is not stored yet.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut board = sepia::document::Document::container(Key::new("Board", "work")?);
    /// board.set("name", "Work")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn container(key: Key) -> Self {
        Self::with(key, Content::Container)
    }

    /// Makes a serializable object of JSON content without any fields, which is not stored yet.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut person = sepia::document::Document::json(Key::new("Person", "ada")?);
    /// person.set("born", &1815)?;
    /// assert_eq!(person.bytes().as_deref(), Some(&b"{\n  \"born\": 1815\n}\n"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn json(key: Key) -> Self {
        Self::with(key, Content::Json)
    }

    /// Makes a serializable object of text that is not stored yet.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let note = sepia::document::Document::from_text(Key::new("Postit", "report")?, "Write it");
    /// assert_eq!(note.text(), Some("Write it"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_text(key: Key, text: impl Into<String>) -> Self {
        Self::with(key, Content::Text(text.into()))
    }

    /// Makes a serializable object of bytes, or of custom content, that is not stored yet.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let photo = sepia::document::Document::from_bytes(Key::new("Photo", "cat")?, *b"\xff\xd8");
    /// assert_eq!(photo.bytes().as_deref(), Some(&b"\xff\xd8"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_bytes(key: Key, bytes: impl Into<Vec<u8>>) -> Self {
        Self::with(key, Content::Bytes(bytes.into()))
    }

    /// Makes a document of a record, which is not stored yet. Files stand as they are, until something in them is
    /// changed.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::class::{Class, Format};
    /// use sepia::record::{Key, Record};
    ///
    /// # fn main() -> sepia::Result<()> {
    /// let class = Class::serializable("Person", Format::Json);
    /// let record = Record::Leaf(b"{\"born\": 1815}".to_vec());
    /// let ada = sepia::document::Document::from_record(Key::new("Person", "ada")?, &class, record)?;
    /// assert_eq!(ada.value("born"), Some("1815"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Corrupt` if the record is not of the kind of its class, or has a content that no object of the class can have.
    pub fn from_record(key: Key, class: &Class, record: Record) -> Result<Self> {
        let wrong = |message: &str| Err(Error::corrupt(message).object(key.class(), key.id()));
        let (content, body) = match (class.kind(), record) {
            (Kind::Container, Record::Container(node)) => (Content::Container, read::top(&key, node)?),
            (Kind::Container, Record::Leaf(_)) => return wrong(problem::A_FILE),
            (Kind::Serializable(_), Record::Container(_)) => return wrong(problem::A_CONTAINER),
            (Kind::Serializable(Some(Format::Json)), Record::Leaf(content)) => {
                (Content::Json, read::values(&key, content)?)
            }
            (Kind::Serializable(Some(Format::Text)), Record::Leaf(content)) => match String::from_utf8(content) {
                Ok(text) => return Ok(Self::with(key, Content::Text(text))),
                Err(error) => return wrong(&format!("this is not UTF-8: {error}")),
            },
            (Kind::Serializable(_), Record::Leaf(content)) => return Ok(Self::with(key, Content::Bytes(content))),
        };
        Ok(Self { key, content, body, memory: Remembered::default() })
    }

    /// Returns the key.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let board = sepia::document::Document::container(Key::new("Board", "work")?);
    /// assert_eq!(board.key().id(), "work");
    /// # Ok(())
    /// # }
    /// ```
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the text of a serializable object whose content is text.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let note = sepia::document::Document::from_text(Key::new("Postit", "report")?, "Write it");
    /// assert_eq!(note.text(), Some("Write it"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Container | Content::Json | Content::Bytes(_) => None,
        }
    }

    /// Returns the bytes of the file of a serializable object, whatever its content is; `None` of a container, and of
    /// fields that cannot be [written](Self::record).
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let photo = sepia::document::Document::from_bytes(Key::new("Photo", "cat")?, *b"\xff\xd8");
    /// assert_eq!(photo.bytes().as_deref(), Some(&b"\xff\xd8"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self.record() {
            Ok(Record::Leaf(content)) => Some(content),
            Ok(Record::Container(_)) | Err(_) => None,
        }
    }

    /// Sets the content of a serializable object to a text; where the content is JSON, the text is the whole file.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut person = sepia::document::Document::json(Key::new("Person", "ada")?);
    /// person.set_text("{\"born\": 1815}")?;
    /// assert_eq!(person.value("born"), Some("1815"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the object is a container, or the text is no JSON object of fields where one belongs. The
    /// content is as before then.
    pub fn set_text(&mut self, text: impl Into<String>) -> Result<()> {
        self.set_bytes(text.into())
    }

    /// Sets the content of a serializable object to bytes; where the content is JSON or text, these are the whole file.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut note = sepia::document::Document::from_text(Key::new("Postit", "report")?, "Write it");
    /// note.set_bytes(*b"Done")?;
    /// assert!(note.set_bytes(*b"\xff").is_err());
    /// assert_eq!(note.text(), Some("Done"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the object is a container, or the bytes are no JSON object of fields, or no UTF-8, where one
    /// belongs. The content is as before then.
    pub fn set_bytes(&mut self, bytes: impl Into<Vec<u8>>) -> Result<()> {
        let bytes = bytes.into();
        let wrong = |message: &str| Error::invalid_value(message).object(self.key.class(), self.key.id());
        match &mut self.content {
            Content::Container => return Err(wrong("a container has fields, and no content")),
            Content::Json => {
                let body = read::values(&self.key, bytes).map_err(|error| error.of_kind(ErrorKind::InvalidValue))?;
                write::check_values(&body)?;
                self.body = body;
            }
            Content::Text(text) => match String::from_utf8(bytes) {
                Ok(new) => *text = new,
                Err(error) => return Err(wrong(&format!("this is not UTF-8: {error}"))),
            },
            Content::Bytes(content) => *content = bytes,
        }
        Ok(())
    }

    /// Has every file of fields written in Sepia's own form, whatever it looked like: two spaces for each level, a line
    /// feed at the end. Without it, a file in which nothing is changed stays as it was.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut person = sepia::document::Document::json(Key::new("Person", "ada")?);
    /// person.set_text("{\"born\":1815}")?;
    /// person.reformat();
    /// assert_eq!(person.bytes().as_deref(), Some(&b"{\n  \"born\": 1815\n}\n"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn reformat(&mut self) {
        self.body.forget_files();
    }

    /// Makes the record that the document is stored as.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::{Key, Record};
    /// # fn main() -> sepia::Result<()> {
    /// let note = sepia::document::Document::from_text(Key::new("Postit", "report")?, "Write it");
    /// assert_eq!(note.record()?, Record::Leaf(b"Write it".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if it could not be stored, or not be read again: a field that is a value and holds objects, a
    /// nested document that stands there twice, over 127 levels of brackets, 128 of containers or 400 of directories.
    pub fn record(&self) -> Result<Record> {
        if self.body.holds != self.content.holds() {
            let message = "the fields of the document were replaced by those of one that is stored otherwise";
            return Err(self.located(Error::invalid_value(message)));
        }
        write::check(&self.body).map_err(|error| self.located(error))?;
        let record = self.encode()?;
        record.check().map_err(|error| self.located(error))?;
        Ok(record)
    }

    /// The record, whether it can be put or not.
    pub(crate) fn encode(&self) -> Result<Record> {
        let record = match &self.content {
            Content::Container => write::top(&self.body).map(Record::Container),
            Content::Json => write::values(&self.body).map(Record::Leaf),
            Content::Text(text) => Ok(Record::Leaf(text.clone().into_bytes())),
            Content::Bytes(content) => Ok(Record::Leaf(content.clone())),
        };
        record.map_err(|error| self.located(error))
    }

    fn located(&self, error: Error) -> Error {
        error.object(self.key.class(), self.key.id())
    }

    /// Checks that objects of a class are stored as this one is.
    pub(crate) fn check_class(&self, class: &Class) -> Result<()> {
        let own = match (class.kind(), &self.content) {
            (Kind::Container, Content::Container)
            | (Kind::Serializable(Some(Format::Json)), Content::Json)
            | (Kind::Serializable(Some(Format::Text)), Content::Text(_))
            | (Kind::Serializable(Some(Format::Bytes | Format::Custom) | None), Content::Bytes(_)) => return Ok(()),
            (_, Content::Container) => "a container",
            (_, Content::Json) => "a serializable object of JSON content",
            (_, Content::Text(_)) => "a serializable object of text",
            (_, Content::Bytes(_)) => "a serializable object of bytes",
        };
        let message = format!("the document is {own}, and class {} is stored otherwise", Quoted(class.name()));
        Err(self.located(Error::message(ErrorKind::ClassClash, message)))
    }

    /// The document of a record that is stored. It remembers that record, as `known` says where it was saved.
    pub(crate) fn stored(
        key: Key,
        class: &Class,
        record: Record,
        remember: impl FnOnce(&mut Remembered, Known),
    ) -> Result<Self> {
        let stored = record.fingerprint();
        let mut document = Self::from_record(key, class, record)?;
        // What cannot be written is not known to be unchanged.
        let encoded = document.encode().map_or(stored, |record| record.fingerprint());
        remember(&mut document.memory, Known { stored, encoded });
        Ok(document)
    }

    pub(crate) fn recall(&mut self, eyes: &Eyes) -> Option<Known> {
        self.memory.recall(eyes)
    }

    pub(crate) fn remember(&mut self, eyes: &Eyes, known: Known) {
        self.memory.remember(eyes, known);
    }

    /// Becomes another generation.
    pub(crate) fn set_key(&mut self, key: Key) {
        self.body.id = key.shared_id();
        self.key = key;
    }
}

impl Deref for Document {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.body
    }
}

impl DerefMut for Document {
    fn deref_mut(&mut self) -> &mut Body {
        &mut self.body
    }
}
