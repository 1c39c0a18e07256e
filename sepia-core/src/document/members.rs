//! The fields of a document that are no values: links, nested documents and collections.

use super::body::Holds;
use super::{Body, Collection, Member};
use crate::record::error::Result;
use crate::record::{Key, Name};

/// Links, nested documents and collections.
impl Body {
    /// Returns the member under a field's name.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Body, Collection, Member};
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("work")?;
    /// body.set_collection("notes", Collection::new())?;
    /// assert!(matches!(body.member("notes"), Some(Member::Collection(notes)) if notes.is_empty()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn member(&self, field: &str) -> Option<&Member> {
        self.members.iter().find(|(name, _)| name.text() == field).map(|(_, member)| member)
    }

    /// Returns the member under a field's name, to change it.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Body, Collection, Member};
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("work")?;
    /// body.set_link("pinned", Key::new("Postit", "a")?)?;
    /// if let Some(Member::Link(key)) = body.member_mut("pinned") {
    ///     *key = Key::new("Postit", "b")?;
    /// }
    /// assert_eq!(body.link("pinned"), Some(&Key::new("Postit", "b")?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn member_mut(&mut self, field: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|(name, _)| name.text() == field).map(|(_, member)| member)
    }

    /// Returns where a link leads.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set_link("pinned", Key::new("Postit", "report")?)?;
    /// assert_eq!(body.link("pinned").map(Key::id), Some("report"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn link(&self, field: &str) -> Option<&Key> {
        match self.member(field) {
            Some(Member::Link(key)) => Some(key),
            _ => None,
        }
    }

    /// Returns a nested document.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::Body;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("book")?;
    /// body.set_nested("cover", Body::new("front")?)?;
    /// assert_eq!(body.nested("cover").map(Body::id), Some("front"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn nested(&self, field: &str) -> Option<&Self> {
        match self.member(field) {
            Some(Member::Nested(body)) => Some(body),
            _ => None,
        }
    }

    /// Returns a nested document, to change it.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::Body;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("book")?;
    /// body.set_nested("cover", Body::new("front")?)?;
    /// body.nested_mut("cover").expect("it was set").set("colour", "red")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn nested_mut(&mut self, field: &str) -> Option<&mut Self> {
        match self.member_mut(field) {
            Some(Member::Nested(body)) => Some(body),
            _ => None,
        }
    }

    /// Returns a collection.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Body, Collection};
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("book")?;
    /// body.set_collection("chapters", Collection::new())?;
    /// assert_eq!(body.collection("chapters").map(Collection::len), Some(0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn collection(&self, field: &str) -> Option<&Collection> {
        match self.member(field) {
            Some(Member::Collection(collection)) => Some(collection),
            _ => None,
        }
    }

    /// Returns a collection, to change it; an empty one, which the field is from then on, if the field is not there:
    /// most empty collections are not stored.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Body, Member};
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("work")?;
    /// body.collection_mut("postits")?.push(Key::new("Postit", "report")?)?;
    /// assert_eq!(body.collection("postits").map(|postits| postits.len()), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the field is a value, a link or a nested document; `InvalidName` as for
    /// [`set_link`](Self::set_link).
    pub fn collection_mut(&mut self, field: &str) -> Result<&mut Collection> {
        if self.member(field).is_none() {
            self.set_collection(field, Collection::new())?;
        }
        let wrong = self.wrong(field, "the field is a link or a nested document, and no collection");
        match self.member_mut(field) {
            Some(Member::Collection(collection)) => Ok(collection),
            _ => Err(wrong),
        }
    }

    /// Sets a field to a link. As with a [`Ref`](crate::Ref), what it leads to need not be stored.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set_link("pinned", Key::new("Postit", "report")?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the field is a value or a collection, or this is a serializable object; `InvalidName` if the name begins with
    /// `sepia_` or is over 200 bytes once encoded. The field is as before then.
    pub fn set_link(&mut self, field: &str, key: Key) -> Result<()> {
        self.put_member(field, Member::Link(key))
    }

    /// Sets a field to a nested document.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::Body;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("book")?;
    /// body.set_nested("cover", Body::new("front")?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`set_link`](Self::set_link).
    pub fn set_nested(&mut self, field: &str, nested: Self) -> Result<()> {
        self.put_member(field, Member::Nested(nested))
    }

    /// Sets a field to a collection. One that is empty is stored as such.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::{Body, Collection};
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = Body::new("book")?;
    /// body.set_collection("chapters", Collection::new())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidValue` if the field is a value, a link or a nested document, or this is a serializable object;
    /// `InvalidName` as for [`set_link`](Self::set_link). The field is as before then.
    pub fn set_collection(&mut self, field: &str, collection: Collection) -> Result<()> {
        self.put_member(field, Member::Collection(collection))
    }

    /// Sets a member to `None` where its absence would mean the default of the type.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::record::Key;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// body.set_link("pinned", Key::new("Postit", "report")?)?;
    /// body.set_none("pinned")?;
    /// assert!(body.is_none("pinned") && body.link("pinned").is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`set_link`](Self::set_link).
    pub fn set_none(&mut self, field: &str) -> Result<()> {
        let name = self.check_member(field)?;
        self.take_member(field);
        if !self.none.contains(&name) {
            self.none.push(name);
        }
        Ok(())
    }

    /// Returns whether a member is stored as `None`. Most that are `None` are not stored at all.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let mut body = sepia::document::Body::new("work")?;
    /// assert!(!body.is_none("pinned"));
    /// body.set_none("pinned")?;
    /// assert!(body.is_none("pinned"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_none(&self, field: &str) -> bool {
        self.none.iter().any(|name| name.text() == field)
    }

    fn put_member(&mut self, field: &str, member: Member) -> Result<()> {
        let name = self.check_member(field)?;
        let is_collection = |member: &Member| matches!(member, Member::Collection(_));
        if self.member(field).is_some_and(|before| is_collection(before) != is_collection(&member)) {
            let message = "the field is a collection, or is to become one, and no type is both: remove the field first";
            return Err(self.wrong(field, message));
        }
        self.take_none(field);
        match self.members.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(at) => self.members[at].1 = member,
            Err(at) => self.members.insert(at, (name, member)),
        }
        Ok(())
    }

    /// Returns the nested document to which encoded names lead, like `boards/0000_x`; of a list, an index will do:
    /// `boards/0`. An empty path leads to this one.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::Body;
    /// # fn main() -> sepia::Result<()> {
    /// let mut board = Body::new("work")?;
    /// board.collection_mut("boards")?.push(Body::new("x")?)?;
    /// assert_eq!(board.at("boards/0000_x").map(Body::id), Some("x"));
    /// assert_eq!(board.at("boards/0").map(Body::id), Some("x"));
    /// assert!(board.at("boards/1").is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn at(&self, path: &str) -> Option<&Self> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        let Some(field) = names.next() else { return Some(self) };
        let at = self.members.iter().position(|(name, _)| name.as_str() == field)?;
        let mut member = &self.members[at].1;
        for name in names {
            member = match member {
                Member::Link(_) => return None,
                Member::Nested(body) => &body.members.iter().find(|(other, _)| other.as_str() == name)?.1,
                Member::Collection(collection) => collection.get_index(collection.find(name)?)?,
            };
        }
        match member {
            Member::Nested(body) => Some(body),
            Member::Link(_) | Member::Collection(_) => None,
        }
    }

    /// The same as [`at`](Self::at), to change it.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::document::Body;
    /// # fn main() -> sepia::Result<()> {
    /// let mut board = Body::new("work")?;
    /// board.collection_mut("boards")?.push(Body::new("x")?)?;
    /// board.at_mut("boards/0").expect("it was pushed").set("name", "Inner")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn at_mut(&mut self, path: &str) -> Option<&mut Self> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        let Some(field) = names.next() else { return Some(self) };
        let at = self.members.iter().position(|(name, _)| name.as_str() == field)?;
        let mut member = &mut self.members[at].1;
        for name in names {
            member = match member {
                Member::Link(_) => return None,
                Member::Nested(body) => &mut body.members.iter_mut().find(|(other, _)| other.as_str() == name)?.1,
                Member::Collection(collection) => {
                    let index = collection.find(name)?;
                    collection.get_index_mut(index)?
                }
            };
        }
        match member {
            Member::Nested(body) => Some(body),
            Member::Link(_) | Member::Collection(_) => None,
        }
    }

    pub(super) fn take_member(&mut self, field: &str) -> Option<Member> {
        let at = self.members.iter().position(|(name, _)| name.text() == field)?;
        Some(self.members.remove(at).1)
    }

    pub(super) fn take_none(&mut self, field: &str) -> bool {
        let before = self.none.len();
        self.none.retain(|name| name.text() != field);
        self.none.len() != before
    }

    /// Checks that a field can be a member, and returns its name.
    fn check_member(&self, field: &str) -> Result<Name> {
        if self.holds != Holds::All {
            let message = "a serializable object is one file, and holds no links, nested documents or collections";
            return Err(self.wrong(field, message));
        }
        self.check_name(field)?;
        if self.value(field).is_some() {
            let message = "the field is a value, and objects under its name would be lost: remove the field first";
            return Err(self.wrong(field, message));
        }
        Name::of(field).map_err(|error| self.located(error.field(field)))
    }
}
