//! A record as entries of an archive: as it stands in a store on disk.

use std::io;

use super::OBJECTS;
use super::tar::{self, Kind};
use crate::record::link::link_target;
use crate::record::name::DATA;
use crate::record::{Entries, Entry, Key, Node, Record};

/// Writes the entries of a record.
pub(super) fn write_record(out: &mut Vec<u8>, key: &Key, record: &Record, modified: u64) -> io::Result<()> {
    let mut path = format!("{OBJECTS}/{}", key.path());
    match record {
        Record::Leaf(content) => tar::write_file(out, &path, content, modified),
        // Its own directory is two levels below the root.
        Record::Container(node) => write_node(out, &mut path, node, 2, modified),
    }
}

fn write_node(out: &mut Vec<u8>, path: &mut String, node: &Node, depth: usize, modified: u64) -> io::Result<()> {
    path.push('/');
    tar::write(out, path, &Kind::Directory, modified)?;
    tar::write_file(out, &format!("{path}{DATA}"), &node.data, modified)?;
    write_entries(out, path, &node.entries, depth, modified)
}

// The depth of a record is bounded: see `record::MAX_DIRECTORIES`.
fn write_entries(
    out: &mut Vec<u8>,
    path: &mut String,
    entries: &Entries,
    depth: usize,
    modified: u64,
) -> io::Result<()> {
    let length = path.len();
    for (name, entry) in entries.iter() {
        path.push_str(name.as_str());
        match entry {
            Entry::Link(key) => {
                let target = link_target(depth, key).into_bytes();
                tar::write(out, path, &Kind::Link(target), modified)?;
            }
            Entry::Container(node) => write_node(out, path, node, depth + 1, modified)?,
            Entry::Collection(inner) => {
                path.push('/');
                tar::write(out, path, &Kind::Directory, modified)?;
                write_entries(out, path, inner, depth + 1, modified)?;
            }
            // Taken out when the record was read.
            Entry::Stray => {}
        }
        path.truncate(length);
    }
    Ok(())
}
