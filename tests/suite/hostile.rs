//! Ids and keys from the wild: exactly as they were, or refused by name.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use sepia::backend::{Memory, conformance};
use sepia::{Container, ErrorKind, Id, Ref, Store};

use crate::boards::{Postit, postit};
use crate::support::{Found, on_every_backend, refused};

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Shelf {
    id: Id<Shelf>,
    by_key: BTreeMap<String, Postit>,
    links: Vec<Ref<Shelf>>,
    inner: Vec<Shelf>,
}

fn long() -> [String; 4] {
    ["x".repeat(201), "x".repeat(10_000), "é".repeat(5_000), "/".repeat(100)]
}

#[test]
fn hostile_ids_come_back() {
    on_every_backend(|store| {
        for &id in conformance::HOSTILE {
            store.save(&postit(id, id)).unwrap();
            let shelf = Shelf {
                id: id.into(),
                by_key: [(id.to_owned(), postit(id, id))].into(),
                links: vec![Ref::new(id)],
                inner: vec![Shelf { id: format!("{id}/inner").into(), ..Shelf::default() }],
            };
            store.save(&shelf).unwrap();
        }
        for &id in conformance::HOSTILE {
            assert_eq!(store.load::<Postit>(id).unwrap(), postit(id, id));
            let shelf: Shelf = store.load(id).unwrap();
            assert_eq!((shelf.id.as_str(), shelf.inner[0].id.as_str()), (id, &*format!("{id}/inner")));
            assert_eq!(shelf.by_key[id].text, id);
            assert_eq!(shelf.links[0].load(store).unwrap(), shelf);
        }
        assert_eq!(store.count::<Postit>().unwrap(), conformance::HOSTILE.len() as u64);
        for &id in conformance::HOSTILE {
            assert!(store.delete::<Postit>(id).unwrap() && store.delete::<Shelf>(id).unwrap());
        }
        assert_eq!(store.count::<Shelf>().unwrap() + store.count::<Postit>().unwrap(), 0);
    });
}

#[test]
fn ids_that_no_store_can_hold_are_refused_by_name() {
    on_every_backend(|store| {
        for id in long().iter().map(String::as_str).chain([""]) {
            let shown = &id[..id.char_indices().nth(20).map_or(id.len(), |(at, _)| at)];
            let names = ["Postit", shown];
            refused(store.save(&postit(id, "")), ErrorKind::InvalidName, &names);
            refused(store.load::<Postit>(id), ErrorKind::InvalidName, &names);
            refused(store.exists::<Postit>(id), ErrorKind::InvalidName, &names);
            refused(store.delete::<Postit>(id), ErrorKind::InvalidName, &names);
            let linked = Shelf { id: "s".into(), links: vec![Ref::new(id)], ..Shelf::default() };
            refused(store.save(&linked), ErrorKind::InvalidName, &["Shelf"]);
            let nested =
                Shelf { id: "s".into(), inner: vec![Shelf { id: id.into(), ..Shelf::default() }], ..Shelf::default() };
            refused(store.save(&nested), ErrorKind::InvalidName, &["Shelf"]);
        }
        for key in long() {
            let shelf = Shelf { id: "s".into(), by_key: [(key, postit("p", ""))].into(), ..Shelf::default() };
            refused(store.save(&shelf), ErrorKind::InvalidName, &["Shelf", "by_key"]);
        }
        assert_eq!(store.classes().unwrap(), Vec::<String>::new());
    });
}

#[test]
fn nothing_is_made_outside_the_root() {
    let outside = tempfile::tempdir().unwrap();
    let store = Store::open(outside.path().join("store")).unwrap();
    for &id in conformance::HOSTILE {
        store.save(&postit(id, id)).unwrap();
        store.save(&Shelf { id: id.into(), links: vec![Ref::new(id)], ..Shelf::default() }).unwrap();
    }
    let beside: Vec<_> = fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["store"]);
    let root = outside.path().join("store").canonicalize().unwrap();
    for (path, found) in crate::support::snapshot(&root) {
        if let Found::Link(_) = found {
            assert!(root.join(&path).canonicalize().unwrap().starts_with(&root), "{path}");
        }
    }
}

// Each is a test of its own, so that they run side by side.

#[test]
fn memory_conforms() {
    conformance::check(Memory::new).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_id_and_key_comes_back_or_is_refused(id in any::<String>(), key in any::<String>()) {
        on_every_backend(|store| {
            let shelf = Shelf { id: id.as_str().into(), by_key: [(key.clone(), postit("p", ""))].into(), ..Shelf::default() };
            match store.save(&shelf) {
                Ok(()) => assert_eq!(store.load::<Shelf>(id.as_str()).unwrap(), shelf),
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidName),
            }
        });
    }
}
