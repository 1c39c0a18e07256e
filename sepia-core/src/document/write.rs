//! From documents to records.

use std::collections::HashSet;

use super::body::{File, Holds};
use super::{Body, Collection, Member};
use crate::record::error::{Error, Result};
use crate::record::json::{self, JsonError};
use crate::record::name::DATA;
use crate::record::shape::{Present, RESERVED, SEPIA_CLASS, SEPIA_ID, SEPIA_SHAPE, Shape};
use crate::record::{Entries, Entry, MAX_DIRECTORIES, MAX_NESTING, Name, Node};

/// What a container tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It is an object of its own.
    Nothing,
    /// The class, if it is known.
    Class,
    /// The class, if it is known, and the id.
    ClassAndId,
}

/// Makes the file of a serializable object of JSON content.
pub(super) fn values(body: &Body) -> Result<Vec<u8>> {
    data(body, Told::Nothing, &Shape::default()).map_err(|error| body.located(error.invalid()))
}

/// Makes the record of a container that is an object of its own.
pub(super) fn top(body: &Body) -> Result<Node> {
    container(body, Told::Nothing)
}

// What nests deeper than 400 levels is refused by `check`, and read from no backend.
fn container(body: &Body, told: Told) -> Result<Node> {
    let mut shape = Shape::default();
    shape.0.extend(body.none.iter().map(|name| (name.as_str().to_owned(), Present::None)));
    let mut entries = Vec::with_capacity(body.members.len());
    for (name, member) in &body.members {
        let mut entry = entry(member, Told::ClassAndId).map_err(|error| error.inside(name.as_str()))?;
        if shape.take_empty(name.as_str(), &mut entry) {
            entries.push((name.clone(), entry));
        }
    }
    shape.0.sort();
    // What is empty is part of no record, and of its depth.
    if shape.0.iter().any(|(path, _)| path.split('/').count() > MAX_DIRECTORIES) {
        let message = format!("collections nest deeper than {MAX_DIRECTORIES} levels");
        return Err(body.located(Error::invalid_value(message)));
    }
    let data = data(body, told, &shape).map_err(|error| body.located(error.invalid().inside(DATA)))?;
    Ok(Node { data, entries: unique(entries)? })
}

fn entry(member: &Member, told: Told) -> Result<Entry> {
    Ok(match member {
        Member::Link(key) => Entry::Link(key.clone()),
        Member::Nested(body) => Entry::Container(container(body, told)?),
        Member::Collection(collection) => Entry::Collection(self::collection(collection)?),
    })
}

fn collection(collection: &Collection) -> Result<Entries> {
    let mut entries = Vec::with_capacity(collection.len());
    for element in &collection.elements {
        let told = match &element.member {
            Member::Nested(body) if element.has_to_tell(body.id()) => Told::ClassAndId,
            _ => Told::Class,
        };
        let entry = entry(&element.member, told).map_err(|error| error.inside(element.name.as_str()))?;
        entries.push((element.name.clone(), entry));
    }
    unique(entries)
}

fn unique(entries: Vec<(Name, Entry)>) -> Result<Entries> {
    Entries::new(entries).map_err(|name| Error::invalid_value("two members have this name").inside(name.as_str()))
}

/// Makes the file of values: as it was read, unless something in it was changed.
fn data(body: &Body, told: Told, shape: &Shape) -> Result<Vec<u8>, JsonError> {
    let class = body.class().filter(|_| told != Told::Nothing);
    let tells_class = class.is_some();
    if let Some(file) = body.file.as_ref().filter(|file| file.tells_class == tells_class && says(file, told, shape)) {
        return Ok(file.content.clone());
    }
    let text = |text: &str| serde_json::to_string(text).map_err(|error| JsonError::new(error.to_string()));
    let mut fields = Vec::with_capacity(body.values.len() + 3);
    if let Some(class) = class {
        fields.push(format!("\"{SEPIA_CLASS}\":{}", text(class)?));
    }
    if told == Told::ClassAndId {
        fields.push(format!("\"{SEPIA_ID}\":{}", text(body.id())?));
    }
    for (name, json) in &body.values {
        fields.push(format!("{}:{json}", text(name)?));
    }
    if !shape.0.is_empty() {
        let shape = serde_json::to_string(shape).map_err(|error| JsonError::new(error.to_string()))?;
        fields.push(format!("\"{SEPIA_SHAPE}\":{shape}"));
    }
    // What was read may nest deeper than what is written.
    let object = format!("{{{}}}", fields.join(","));
    json::check_depth(&object)?;
    Ok(json::pretty(&object))
}

/// Whether a file still says what has to be said beside the values.
fn says(file: &File, told: Told, shape: &Shape) -> bool {
    let same = |(said, (path, present)): (&(String, bool), &(String, Present))| {
        said.0 == *path && said.1 == (*present == Present::Empty)
    };
    file.tells_id == (told == Told::ClassAndId)
        && file.shape.len() == shape.0.len()
        && file.shape.iter().zip(&shape.0).all(same)
}

/// Checks that typed loads can read what is about to be saved, as far as that can be told without types.
pub(super) fn check(body: &Body) -> Result<()> {
    let mut nested = HashSet::new();
    nested.insert((body.class(), body.id()));
    check_body(body, 1, &mut nested)
}

/// Checks the file of a body, where it stands as it was read, and the names of the values.
pub(super) fn check_values(body: &Body) -> Result<()> {
    if let Some(name) = body.values.iter().map(|(name, _)| name).find(|name| name.starts_with(RESERVED)) {
        let message = format!("the names of fields do not begin with {RESERVED}");
        return Err(body.located(Error::invalid_name(message).field(name)));
    }
    let Some(File { content, .. }) = &body.file else { return Ok(()) };
    // Invariant: it has been parsed, so it is UTF-8.
    let checked = json::check_depth(std::str::from_utf8(content).unwrap_or_default());
    checked.map_err(|error| body.located(error.invalid()))
}

fn check_body<'b>(body: &'b Body, depth: usize, nested: &mut HashSet<(Option<&'b str>, &'b str)>) -> Result<()> {
    if depth > MAX_NESTING {
        let message = format!("containers nest deeper than {MAX_NESTING} levels");
        return Err(body.located(Error::invalid_value(message)));
    }
    check_values(body)?;
    if depth > 1 && body.holds != Holds::All {
        return Err(body.located(Error::invalid_value("a serializable object is not nested: link to it")));
    }
    for (name, member) in &body.members {
        if body.value(&name.text()).is_some() {
            let message = "the field is a value and holds objects, and one of them would be lost: remove the field";
            return Err(body.wrong(&name.text(), message).inside(name.as_str()));
        }
        check_member(member, depth, nested).map_err(|error| error.inside(name.as_str()))?;
    }
    match body.none.iter().find(|name| body.value(&name.text()).is_some() || body.member(&name.text()).is_some()) {
        Some(name) => Err(body.wrong(&name.text(), "the field is stored, and as `None`: remove it")),
        None => Ok(()),
    }
}

fn check_member<'b>(member: &'b Member, depth: usize, nested: &mut HashSet<(Option<&'b str>, &'b str)>) -> Result<()> {
    match member {
        Member::Link(_) => Ok(()),
        Member::Nested(body) => {
            // Of which class one is that does not tell, nobody but the type knows: see `check_elements`.
            if body.class.is_some() && !nested.insert((body.class(), body.id())) {
                return Err(twice(body));
            }
            check_body(body, depth + 1, nested)
        }
        Member::Collection(collection) => check_elements(collection, depth, nested),
    }
}

fn check_elements<'b>(
    collection: &'b Collection,
    depth: usize,
    nested: &mut HashSet<(Option<&'b str>, &'b str)>,
) -> Result<()> {
    let mut ids = HashSet::new();
    for element in &collection.elements {
        let checked = match &element.member {
            // Those that do not tell their class have one.
            Member::Nested(body) if body.class.is_none() && !ids.insert(body.id()) => Err(twice(body)),
            member => check_member(member, depth, nested),
        };
        checked.map_err(|error| error.inside(element.name.as_str()))?;
    }
    Ok(())
}

fn twice(body: &Body) -> Error {
    let message = format!(
        "the nested document {:?} stands twice in one tree, and would come back as two: hold it once, and link to it from \
         elsewhere",
        body.id()
    );
    body.located(Error::invalid_value(message))
}
