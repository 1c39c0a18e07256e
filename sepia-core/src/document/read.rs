//! From records to documents.

use std::sync::Arc;

use super::body::{File, Holds};
use super::collection::Element;
use super::{Body, Collection, Member};
use crate::record::error::{Error, Quoted, Result};
use crate::record::json::{self, Fields, JsonError};
use crate::record::name::DATA;
use crate::record::shape::{Presence, RESERVED, SEPIA_CLASS, SEPIA_ID, SEPIA_SHAPE, graft};
use crate::record::{Entries, Entry, Key, Name, Node};

/// What a name shows of the id of a nested document.
enum Shown<'a> {
    /// It is that of a field.
    Nothing,
    /// It is that of an element of a collection.
    Name(&'a Name),
}

/// Reads the fields of a serializable object of JSON content.
pub(super) fn values(key: &Key, content: Vec<u8>) -> Result<Body> {
    let mut body = Body::empty(Holds::Values, Some(key.class().into()), key.shared_id());
    let mut fields = json::parse_fields(&content).map_err(|error| body.located(error.corrupt()))?;
    body.values = rest(&mut fields);
    body.file = Some(File { content, tells_class: false, tells_id: false, shape: Vec::new() });
    Ok(body)
}

/// Reads a container that is an object of its own.
pub(super) fn top(key: &Key, node: Node) -> Result<Body> {
    let body = container(node, None).map_err(|error| error.object(key.class(), key.id()))?;
    let told = if body.class.is_some() { SEPIA_CLASS } else { SEPIA_ID };
    if body.class.is_some() || !body.id.is_empty() {
        let error = Error::corrupt(format!("{told} stands in a container that is not nested")).inside(DATA);
        return Err(error.object(key.class(), key.id()));
    }
    Ok(Body { class: Some(key.class().into()), id: key.shared_id(), ..body })
}

// The depth of a record is bounded: see `record::MAX_DIRECTORIES`.
fn container(Node { data, mut entries }: Node, shown: Option<Shown<'_>>) -> Result<Body> {
    let in_data = |error: JsonError| error.corrupt().inside(DATA);
    let mut fields = json::parse_fields(&data).map_err(in_data)?;
    let mut told = |key: &str| -> Result<Option<String>> {
        let told = fields.take(key).map(|json| fields.read::<String>(json)).transpose();
        told.map_err(|error| in_data(error).field(key))
    };
    let (class, id) = (told(SEPIA_CLASS)?, told(SEPIA_ID)?);
    let tells_id = id.is_some();
    let id: Arc<str> = match (id, shown) {
        (Some(id), _) => id.into(),
        (None, None) => "".into(),
        (None, Some(Shown::Name(name))) => shown_id(name).into(),
        (None, Some(Shown::Nothing)) => {
            let message = format!("neither {SEPIA_ID} nor the name of the directory tells the id");
            return Err(Error::corrupt(message).inside(DATA));
        }
    };
    let presence = fields.take(SEPIA_SHAPE).map(|json| fields.read::<Presence>(json)).transpose().map_err(in_data)?;
    let shape = presence.map(|presence| presence.0).unwrap_or_default();
    let values = rest(&mut fields);
    if let Some((name, _)) = values.iter().find(|(name, _)| name.starts_with(RESERVED)) {
        let message = format!("{} is none of the keys that begin with {RESERVED}", Quoted(name));
        return Err(Error::corrupt(message).inside(DATA));
    }
    drop_empty(&mut entries);
    let mut none = Vec::new();
    for (path, is_present) in &shape {
        if *is_present {
            graft(&mut entries, path).map_err(|error| error.inside(DATA))?;
            continue;
        }
        let name = Name::from_encoded(path).filter(|name| entries.get(name.as_str()).is_none());
        none.push(name.ok_or_else(|| {
            let message = format!("{SEPIA_SHAPE} says that {} is not there, which cannot be", Quoted(path));
            Error::corrupt(message).inside(DATA)
        })?);
    }
    let members = entries.into_iter().filter_map(|(name, entry)| {
        let member = member(entry, Shown::Nothing).map_err(|error| error.inside(name.as_str()));
        member.transpose().map(|member| member.map(|member| (name, member)))
    });
    let members = members.collect::<Result<Vec<_>>>()?;
    let file = File { content: data, tells_class: class.is_some(), tells_id, shape };
    let mut body = Body::empty(Holds::All, class.map(Arc::from), id);
    (body.values, body.members, body.none, body.file) = (values, members, none, Some(file));
    Ok(body)
}

/// Takes all fields that have not been taken, in their order.
fn rest(fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let names: Vec<String> = fields.rest().map(str::to_owned).collect();
    let values = names.into_iter().map(|name| {
        let json = json::compact(fields.take(&name).unwrap_or_default());
        (name, json)
    });
    values.collect()
}

/// Directories in which nothing is Sepia's mean nothing.
fn drop_empty(entries: &mut Entries) {
    entries.retain(|_, entry| match entry {
        Entry::Collection(inner) => {
            drop_empty(inner);
            !inner.is_empty()
        }
        Entry::Stray => false,
        Entry::Link(_) | Entry::Container(_) => true,
    });
}

fn member(entry: Entry, shown: Shown<'_>) -> Result<Option<Member>> {
    Ok(match entry {
        Entry::Link(key) => Some(Member::Link(key)),
        Entry::Container(node) => Some(Member::Nested(container(node, Some(shown))?)),
        Entry::Collection(entries) => Some(Member::Collection(collection(entries)?)),
        // Nobody writes or removes it.
        Entry::Stray => None,
    })
}

fn collection(entries: Entries) -> Result<Collection> {
    let mut elements = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let member = member(entry, Shown::Name(&name)).map_err(|error| error.inside(name.as_str()))?;
        let Some(member) = member else { continue };
        let tells_id = match &member {
            Member::Nested(Body { file: Some(file), .. }) => file.tells_id,
            _ => false,
        };
        elements.push(Element { name, tells_id, member });
    }
    Ok(Collection::of(elements))
}

/// The id that the name of an element shows: behind its index, if it has one.
fn shown_id(name: &Name) -> String {
    let text = name.text();
    match text.split_once('_') {
        Some((index, id)) if index.len() >= 4 && index.bytes().all(|byte| byte.is_ascii_digit()) => id.to_owned(),
        _ => text.into_owned(),
    }
}
