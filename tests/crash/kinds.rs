//! An entry that changes its kind from commit to commit: link, directory, container, nothing. Whatever the disk has
//! of it after a loss of power, what was committed last comes of it; and readers see the same before anybody has recovered.
//!
//! A link in whose place a directory had come, and gone again, was left standing.

use std::fs;

use sepia::backend::Backend;
use sepia::batch::{Batch, Durability, Expect};
use sepia::record::{Entry, Record};

use crate::scenario::board;
use crate::support::{container, copy, directory, entries, key, link, node, open, open_to_read, place};

/// What can stand under a name.
fn kinds() -> Vec<(&'static str, Option<Entry>)> {
    let list = || entries(vec![("0000_a", link("Note", "a"))]);
    vec![
        ("nothing", None),
        ("a link", Some(link("Note", "a"))),
        ("another link", Some(link("Note", "b"))),
        ("a list", Some(Entry::Collection(list()))),
        ("a container", Some(Entry::Container(node("{\"x\": 1}\n", vec![("inner", link("Note", "a"))])))),
    ]
}

fn record(entry: &Option<Entry>) -> Record {
    container("{}\n", entry.iter().map(|entry| ("field", entry.clone())).collect())
}

#[test]
fn what_was_committed_last_comes_of_whatever_the_disk_has() {
    let kinds = kinds();
    for first in 0..kinds.len() {
        for second in 0..kinds.len() {
            for third in 0..kinds.len() {
                let scratch = directory();
                let path = place(&scratch);
                let backend = open(&path).unwrap();
                let put = |(_, entry): &(&str, Option<Entry>)| {
                    let mut batch = Batch::new();
                    batch.set_durability(Durability::Sync);
                    batch.declare(&board()).unwrap();
                    batch.put(key("Board", "x"), record(entry), Expect::Any);
                    backend.commit(batch).unwrap();
                };
                put(&kinds[first]);
                backend.checkpoint().unwrap();
                let mut disks = vec![scratch.path().join("after the first")];
                copy(&path, &disks[0]);
                put(&kinds[second]);
                disks.push(scratch.path().join("after the second"));
                copy(&path, &disks[1]);
                put(&kinds[third]);
                for disk in disks {
                    fs::copy(path.join(".sepia/journal"), disk.join(".sepia/journal")).unwrap();
                    fs::copy(path.join(".sepia/state"), disk.join(".sepia/state")).unwrap();
                    let what = [first, second, third].map(|kind| kinds[kind].0);
                    let expected = Some(record(&kinds[third].1));
                    let read = open_to_read(&disk).unwrap().read(&key("Board", "x")).unwrap();
                    assert_eq!(read, expected, "{what:?}, {}, read", disk.display());
                    let recovered = open(&disk).unwrap();
                    assert_eq!(recovered.read(&key("Board", "x")).unwrap(), expected, "{what:?}, {}", disk.display());
                    assert!(recovered.recovered().is_none_or(|recovered| recovered.edited.is_empty()), "{what:?}");
                }
            }
        }
    }
}
