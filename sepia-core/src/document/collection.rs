//! Links, nested documents, and collections of them.

use std::sync::Arc;

use super::Body;
use crate::record::error::{Error, Quoted, Result};
use crate::record::{Key, Name};

/// What a field holds that is no value, or an element of a collection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Member {
    /// A link to an object of its own.
    Link(Key),
    /// A container that is part of the record.
    Nested(Body),
    /// A list, a set or a map.
    Collection(Collection),
}

impl Member {
    /// What a list or a set shows of a member in its name.
    fn shown(&self) -> Option<Arc<str>> {
        match self {
            Self::Link(key) => Some(key.shared_id()),
            Self::Nested(body) => Some(Arc::clone(&body.id)),
            Self::Collection(_) => None,
        }
    }

    pub(super) fn forget_files(&mut self) {
        match self {
            Self::Link(_) => {}
            Self::Nested(body) => body.forget_files(),
            Self::Collection(collection) => {
                collection.elements.iter_mut().for_each(|element| element.member.forget_files());
            }
        }
    }
}

impl From<Key> for Member {
    fn from(key: Key) -> Self {
        Self::Link(key)
    }
}

impl From<Body> for Member {
    fn from(body: Body) -> Self {
        Self::Nested(body)
    }
}

impl From<Collection> for Member {
    fn from(collection: Collection) -> Self {
        Self::Collection(collection)
    }
}

/// A list, a set or a map of links, nested documents and collections.
///
/// Which of the three it is, only the type of the field knows for sure. The names of its members tell mostly: those of a
/// list are numbered (`0007_note`), those of a set are ids, and those of a map are keys. So an empty collection becomes
/// what is put into it first: [`push`](Self::push) makes a list, [`add`](Self::add) a set and [`insert`](Self::insert) a
/// map; a collection with numbered names takes no keys, and one with others no elements of a list.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// Of a list, in the order of the indices; else in the order of the names' bytes.
    pub(super) elements: Vec<Element>,
}

/// A place in a collection.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: Name,
    /// Whether a nested document tells its id even where the name shows it: under a key of a map.
    pub(super) tells_id: bool,
    pub(super) member: Member,
}

/// The smallest index of a list has leading zeros, as no year has.
const PADDED: u64 = 1000;

impl Collection {
    /// Makes an empty collection.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// assert!(sepia::document::Collection::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes members in any order, each name once.
    pub(super) fn of(mut elements: Vec<Element>) -> Self {
        if elements.iter().all(Element::is_numbered) {
            elements.sort_by_key(|element| index(&element.name));
        } else {
            elements.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Self { elements }
    }

    /// Returns how many members there are.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// assert_eq!(sepia::document::Collection::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Returns whether there are none.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// assert!(sepia::document::Collection::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Returns whether the names are those of a list: an index each, of at least four digits, and the id behind it, and
    /// no index twice.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut postits = sepia::document::Collection::new();
    /// postits.push(Key::new("Postit", "report")?)?;
    /// assert!(postits.is_list());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_list(&self) -> bool {
        let indices = || self.elements.iter().map(|element| index(&element.name));
        let exact = self.elements.iter().filter(|element| element.shows_id()).count();
        // Keys of a map can look like it, and do not show ids.
        2 * exact >= self.len()
            && self.elements.iter().all(Element::is_numbered)
            && indices().next().flatten().is_some_and(|first| first < PADDED)
            && indices().zip(indices().skip(1)).all(|(one, next)| one < next)
    }

    /// Iterates over the members with their names: of a list in its order, else in the order of the names' bytes.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut postits = sepia::document::Collection::new();
    /// postits.push(Key::new("Postit", "report")?)?;
    /// assert_eq!(postits.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0000_report"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, &Member)> {
        self.elements.iter().map(|element| (&element.name, &element.member))
    }

    /// Returns the member under a key of a map, or an id of a set.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Collection, Member};
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut by_name = Collection::new();
    /// by_name.insert("a/b", Key::new("Postit", "report")?)?;
    /// assert!(matches!(by_name.get("a/b"), Some(Member::Link(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, key: &str) -> Option<&Member> {
        self.elements.iter().find(|element| element.name.text() == key).map(|element| &element.member)
    }

    /// The same as [`get`](Self::get), to change the member.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Body, Collection, Member};
    /// # fn main() -> sepia::Result<()> {
    /// let mut by_name = Collection::new();
    /// by_name.insert("front", Body::new("cover")?)?;
    /// if let Some(Member::Nested(cover)) = by_name.get_mut("front") {
    ///     cover.set("colour", "red")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Member> {
        self.elements.iter_mut().find(|element| element.name.text() == key).map(|element| &mut element.member)
    }

    /// Returns the member at a place, counted from 0 in the order of [`iter`](Self::iter).
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut postits = sepia::document::Collection::new();
    /// postits.push(Key::new("Postit", "report")?)?;
    /// assert!(postits.get_index(0).is_some() && postits.get_index(1).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_index(&self, index: usize) -> Option<&Member> {
        self.elements.get(index).map(|element| &element.member)
    }

    /// The same as [`get_index`](Self::get_index), to change the member. The name of an element of a list goes on
    /// showing the id that it had, which is for people only where the element is a link.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Body, Collection, Member};
    /// # fn main() -> sepia::Result<()> {
    /// let mut chapters = Collection::new();
    /// chapters.push(Body::new("intro")?)?;
    /// if let Some(Member::Nested(intro)) = chapters.get_index_mut(0) {
    ///     intro.set("title", "Introduction")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_index_mut(&mut self, index: usize) -> Option<&mut Member> {
        self.elements.get_mut(index).map(|element| &mut element.member)
    }

    /// Appends an element to a list, which is numbered anew.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut postits = sepia::document::Collection::new();
    /// postits.push(Key::new("Postit", "a")?)?;
    /// postits.push(Key::new("Postit", "b")?)?;
    /// assert_eq!(postits.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0000_a", "0001_b"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the names of the members are not those of a list.
    pub fn push(&mut self, member: impl Into<Member>) -> Result<()> {
        self.insert_at(self.len(), member)
    }

    /// Puts an element into a list, before the one of this index, or at the end; the list is numbered anew.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut postits = sepia::document::Collection::new();
    /// postits.push(Key::new("Postit", "b")?)?;
    /// postits.insert_at(0, Key::new("Postit", "a")?)?;
    /// assert_eq!(postits.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0000_a", "0001_b"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the names of the members are not those of a list, or the index is greater than their number.
    pub fn insert_at(&mut self, index: usize, member: impl Into<Member>) -> Result<()> {
        if !self.is_empty() && !self.is_list() {
            let message = "the collection is no list: its names are not numbered, or two have one number";
            return Err(Error::invalid_value(message));
        }
        if index > self.len() {
            let message = format!("the list has no place {index}: it has {} elements", self.len());
            return Err(Error::invalid_value(message));
        }
        let member = member.into();
        let name = Name::indexed(index, member.shown().as_deref());
        self.elements.insert(index, Element { name, tells_id: false, member });
        self.renumber();
        Ok(())
    }

    /// Removes an element of a list, which is numbered anew; of a set or a map, the member at this place of
    /// [`iter`](Self::iter).
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut postits = sepia::document::Collection::new();
    /// postits.push(Key::new("Postit", "a")?)?;
    /// postits.push(Key::new("Postit", "b")?)?;
    /// assert!(postits.remove_at(0).is_some());
    /// assert_eq!(postits.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0000_b"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_at(&mut self, index: usize) -> Option<Member> {
        if index >= self.len() {
            return None;
        }
        let is_list = self.is_list();
        let Element { member, .. } = self.elements.remove(index);
        if is_list {
            self.renumber();
        }
        Some(member)
    }

    /// Puts a member under a key of a map, and returns what was there.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut by_name = sepia::document::Collection::new();
    /// assert!(by_name.insert("a/b", Key::new("Postit", "report")?)?.is_none());
    /// assert_eq!(by_name.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a%2Fb"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidName` if the key is over 200 bytes once encoded; `InvalidValue` if the names of the members are those of a
    /// list.
    pub fn insert(&mut self, key: &str, member: impl Into<Member>) -> Result<Option<Member>> {
        let name = Name::of(key)?;
        self.put(Element { name, tells_id: true, member: member.into() })
    }

    /// Adds an element to a set, and returns whether it is new. One of the same id is replaced.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut postits = sepia::document::Collection::new();
    /// assert!(postits.add(Key::new("Postit", "report")?)?);
    /// assert!(!postits.add(Key::new("Postit", "report")?)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the element is a collection, or the names of the members are those of a list.
    pub fn add(&mut self, member: impl Into<Member>) -> Result<bool> {
        let member = member.into();
        let Some(id) = member.shown() else {
            return Err(Error::invalid_value(
                "the elements of a set are links or nested documents, and no collections",
            ));
        };
        Ok(self.put(Element { name: Name::of_id(&id), tells_id: false, member })?.is_none())
    }

    fn put(&mut self, element: Element) -> Result<Option<Member>> {
        if self.is_list() {
            let name = Quoted(element.name.as_str());
            let message = format!("{name} cannot stand in a list, whose elements are numbered");
            return Err(Error::invalid_value(message));
        }
        match self.elements.iter_mut().find(|other| other.name == element.name) {
            Some(before) => Ok(Some(std::mem::replace(before, element).member)),
            None => {
                self.elements.push(element);
                *self = Self::of(std::mem::take(&mut self.elements));
                Ok(None)
            }
        }
    }

    /// Removes the member under a key of a map, or an id of a set; of a list, the element of this name (`0007_note`),
    /// and the list is numbered anew.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut by_name = sepia::document::Collection::new();
    /// by_name.insert("a", Key::new("Postit", "report")?)?;
    /// assert!(by_name.remove("a").is_some() && by_name.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&mut self, key: &str) -> Option<Member> {
        let at = self.elements.iter().position(|element| element.name.text() == key)?;
        self.remove_at(at)
    }

    /// The place of an encoded name, or of an index of a list.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let named = self.elements.iter().position(|element| element.name.as_str() == name);
        named.or_else(|| name.parse().ok().filter(|index| *index < self.len() && self.is_list()))
    }

    fn renumber(&mut self) {
        for (index, element) in self.elements.iter_mut().enumerate() {
            element.name = Name::indexed(index, element.member.shown().as_deref());
        }
    }
}

impl Element {
    /// Whether the name is an index, with what an element of a list shows behind it.
    fn is_numbered(&self) -> bool {
        let is_shown = self.name.as_str().contains('_');
        let is_fit = match self.member {
            Member::Link(_) => is_shown,
            // One that tells its id is mostly one of a map.
            Member::Nested(_) => is_shown && !self.tells_id,
            Member::Collection(_) => !is_shown,
        };
        is_fit && index(&self.name).is_some()
    }

    /// Whether the name says exactly what that of an element of a list says behind its index.
    fn shows_id(&self) -> bool {
        let text = self.name.text();
        text.split_once('_').map(|(_, id)| id) == self.member.shown().as_deref()
    }

    /// Whether a nested document has to tell its id, as the name does not show it.
    pub(super) fn has_to_tell(&self, id: &str) -> bool {
        let text = self.name.text();
        let is_element = index(&self.name).and_then(|_| text.split_once('_')).is_some_and(|(_, shown)| shown == id);
        self.tells_id || !is_element && text != id
    }
}

fn index(name: &Name) -> Option<u64> {
    let digits = name.as_str().split_once('_').map_or(name.as_str(), |(digits, _)| digits);
    let is_index = digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_index)
}
