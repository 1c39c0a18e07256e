//! The one error type, and the kinds that callers branch on.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

use crate::record::Key;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where (class, id, field, path) and why.
///
/// `Display` tells this layer only; [`source`](StdError::source) carries what lies below.
/// Branch on [`Error::kind`].
pub struct Error(Box<Inner>);

/// What is known of a record that is larger than a handle reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oversize {
    /// In bytes, if it was found out.
    pub(crate) size: Option<u64>,
}

struct Inner {
    kind: ErrorKind,
    message: String,
    class: Option<String>,
    id: Option<String>,
    field: Option<String>,
    place: Place,
    conflicts: Vec<Key>,
    oversize: Option<Oversize>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Where in the store the error lies, as far as the layers that it has passed through know.
enum Place {
    Unknown,
    /// A path that starts inside a record; the layers above put their names in front.
    Within(String),
    /// A whole path.
    At(String),
}

/// The kinds of [`Error`] that callers branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The object is not in the store.
    NotFound,
    /// What is stored is not what the caller expected to be there. Nothing was written.
    Conflict,
    /// Another thread or process held the writer lock for longer than the timeout.
    Locked,
    /// What is stored cannot be understood: truncated, edited into something else, of the wrong
    /// kind, or leading out of the store.
    Corrupt,
    /// A link leads to an object that is not there.
    Dangling,
    /// An id, key or class that no store can hold. Nothing was written.
    InvalidName,
    /// A value that could not come back as it was. Nothing was written.
    InvalidValue,
    /// Two types, or a type and a directory of other origin, claim one class.
    ClassClash,
    /// The directory holds something that is not a store.
    NotAStore,
    /// The store was written by a newer version of Sepia.
    UnsupportedFormat,
    /// The store, or the medium under it, cannot be written.
    ReadOnly,
    /// The disk failed to confirm a write, and the store refuses all others until it is opened again. Whether the commit
    /// that failed so is stored is known then.
    Poisoned,
    /// The operating system refused.
    Io,
    /// Anything else; user code's own errors by default.
    Other,
}

impl ErrorKind {
    /// What an error of this kind says when nothing better is known.
    const fn describe(self) -> &'static str {
        match self {
            Self::NotFound => "the object is not in the store",
            Self::Conflict => "what is stored is not what was expected",
            Self::Locked => "another writer holds the store",
            Self::Corrupt => "what is stored cannot be understood",
            Self::Dangling => "a link leads to an object that is not there",
            Self::InvalidName => "no store can hold such a name",
            Self::InvalidValue => "the value cannot be stored exactly",
            Self::ClassClash => "the class is already taken",
            Self::NotAStore => "the directory is not a store",
            Self::UnsupportedFormat => "the store has a newer format",
            Self::ReadOnly => "the store cannot be written",
            Self::Poisoned => "the disk failed to confirm a write, and the store must be opened again",
            Self::Io => "the operating system refused",
            Self::Other => "the operation failed",
        }
    }
}

impl Error {
    /// Wraps an error of the caller's own, e.g. in a hand-written
    /// [`Content`](crate::Content) or [`Fields`](crate::Fields).
    ///
    /// ```
    /// use sepia_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::InvalidValue, "a colour has three channels");
    /// assert_eq!(error.kind(), ErrorKind::InvalidValue);
    /// ```
    pub fn new(kind: ErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::message(kind, kind.describe());
        error.0.source = Some(source.into());
        error
    }

    /// Returns the kind to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Of a `Conflict`: returns the objects that are stored otherwise than was expected, the first
    /// one being that of the message. To merge, load each: that is the other side.
    pub fn conflicts(&self) -> &[Key] {
        &self.0.conflicts
    }

    pub(crate) fn conflict(message: &str, keys: Vec<Key>) -> Self {
        let mut error = Self::message(ErrorKind::Conflict, message);
        error.0.conflicts = keys;
        error
    }

    pub(crate) fn message(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            class: None,
            id: None,
            field: None,
            place: Place::Unknown,
            conflicts: Vec::new(),
            oversize: None,
            source: None,
        }))
    }

    /// The error of reading a record that is larger than the store was opened for, of this size where that is known.
    #[cfg(any(unix, feature = "sqlite"))]
    pub(crate) fn too_large(size: Option<u64>, most: u64) -> Self {
        let mut error = Self::corrupt(crate::record::too_large(size, most));
        error.0.oversize = Some(Oversize { size });
        error
    }

    /// Of a record that is only too large to be read by this handle: tells so. Nothing need be wrong with it.
    pub(crate) fn oversize(&self) -> Option<Oversize> {
        self.0.oversize
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::message(ErrorKind::Corrupt, message)
    }

    pub(crate) fn invalid_value(message: impl Into<String>) -> Self {
        Self::message(ErrorKind::InvalidValue, message)
    }

    pub(crate) fn invalid_name(message: impl Into<String>) -> Self {
        Self::message(ErrorKind::InvalidName, message)
    }

    /// An error of the operating system in `operation` on `path`.
    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) fn io(operation: &str, path: &Path, source: impl Into<std::io::Error>) -> Self {
        let source = source.into();
        let kind = match source.kind() {
            std::io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            _ => ErrorKind::Io,
        };
        let mut error = Self::message(kind, format!("cannot {operation}")).at(path.to_string_lossy());
        error.0.source = Some(Box::new(source));
        error
    }

    /// An error with a cause that is none of this crate's.
    pub(crate) fn caused(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        let mut error = Self::message(kind, message);
        error.0.source = Some(Box::new(source));
        error
    }

    /// What this error means for something larger, which it is the cause of.
    pub(crate) fn because(message: impl Into<String>, cause: Self) -> Self {
        let mut error = Self::message(cause.kind(), message);
        error.0.source = Some(Box::new(cause));
        error
    }

    /// What this error means for whoever came upon it in the same place: the place is that of the outer error.
    pub(crate) fn meaning(mut self, kind: ErrorKind, message: impl Into<String>) -> Self {
        let mut error = Self::message(kind, message);
        let Inner { class, id, field, place, .. } = &mut *self.0;
        (error.0.class, error.0.id, error.0.field) = (class.take(), id.take(), field.take());
        error.0.place = std::mem::replace(place, Place::Unknown);
        error.0.source = Some(Box::new(self));
        error
    }

    /// The same error, of another kind.
    #[cfg(any(unix, feature = "sqlite"))]
    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Says what to do about it.
    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.0.message = format!("{}; {advice}", self.0.message);
        self
    }

    /// Names the object in which the error arose. The innermost object is kept.
    pub(crate) fn object(mut self, class: &str, id: &str) -> Self {
        if self.0.class.is_none() {
            self.0.class = Some(class.to_owned());
            self.0.id = Some(id.to_owned());
        }
        self
    }

    /// Names the class in which the error arose, of no object in particular.
    #[cfg(any(unix, feature = "sqlite"))]
    pub(crate) fn class(mut self, class: &str) -> Self {
        self.0.class.get_or_insert_with(|| class.to_owned());
        self
    }

    /// Names the field in which the error arose, unless it arose in an object further inside.
    pub(crate) fn field(mut self, name: &str) -> Self {
        if self.0.class.is_none() && self.0.field.is_none() {
            self.0.field = Some(name.to_owned());
        }
        self
    }

    /// Puts the name of an enclosing directory in front of the place, while it is not a whole path.
    pub(crate) fn inside(mut self, name: &str) -> Self {
        self.0.place = match self.0.place {
            Place::Unknown => Place::Within(name.to_owned()),
            Place::Within(rest) => Place::Within(format!("{name}/{rest}")),
            at @ Place::At(_) => at,
        };
        self
    }

    /// Puts the directory of the store in front of a place that is a path within it.
    pub(crate) fn below(mut self, root: &Path) -> Self {
        if let Place::At(path) = &mut self.0.place {
            *path = root.join(&*path).to_string_lossy().into_owned();
        }
        self
    }

    /// Makes the place a whole path: `path`, and what was known of the way below it.
    pub(crate) fn at(mut self, path: impl AsRef<str>) -> Self {
        let path = path.as_ref();
        self.0.place = match self.0.place {
            Place::Unknown => Place::At(path.to_owned()),
            Place::Within(rest) => Place::At(format!("{path}/{rest}")),
            at @ Place::At(_) => at,
        };
        self
    }
}

/// How names stand in messages: quoted, with what a terminal might obey escaped, and not endless.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        match self.0.char_indices().nth(SHOWN) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => {
                write!(f, "{:?}… ({} bytes)", &self.0[..end], self.0.len())
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, class, id, field, place, .. } = &*self.0;
        f.write_str(message)?;
        let mut separator = " (";
        let mut put = |f: &mut fmt::Formatter<'_>, label: &str, value: &str| {
            write!(f, "{separator}{label} {}", Quoted(value))?;
            separator = ", ";
            fmt::Result::Ok(())
        };
        if let Some(class) = class {
            put(f, "class", class)?;
        }
        if let Some(id) = id {
            put(f, "id", id)?;
        }
        if let Some(field) = field {
            put(f, "field", field)?;
        }
        let opened = class.is_some() || id.is_some() || field.is_some();
        if let Place::At(path) | Place::Within(path) = place {
            write!(f, "{}at {path}", if opened { ", " } else { " (" })?;
            return f.write_str(")");
        }
        if opened { f.write_str(")") } else { Ok(()) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &format_args!("{self}"));
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_travels() {
        fn travels<T: Send + Sync + 'static>() {}
        travels::<Error>();
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn the_innermost_object_and_the_whole_way_to_it_are_named() {
        let error = Error::corrupt("no closing brace")
            .field("name")
            .inside("data.json")
            .object("Board", "inner")
            .inside("0000_inner")
            .inside("boards")
            .field("boards")
            .object("Board", "outer")
            .at("/store/Board/outer")
            .at("/elsewhere");
        assert_eq!(
            error.to_string(),
            "no closing brace (class \"Board\", id \"inner\", field \"name\", \
             at /store/Board/outer/boards/0000_inner/data.json)"
        );
    }

    #[test]
    fn control_characters_and_endless_names_do_not_reach_the_terminal() {
        let error = Error::invalid_name("too long").object("Note", &"\u{1b}[2Jx".repeat(1000));
        let text = error.to_string();
        assert!(!text.contains('\u{1b}') && text.len() < 700, "{text}");
    }

    #[test]
    fn the_cause_is_in_the_source_and_not_in_the_message() {
        let error = Error::io("read", Path::new("/x"), std::io::Error::other("the cause"));
        assert_eq!(error.to_string(), "cannot read (at /x)");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the cause"));
    }
}
