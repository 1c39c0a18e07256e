//! Records: leaves, and the trees that containers are.

use std::borrow::Cow;
use std::fmt;

use super::Key;
use super::error::{Error, Quoted, Result};
use super::name::{self, MAX_NAME};

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

/// The most containers within each other in one record, its own included.
pub(crate) const MAX_NESTING: usize = 128;

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
