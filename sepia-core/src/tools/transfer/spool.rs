//! Records that wait in a draft until all of them have come.

use std::collections::BTreeSet;

use super::draft::{self, Draft};
use super::fit::kind_of;
use super::intake::{Hidden, Source};
use super::moment::{Pass, Sink};
use crate::record::class::Kind;
use crate::record::error::{Error, Result};
use crate::record::name;
use crate::record::{Entries, Entry, Fingerprint, Key, Name, Node, Record};

/// Takes records in, and gives them back.
#[derive(Debug)]
pub(super) struct Spool {
    draft: Draft,
    buffer: Vec<u8>,
}

impl Spool {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { draft: Draft::temporary()?, buffer: Vec::new() })
    }

    /// Returns the names of the classes of all records.
    pub(super) fn classes(&mut self) -> Result<BTreeSet<String>> {
        let mut classes = BTreeSet::new();
        self.describe(&mut |key, _, _| {
            if !classes.contains(key.class()) {
                classes.insert(key.class().to_owned());
            }
            Ok(())
        })?;
        Ok(classes)
    }
}

impl Sink for Spool {
    fn put(&mut self, key: &Key, record: Record, pass: Pass) -> Result<()> {
        self.buffer.clear();
        spell(&record, &mut self.buffer);
        self.draft.add(key, pass, &row(key, &record), &self.buffer)
    }

    fn forget(&mut self, key: &Key) -> Result<()> {
        self.draft.forget(key);
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.draft.restart()
    }
}

impl Source for Spool {
    fn describe(&mut self, each: &mut dyn FnMut(&Key, Kind, Fingerprint) -> Result<()>) -> Result<()> {
        self.draft.rows(&mut |row, _, _| {
            let (key, kind, print) = parse_row(row).ok_or_else(damaged)?;
            each(&key, kind, print)
        })
    }

    fn records(&mut self, each: &mut dyn FnMut(&Key, Record, Hidden) -> Result<()>) -> Result<()> {
        self.draft.each(&mut |row, data| {
            let (key, ..) = parse_row(row).ok_or_else(damaged)?;
            each(&key, parse(data).ok_or_else(damaged)?, Hidden::No)
        })
    }
}

/// What somebody else has done to a file that nobody else should have.
fn damaged() -> Error {
    draft::failed(std::io::ErrorKind::InvalidData.into())
}

/// How many digits a fingerprint has.
const PRINT: usize = 32;

/// The kind, the fingerprint, the path.
fn row(key: &Key, record: &Record) -> String {
    let kind = if kind_of(record) == Kind::Container { 'c' } else { 's' };
    format!("{kind}{:?}{}", record.fingerprint(), key.path())
}

fn parse_row(row: &str) -> Option<(Key, Kind, Fingerprint)> {
    let (kind, rest) = row.split_at_checked(1)?;
    let (print, path) = rest.split_at_checked(PRINT)?;
    let (class, id) = path.split_once('/')?;
    let key = Key::new(name::decode(class)?, name::decode(id)?).ok()?;
    let kind = if kind == "c" { Kind::Container } else { Kind::Serializable(None) };
    Some((key, kind, Fingerprint::parse(print)?))
}

const LEAF: u8 = b'f';
const CONTAINER: u8 = b'c';
const COLLECTION: u8 = b'e';
const LINK: u8 = b'l';
const END: u8 = b'.';

// The depth of a record is bounded: see `record::MAX_DIRECTORIES`.
fn spell(record: &Record, into: &mut Vec<u8>) {
    match record {
        Record::Leaf(content) => {
            into.push(LEAF);
            into.extend_from_slice(content);
        }
        Record::Container(node) => spell_node(node, into),
    }
}

fn spell_node(node: &Node, into: &mut Vec<u8>) {
    into.push(CONTAINER);
    spell_text(&node.data, into);
    spell_entries(&node.entries, into);
}

fn spell_entries(entries: &Entries, into: &mut Vec<u8>) {
    for (name, entry) in entries.iter() {
        let mut named = |kind: u8| {
            into.push(kind);
            spell_text(name.as_str().as_bytes(), into);
        };
        match entry {
            Entry::Link(key) => {
                named(LINK);
                spell_text(key.class().as_bytes(), into);
                spell_text(key.id().as_bytes(), into);
            }
            Entry::Container(node) => {
                named(CONTAINER);
                spell_node(node, into);
            }
            Entry::Collection(inner) => {
                named(COLLECTION);
                spell_entries(inner, into);
            }
            // Taken out when the record was read.
            Entry::Stray => {}
        }
    }
    into.push(END);
}

fn spell_text(text: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(&(text.len() as u64).to_le_bytes());
    into.extend_from_slice(text);
}

fn parse(data: &[u8]) -> Option<Record> {
    match data.split_first()? {
        (&LEAF, content) => Some(Record::Leaf(content.to_vec())),
        _ => {
            let mut rest = data;
            let node = parse_node(&mut rest)?;
            rest.is_empty().then_some(Record::Container(node))
        }
    }
}

fn parse_node(rest: &mut &[u8]) -> Option<Node> {
    if byte(rest)? != CONTAINER {
        return None;
    }
    Some(Node { data: text(rest)?.to_vec(), entries: parse_entries(rest)? })
}

fn parse_entries(rest: &mut &[u8]) -> Option<Entries> {
    let mut entries = Vec::new();
    loop {
        let kind = byte(rest)?;
        if kind == END {
            return Entries::new(entries).ok();
        }
        let name = Name::from_encoded(str::from_utf8(text(rest)?).ok()?)?;
        let entry = match kind {
            LINK => {
                let mut part = || str::from_utf8(text(rest)?).ok();
                let (class, id) = (part()?, part()?);
                Entry::Link(Key::new(class, id).ok()?)
            }
            CONTAINER => Entry::Container(parse_node(rest)?),
            COLLECTION => Entry::Collection(parse_entries(rest)?),
            _ => return None,
        };
        entries.push((name, entry));
    }
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    rest.split_off_first().copied()
}

fn text<'d>(rest: &mut &'d [u8]) -> Option<&'d [u8]> {
    let (length, _) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    *rest = rest.get(8..)?;
    rest.split_off(..length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = Name> {
        "[a-z%/.\u{0}\u{e9}]{1,4}".prop_filter_map("a name", |text| Name::of(&text).ok())
    }

    fn node() -> impl Strategy<Value = Node> {
        let key = ("[a-z/]{1,3}", "[a-z\u{e9}/]{1,3}");
        let link = key.prop_map(|(class, id)| Entry::Link(Key::new(class, id).unwrap()));
        let entry = link.prop_recursive(4, 24, 4, |entry| {
            let entries = proptest::collection::vec((name(), entry), 0..4).prop_map(entries).boxed();
            let data = proptest::collection::vec(any::<u8>(), 0..8);
            let node = (data, entries.clone()).prop_map(|(data, entries)| Entry::Container(Node { data, entries }));
            prop_oneof![entries.prop_map(Entry::Collection), node]
        });
        let data = proptest::collection::vec(any::<u8>(), 0..8);
        (data, proptest::collection::vec((name(), entry), 0..4))
            .prop_map(|(data, all)| Node { data, entries: entries(all) })
    }

    fn entries(mut entries: Vec<(Name, Entry)>) -> Entries {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|a, b| a.0 == b.0);
        Entries::new(entries).unwrap()
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_were(node in node(), leaf in proptest::collection::vec(any::<u8>(), 0..8)) {
            for record in [Record::Container(node), Record::Leaf(leaf)] {
                let mut bytes = Vec::new();
                spell(&record, &mut bytes);
                prop_assert_eq!(parse(&bytes), Some(record));
            }
        }
    }

    /// A listing has an object twice whose file is replaced by hand meanwhile. It was once written twice in a batch, and
    /// the first did not read back.
    #[test]
    fn an_object_that_comes_twice_is_given_back_once() -> Result<()> {
        let (mut spool, key) = (Spool::new()?, Key::new("a/b", "\u{e9}.0")?);
        for text in ["one", "two"] {
            spool.put(&key, Record::Leaf(text.into()), Pass::First)?;
        }
        let (mut described, mut given) = (Vec::new(), Vec::new());
        spool.describe(&mut |key, kind, print| {
            described.push((key.clone(), kind, print));
            Ok(())
        })?;
        spool.records(&mut |key, record, _| {
            given.push((key.clone(), record));
            Ok(())
        })?;
        let last = Record::Leaf("two".into());
        assert_eq!(described, [(key.clone(), Kind::Serializable(None), last.fingerprint())]);
        assert_eq!(given, [(key, last)]);
        assert_eq!(spool.classes()?, BTreeSet::from(["a/b".to_owned()]));
        Ok(())
    }
}
