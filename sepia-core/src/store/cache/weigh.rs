//! How much memory objects take, by estimate.
//!
//! What a type makes of its content is not known; but what is common to all types is: their size, what
//! their ids remember, and that texts, lists and maps stand in allocations of their own.

use std::mem::size_of;

use super::entry::{Dependency, Entry, Kept};
use super::keep::Place;
use crate::backend::Seal;
use crate::record::{Entries, Entry as RecordEntry, Node, Record};

/// What an allocation takes beside what is in it.
const ALLOCATION: u64 = 16;
/// What an id takes beside its text: the counts of that, and what its object remembers.
const ID: u64 = 160;
/// A link that is loaded when it is asked for.
const LINK: u64 = 64;
/// A text: its place, and its allocation.
const TEXT: u64 = 48;
/// Any other value, and the room that lists have too much.
const VALUE: u64 = 16;
/// What is kept of an entry, beside what it depends on: in the tables, and itself.
const ENTRY: u64 =
    2 * (size_of::<Place>() + size_of::<Kept>() + 40) as u64 + size_of::<Entry>() as u64 + 2 * ALLOCATION;

/// Weighs an object, without what it has made of its content.
pub(super) fn object(size: usize) -> u64 {
    ID + size as u64
}

/// Weighs what an object makes of a record.
pub(super) fn record(record: &Record) -> u64 {
    match record {
        Record::Leaf(data) => content(data),
        Record::Container(node) => of_node(node),
    }
}

/// Weighs what is kept beside an object.
pub(super) fn entry(made_of: &[Dependency]) -> u64 {
    let of_dependency = |on: &Dependency| {
        let parts = on.seal.as_ref().map_or(0, Seal::bytes) as u64;
        size_of::<Dependency>() as u64 + if parts > 0 { ALLOCATION + parts } else { 0 }
    };
    ENTRY + made_of.iter().map(of_dependency).sum::<u64>()
}

// The depth of a record is bounded: see `MAX_DIRECTORIES`.
fn of_node(node: &Node) -> u64 {
    content(&node.data) + of_entries(&node.entries)
}

fn of_entries(entries: &Entries) -> u64 {
    let of_entry = |(_, entry): (_, &RecordEntry)| match entry {
        RecordEntry::Link(key) => LINK + key.id().len() as u64,
        RecordEntry::Container(node) => of_node(node),
        RecordEntry::Collection(entries) => ALLOCATION + of_entries(entries),
        RecordEntry::Stray => 0,
    };
    entries.iter().map(of_entry).sum()
}

/// Weighs a text; or JSON, by its texts, and by how many other values there are.
fn content(data: &[u8]) -> u64 {
    if data.first() != Some(&b'{') {
        return ALLOCATION + data.len() as u64;
    }
    let (mut bytes, mut depth, mut text) = (0, 0_usize, 0);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in data {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => {
                in_text = !in_text;
                (bytes, text) = if in_text { (bytes, TEXT) } else { (bytes + text, text) };
            }
            _ if in_text => text += 1,
            // The names of an object's own fields are nobody's texts; those further in may be keys of maps.
            b':' if depth == 1 => bytes -= text,
            b'{' | b'[' => {
                depth += 1;
                bytes += VALUE;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => bytes += VALUE,
            _ => {}
        }
        // Only the text right before a colon is a name.
        if !in_text && !matches!(byte, b'"' | b' ') {
            text = 0;
        }
    }
    bytes
}
