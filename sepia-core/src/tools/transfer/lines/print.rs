//! From records to lines.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{BASE64, CLASS, COLLECTION, DATA, ENTRIES, HEADER, ID, JSON, LINK, TEXT};
use crate::record::catalog;
use crate::record::class::{Class, Format, Kind};
use crate::record::error::Result;
use crate::record::json;
use crate::record::{Entries, Entry, Key, Node, Record};

/// Returns the first line, with the line feed.
pub(in crate::tools::transfer) fn print_header(classes: &[Class]) -> Result<String> {
    let list = catalog::print(classes, &catalog::Settings::plain())?;
    Ok(format!("{{\"{HEADER}\":{}}}\n", json::compact(&String::from_utf8_lossy(&list))))
}

/// Returns the line of a record, with the line feed.
pub(in crate::tools::transfer) fn print_record(key: &Key, record: &Record, class: Option<&Class>) -> String {
    let mut line = format!("{{\"{CLASS}\":{},\"{ID}\":{}", string(key.class()), string(key.id()));
    match record {
        Record::Container(node) => {
            line.push(',');
            print_node(node, &mut line);
        }
        Record::Leaf(content) => match class.map(Class::kind) {
            Some(Kind::Serializable(Some(Format::Json))) => print_json(JSON, content, &mut line),
            Some(Kind::Serializable(Some(Format::Bytes))) => print_bytes(content, &mut line),
            _ => print_text(content, &mut line),
        },
    }
    line.push_str("}\n");
    line
}

/// The fields of a container.
fn print_node(node: &Node, line: &mut String) {
    // Whoever has printed something before has also put the comma.
    let start = line.len();
    print_json(DATA, &node.data, line);
    line.remove(start);
    line.push_str(&format!(",\"{ENTRIES}\":"));
    print_entries(&node.entries, line);
}

// The depth of a record is bounded: see `record::MAX_DIRECTORIES`.
fn print_entries(entries: &Entries, line: &mut String) {
    line.push('{');
    for (at, (name, entry)) in entries.iter().filter(|(_, entry)| **entry != Entry::Stray).enumerate() {
        if at > 0 {
            line.push(',');
        }
        line.push_str(&string(&name.text()));
        line.push_str(":{");
        match entry {
            Entry::Link(key) => {
                line.push_str(&format!("\"{LINK}\":[{},{}]", string(key.class()), string(key.id())));
            }
            Entry::Container(node) => print_node(node, line),
            Entry::Collection(inner) => {
                line.push_str(&format!("\"{COLLECTION}\":"));
                print_entries(inner, line);
            }
            Entry::Stray => {}
        }
        line.push('}');
    }
    line.push('}');
}

/// A file of JSON: its tokens, and its text where that cannot be made of them again.
fn print_json(field: &str, content: &[u8], line: &mut String) {
    let Some(text) = std::str::from_utf8(json::without_mark(content)).ok().filter(|text| json::is_json(text)) else {
        return print_text(content, line);
    };
    let compact = json::compact(text);
    line.push_str(&format!(",\"{field}\":{compact}"));
    if json::pretty(&compact) != content {
        print_text(content, line);
    }
}

fn print_text(content: &[u8], line: &mut String) {
    match std::str::from_utf8(content) {
        Ok(text) => line.push_str(&format!(",\"{TEXT}\":{}", string(text))),
        Err(_) => print_bytes(content, line),
    }
}

fn print_bytes(content: &[u8], line: &mut String) {
    line.push_str(&format!(",\"{BASE64}\":\"{}\"", STANDARD.encode(content)));
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}
