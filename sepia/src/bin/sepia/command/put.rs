//! `sepia put`: an object from JSON.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueHint};
use sepia::Store;
use sepia::class::{Class, Format, Kind};
use sepia::document::Document;
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Target};
use crate::locate::resolve::Records;
use crate::render::json::Pairs;
use crate::render::text::quoted;
use crate::save::{self, Generation};

/// Put an object that comes as JSON on standard input
///
/// In the form in which `sepia show --json` prints it: {text}, {base64} or {values} of a serializable object, {values,
/// entries} of a container; {object, class, id} may be there and say nothing. The class must be known to the store. What
/// could not be loaded is not saved. In classes that keep generations, what replaces an object becomes the next one.
///
/// With --json, one object: {object, class, id, changed}.
#[derive(Args, Debug)]
pub(crate) struct Put {
    /// The object
    #[arg(value_hint = ValueHint::AnyPath)]
    object: String,
    #[command(flatten)]
    ids: Ids,
    /// Replace the object if it is there
    #[arg(long)]
    replace: bool,
    /// Replace the generation itself, rather than making the next
    #[arg(long, requires = "replace")]
    in_place: bool,
}

/// A line as `sepia show --json` prints it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input<'a> {
    #[serde(rename = "object")]
    _object: Option<String>,
    #[serde(rename = "class")]
    _class: Option<String>,
    #[serde(rename = "id")]
    _id: Option<String>,
    within: Option<String>,
    text: Option<String>,
    base64: Option<String>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
    #[serde(borrow)]
    entries: Option<&'a RawValue>,
}

/// What an entry of a container is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown<'a> {
    class: Option<String>,
    id: Option<String>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
    #[serde(borrow)]
    entries: Option<&'a RawValue>,
}

/// The most levels of entries; a store takes fewer.
const MAX_LEVELS: usize = 500;

impl Put {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(std::slice::from_ref(&self.object), Access::Write)?;
        let records = Records::of(store.backend())?;
        let key = Target::parse_whole(&records, &self.ids, &self.object)?;
        let Some(class) = records.class(key.class()) else {
            return Err(Failure::said(format!(
                "there is no class {}: a program that has its type declares it",
                quoted(key.class())
            )));
        };
        let mut input = String::new();
        io::stdin().lock().read_to_string(&mut input).map_err(|error| {
            Failure::said(format!("standard input cannot be read as text, so nothing was saved: {error}"))
        })?;
        let put = read(&key, class, &input)
            .map_err(|failure| Failure::said(format!("{}: nothing was saved", failure.sentence())))?;
        let (key, changed) = match store.find_document(&key)? {
            None => (add(&store, class, put)?, true),
            Some(there) if !self.replace => {
                let path = there.key().path();
                return Err(Failure::said(format!(
                    "{path} is there already, nothing was saved: --replace replaces it"
                )));
            }
            Some(mut there) => {
                let before = there.record().ok();
                replace(&mut there, &put)?;
                let changed = before != Some(there.record()?);
                if changed {
                    save::document(&store, &records, &mut there, Generation::of(self.in_place))?;
                }
                (there.key().clone(), changed)
            }
        };
        save::print(&mut session.out, &key, changed)?;
        Ok(Answer::Yes)
    }
}

/// Puts an object that is not there. The first generation of one that names none is 0.
fn add(store: &Store, class: &Class, put: Document) -> Result<Key> {
    let key = put.key();
    let mut put = if class.generations() == Some(true) && key.generation().0 == *key {
        let first = Key::new(key.class(), format!("{}.0", key.id()))?;
        Document::from_record(first, class, put.record()?)?
    } else {
        put
    };
    store.put_document(&mut put)?;
    Ok(put.key().clone())
}

/// Gives a document what another one holds.
fn replace(there: &mut Document, put: &Document) -> Result<()> {
    match put.bytes() {
        Some(content) => there.set_bytes(content)?,
        None => **there = (**put).clone(),
    }
    Ok(())
}

/// Reads what comes as a document of this key.
fn read(key: &Key, class: &Class, input: &str) -> Result<Document> {
    // Some editors put a byte order mark in front of a file.
    let input: Input<'_> = parse(input.trim_start_matches('\u{feff}'))?;
    if input.within.is_some() {
        return Err(Failure::said("this is a part of an object, and not all of it"));
    }
    let is_container = class.kind() == Kind::Container;
    let is_json = class.kind() == Kind::Serializable(Some(Format::Json));
    let (record, is_made) = match (input.values, input.entries, input.text, input.base64) {
        (Some(values), entries, None, None) if is_container => {
            let entries = entries.map(|entries| self::entries(entries, 0)).transpose()?.unwrap_or_default();
            (Record::Container(Node { data: values.get().into(), entries }), true)
        }
        (Some(values), None, None, None) if is_json => (Record::Leaf(values.get().into()), true),
        (None, None, Some(text), None) if !is_container => (Record::Leaf(text.into_bytes()), false),
        (None, None, None, Some(base64)) if !is_container => {
            let bytes = STANDARD.decode(base64);
            let bytes = bytes.map_err(|error| Failure::said(format!("this is not Base64: {error}")))?;
            (Record::Leaf(bytes), false)
        }
        _ => {
            let expected = match (is_container, is_json) {
                (true, _) => "{values, entries}",
                (false, true) => "one of {text}, {base64} and {values}",
                (false, false) => "one of {text} and {base64}",
            };
            let class = quoted(class.name());
            return Err(Failure::said(format!(
                "an object of class {class} has {expected}, and this has something else"
            )));
        }
    };
    let mut document = Document::from_record(key.clone(), class, record)?;
    if is_made {
        document.reformat();
    }
    document.record()?;
    Ok(document)
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|error| Failure::said(format!("this is not what `sepia show --json` prints: {error}")))
}

fn entries(json: &RawValue, level: usize) -> Result<Entries> {
    if level == MAX_LEVELS {
        return Err(Failure::said(format!("entries nest deeper than {MAX_LEVELS} levels")));
    }
    let Pairs(pairs) = parse(json.get())?;
    let mut entries = Vec::with_capacity(pairs.len());
    for (name, json) in pairs {
        let encoded = Name::from_encoded(&name).ok_or_else(|| {
            Failure::said(format!("{} is not the name of an entry, encoded as on disk", quoted(&name)))
        })?;
        entries.push((encoded, entry(&name, json, level)?));
    }
    Entries::new(entries).map_err(|name| Failure::said(format!("the entry {} is there twice", quoted(name.as_str()))))
}

fn entry(name: &str, json: &RawValue, level: usize) -> Result<Entry> {
    match parse(json.get())? {
        Shown { class: Some(class), id: Some(id), values: None, entries: None } => {
            Ok(Entry::Link(Key::new(class, id)?))
        }
        Shown { class: None, id: None, values: Some(values), entries } => {
            let entries = entries.map(|entries| self::entries(entries, level + 1)).transpose()?.unwrap_or_default();
            Ok(Entry::Container(Node { data: values.get().into(), entries }))
        }
        Shown { class: None, id: None, values: None, entries: Some(inner) } => {
            Ok(Entry::Collection(entries(inner, level + 1)?))
        }
        _ => Err(Failure::said(format!(
            "the entry {} is neither a link {{class, id}} nor a container {{values, entries}} nor a collection {{entries}}",
            quoted(name)
        ))),
    }
}
