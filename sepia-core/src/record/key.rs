//! Keys: the class and the id of an object.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::class;
use super::error::{Error, Quoted, Result};
use super::name::{self, MAX_NAME, split_generation};

/// Names a top-level object: its class and its id. Every key can be stored; what cannot is refused
/// when the key is made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    class: ClassName,
    id: Arc<str>,
}

/// The class of a key. The types of a program know theirs for good; others share what was read.
#[derive(Clone)]
enum ClassName {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Deref for ClassName {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Self::Static(name) => name,
            Self::Shared(name) => name,
        }
    }
}

impl PartialEq for ClassName {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for ClassName {}

impl PartialOrd for ClassName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ClassName {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl Hash for ClassName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// Whether an id, without its generation, has at most as many bytes as a name may, once encoded.
fn is_short_enough(id: &str) -> bool {
    let base = split_generation(id).map_or(id, |(base, _)| base);
    name::encode(base).len() <= MAX_NAME
}

impl Key {
    /// Makes a key from a class and an id.
    ///
    /// # Errors
    /// `InvalidName` if one of them is empty or over 200 bytes once encoded; a generation at the
    /// end of the id does not count.
    pub fn new(class: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Result<Self> {
        let class = class.into();
        class::check_name(&class)?;
        Self::checked(ClassName::Shared(class), id.into())
    }

    /// The key of an object of a class that the program knows.
    ///
    /// # Errors
    /// `InvalidName` if the id is empty or over 200 bytes once encoded.
    pub(crate) fn of_static(class: &'static str, id: Arc<str>) -> Result<Self> {
        Self::checked(ClassName::Static(class), id)
    }

    /// Whether a text can be an id: not empty, and not too long.
    pub(crate) fn is_id(text: &str) -> bool {
        !text.is_empty() && (text.len() <= MAX_NAME / 3 || is_short_enough(text))
    }

    fn checked(class: ClassName, id: Arc<str>) -> Result<Self> {
        if id.is_empty() {
            return Err(Error::invalid_name("an id cannot be empty").object(&class, &id));
        }
        // Encoding never shortens, and at most triples.
        if id.len() > MAX_NAME / 3 && !is_short_enough(&id) {
            let message = format!("the id is over {MAX_NAME} bytes once encoded");
            return Err(Error::invalid_name(message).object(&class, &id));
        }
        Ok(Self { class, id })
    }

    /// The same as [`new`](Self::new), of a class that is likely to be that of `last`, whose name is shared then.
    #[cfg(feature = "sqlite")]
    pub(crate) fn beside(last: Option<&Self>, class: &str, id: &str) -> Result<Self> {
        match last {
            Some(last) if last.class() == class => last.sibling(id),
            _ => Self::new(class, id),
        }
    }

    /// The same class, another id.
    pub(crate) fn sibling(&self, id: &str) -> Result<Self> {
        Self::checked(self.class.clone(), id.into())
    }

    /// Takes the id apart as one of a class that keeps generations: the key of the base, and the
    /// generation, 0 for an id that names none.
    pub fn generation(&self) -> (Self, u64) {
        match split_generation(&self.id) {
            // Invariant: what begins a key that fits makes a key that fits.
            Some((base, generation)) => (Self { class: self.class.clone(), id: base.into() }, generation),
            None => (self.clone(), 0),
        }
    }

    /// Returns the class.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Returns the id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    /// Returns the encoded id: the name of its file or directory.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        name::encode(&self.id)
    }

    /// Returns the encoded class: the name of its directory.
    pub(crate) fn class_name(&self) -> Cow<'_, str> {
        name::encode(&self.class)
    }

    /// Returns `{class}/{id}`, both encoded: the path below the store's root.
    pub fn path(&self) -> String {
        let (class, name) = (self.class_name(), self.name());
        let mut path = String::with_capacity(class.len() + 1 + name.len());
        path.push_str(&class);
        path.push('/');
        path.push_str(&name);
        path
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", &*self.class, Quoted(&self.id))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
