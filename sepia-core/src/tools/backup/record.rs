//! A record as entries of an archive: as it stands in a store on disk.

use std::io;

use super::OBJECTS;
use super::tar::{self, About, Kind};
use crate::record::link::link_target;
use crate::record::name::DATA;
use crate::record::{Entries, Entry, Key, Node, Record};

/// Writes the entries of a record.
pub(super) fn write_record(out: &mut Vec<u8>, key: &Key, record: &Record, about: About) -> io::Result<()> {
    let mut path = format!("{OBJECTS}/{}", key.path());
    match record {
        Record::Leaf(content) => tar::write_file(out, &path, content, about),
        // Its own directory is two levels below the root.
        Record::Container(node) => write_node(out, &mut path, node, 2, about),
    }
}

fn write_node(out: &mut Vec<u8>, path: &mut String, node: &Node, depth: usize, about: About) -> io::Result<()> {
    path.push('/');
    tar::write(out, path, &Kind::Directory, about)?;
    tar::write_file(out, &format!("{path}{DATA}"), &node.data, about)?;
    write_entries(out, path, &node.entries, depth, about)
}

// The depth of a record is bounded: see `record::MAX_DIRECTORIES`.
fn write_entries(
    out: &mut Vec<u8>,
    path: &mut String,
    entries: &Entries,
    depth: usize,
    about: About,
) -> io::Result<()> {
    let length = path.len();
    for (name, entry) in entries.iter() {
        path.push_str(name.as_str());
        match entry {
            Entry::Link(key) => {
                let target = link_target(depth, key).into_bytes();
                tar::write(out, path, &Kind::Link(target), about)?;
            }
            Entry::Container(node) => write_node(out, path, node, depth + 1, about)?,
            Entry::Collection(inner) => {
                path.push('/');
                tar::write(out, path, &Kind::Directory, about)?;
                write_entries(out, path, inner, depth + 1, about)?;
            }
            // Taken out when the record was read.
            Entry::Stray => {}
        }
        path.truncate(length);
    }
    Ok(())
}
