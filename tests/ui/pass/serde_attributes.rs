//! Serde's attributes where they mean the same, say nothing new, or are for somebody else.
#![allow(dead_code)]

use sepia::{Container, Content, Id, Reference, Result, Serializable};

#[derive(Serializable)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[serde(default = "Note::usual")]
pub struct Note {
    #[serde(skip)]
    id: Id<Note>,
    #[sepia(rename = "n", default = one)]
    #[serde(rename = "n", default = "one")]
    first_one: u8,
    #[sepia(skip)]
    #[serde(skip, default = "one")]
    skipped: u8,
    #[serde(skip_serializing, skip_deserializing)]
    both: u8,
    #[serde(skip, skip_serializing)]
    one_more: u8,
}

fn one() -> u8 {
    1
}

impl Note {
    fn usual() -> Self {
        Self { id: Id::new(), first_one: 1, skipped: 1, both: 2, one_more: 3 }
    }
}

/// Its own code stores it, with serde's attributes or without.
#[derive(Serializable, serde::Serialize, serde::Deserialize)]
#[sepia(content = "custom")]
#[serde(rename_all = "camelCase", tag = "kind")]
struct Custom {
    id: Id<Self>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "m")]
    more_of_it: Option<u8>,
}

impl Content for Custom {
    fn to_sepia(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn from_sepia(id: Id<Self>, _: &[u8]) -> Result<Self> {
        Ok(Self { id, more_of_it: None })
    }
}

#[derive(Container, serde::Serialize)]
#[sepia(serde = "ignore")]
#[serde(tag = "kind", rename_all(serialize = "camelCase"))]
struct Board {
    id: Id<Self>,
    #[serde(flatten)]
    values: std::collections::BTreeMap<String, u8>,
    #[serde(rename = "values")]
    other: u8,
}

#[derive(Reference, serde::Serialize)]
#[sepia(serde = "ignore")]
#[serde(untagged)]
enum Either {
    #[serde(rename = "b")]
    Board(Board),
}

pub(super) fn main() {
    let note = Note::usual();
    let store = sepia::Store::in_memory();
    assert!(store.save(&note).is_ok());
    assert_eq!(store.load::<Note>(&note.id).map(|note| (note.skipped, note.both, note.one_more)).ok(), Some((1, 2, 3)));
}
