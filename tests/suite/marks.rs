//! Editors on Windows put a byte order mark in front of UTF-8.

use std::io::Cursor;

use sepia::batch::{Batch, Expect};
use sepia::class::Class;
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{Container, ErrorKind, Id, Serializable, Store};

use crate::boards::{Postit, postit};
use crate::support::{Medium, OnDisk, content, on_every_backend, on_every_medium, refused};

const MARK: &str = "\u{feff}";

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Price {
    id: Id<Price>,
    cents: u32,
    name: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Menu {
    id: Id<Menu>,
    title: String,
    prices: Vec<Price>,
    inner: Vec<Menu>,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "bytes")]
struct Blob {
    id: Id<Blob>,
    bytes: Vec<u8>,
}

fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

fn marked(text: &str) -> Vec<u8> {
    format!("{MARK}{text}").into_bytes()
}

fn price() -> Price {
    Price { id: "tea".into(), cents: 250, name: "Tea".to_owned() }
}

fn menu() -> Menu {
    let inner = Menu { id: "inner".into(), title: "Inner".to_owned(), prices: vec![], inner: vec![] };
    Menu { id: "m".into(), title: "Menu".to_owned(), prices: vec![price()], inner: vec![inner] }
}

/// Stores the objects as an editor leaves them.
fn edit(store: &Store) {
    let list = |name: &str, entry| Entry::Collection(Entries::new(vec![(Name::of(name).unwrap(), entry)]).unwrap());
    let inner = Node { data: marked("{\"title\": \"Inner\"}"), ..Node::default() };
    let entries = vec![
        (Name::of("prices").unwrap(), list("0000_tea", Entry::Link(key("Price", "tea")))),
        (Name::of("inner").unwrap(), list("0000_inner", Entry::Container(inner))),
    ];
    let node = Node { data: marked("{\r\n  \"title\": \"Menu\"\r\n}\r\n"), entries: Entries::new(entries).unwrap() };
    let mut batch = Batch::new();
    for class in [Class::of::<Price>(), Class::of::<Menu>(), Class::of::<Postit>(), Class::of::<Blob>()] {
        batch.declare(&class).unwrap();
    }
    batch.put(key("Price", "tea"), Record::Leaf(marked("{\"name\": \"Tea\", \"cents\": 250}")), Expect::Any);
    batch.put(key("Menu", "m"), Record::Container(node), Expect::Any);
    batch.put(key("Postit", "p"), Record::Leaf(marked("text")), Expect::Any);
    batch.put(key("Blob", "b"), Record::Leaf(marked("bytes")), Expect::Any);
    store.backend().commit(batch).unwrap();
}

#[test]
fn a_mark_in_front_of_json_is_passed_over_and_never_written() {
    on_every_backend(|store| {
        edit(store);
        assert_eq!(store.load::<Price>("tea").unwrap(), price());
        let mut loaded: Menu = store.load("m").unwrap();
        assert_eq!(loaded, menu());
        assert!(store.verify().run().unwrap().problems.is_empty());

        // What was loaded can be saved, changed or not; an edit beside it is a conflict as ever.
        store.save(&loaded).unwrap();
        loaded.title.push('!');
        store.save(&loaded).unwrap();
        assert_eq!(store.load::<Menu>("m").unwrap(), loaded);
        let Record::Container(node) = store.backend().read(&key("Menu", "m")).unwrap().unwrap() else { panic!() };
        assert!(node.data.starts_with(b"{"));

        let mut stale: Price = store.load("tea").unwrap();
        let mut batch = Batch::new();
        batch.put(key("Price", "tea"), Record::Leaf(marked("{\"name\": \"x\", \"cents\": 1}")), Expect::Any);
        store.backend().commit(batch).unwrap();
        stale.cents = 3;
        refused(store.save(&stale), ErrorKind::Conflict, &[]);
    });
}

#[test]
fn a_mark_is_content_where_the_content_is_not_json() {
    on_every_backend(|store| {
        edit(store);
        assert_eq!(store.load::<Postit>("p").unwrap(), postit("p", &format!("{MARK}text")));
        assert_eq!(store.load::<Blob>("b").unwrap().bytes, marked("bytes"));
        // One within the file is no mark, and neither is a second one.
        for json in
            [format!("{{{MARK}\"name\": \"\", \"cents\": 1}}"), format!("{MARK}{{\"name\": \"\", \"cents\": 1}}")]
        {
            let mut batch = Batch::new();
            batch.put(key("Price", "wrong"), Record::Leaf(marked(&json)), Expect::Any);
            store.backend().commit(batch).unwrap();
            refused(store.load::<Price>("wrong"), ErrorKind::Corrupt, &[]);
        }
        let name = Price { name: format!("{MARK}Tea"), ..price() };
        store.overwrite(&name).unwrap();
        assert_eq!(store.load::<Price>("tea").unwrap(), name);
    });
}

/// A mark in front of `format.json` made the whole store unreadable.
#[test]
fn a_store_whose_list_of_classes_has_a_mark_opens_and_goes_on() {
    let disk = OnDisk::new();
    disk.store.save(&price()).unwrap();
    let list = disk.text(".sepia/format.json");
    disk.write(".sepia/format.json", format!("{MARK}{list}"));
    assert_eq!(disk.store.load::<Price>("tea").unwrap(), price());
    let store = disk.reopen();
    assert_eq!(store.load::<Price>("tea").unwrap(), price());
    store.save(&postit("p", "a class that was not declared")).unwrap();
    assert_eq!(disk.reopen().classes().unwrap(), ["Postit", "Price"]);
    assert!(disk.text(".sepia/format.json").starts_with('{'));
    assert!(store.verify().run().unwrap().problems.is_empty());
}

#[test]
fn an_export_with_a_mark_is_imported_and_marked_records_come_back_byte_for_byte() {
    on_every_medium(|medium| {
        let store = medium.make();
        edit(&store);
        let mut lines = Vec::new();
        store.export().to_writer(&mut lines).unwrap();
        let text = String::from_utf8(lines).unwrap();
        assert!(text.contains("\"json\":{\"name\":\"Tea\",\"cents\":250},\"text\":\"\u{feff}{"), "{text}");
        let copy = if medium == Medium::Memory { Medium::Files.make() } else { medium.make() };
        copy.import().from_reader(Cursor::new(format!("{MARK}{text}"))).unwrap();
        assert_eq!(content(&copy), content(&store));
    });
}
