//! An object as a list of fields, so that two can be compared.

use std::collections::{HashMap, HashSet};

use sepia::record::{Entries, Entry, Node};
use serde::{Serialize, Serializer};

use crate::render::content::Content;
use crate::render::json::Json;
use crate::render::text::{count, printable};
use crate::walk::join;

/// What stands after the last line of a text that does not end with a line feed.
const NO_LINE_FEED: &str = "(no line feed at the end)";

/// What one field holds.
#[derive(Debug, PartialEq)]
pub(super) enum Side<'a> {
    Value(Json<'a>),
    /// A text line by line: the whole content.
    Text(String),
    Bytes(&'a [u8]),
    /// Where a link leads.
    Link(String),
    /// The elements of a list, in their order.
    Elements(Vec<String>),
    /// A file that is not Sepia's.
    Stray,
}

/// The fields of an object, each once.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    fields: Vec<(String, Side<'a>)>,
    places: HashMap<String, usize>,
}

impl<'a> Fields<'a> {
    pub(super) fn of_container(node: &'a Node) -> Self {
        let mut fields = Self::default();
        fields.container("", node);
        fields
    }

    pub(super) fn of_collection(entries: &'a Entries) -> Self {
        let mut fields = Self::default();
        fields.collection("", entries);
        fields
    }

    pub(super) fn of_content(content: &'a [u8], is_json: bool) -> Self {
        let mut fields = Self::default();
        match Json::parse_object(content) {
            Ok(values) if is_json => values.into_iter().for_each(|(name, value)| fields.add(name, Side::Value(value))),
            _ => fields.add(
                String::new(),
                match content.into() {
                    Content::Text(text) => Side::Text(text.to_owned()),
                    Content::Bytes(bytes) => Side::Bytes(bytes),
                },
            ),
        }
        fields
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Side<'a>)> {
        self.fields.iter().map(|(path, side)| (path.as_str(), side))
    }

    pub(super) fn get(&self, path: &str) -> Option<&Side<'a>> {
        self.places.get(path).map(|at| &self.fields[*at].1)
    }

    /// Adds a field. Of a key that stands twice in one `data.json`, the later counts.
    fn add(&mut self, path: String, side: Side<'a>) {
        match self.places.get(&path) {
            Some(at) => self.fields[*at].1 = side,
            None => {
                self.places.insert(path.clone(), self.fields.len());
                self.fields.push((path, side));
            }
        }
    }

    fn container(&mut self, path: &str, node: &'a Node) {
        match Json::parse_object(&node.data) {
            Ok(values) => {
                for (name, value) in values {
                    self.add(join(path, &name), Side::Value(value));
                }
            }
            Err(_) => {
                let text = String::from_utf8_lossy(&node.data).into_owned();
                self.add(join(path, "data.json"), Side::Text(text));
            }
        }
        for (name, entry) in node.entries.iter() {
            self.entry(&join(path, name.as_str()), entry);
        }
    }

    fn entry(&mut self, path: &str, entry: &'a Entry) {
        match entry {
            Entry::Link(key) => self.add(path.to_owned(), Side::Link(key.path())),
            Entry::Container(node) => self.container(path, node),
            Entry::Collection(entries) => self.collection(path, entries),
            Entry::Stray => self.add(path.to_owned(), Side::Stray),
        }
    }

    // Backends hold no record that nests deeper than 400 directories.
    fn collection(&mut self, path: &str, entries: &'a Entries) {
        let Some(elements) = elements(entries) else {
            entries.iter().for_each(|(name, entry)| self.entry(&join(path, name.as_str()), entry));
            return;
        };
        let titles = elements.iter().map(|element| match element.entry {
            Entry::Link(key) => format!("-> {}", key.path()),
            _ => element.id.to_owned(),
        });
        self.add(path.to_owned(), Side::Elements(titles.collect()));
        // By their ids, elements are found again where the list has grown in front of them.
        let ids: HashSet<&str> = elements.iter().map(|element| element.id).collect();
        let are_named = ids.len() == elements.len() && !ids.contains("");
        for element in elements {
            if !matches!(element.entry, Entry::Link(_)) {
                let name = if are_named { element.id } else { element.name };
                self.entry(&join(path, name), element.entry);
            }
        }
    }
}

struct Element<'a> {
    index: u64,
    id: &'a str,
    name: &'a str,
    entry: &'a Entry,
}

/// The elements of a collection in their order, if it may be a list: all names begin with an index.
fn elements(entries: &Entries) -> Option<Vec<Element<'_>>> {
    let element = |(name, entry)| {
        let name: &sepia::record::Name = name;
        let name = name.as_str();
        let (index, id) = name.split_once('_').unwrap_or((name, ""));
        let is_index = index.len() >= 4 && index.bytes().all(|byte| byte.is_ascii_digit());
        let index = index.parse().ok().filter(|_| is_index)?;
        Some(Element { index, id, name, entry })
    };
    let mut elements: Vec<_> = entries.iter().map(element).collect::<Option<_>>()?;
    elements.sort_by_key(|element| element.index);
    Some(elements)
}

impl Side<'_> {
    /// Writes it in lines, without control characters; `beside` is what it is compared with.
    pub(super) fn lines(&self, beside: Option<&Self>) -> Vec<String> {
        let has_lines = |side: &Self| matches!(side, Self::Value(Json::Text(text)) if text.contains('\n'));
        match self {
            // A line feed at the end shows as an empty line.
            Self::Value(Json::Text(text)) if has_lines(self) || beside.is_some_and(has_lines) => {
                text.split('\n').map(|line| printable(line).into_owned()).collect()
            }
            Self::Value(value) => value.lines(),
            Self::Text(text) => {
                let mut lines: Vec<_> = text.lines().map(|line| printable(line).into_owned()).collect();
                if !text.is_empty() && !text.ends_with('\n') {
                    lines.push(NO_LINE_FEED.to_owned());
                }
                lines
            }
            Self::Bytes(bytes) => vec![format!("({} that are no text)", count(bytes.len() as u64, "byte"))],
            Self::Link(path) => vec![format!("-> {path}")],
            Self::Elements(elements) => elements.clone(),
            Self::Stray => vec!["(a file that is not Sepia's)".to_owned()],
        }
    }
}

impl Serialize for Side<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Text(text) | Self::Link(text) => text.serialize(serializer),
            Self::Bytes(bytes) => Content::Bytes(bytes).serialize(serializer),
            Self::Elements(elements) => elements.serialize(serializer),
            Self::Stray => serializer.serialize_none(),
        }
    }
}
