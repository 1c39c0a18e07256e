//! What a store knows of a class.

use std::borrow::Cow;

use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::name::{self, MAX_NAME};

/// A class and its options, as a store declares them so that tools need no types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    name: Cow<'static, str>,
    kind: Kind,
    generations: Option<bool>,
}

/// Whether the objects of a class are files or directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file each, of the given format. `None`: not yet known, in an adopted store.
    Serializable(Option<Format>),
    /// One directory each.
    Container,
}

/// What the file of a serializable object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The fields, as a JSON object.
    Json,
    /// The text itself, UTF-8.
    Text,
    /// The bytes themselves.
    Bytes,
    /// Whatever the type's [`Content`](crate::Content) makes of it.
    Custom,
}

impl Class {
    /// A class of containers, without generations.
    pub const fn container(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), kind: Kind::Container, generations: Some(false) }
    }

    /// A class of serializable objects, without generations.
    pub const fn serializable(name: &'static str, format: Format) -> Self {
        Self { name: Cow::Borrowed(name), kind: Kind::Serializable(Some(format)), generations: Some(false) }
    }

    /// The same class, keeping generations.
    #[must_use]
    pub const fn with_generations(mut self) -> Self {
        self.generations = Some(true);
        self
    }

    /// A class as a store declares it; `generations` is `None` where that is not yet known.
    ///
    /// # Errors
    /// `InvalidName` if the name is empty or over 200 bytes once encoded.
    pub fn declared(name: String, kind: Kind, generations: Option<bool>) -> Result<Self> {
        check_name(&name)?;
        Ok(Self { name: Cow::Owned(name), kind, generations })
    }

    /// Returns the name, which is that of the directory once encoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether its objects are files or directories.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns whether its ids end in generations; `None` where that is not yet known.
    pub fn generations(&self) -> Option<bool> {
        self.generations
    }

    pub(crate) fn keeps_generations(&self) -> bool {
        self.generations == Some(true)
    }

    /// Whether ids end in generations, or nobody has said that they do not.
    pub(crate) fn may_keep_generations(&self) -> bool {
        self.generations != Some(false)
    }

    /// Brings a declaration and a later claim to the same class together: what one of them does
    /// not know, the other fills in.
    ///
    /// # Errors
    /// `ClassClash` if they contradict each other.
    pub fn merge(&self, other: &Class) -> Result<Class> {
        let kind = match (self.kind, other.kind) {
            (Kind::Container, Kind::Container) => Some(Kind::Container),
            (Kind::Serializable(a), Kind::Serializable(b)) if a.is_none() || b.is_none() || a == b => {
                Some(Kind::Serializable(a.or(b)))
            }
            _ => None,
        };
        let generations = match (self.generations, other.generations) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.or(b)),
        };
        let (Some(kind), Some(generations)) = (kind, generations) else {
            let message = format!(
                "class {} is stored as {}, and claimed as {}",
                Quoted(&self.name),
                self.describe(),
                other.describe()
            );
            return Err(Error::message(ErrorKind::ClassClash, message));
        };
        Ok(Self { name: self.name.clone(), kind, generations })
    }

    fn describe(&self) -> String {
        let kind = match self.kind {
            Kind::Container => "containers".to_owned(),
            Kind::Serializable(None) => "serializable objects".to_owned(),
            Kind::Serializable(Some(format)) => format!("serializable objects (content {:?})", format.as_str()),
        };
        match self.generations {
            Some(true) => kind + " with generations",
            Some(false) => kind + " without generations",
            None => kind,
        }
    }
}

impl Format {
    /// Returns the word for it in `#[sepia(content = "..")]` and in the store's declaration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Custom => "custom",
        }
    }

    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Json, Self::Text, Self::Bytes, Self::Custom].into_iter().find(|format| format.as_str() == word)
    }
}

/// Checks that a class can be stored under this name.
pub(crate) fn check_name(class: &str) -> Result<()> {
    if class.is_empty() {
        return Err(Error::invalid_name("a class cannot have an empty name"));
    }
    if name::encode(class).len() > MAX_NAME {
        let message = format!("the class name {} is over {MAX_NAME} bytes once encoded", Quoted(class));
        return Err(Error::invalid_name(message));
    }
    Ok(())
}
