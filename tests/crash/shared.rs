//! Private files that others have, too: hard links, as `cp -al` and rsnapshot make them, and whatever else stands in their
//! places. They are replaced, never written through, and nothing is refused.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sepia::backend::{Backend, Filesystem};
use sepia::batch::{Batch, Durability, Expect};

use crate::canary::Canary;
use crate::scenario::{board, draft, note};
use crate::support::{Contents, contents, directory, key, leaf, open, open_to_read};

const BOTH: [Durability; 2] = [Durability::Sync, Durability::Buffered];

/// The private files of a store with generations that somebody follows.
const PRIVATE: [&str; 7] =
    ["journal", "state", "format.json", ".gitignore", "followed", "latest/Draft/d", "latest/.Draft"];

fn put(backend: &Filesystem, durability: Durability, records: &[(&str, &str, &str)]) -> sepia::Result<()> {
    let mut batch = Batch::new();
    for class in [note(), board(), draft()] {
        batch.declare(&class)?;
    }
    batch.set_durability(durability);
    for (class, id, text) in records {
        batch.put(key(class, id), leaf(text), Expect::Any);
    }
    backend.commit(batch)
}

/// A store in which every private file is there, and a frame in the journal.
fn store(path: &Path, durability: Durability) -> Filesystem {
    let backend = open(path).unwrap();
    put(&backend, durability, &[("Note", "a", "a"), ("Draft", "d.9", "9")]).unwrap();
    let track = backend.track().unwrap();
    put(&backend, durability, &[("Note", "b", "b"), ("Note", "c", "c")]).unwrap();
    backend.checkpoint().unwrap();
    put(&backend, durability, &[("Note", "b", "b2"), ("Note", "c", "c2")]).unwrap();
    std::mem::forget(track);
    backend
}

/// Commits of every way of writing, with names of their own.
fn go_on(backend: &Filesystem, durability: Durability, name: &str, generation: u64) -> Contents {
    let draft = |number: u64| format!("d.{number}");
    put(backend, durability, &[("Note", &format!("{name} one"), name)]).unwrap();
    put(backend, durability, &[("Note", "b", name), ("Note", "c", name)]).unwrap();
    put(backend, durability, &[("Draft", &draft(generation), name)]).unwrap();
    put(backend, durability, &[("Draft", &draft(generation + 1), name), ("Note", &format!("{name} two"), name)])
        .unwrap();
    put(backend, Durability::Buffered, &[("Note", "a", name)]).unwrap();
    assert_eq!(backend.newest(&key("Draft", "d")).unwrap(), Some(key("Draft", &draft(generation + 1))));
    contents(backend).unwrap()
}

/// A hint with a second name elsewhere was overwritten there, as were journal and state.
#[test]
fn private_files_with_another_name_outside_are_never_written_through() {
    for durability in BOTH {
        for is_open in [true, false] {
            for name in PRIVATE {
                let outer = directory();
                let (path, outside) = (outer.path().join("store"), outer.path().join("outside"));
                fs::create_dir(&outside).unwrap();
                let mut backend = store(&path, durability);
                if !is_open {
                    backend.checkpoint().unwrap();
                    drop(backend);
                    backend = open(&path).unwrap();
                }
                let private = path.join(".sepia").join(name);
                if !private.exists() {
                    assert_eq!(name, "followed");
                    fs::write(&private, "").unwrap();
                }
                fs::hard_link(&private, outside.join("other")).unwrap();
                let canary = Canary::watch_linked(&outside);
                if !is_open {
                    backend = open(&path).unwrap();
                }
                let expected = go_on(&backend, durability, "new", 10);
                backend.checkpoint().unwrap();
                drop(backend);
                let what = format!("{name}, {durability:?}, open: {is_open}");
                canary.check(&what);
                assert_eq!(contents(&open(&path).unwrap()).unwrap(), expected, "{what}");
                assert_eq!(contents(&open_to_read(&path).unwrap()).unwrap(), expected, "{what}");
            }
        }
    }
}

/// A hard link to a file that was never part of a store.
#[test]
fn foreign_files_in_the_places_of_private_ones_are_not_written() {
    for (name, content) in PRIVATE.iter().flat_map(|name| [(name, "9\n"), (name, ""), (name, "something\n")]) {
        let outer = directory();
        let path = outer.path().join("store");
        let backend = store(&path, Durability::Buffered);
        backend.checkpoint().unwrap();
        drop(backend);
        fs::create_dir(outer.path().join("outside")).unwrap();
        let foreign = outer.path().join("outside/foreign");
        fs::write(&foreign, content).unwrap();
        let private = path.join(".sepia").join(name);
        let _ = fs::remove_file(&private);
        fs::hard_link(&foreign, &private).unwrap();
        if let Ok(backend) = open(&path) {
            go_on(&backend, Durability::Sync, "new", 10);
            go_on(&backend, Durability::Buffered, "newer", 12);
        } else {
            assert!(["journal", "format.json"].contains(name) && (*name != "journal" || !content.is_empty()), "{name}");
        }
        assert_eq!(fs::read_to_string(&foreign).unwrap(), content, "{name}");
    }
}

fn copy_with_links(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-al").args([from, to]).status().unwrap().success());
}

/// Whatever is in a directory, but for the number of names that files have.
fn bytes_of(path: &Path) -> Vec<(PathBuf, Vec<u8>, u64)> {
    let mut found = Vec::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if meta.is_file() {
            found.push((path.clone(), fs::read(&path).unwrap(), meta.ino()));
        }
    }
    found.sort();
    found
}

/// A copy by `cp -al` had the journal and the state of the original, and carried out what the original committed.
#[test]
fn a_copy_by_hard_links_and_its_original_go_on_each_by_itself() {
    for durability in BOTH {
        for settled in [true, false] {
            let outer = directory();
            let (path, copied) = (outer.path().join("store"), outer.path().join("copy"));
            let original = store(&path, durability);
            // Readers and other writers that have the files open, too.
            let (other, reader) = (open(&path).unwrap(), open_to_read(&path).unwrap());
            contents(&reader).unwrap();
            if settled {
                original.checkpoint().unwrap();
            }
            let at_copy = contents(&original).unwrap();
            copy_with_links(&path, &copied);
            let untouched = bytes_of(&copied);
            let first = go_on(&original, durability, "original", 10);
            assert_eq!(contents(&reader).unwrap(), first, "a reader follows");
            let second = go_on(&other, durability, "other handle", 12);
            assert_eq!(contents(&reader).unwrap(), second, "a reader follows");
            assert_eq!(contents(&original).unwrap(), second);
            original.checkpoint().unwrap();
            assert!(bytes_of(&copied) == untouched, "{durability:?}: the copy was written");
            // The copy goes on, and the original does not notice.
            let copy = open(&copied).unwrap();
            assert_eq!(contents(&copy).unwrap(), at_copy, "{durability:?}, settled: {settled}");
            let before = bytes_of(&path);
            let third = go_on(&copy, durability, "copy", 10);
            assert!(bytes_of(&path) == before, "{durability:?}: the original was written");
            drop(copy);
            assert_eq!(contents(&open(&copied).unwrap()).unwrap(), third);
            let last = go_on(&original, durability, "last", 20);
            drop((original, other, reader));
            assert_eq!(contents(&open(&path).unwrap()).unwrap(), last);
            assert_eq!(contents(&open(&copied).unwrap()).unwrap(), third);
        }
    }
}

/// The copy goes on first, while the original is open.
#[test]
fn an_open_store_does_not_write_into_a_copy_that_was_opened_first() {
    for durability in BOTH {
        let outer = directory();
        let (path, copied) = (outer.path().join("store"), outer.path().join("copy"));
        let original = store(&path, durability);
        for round in 0..3 {
            let _ = fs::remove_dir_all(&copied);
            copy_with_links(&path, &copied);
            let copy = open(&copied).unwrap();
            let generation = 10 + 4 * round;
            let first = go_on(&copy, durability, &format!("copy {round}"), generation);
            let second = go_on(&original, durability, &format!("original {round}"), generation);
            assert_eq!(contents(&copy).unwrap(), first, "{durability:?}, {round}");
            let third = go_on(&copy, durability, &format!("again {round}"), generation + 2);
            assert_eq!(contents(&original).unwrap(), second, "{durability:?}, {round}");
            drop(copy);
            assert_eq!(contents(&open(&copied).unwrap()).unwrap(), third, "{durability:?}, {round}");
            assert_eq!(contents(&open_to_read(&path).unwrap()).unwrap(), second, "{durability:?}, {round}");
        }
    }
}

/// What a copy takes along while a batch is in force that nobody has carried out, both carry out.
#[test]
fn backups_that_rotate_lose_nothing() {
    for durability in BOTH {
        let outer = directory();
        let path = outer.path().join("store");
        let mut expected = Vec::new();
        let backend = store(&path, durability);
        for day in 0..4 {
            let now = go_on(&backend, durability, &format!("day {day}"), 10 + 2 * day);
            copy_with_links(&path, &outer.path().join(format!("day.{day}")));
            expected.push(now);
        }
        go_on(&backend, durability, "today", 30);
        drop(backend);
        for (day, expected) in expected.iter().enumerate() {
            let path = outer.path().join(format!("day.{day}"));
            assert_eq!(contents(&open_to_read(&path).unwrap()).unwrap(), *expected, "{durability:?}, {day}");
            assert_eq!(contents(&open(&path).unwrap()).unwrap(), *expected, "{durability:?}, {day}");
        }
    }
}

/// Whatever stands where a private file belongs: it is no obstacle, and what it leads to is not touched.
#[test]
fn what_is_no_file_in_the_place_of_a_private_one_is_replaced() {
    for name in ["journal", "state", "followed", "tmp", "latest", "latest/Draft", "latest/Draft/d", "latest/.Draft"] {
        for kind in ["symlink", "dangling", "to a directory", "fifo", "directory", "socket"] {
            for is_open in [true, false] {
                let outer = directory();
                let path = outer.path().join("store");
                let backend = store(&path, Durability::Buffered);
                backend.checkpoint().unwrap();
                let canary_place = outer.path().join("canary");
                Canary::make(&canary_place);
                let private = path.join(".sepia").join(name);
                let _ = fs::remove_file(&private);
                let _ = fs::remove_dir_all(&private);
                match kind {
                    "symlink" => symlink(canary_place.join("secret"), &private).unwrap(),
                    "dangling" => symlink(canary_place.join("new"), &private).unwrap(),
                    "to a directory" => symlink(&canary_place, &private).unwrap(),
                    "fifo" => assert!(Command::new("mkfifo").arg(&private).status().unwrap().success()),
                    "socket" => drop(std::os::unix::net::UnixListener::bind(&private).unwrap()),
                    _ => fs::create_dir(&private).unwrap(),
                }
                let what = format!("{kind} as {name}, open: {is_open}");
                let canary = Canary::watch(&canary_place);
                let kept = is_open.then_some(backend);
                contents(&open_to_read(&path).unwrap()).unwrap_or_else(|error| panic!("{what}: {error}"));
                let backend = kept.unwrap_or_else(|| open(&path).unwrap());
                let expected = go_on(&backend, Durability::Sync, "new", 10);
                backend.checkpoint().unwrap();
                drop(backend);
                assert_eq!(contents(&open(&path).unwrap()).unwrap(), expected, "{what}");
                canary.check(&what);
            }
        }
    }
}
