//! Keys and records: what the store and its tools say to a backend, in plain data.
//!
//! ```
//! # use sepia_core as sepia;
//! use sepia::record::{Entries, Entry, Key, Name, Node, Record};
//!
//! # fn main() -> sepia::Result<()> {
//! let report = Key::new("Postit", "report")?;
//! assert_eq!(report.path(), "Postit/report");
//! assert_eq!(Key::new("Page", "a/b")?.path(), "Page/a%2Fb");
//!
//! // Board/work, with `data.json` and the link `pinned -> ../../Postit/report`.
//! let entries = vec![(Name::of("pinned")?, Entry::Link(report.clone()))];
//! let entries = Entries::new(entries).expect("one entry has one name");
//! let board = Record::Container(Node { data: b"{}\n".to_vec(), entries });
//! board.check()?;
//!
//! let Record::Container(node) = &board else { unreachable!() };
//! assert_eq!(node.entries.get("pinned"), Some(&Entry::Link(report)));
//! # Ok(())
//! # }
//! ```

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::class;
use crate::error::{Error, Quoted, Result};
use crate::id::Id;
use crate::name::{self, MAX_NAME, split_generation};
use crate::object::Object;

pub use crate::fingerprint::Fingerprint;

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

    /// Returns the key of an object.
    ///
    /// # Errors
    /// `InvalidName` if its id is empty or over 200 bytes once encoded.
    pub fn of<T: Object>(object: &T) -> Result<Self> {
        Self::of_id(T::__id(object))
    }

    pub(crate) fn of_id<T: Object>(id: &Id<T>) -> Result<Self> {
        Self::checked(ClassName::Static(T::__CLASS), id.shared())
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

/// The name of an entry in a container, in its encoded form: always fit to be a file's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// Returns the name of a field or of a map's key.
    ///
    /// # Errors
    /// `InvalidName` if it is over 200 bytes once encoded.
    pub fn of(text: &str) -> Result<Self> {
        let name = name::encode(text);
        if name.len() > MAX_NAME {
            let message = format!("the name {} is over {MAX_NAME} bytes once encoded", Quoted(text));
            return Err(Error::invalid_name(message));
        }
        Ok(Self(name.into()))
    }

    /// Takes an encoded name, as it stands on disk; `None` if it is not a canonical one.
    pub fn from_encoded(name: &str) -> Option<Self> {
        name::decode(name).map(|_| Self(name.into()))
    }

    /// The name of an element of a list: its index, at least four digits, and its id if it has one,
    /// of any length: an id that is too long is refused as a key.
    pub(crate) fn indexed(index: usize, id: Option<&str>) -> Self {
        let Some(id) = id else {
            return Self(format!("{index:04}").into());
        };
        let mut name = String::with_capacity(5 + id.len());
        // Formatting a number costs more than all the rest, and most are small.
        if let Ok(small) = u16::try_from(index)
            && small < 10_000
        {
            for power in [1000, 100, 10, 1] {
                name.push(char::from(b'0' + (small / power % 10) as u8));
            }
        } else {
            name.push_str(&index.to_string());
        }
        name.push('_');
        name.push_str(id);
        match name::encode(&name) {
            Cow::Borrowed(_) => Self(name.into()),
            Cow::Owned(encoded) => Self(encoded.into()),
        }
    }

    /// The name of an element of a set, of any length: an id that is too long is refused as a key.
    pub(crate) fn of_id(id: &str) -> Self {
        Self(name::encode(id).into())
    }

    /// Returns the encoded name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text whose name this is.
    pub fn text(&self) -> Cow<'_, str> {
        // Invariant: only canonical names are ever made.
        name::decode(&self.0).unwrap_or(Cow::Borrowed(&self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// What a backend stores for one top-level object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A serializable object: the bytes of its file.
    Leaf(Vec<u8>),
    /// A container, with everything nested in it.
    Container(Node),
}

/// The most directories within each other in one record, its own not counted: collections and nested
/// containers. What is deeper would exhaust handles and stacks when it is read.
pub(crate) const MAX_DIRECTORIES: usize = 400;

/// The most bytes of an encoded name in a container: what file systems take. An index and an id with its generation
/// fit.
pub(crate) const MAX_ENTRY_NAME: usize = 255;

/// The most bytes of a record, where whoever opens the store does not say otherwise: 1 GiB. Each entry of a container
/// counts as 64 bytes.
pub const MAX_RECORD_SIZE: u64 = 1 << 30;

/// What an entry of a container counts, besides the contents.
pub(crate) const ENTRY_SIZE: u64 = 64;

/// What is said of a record of this size, where that is known.
pub(crate) fn too_large(size: Option<u64>, most: u64) -> String {
    let size = size.map_or(format!("more than {most}"), |size| size.to_string());
    format!(
        "the record has {size} bytes, and the limit is {most}: `StoreBuilder::max_record_size`, \
         `Archive::max_record_size` or `sepia --max-record-size` sets another one"
    )
}

impl Record {
    /// Checks that any backend can store this record.
    ///
    /// # Errors
    /// `InvalidValue` if it holds a [stray](Entry::Stray), a name of over 255 bytes once encoded, or collections and
    /// nested containers over 400 levels deep.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Leaf(_) => Ok(()),
            Self::Container(node) => check_entries(&node.entries, 0),
        }
    }

    /// Checks that the record is not larger than a backend was opened for.
    ///
    /// # Errors
    /// `InvalidValue` if its contents have more than `most` bytes, each entry of a container counted as 64 more.
    pub fn check_size(&self, most: u64) -> Result<()> {
        let size = match self {
            Self::Leaf(content) => content.len() as u64,
            Self::Container(node) => bytes(node).saturating_add(ENTRY_SIZE.saturating_mul(count(&node.entries))),
        };
        if size > most { Err(Error::invalid_value(too_large(Some(size), most))) } else { Ok(()) }
    }
}

impl Record {
    /// Calls `each` with where every link leads, nested ones included, in the order of the entries.
    pub fn each_link<'r>(&'r self, each: &mut dyn FnMut(&'r Key)) {
        if let Self::Container(node) = self {
            each_link(&node.entries, each);
        }
    }

    /// Returns the bytes of its content: of a leaf, or of every `data.json` of a container.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Leaf(content) => content.len() as u64,
            Self::Container(node) => bytes(node),
        }
    }
}

// The depth of a record is bounded: see `MAX_DIRECTORIES`.
fn each_link<'r>(entries: &'r Entries, each: &mut dyn FnMut(&'r Key)) {
    for (_, entry) in entries.iter() {
        match entry {
            Entry::Link(key) => each(key),
            Entry::Container(node) => each_link(&node.entries, each),
            Entry::Collection(entries) => each_link(entries, each),
            Entry::Stray => {}
        }
    }
}

fn bytes(node: &Node) -> u64 {
    fn of_entries(entries: &Entries) -> u64 {
        let of_entry = |(_, entry): (_, &Entry)| match entry {
            Entry::Link(_) | Entry::Stray => 0,
            Entry::Container(node) => bytes(node),
            Entry::Collection(entries) => of_entries(entries),
        };
        entries.iter().map(of_entry).sum()
    }
    node.data.len() as u64 + of_entries(&node.entries)
}

/// How many entries there are, nested ones included.
fn count(entries: &Entries) -> u64 {
    let within = |(_, entry): (_, &Entry)| match entry {
        Entry::Link(_) | Entry::Stray => 0,
        Entry::Container(node) => count(&node.entries),
        Entry::Collection(entries) => count(entries),
    };
    entries.len() as u64 + entries.iter().map(within).sum::<u64>()
}

fn check_entries(entries: &Entries, depth: usize) -> Result<()> {
    for (name, entry) in entries.iter() {
        if name.as_str().len() > MAX_ENTRY_NAME {
            let message = format!("the name of an entry is over {MAX_ENTRY_NAME} bytes once encoded");
            return Err(Error::invalid_value(message).inside(name.as_str()));
        }
        let inner = match entry {
            Entry::Link(_) => continue,
            Entry::Stray => return Err(Error::invalid_value("a stray cannot be put").inside(name.as_str())),
            Entry::Container(node) => &node.entries,
            Entry::Collection(entries) => entries,
        };
        if depth == MAX_DIRECTORIES {
            let message = format!("collections and containers nest deeper than {MAX_DIRECTORIES} levels");
            return Err(Error::invalid_value(message));
        }
        check_entries(inner, depth + 1)?;
    }
    Ok(())
}

/// A container's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The bytes of its `data.json`.
    pub data: Vec<u8>,
    /// Everything else in it.
    pub entries: Entries,
}

/// What stands under a name in a container's directory or in a collection's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A link to a top-level object: a symlink.
    Link(Key),
    /// A nested container: a directory with a `data.json`.
    Container(Node),
    /// A collection: a directory without one.
    Collection(Entries),
    /// A file that is not Sepia's. Backends may return it, and never write or remove it.
    Stray,
}

/// The entries of one directory, each name once, in the order of the names' bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entries(Vec<(Name, Entry)>);

impl Entries {
    /// Takes entries in any order.
    ///
    /// # Errors
    /// The name, if two entries have the same.
    pub fn new(mut entries: Vec<(Name, Entry)>) -> Result<Self, Name> {
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            if let Some(twice) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(twice[1].0.clone());
            }
        }
        Ok(Self(entries))
    }

    /// Returns the entry of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        let at = self.0.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// Returns the entries from number `from` on.
    #[cfg(unix)]
    pub(crate) fn from(&self, from: usize) -> &[(Name, Entry)] {
        self.0.get(from..).unwrap_or_default()
    }

    /// Returns the entry of this name.
    #[cfg(unix)]
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Entry> {
        let at = self.0.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        Some(&mut self.0[at].1)
    }

    /// Puts an entry under a name, whatever is there.
    #[cfg(unix)]
    pub(crate) fn set(&mut self, name: Name, entry: Entry) {
        match self.0.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(at) => self.0[at].1 = entry,
            Err(at) => self.0.insert(at, (name, entry)),
        }
    }

    /// Returns the entry of this name, and puts `entry` there if there is none.
    pub(crate) fn get_or_insert(&mut self, name: Name, entry: Entry) -> &mut Entry {
        let at = match self.0.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (name, entry));
                at
            }
        };
        &mut self.0[at].1
    }

    /// Keeps the entries for which `keep` says so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Name, &mut Entry) -> bool) {
        self.0.retain_mut(|(name, entry)| keep(name, entry));
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Iterates in the order of the names' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, &Entry)> {
        self.0.iter().map(|(name, entry)| (name, entry))
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl IntoIterator for Entries {
    type Item = (Name, Entry);
    type IntoIter = std::vec::IntoIter<(Name, Entry)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
