//! Stores that are there no more.

use std::fs;

use sepia::{Container, ErrorKind, Id, Serializable, Store};

use crate::support::{OnDisk, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Card {
    id: Id<Card>,
    title: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Draft {
    id: Id<Draft>,
    title: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Shelf {
    id: Id<Shelf>,
    cards: Vec<Card>,
}

fn card(id: &str) -> Card {
    Card { id: id.into(), title: id.to_owned() }
}

fn fill(store: &Store) {
    store.save(&Shelf { id: "s".into(), cards: vec![card("a")] }).unwrap();
    store.save(&Draft { id: "d.0".into(), title: "d".to_owned() }).unwrap();
}

/// What is asked of a store that has no answer.
fn is_refused(store: &Store, kind: ErrorKind, names: &[&str]) {
    refused(store.find::<Card>("a"), kind, names);
    refused(store.find::<Shelf>("s"), kind, names);
    refused(store.find::<Draft>("d"), kind, names);
    refused(store.load::<Card>("other"), kind, names);
    refused(store.exists::<Card>("a"), kind, names);
    refused(store.exists::<Draft>("d.0"), kind, names);
    refused(store.ids::<Card>(), kind, names);
    refused(store.count::<Shelf>(), kind, names);
    refused(store.versions::<Draft>("d"), kind, names);
    refused(store.classes(), kind, names);
    refused(store.snapshot(|snapshot| snapshot.ids::<Card>()), kind, names);
    refused(store.iter::<Card>().and_then(|cards| cards.collect::<sepia::Result<Vec<_>>>()), kind, names);
    let key = sepia::record::Key::new("Shelf", "s").unwrap();
    refused(store.backend().links(&key), kind, names);
    refused(store.backend().stat(&key), kind, names);
    refused(store.verify().run(), kind, names);
    refused(store.export().to_writer(Vec::new()), kind, names);
}

/// It was empty, and what had been in it was absent.
#[test]
fn a_store_whose_directory_was_removed_is_not_empty() {
    let disk = OnDisk::new();
    fill(&disk.store);
    let (other, reader) = (disk.reopen(), Store::builder().read_only().open(disk.directory.path()).unwrap());
    fs::remove_dir_all(disk.directory.path()).unwrap();
    let place = disk.directory.path().to_str().unwrap();
    for store in [&disk.store, &other, &reader] {
        is_refused(store, ErrorKind::NotAStore, &[place, "removed"]);
    }
    for store in [&disk.store, &other] {
        assert!(store.save(&card("a")).is_err());
        assert!(store.overwrite(&card("new")).is_err());
        assert!(store.delete::<Card>("a").is_err());
        assert!(store.transaction(|transaction| transaction.save(&card("b"))).is_err());
        assert!(store.clear().is_err());
    }
    assert!(!disk.directory.path().exists());
    // Another in its place is another.
    fs::create_dir(disk.directory.path()).unwrap();
    is_refused(&other, ErrorKind::NotAStore, &[place, "removed"]);
    assert_eq!(disk.reopen().classes().unwrap(), [""; 0]);
}

#[test]
fn a_store_that_has_lost_what_is_private_is_not_empty() {
    let disk = OnDisk::new();
    fill(&disk.store);
    fs::remove_dir_all(disk.path(".sepia")).unwrap();
    for class in ["Card", "Shelf", "Draft"] {
        fs::remove_dir_all(disk.path(class)).unwrap();
    }
    let place = disk.path(".sepia/format.json");
    is_refused(&disk.store, ErrorKind::Corrupt, &[place.to_str().unwrap(), "lost its list of classes"]);
    assert!(disk.store.save(&card("a")).is_err());
}

#[test]
fn a_directory_that_was_moved_is_the_same_store() {
    let disk = OnDisk::new();
    // On the same file system.
    let elsewhere = crate::support::directory();
    fill(&disk.store);
    let moved = elsewhere.path().join("moved");
    fs::rename(disk.directory.path(), &moved).unwrap();
    assert_eq!(disk.store.load::<Card>("a").unwrap(), card("a"));
    assert_eq!(disk.store.find::<Card>("b").unwrap(), None);
    disk.store.save(&card("b")).unwrap();
    assert_eq!(Store::open(&moved).unwrap().load::<Card>("b").unwrap(), card("b"));
    fs::create_dir(disk.directory.path()).unwrap();
}

/// Who adopts for reading only has no list of classes on the disk.
#[test]
fn a_store_that_was_adopted_for_reading_has_no_list_to_lose() {
    let disk = OnDisk::new();
    disk.write("plain/Card/a", r#"{"title": "a"}"#);
    let adopted = Store::builder().adopt_existing().read_only().open(disk.path("plain")).unwrap();
    assert_eq!(adopted.find::<Card>("b").unwrap(), None);
    assert_eq!(adopted.load::<Card>("a").unwrap(), card("a"));
    fs::remove_dir_all(disk.path("plain")).unwrap();
    refused(adopted.find::<Card>("a"), ErrorKind::NotAStore, &["removed"]);
}
