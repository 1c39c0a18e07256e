//! What stands in `data.json` because the tree cannot show it.

use std::collections::HashMap;

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use crate::record::error::{Error, Quoted, Result};
use crate::record::json::{self, JsonError};
use crate::record::{Entries, Entry, MAX_DIRECTORIES, Name};

/// How the names of all these begin.
pub(crate) const RESERVED: &str = "sepia_";
/// The id of a nested container, where its place shows something else.
pub(crate) const SEPIA_ID: &str = "sepia_id";
/// The class of a nested container, where several can stand.
pub(crate) const SEPIA_CLASS: &str = "sepia_class";
/// The [`Shape`] of a container's references.
pub(crate) const SEPIA_SHAPE: &str = "sepia_shape";

/// What the tree cannot show of a container's references: `[]` for a collection that is there and
/// empty, `null` for an `Option` that is `None` where absence would mean a default.
#[derive(Debug, Default)]
pub(crate) struct Shape(pub(crate) Vec<(String, Present)>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Present {
    Empty,
    None,
}

impl Shape {
    /// Moves the empty collections of an entry in here. Returns whether anything is left of it.
    pub(crate) fn take_empty(&mut self, path: &str, entry: &mut Entry) -> bool {
        let Entry::Collection(entries) = entry else {
            return true;
        };
        if entries.is_empty() {
            self.0.push((path.to_owned(), Present::Empty));
            return false;
        }
        entries.retain(|name, entry| match entry {
            Entry::Collection(_) => self.take_empty(&format!("{path}/{}", name.as_str()), entry),
            _ => true,
        });
        !entries.is_empty()
    }
}

/// Tells in the bytes of a `data.json` of collections that are there and empty, beside what it tells already.
pub(crate) fn add_empty(data: &[u8], paths: Vec<String>) -> Result<Vec<u8>> {
    rewrite(data, paths).map_err(JsonError::corrupt)
}

fn rewrite(data: &[u8], paths: Vec<String>) -> Result<Vec<u8>, JsonError> {
    let mut fields = json::parse_fields(data)?;
    let told = fields.take(SEPIA_SHAPE).map(|json| fields.read::<Presence>(json)).transpose()?;
    let told = told.into_iter().flat_map(|told| told.0);
    let told = told.map(|(path, is_there)| (path, if is_there { Present::Empty } else { Present::None }));
    let mut shape: Vec<_> = told.chain(paths.into_iter().map(|path| (path, Present::Empty))).collect();
    shape.sort();
    shape.dedup();
    let names: Vec<String> = fields.rest().map(str::to_owned).collect();
    let mut object = json::Object::new();
    for name in names {
        if let Some(json) = fields.take(&name) {
            object.field(&name, &fields.read::<Box<RawValue>>(json)?)?;
        }
    }
    object.field(SEPIA_SHAPE, &Shape(shape))?;
    Ok(object.finish())
}

impl Serialize for Shape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (path, present) in &self.0 {
            match present {
                Present::Empty => map.serialize_entry(path, &[(); 0])?,
                Present::None => map.serialize_entry(path, &())?,
            }
        }
        map.end()
    }
}

/// The shape as it is read: each path, and whether something is present there.
pub(crate) struct Presence(pub(crate) Vec<(String, bool)>);

impl<'de> serde::Deserialize<'de> for Presence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let paths = HashMap::<String, Option<[(); 0]>>::deserialize(deserializer)?;
        let mut paths: Vec<_> = paths.into_iter().map(|(path, present)| (path, present.is_some())).collect();
        paths.sort();
        Ok(Self(paths))
    }
}

/// Puts an empty collection at a path, unless a collection is there.
pub(crate) fn graft(entries: &mut Entries, path: &str) -> Result<()> {
    let wrong = || Error::corrupt(format!("{SEPIA_SHAPE} names {}, where no collection can be", Quoted(path)));
    if path.split('/').count() > MAX_DIRECTORIES {
        return Err(wrong());
    }
    let (mut at, mut entries) = (path, entries);
    loop {
        let (first, rest) = at.split_once('/').map_or((at, None), |(first, rest)| (first, Some(rest)));
        let name = Name::from_encoded(first).ok_or_else(wrong)?;
        let Entry::Collection(inner) = entries.get_or_insert(name, Entry::Collection(Entries::default())) else {
            return Err(wrong());
        };
        match rest {
            None => return Ok(()),
            Some(rest) => (at, entries) = (rest, inner),
        }
    }
}
