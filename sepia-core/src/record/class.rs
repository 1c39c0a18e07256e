//! What a store knows of a class.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::name::{self, MAX_NAME};

/// A class and its options, as a store declares them so that tools need no types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    name: Cow<'static, str>,
    kind: Kind,
    generations: Option<bool>,
    more: Option<Arc<More>>,
}

/// What else is declared about a class, or a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct More {
    pub(crate) requires: Requires,
    /// What only later versions know, by its name: JSON, as it was found.
    pub(crate) unknown: BTreeMap<String, Box<str>>,
}

impl More {
    /// What either says; this one, where they differ.
    fn merge(&self, other: &Self) -> Self {
        let mut merged = other.clone();
        merged.requires.read.extend(self.requires.read.iter().cloned());
        merged.requires.write.extend(self.requires.write.iter().cloned());
        merged.unknown.extend(self.unknown.clone());
        merged
    }

    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a program must understand of a store, or of a class, in order to use it: names that versions of Sepia give to
/// what changes the meaning of the records, and the names of [layers](crate::backend::OpenOptions::layers).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requires {
    /// Who reads, and who writes.
    pub(crate) read: BTreeSet<String>,
    /// Who writes.
    pub(crate) write: BTreeSet<String>,
}

impl Requires {
    pub(crate) const fn none() -> Self {
        Self { read: BTreeSet::new(), write: BTreeSet::new() }
    }

    /// Checks that who knows these names can read. `what` is the subject of the error.
    pub(crate) fn check_read(&self, known: &[String], what: &dyn fmt::Display) -> Result<()> {
        check_known(&self.read, known, what, "reads")
    }

    /// Checks that who knows these names can read and write.
    pub(crate) fn check_write(&self, known: &[String], what: &dyn fmt::Display) -> Result<()> {
        self.check_read(known, what)?;
        check_known(&self.write, known, what, "writes")
    }
}

fn check_known(names: &BTreeSet<String>, known: &[String], what: &dyn fmt::Display, does: &str) -> Result<()> {
    let Some(name) = names.iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let advice = if does == "writes" { ", or open the store for reading only" } else { "" };
    let message = format!(
        "{what} requires {} of whoever {does} it, which this program does not know: use the program that made it, or a \
         newer one{advice}",
        Quoted(name)
    );
    Err(Error::message(ErrorKind::UnsupportedFormat, message))
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
        Self { name: Cow::Borrowed(name), kind: Kind::Container, generations: Some(false), more: None }
    }

    /// A class of serializable objects, without generations.
    pub const fn serializable(name: &'static str, format: Format) -> Self {
        Self { name: Cow::Borrowed(name), kind: Kind::Serializable(Some(format)), generations: Some(false), more: None }
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
        Ok(Self { name: Cow::Owned(name), kind, generations, more: None })
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

    /// Returns what else is declared about it.
    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) fn more(&self) -> Option<&More> {
        self.more.as_deref()
    }

    /// The same class, with what else is declared about it.
    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) fn with_more(mut self, more: More) -> Self {
        self.more = (!more.is_empty()).then(|| Arc::new(more));
        self
    }

    fn requires(&self) -> &Requires {
        const NONE: &Requires = &Requires::none();
        self.more.as_ref().map_or(NONE, |more| &more.requires)
    }

    /// Checks that this version understands what it takes to read records of the class.
    ///
    /// # Errors
    /// `UnsupportedFormat`.
    pub fn check_readable(&self) -> Result<()> {
        let checked = self.requires().check_read(&[], &format_args!("class {}", Quoted(&self.name)));
        checked.map_err(|error| error.class(&self.name))
    }

    /// Checks that this version understands what it takes to put and delete records of the class.
    ///
    /// # Errors
    /// `UnsupportedFormat`.
    pub fn check_writable(&self) -> Result<()> {
        let checked = self.requires().check_write(&[], &format_args!("class {}", Quoted(&self.name)));
        checked.map_err(|error| error.class(&self.name))
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
        let more = match (&self.more, &other.more) {
            (Some(a), Some(b)) if a != b => Some(Arc::new(a.merge(b))),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        Ok(Self { name: self.name.clone(), kind, generations, more })
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
