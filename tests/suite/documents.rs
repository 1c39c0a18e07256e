//! Documents: records read, changed and written without their types, as typed saves would.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::document::{Body, Collection, Document, Member};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{Container, ErrorKind, Id, Ref, Reference, Serializable, Store};

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::{MEDIA, OnDisk, content, in_two_views, on_every_backend, refused};

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Page {
    id: Id<Page>,
    title: String,
    size: Option<f64>,
    tags: Vec<String>,
    cover: Option<Ref<Postit>>,
    notes: Vec<Ref<Postit>>,
    parts: Vec<Page>,
    inner: Option<Box<Page>>,
    by_name: BTreeMap<String, Ref<Postit>>,
    parts_by_name: BTreeMap<String, Page>,
    set: BTreeSet<Ref<Postit>>,
    grid: Vec<Vec<Ref<Postit>>>,
    #[sepia(default)]
    star: Option<Ref<Postit>>,
    #[sepia(default)]
    extra: Vec<Ref<Postit>>,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Person {
    id: Id<Person>,
    name: String,
    born: Option<i64>,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Speech {
    id: Id<Speech>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Circle {
    id: Id<Circle>,
    radius: u8,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Square {
    id: Id<Square>,
    side: u8,
}

#[derive(Reference, Clone, Debug, PartialEq)]
enum Figure {
    Circle(Circle),
    Square(Square),
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Drawing {
    id: Id<Drawing>,
    figures: Vec<Figure>,
    main: Option<Figure>,
}

fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

fn note(id: &str) -> Key {
    key("Postit", id)
}

fn page(id: &str) -> Page {
    Page { id: id.into(), ..Page::default() }
}

/// A new page, as a typed save writes it.
fn page_document(id: &str) -> Body {
    let mut body = Body::new(id).unwrap();
    body.set("title", "").unwrap();
    body.set_json("size", "null").unwrap();
    body.set_json("tags", "[]").unwrap();
    body.set_none("star").unwrap();
    body.set_collection("extra", Collection::new()).unwrap();
    body
}

/// Declares classes, as programs do that have their types.
fn declare(store: &Store, classes: &[Class]) {
    let mut batch = Batch::new();
    for class in classes {
        batch.declare(class).unwrap();
    }
    store.backend().commit(batch).unwrap();
}

fn put(store: &Store, class: &Class, key: Key, record: Record) {
    let mut batch = Batch::new();
    batch.declare(class).unwrap();
    batch.put(key, record, Expect::Any);
    store.backend().commit(batch).unwrap();
}

fn stored(store: &Store, key: &Key) -> Record {
    store.backend().read(key).unwrap().unwrap()
}

#[derive(Clone, Debug)]
enum Edit {
    Title(String),
    Size(Option<f64>),
    Tags(Vec<String>),
    Cover(Option<u8>),
    Star(Option<u8>),
    AddNote(usize, u8),
    RemoveNote(usize),
    AddPart(usize),
    RemovePart(usize),
    TitlePart(usize, String),
    Inner(bool),
    TitleInner(String),
    Name(String, Option<u8>),
    NamePart(String, bool),
    Set(u8, bool),
    Row(usize, u8),
    Extra(u8),
    ClearExtra,
}

fn edit() -> impl Strategy<Value = Edit> {
    let (at, id) = (0..4_usize, 0..4_u8);
    let name = || "[a-c/.%é]{0,3}";
    prop_oneof![
        name().prop_map(Edit::Title),
        proptest::option::of(proptest::num::f64::NORMAL).prop_map(Edit::Size),
        proptest::collection::vec(any::<String>(), 0..3).prop_map(Edit::Tags),
        proptest::option::of(id.clone()).prop_map(Edit::Cover),
        proptest::option::of(id.clone()).prop_map(Edit::Star),
        (at.clone(), id.clone()).prop_map(|(at, id)| Edit::AddNote(at, id)),
        at.clone().prop_map(Edit::RemoveNote),
        at.clone().prop_map(Edit::AddPart),
        at.clone().prop_map(Edit::RemovePart),
        (at.clone(), name()).prop_map(|(at, title)| Edit::TitlePart(at, title)),
        any::<bool>().prop_map(Edit::Inner),
        name().prop_map(Edit::TitleInner),
        (name(), proptest::option::of(id.clone())).prop_map(|(name, id)| Edit::Name(name, id)),
        (name(), any::<bool>()).prop_map(|(name, is_there)| Edit::NamePart(name, is_there)),
        (id.clone(), any::<bool>()).prop_map(|(id, is_there)| Edit::Set(id, is_there)),
        (at, id.clone()).prop_map(|(at, id)| Edit::Row(at, id)),
        id.prop_map(Edit::Extra),
        Just(Edit::ClearExtra),
    ]
}

/// What a list or map without default is when it is empty: not stored.
fn drop_empty(document: &mut Document, field: &str) {
    if document.collection(field).is_some_and(Collection::is_empty) {
        document.remove(field);
    }
}

impl Edit {
    fn type_it(&self, page: &mut Page, number: usize) {
        let link = |id: &u8| Ref::new(format!("n{id}"));
        match self {
            Self::Title(title) => page.title.clone_from(title),
            Self::Size(size) => page.size = *size,
            Self::Tags(tags) => page.tags.clone_from(tags),
            Self::Cover(id) => page.cover = id.as_ref().map(link),
            Self::Star(id) => page.star = id.as_ref().map(link),
            Self::AddNote(at, id) => page.notes.insert((*at).min(page.notes.len()), link(id)),
            Self::RemoveNote(at) => drop((*at < page.notes.len()).then(|| page.notes.remove(*at))),
            Self::AddPart(at) => {
                page.parts.insert((*at).min(page.parts.len()), self::page(&format!("part {number}")));
            }
            Self::RemovePart(at) => drop((*at < page.parts.len()).then(|| page.parts.remove(*at))),
            Self::TitlePart(at, title) => {
                if let Some(part) = page.parts.get_mut(*at) {
                    part.title.clone_from(title);
                }
            }
            Self::Inner(is_there) => page.inner = is_there.then(|| Box::new(self::page(&format!("inner {number}")))),
            Self::TitleInner(title) => {
                if let Some(inner) = &mut page.inner {
                    inner.title.clone_from(title);
                }
            }
            Self::Name(name, Some(id)) => drop(page.by_name.insert(name.clone(), link(id))),
            Self::Name(name, None) => drop(page.by_name.remove(name)),
            Self::NamePart(name, true) => {
                page.parts_by_name.insert(name.clone(), self::page(&format!("named {number}")));
            }
            Self::NamePart(name, false) => drop(page.parts_by_name.remove(name)),
            Self::Set(id, true) => drop(page.set.insert(link(id))),
            Self::Set(id, false) => drop(page.set.remove(&link(id))),
            Self::Row(at, id) => match page.grid.get_mut(*at) {
                Some(row) => row.push(link(id)),
                None => page.grid.push(vec![]),
            },
            Self::Extra(id) => page.extra.push(link(id)),
            Self::ClearExtra => page.extra.clear(),
        }
    }

    fn do_it(&self, document: &mut Document, number: usize) {
        let link = |id: &u8| note(&format!("n{id}"));
        match self {
            Self::Title(title) => document.set("title", title).unwrap(),
            Self::Size(size) => document.set("size", size).unwrap(),
            Self::Tags(tags) => document.set("tags", tags).unwrap(),
            Self::Cover(Some(id)) => document.set_link("cover", link(id)).unwrap(),
            Self::Cover(None) => drop(document.remove("cover")),
            Self::Star(Some(id)) => document.set_link("star", link(id)).unwrap(),
            Self::Star(None) => document.set_none("star").unwrap(),
            Self::AddNote(at, id) => {
                let notes = document.collection_mut("notes").unwrap();
                notes.insert_at((*at).min(notes.len()), link(id)).unwrap();
            }
            Self::RemoveNote(at) => drop(document.collection_mut("notes").unwrap().remove_at(*at)),
            Self::AddPart(at) => {
                let parts = document.collection_mut("parts").unwrap();
                parts.insert_at((*at).min(parts.len()), page_document(&format!("part {number}"))).unwrap();
            }
            Self::RemovePart(at) => drop(document.collection_mut("parts").unwrap().remove_at(*at)),
            Self::TitlePart(at, title) => {
                if let Some(part) = document.at_mut(&format!("parts/{at}")) {
                    part.set("title", title).unwrap();
                }
            }
            Self::Inner(true) => document.set_nested("inner", page_document(&format!("inner {number}"))).unwrap(),
            Self::Inner(false) => drop(document.remove("inner")),
            Self::TitleInner(title) => {
                if let Some(inner) = document.nested_mut("inner") {
                    inner.set("title", title).unwrap();
                }
            }
            Self::Name(name, Some(id)) => {
                document.collection_mut("by_name").unwrap().insert(name, link(id)).unwrap();
            }
            Self::Name(name, None) => drop(document.collection_mut("by_name").unwrap().remove(name)),
            Self::NamePart(name, true) => {
                let part = page_document(&format!("named {number}"));
                document.collection_mut("parts_by_name").unwrap().insert(name, part).unwrap();
            }
            Self::NamePart(name, false) => drop(document.collection_mut("parts_by_name").unwrap().remove(name)),
            Self::Set(id, true) => drop(document.collection_mut("set").unwrap().add(link(id)).unwrap()),
            Self::Set(id, false) => drop(document.collection_mut("set").unwrap().remove(&format!("n{id}"))),
            Self::Row(at, id) => {
                let grid = document.collection_mut("grid").unwrap();
                match grid.get_index_mut(*at) {
                    Some(Member::Collection(row)) => row.push(link(id)).unwrap(),
                    _ => grid.push(Collection::new()).unwrap(),
                }
            }
            Self::Extra(id) => document.collection_mut("extra").unwrap().push(link(id)).unwrap(),
            Self::ClearExtra => document.set_collection("extra", Collection::new()).unwrap(),
        }
        for field in ["notes", "parts", "by_name", "parts_by_name", "set", "grid"] {
            drop_empty(document, field);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_changed_in_a_document_is_written_as_by_a_typed_save(
        rounds in proptest::collection::vec(proptest::collection::vec(edit(), 1..6), 1..4),
    ) {
        for medium in MEDIA {
            let (typed, untyped) = (medium.make(), medium.make());
            let (mut object, place) = (page("p"), key("Page", "p"));
            typed.save(&object).unwrap();
            untyped.save(&object).unwrap();
            let mut kept = untyped.document(&place).unwrap();
            let mut number = 0;
            for round in &rounds {
                let mut fresh = untyped.document(&place).unwrap();
                for edit in round {
                    number += 1;
                    edit.type_it(&mut object, number);
                    edit.do_it(&mut fresh, number);
                    edit.do_it(&mut kept, number);
                }
                typed.save(&object).unwrap();
                // One that goes on from its last put is as good as one that was just read.
                prop_assert_eq!(fresh.record().unwrap(), kept.record().unwrap());
                untyped.put_document(&mut kept).unwrap();
                prop_assert_eq!(content(&typed), content(&untyped));
                prop_assert_eq!(untyped.load::<Page>("p").unwrap(), object.clone());
            }
        }
    }
}

#[test]
fn a_document_made_from_nothing_is_what_a_typed_save_makes() {
    on_every_backend(|store| {
        let mut object = page("typed");
        object.parts.push(page("x"));
        object.inner = Some(Box::new(page("y")));
        store.save(&object).unwrap();
        let mut document = Document::container(key("Page", "untyped"));
        for (name, json) in page_document("p").values() {
            document.set_json(name, json).unwrap();
        }
        document.set_none("star").unwrap();
        document.set_collection("extra", Collection::new()).unwrap();
        document.collection_mut("parts").unwrap().push(page_document("x")).unwrap();
        document.set_nested("inner", page_document("y")).unwrap();
        store.put_document(&mut document).unwrap();
        assert_eq!(stored(store, &key("Page", "untyped")), stored(store, &key("Page", "typed")));

        let person = Person { id: "typed".into(), name: "Ada".to_owned(), born: None };
        store.save(&person).unwrap();
        let mut document = Document::json(key("Person", "untyped"));
        document.set("name", "Ada").unwrap();
        document.set_json("born", "null").unwrap();
        store.put_document(&mut document).unwrap();
        assert_eq!(stored(store, &key("Person", "untyped")), stored(store, &key("Person", "typed")));
    });
}

#[test]
fn objects_of_several_classes_in_one_place_tell_their_class() {
    on_every_backend(|store| {
        let circle = |id: &str| Figure::Circle(Circle { id: id.into(), radius: 1 });
        let square = |id: &str| Figure::Square(Square { id: id.into(), side: 2 });
        let mut drawing = Drawing { id: "d".into(), figures: vec![circle("a")], main: None };
        store.save(&drawing).unwrap();
        store.save(&Drawing { id: "e".into(), ..drawing.clone() }).unwrap();
        drawing.figures.insert(0, square("a"));
        drawing.main = Some(circle("m"));
        store.save(&drawing).unwrap();

        let mut document = store.document(&key("Drawing", "e")).unwrap();
        let body = |class: &str, id: &str, field: &str, value: u8| {
            let mut body = Body::new(id).unwrap().with_class(class).unwrap();
            body.set(field, &value).unwrap();
            body
        };
        document.collection_mut("figures").unwrap().insert_at(0, body("Square", "a", "side", 2)).unwrap();
        document.set_nested("main", body("Circle", "m", "radius", 1)).unwrap();
        store.put_document(&mut document).unwrap();
        assert_eq!(stored(store, &key("Drawing", "e")), stored(store, &key("Drawing", "d")));
        assert_eq!(document.at("figures/1").unwrap().class(), Some("Circle"));
    });
}

#[test]
fn what_is_not_changed_keeps_every_byte_and_is_not_written() {
    let odd = b"\xef\xbb\xbf{ \"b\":1.50,\n\"a\" :[ 12345678901234567890123 , -0 ], \"c\": \"\\u00e9\" }";
    on_every_backend(|store| {
        let person = key("Person", "odd");
        put(store, &Class::serializable("Person", Format::Json), person.clone(), Record::Leaf(odd.to_vec()));
        let mut document = store.document(&person).unwrap();
        assert_eq!(document.bytes().unwrap(), odd);
        let values: Vec<_> = document.values().collect();
        assert_eq!(values, [("b", "1.50"), ("a", "[12345678901234567890123,-0]"), ("c", "\"\\u00e9\"")]);
        // The same again is no change.
        document.set_json("a", " [12345678901234567890123, -0] ").unwrap();
        store.put_document(&mut document).unwrap();
        assert_eq!(stored(store, &person), Record::Leaf(odd.to_vec()));

        document.set("d", &true).unwrap();
        store.put_document(&mut document).unwrap();
        let made = "{\n  \"b\": 1.50,\n  \"a\": [\n    12345678901234567890123,\n    -0\n  ],\n  \"c\": \"\\u00e9\",\n  \
                    \"d\": true\n}\n";
        assert_eq!(stored(store, &person), Record::Leaf(made.as_bytes().to_vec()));

        // Of a container, only the file is written anew in which something was changed.
        let mut node = Node { data: b"{\"a\":1}".to_vec(), ..Node::default() };
        let inner = Node { data: b"{\"sepia_id\":\"i\",\"b\":1.0}".to_vec(), ..Node::default() };
        let pinned = (Name::of("pinned").unwrap(), Entry::Link(note("x")));
        node.entries = Entries::new(vec![(Name::of("inner").unwrap(), Entry::Container(inner)), pinned]).unwrap();
        let board = key("Free", "b");
        put(store, &Class::container("Free"), board.clone(), Record::Container(node.clone()));
        let mut document = store.document(&board).unwrap();
        document.set_link("pinned", note("y")).unwrap();
        store.put_document(&mut document).unwrap();
        let Record::Container(after) = stored(store, &board) else { panic!("it is a container") };
        assert_eq!(after.data, node.data);
        assert_eq!(after.entries.get("inner"), node.entries.get("inner"));
        assert_eq!(after.entries.get("pinned"), Some(&Entry::Link(note("y"))));
    });
}

#[test]
fn a_put_of_what_is_not_changed_touches_no_file() {
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    let before = disk.snapshot();
    let mut board = disk.store.document(&key("Board", "work_board")).unwrap();
    board.set("name", "Work").unwrap();
    disk.store.put_document(&mut board).unwrap();
    assert_eq!(disk.snapshot(), before);
}

#[test]
fn what_was_changed_here_and_elsewhere_is_a_conflict_and_nothing_is_written() {
    in_two_views(|store, other| {
        store.save(&work_board()).unwrap();
        let place = key("Board", "work_board");
        let mut mine = store.document(&place).unwrap();
        let mut theirs = other.document(&place).unwrap();
        theirs.set("name", "Theirs").unwrap();
        other.put_document(&mut theirs).unwrap();
        let before = content(store);

        // Not changed here: that is none of its business.
        store.put_document(&mut mine).unwrap();
        mine.set("name", "Mine").unwrap();
        let error = refused(store.put_document(&mut mine), ErrorKind::Conflict, &["work_board", "changed elsewhere"]);
        assert_eq!(error.conflicts(), std::slice::from_ref(&place));
        assert_eq!(content(store), before);

        // A typed object and a document of one record are in conflict, too.
        let mut board = store.load::<Board>("work_board").unwrap();
        theirs.set("name", "Again").unwrap();
        other.put_document(&mut theirs).unwrap();
        board.name = "Typed".to_owned();
        refused(store.save(&board), ErrorKind::Conflict, &["work_board"]);
        store.overwrite(&board).unwrap();
        theirs.set("name", "Once more").unwrap();
        refused(other.put_document(&mut theirs), ErrorKind::Conflict, &["work_board"]);

        // What is gone is not made again, changed or not.
        let mut gone = store.document(&place).unwrap();
        other.delete::<Board>("work_board").unwrap();
        refused(store.put_document(&mut gone), ErrorKind::Conflict, &["work_board"]);
        gone.set("name", "Gone").unwrap();
        refused(store.put_document(&mut gone), ErrorKind::Conflict, &["work_board"]);
        assert!(store.find_document(&place).unwrap().is_none());
        refused(store.document(&place), ErrorKind::NotFound, &["Board", "work_board"]);
    });
}

#[test]
fn a_new_document_takes_nobodys_place() {
    on_every_backend(|store| {
        store.save(&postit("report", "text")).unwrap();
        let mut document = Document::from_text(note("report"), "mine");
        refused(store.put_document(&mut document), ErrorKind::Conflict, &["Postit", "report", "stored already"]);
        assert_eq!(store.load::<Postit>("report").unwrap().text, "text");
        let mut document = Document::from_text(note("other"), "mine");
        store.put_document(&mut document).unwrap();
        // It knows from now on that it is stored.
        document.set_text("again").unwrap();
        store.put_document(&mut document).unwrap();
        assert_eq!(store.load::<Postit>("other").unwrap().text, "again");
    });
}

#[test]
fn documents_in_a_transaction_commit_together_or_remember_what_they_did() {
    on_every_backend(|store| {
        store.save(&postit("a", "a")).unwrap();
        let (mut old, mut new) = (store.document(&note("a")).unwrap(), Document::from_text(note("b"), "b"));
        old.set_text("changed").unwrap();
        let refusal: sepia::Result<()> = store.transaction(|transaction| {
            transaction.put_document(&mut old)?;
            transaction.put_document(&mut new)?;
            assert_eq!(transaction.document(&note("a"))?.text(), Some("changed"));
            assert_eq!(transaction.load::<Postit>("b")?.text, "b");
            Err(sepia::Error::new(ErrorKind::Other, "no"))
        });
        refusal.unwrap_err();
        assert_eq!(store.count::<Postit>().unwrap(), 1);
        let seen = store
            .transaction(|transaction| {
                transaction.put_document(&mut old)?;
                transaction.put_document(&mut new)?;
                let mut seen = transaction.document(&note("b"))?;
                seen.set_text("seen")?;
                transaction.put_document(&mut seen)?;
                Ok(seen)
            })
            .unwrap();
        assert_eq!(store.load::<Postit>("a").unwrap().text, "changed");
        assert_eq!(store.load::<Postit>("b").unwrap().text, "seen");
        // What was put before is not what is stored.
        new.set_text("stale").unwrap();
        refused(store.put_document(&mut new), ErrorKind::Conflict, &["b"]);
        let mut seen = seen;
        seen.set_text("known").unwrap();
        store.put_document(&mut seen).unwrap();
        let texts = store
            .snapshot(|snapshot| Ok([snapshot.document(&note("a"))?, snapshot.find_document(&note("b"))?.unwrap()]));
        assert_eq!(texts.unwrap().map(|document| document.text().unwrap().to_owned()), ["changed", "known"]);
    });
}

#[test]
fn generations_follow_each_other_as_those_of_typed_objects_do() {
    in_two_views(|store, other| {
        let place = |id: &str| key("Speech", id);
        store.save(&Speech { id: "s.0".into(), text: "zero".to_owned() }).unwrap();
        let mut mine = store.document(&place("s")).unwrap();
        let mut theirs = other.document(&place("s")).unwrap();
        assert_eq!(mine.key().id(), "s.0");
        mine.set_text("one").unwrap();
        store.put_next_document(&mut mine).unwrap();
        assert_eq!((mine.key().id(), mine.id()), ("s.1", "s.1"));
        refused(other.put_next_document(&mut theirs), ErrorKind::Conflict, &["newest"]);
        assert_eq!(theirs.key().id(), "s.0");
        assert_eq!(store.document(&place("s")).unwrap().text(), Some("one"));
        assert_eq!(store.document(&place("s.0")).unwrap().text(), Some("zero"));

        // An old generation can be mended in place, and is not made the newest by that.
        theirs.set_text("mended").unwrap();
        other.put_document(&mut theirs).unwrap();
        assert_eq!(store.load::<Speech>("s.0").unwrap().text, "mended");
        assert_eq!(store.document(&place("s")).unwrap().text(), Some("one"));

        // Generation 0 has one spelling at a time, and a pruned generation does not come back.
        let mut base = Document::from_text(place("s"), "base");
        refused(store.put_document(&mut base), ErrorKind::Conflict, &["s"]);
        store.delete::<Speech>("s.0").unwrap();
        let mut pruned = Document::from_text(place("s.0"), "pruned");
        refused(store.put_document(&mut pruned), ErrorKind::Conflict, &["newer generation"]);

        // What was changed elsewhere has no next generation made of it.
        let mut stale = store.document(&place("s.1")).unwrap();
        mine.set_text("one, mended").unwrap();
        store.put_document(&mut mine).unwrap();
        stale.set_text("two").unwrap();
        refused(other.put_next_document(&mut stale), ErrorKind::Conflict, &["s.1"]);

        let rolled_back: sepia::Result<()> = store.transaction(|transaction| {
            transaction.put_next_document(&mut mine)?;
            Err(sepia::Error::new(ErrorKind::Other, "no"))
        });
        rolled_back.unwrap_err();
        refused(store.put_document(&mut mine), ErrorKind::Conflict, &["s.2"]);
        let mut last = Document::from_text(place(&format!("t.{}", u64::MAX)), "");
        refused(store.put_next_document(&mut last), ErrorKind::InvalidName, &["no generation behind"]);
        store.save(&postit("plain", "")).unwrap();
        let mut plain = store.document(&note("plain")).unwrap();
        refused(store.put_next_document(&mut plain), ErrorKind::InvalidValue, &["does not keep generations"]);
    });
}

#[test]
fn a_class_must_be_declared_and_be_stored_as_the_document_is() {
    on_every_backend(|store| {
        let mut unknown = Document::container(key("Nobody", "x"));
        refused(store.put_document(&mut unknown), ErrorKind::ClassClash, &["Nobody", "not declared"]);
        assert!(store.find_document(&key("Nobody", "x")).unwrap().is_none());
        declare(
            store,
            &[
                Class::container("Box"),
                Class::serializable("Note", Format::Text),
                Class::serializable("Person", Format::Json),
                Class::serializable("Blob", Format::Bytes),
            ],
        );
        type Make = fn(Key) -> Document;
        let kinds: [(&str, Make); 4] = [
            ("Box", Document::container),
            ("Note", |key| Document::from_text(key, "")),
            ("Person", Document::json),
            ("Blob", |key| Document::from_bytes(key, [])),
        ];
        for (class, _) in kinds {
            for (own, make) in kinds {
                let mut document = make(key(class, own));
                match store.put_document(&mut document) {
                    Ok(()) => assert_eq!(class, own),
                    put => drop(refused(put, ErrorKind::ClassClash, &[class, "stored otherwise"])),
                }
            }
        }
    });
}

#[test]
fn what_could_not_be_read_again_is_refused_with_its_place() {
    on_every_backend(|store| {
        store.save(&work_board()).unwrap();
        store.save(&Person { id: "ada".into(), name: "Ada".to_owned(), born: None }).unwrap();
        let mut board = store.document(&key("Board", "work_board")).unwrap();
        let of_board = |field: &'static str| ["Board", "work_board", field];
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let long = "x".repeat(201);
        board.set_json("deep", &deep(126)).unwrap();
        board.remove("deep");

        use ErrorKind::{InvalidName, InvalidValue};
        refused(board.set("sepia_id", "x"), InvalidName, &of_board("sepia_id"));
        refused(board.set_json("sepia_shape", "{}"), InvalidName, &of_board("sepia_shape"));
        refused(board.set_link("sepia_x", note("a")), InvalidName, &of_board("sepia_x"));
        refused(board.set_none("sepia_x"), InvalidName, &of_board("sepia_x"));
        refused(board.set_link(&long, note("a")), InvalidName, &of_board("200 bytes"));
        refused(board.set_json("name", &deep(127)), InvalidValue, &of_board("127"));
        refused(board.set("name", &f64::NAN), InvalidValue, &of_board("name"));
        refused(board.set("name", &Some(Some(()))), InvalidValue, &of_board("name"));
        for json in ["", "1,2", "{\"a\": 1", "01", "\"a\" \"b\"", "nul"] {
            refused(board.set_json("name", json), InvalidValue, &of_board("name"));
        }
        refused(board.set("boards", "x"), InvalidValue, &of_board("boards"));
        refused(board.set_link("name", note("a")), InvalidValue, &of_board("name"));
        refused(board.set_nested("name", Body::new("x").unwrap()), InvalidValue, &of_board("name"));
        refused(board.collection_mut("name").map(drop), InvalidValue, &of_board("name"));
        board.set_none("pinned").unwrap();
        refused(board.set("pinned", "x"), InvalidValue, &of_board("pinned"));
        board.set_link("one", note("a")).unwrap();
        refused(board.collection_mut("one").map(drop), InvalidValue, &of_board("one"));
        refused(board.set_collection("one", Collection::new()), InvalidValue, &of_board("one"));
        refused(board.set_link("boards", note("a")), InvalidValue, &of_board("boards"));
        refused(board.set_text("x"), InvalidValue, &["Board", "work_board", "no content"]);
        refused(board.get::<u8>("name"), ErrorKind::Corrupt, &of_board("name"));
        refused(Body::new(""), InvalidName, &["empty"]);
        refused(Body::new(long.as_str()), InvalidName, &["200"]);
        refused(Body::new("x").unwrap().with_class(""), InvalidName, &["empty"]);

        let mut list = Collection::new();
        list.push(note("a")).unwrap();
        refused(list.insert("key", note("b")), InvalidValue, &["key", "list"]);
        refused(list.add(note("b")), InvalidValue, &["b", "list"]);
        refused(list.insert_at(2, note("b")), InvalidValue, &["place 2"]);
        let mut map = Collection::new();
        map.insert("0001_x", note("a")).unwrap();
        assert!(!map.is_list(), "a key that looks like an index");
        refused(map.push(note("b")), InvalidValue, &["no list"]);
        refused(map.insert(&long, note("b")), InvalidName, &["200"]);
        refused(map.add(Collection::new()), InvalidValue, &["set"]);

        // What only the whole shows is found when it is put, and nothing is written.
        let before = content(store);
        let boards = board.collection_mut("boards").unwrap();
        boards.push(Body::new("project_x").unwrap()).unwrap();
        refused(store.put_document(&mut board), InvalidValue, &["project_x", "twice", "boards/0001_project_x"]);
        board.collection_mut("boards").unwrap().remove_at(1);
        let mut inner = Body::new("n").unwrap();
        for _ in 0..128 {
            let mut outer = Body::new("n").unwrap();
            outer.set_nested("n", inner).unwrap();
            inner = outer;
        }
        board.set_nested("n", inner).unwrap();
        refused(store.put_document(&mut board), InvalidValue, &["128 levels"]);
        board.remove("n");
        let mut grid = Collection::new();
        for _ in 0..400 {
            let mut outer = Collection::new();
            outer.push(grid).unwrap();
            grid = outer;
        }
        board.set_collection("grid", grid).unwrap();
        refused(store.put_document(&mut board), InvalidValue, &["work_board"]);
        board.remove("grid");
        let ada = store.document(&key("Person", "ada")).unwrap();
        board.set_nested("person", (*ada).clone()).unwrap();
        refused(store.put_document(&mut board), InvalidValue, &["link to it"]);

        let mut ada = ada;
        refused(ada.set_link("friend", note("a")), InvalidValue, &["Person", "ada", "friend"]);
        for text in ["", "[]", "{", "{\"a\": 1, \"a\": 2}"] {
            refused(ada.set_text(text), InvalidValue, &["Person", "ada"]);
        }
        refused(ada.set_text("{\"sepia_id\": 1}"), InvalidName, &["Person", "ada", "sepia_id"]);
        refused(ada.set_text(format!("{{\"a\": {}}}", deep(127))), InvalidValue, &["Person", "ada", "127"]);
        assert_eq!(ada.get::<String>("name").unwrap().as_deref(), Some("Ada"));
        *ada = Body::new("other").unwrap();
        refused(store.put_document(&mut ada), InvalidValue, &["Person", "ada", "replaced"]);
        let mut report = store.document(&note("report_postit")).unwrap();
        refused(report.set("x", "y"), InvalidValue, &["Postit", "report_postit", "no fields"]);
        refused(report.set_bytes(*b"\xff"), InvalidValue, &["Postit", "UTF-8"]);
        assert_eq!(content(store), before);
    });
}

#[test]
fn a_nested_document_that_is_replaced_where_its_name_shows_another_id_tells_its_own() {
    on_every_backend(|store| {
        let mut object = page("p");
        object.parts = vec![page("a"), page("b")];
        store.save(&object).unwrap();
        let mut document = store.document(&key("Page", "p")).unwrap();
        *document.at_mut("parts/1").unwrap() = page_document("c");
        store.put_document(&mut document).unwrap();
        object.parts[1] = page("c");
        assert_eq!(store.load::<Page>("p").unwrap(), object);
    });
}

#[test]
fn what_sepia_shape_says_stays_true() {
    on_every_backend(|store| {
        let mut object = page("p");
        object.grid = vec![vec![], vec![Ref::new("a")], vec![]];
        object.extra = vec![Ref::new("b")];
        store.save(&object).unwrap();
        let mut document = store.document(&key("Page", "p")).unwrap();
        assert!(document.is_none("star"));
        assert_eq!(document.collection("grid").map(Collection::len), Some(3));

        // The last element of a list goes: the list stays, empty, also where there is a default.
        document.collection_mut("extra").unwrap().remove_at(0);
        document.collection_mut("grid").unwrap().remove_at(1);
        document.set_link("star", note("s")).unwrap();
        store.put_document(&mut document).unwrap();
        object.extra.clear();
        object.grid.remove(1);
        object.star = Some(Ref::new("s"));
        assert_eq!(store.load::<Page>("p").unwrap(), object);
        let Record::Container(node) = stored(store, &key("Page", "p")) else { panic!("it is a container") };
        let data = String::from_utf8(node.data).unwrap();
        let shape = &data[data.find("sepia_shape").unwrap()..];
        for path in ["\"extra\": []", "\"grid/0000\": []", "\"grid/0001\": []"] {
            assert!(shape.contains(path), "{path} is not in {shape}");
        }
        assert!(!shape.contains("star"), "{shape}");
    });
}

#[test]
fn what_no_typed_load_could_read_is_no_document() {
    on_every_backend(|store| {
        let place = key("Free", "x");
        let class = Class::container("Free");
        for (data, named) in [
            ("{", "JSON"),
            ("{\"sepia_id\": \"x\"}", "not nested"),
            ("{\"sepia_class\": \"Free\"}", "not nested"),
            ("{\"sepia_later\": 1}", "sepia_later"),
            ("{\"sepia_shape\": {\"link\": []}}", "link"),
            ("{\"sepia_shape\": {\"link\": null}}", "link"),
            ("{\"sepia_shape\": []}", "sequence"),
        ] {
            let entries = Entries::new(vec![(Name::of("link").unwrap(), Entry::Link(note("a")))]).unwrap();
            let node = Node { data: data.as_bytes().to_vec(), entries };
            put(store, &class, place.clone(), Record::Container(node));
            refused(store.document(&place), ErrorKind::Corrupt, &["Free", "x", named]);
        }
        let inner = Entry::Container(Node { data: b"{}".to_vec(), ..Node::default() });
        let entries = Entries::new(vec![(Name::of("inner").unwrap(), inner)]).unwrap();
        put(store, &class, place.clone(), Record::Container(Node { data: b"{}".to_vec(), entries }));
        refused(store.document(&place), ErrorKind::Corrupt, &["inner", "sepia_id"]);
    });
}
