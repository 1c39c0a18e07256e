//! A field that changed sides: it was a value and holds objects now, or the other way round.
//!
//! The record was said to have what "belongs to no field", with the advice to ignore that; who did loaded an empty list,
//! and the next save erased what was stored.

use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{Container, Error, ErrorKind, Id, Result, Serializable, Store};

use crate::support::{content, on_every_backend};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Tag {
    id: Id<Tag>,
    text: String,
}

macro_rules! articles {
    ($($ty:ident { $($key:ident)? } $($tags:ty)?;)*) => {$(
        #[derive(Container, Clone, Debug, Default, PartialEq)]
        #[sepia(class = "Article" $(, $key)?)]
        struct $ty {
            id: Id<$ty>,
            inner: Vec<$ty>,
            title: String,
            $(tags: $tags,)?
        }
    )*};
}
articles! {
    AsObjects {} Vec<Tag>;
    AsObjectsIgnoring { ignore_unknown } Vec<Tag>;
    AsOption { ignore_unknown } Option<Box<AsOption>>;
    AsValues {} Vec<String>;
    AsValuesIgnoring { ignore_unknown } Vec<String>;
    AsOptionalValue { ignore_unknown } Option<String>;
    Without {};
    WithoutIgnoring { ignore_unknown };
}

/// A field that must be there.
#[derive(Container, Debug)]
#[sepia(class = "Article", ignore_unknown)]
struct AsOneObject {
    id: Id<AsOneObject>,
    tags: Tag,
}

#[derive(Container, Debug)]
#[sepia(class = "Article", ignore_unknown)]
struct AsOneValue {
    id: Id<AsOneValue>,
    tags: String,
}

#[derive(Container, Debug)]
#[sepia(class = "Article", ignore_unknown)]
struct AsDefault {
    id: Id<AsDefault>,
    #[sepia(default)]
    tags: Vec<Tag>,
}

/// As a value, or as a link, under its name in the directory.
fn tagged(tags: &str, entry: Option<(&str, Entry)>) -> Node {
    let entries = entry.map(|(name, entry)| (Name::of(name).unwrap(), entry));
    Node {
        data: format!("{{\n  \"title\": \"a title\"{tags}\n}}\n").into_bytes(),
        entries: Entries::new(entries.into_iter().collect()).unwrap(),
    }
}

fn values() -> Node {
    tagged(",\n  \"tags\": [\"red\"]", None)
}

fn link() -> Entry {
    Entry::Link(Key::new("Tag", "red").unwrap())
}

fn list(entry: Entry) -> Entry {
    Entry::Collection(Entries::new(vec![(Name::of("0000_red").unwrap(), entry)]).unwrap())
}

fn objects() -> [Node; 3] {
    let container = Node { data: b"{\"sepia_id\": \"inner\", \"title\": \"\"}\n".to_vec(), ..Node::default() };
    [list(link()), link(), Entry::Container(container)].map(|entry| tagged("", Some(("tags", entry))))
}

/// Puts the article at the top, or within another one.
fn put(store: &Store, node: Node, nested: bool) {
    let record = if nested { tagged("", Some(("inner", list(Entry::Container(node))))) } else { node };
    let mut batch = Batch::new();
    batch.declare(&Class::container("Article")).unwrap();
    batch.declare(&Class::serializable("Tag", Format::Text)).unwrap();
    batch.put(Key::new("Tag", "red").unwrap(), Record::Leaf(b"red".to_vec()), Expect::Any);
    batch.put(Key::new("Article", "a").unwrap(), Record::Container(record), Expect::Any);
    store.backend().commit(batch).unwrap();
}

/// The error names the field and says what to do; it is not the one of what nobody knows.
fn changed_sides<T: std::fmt::Debug>(loaded: Result<T>, says: &str) {
    let error: Error = loaded.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(text.contains(says) && text.contains("field \"tags\"") && text.contains("rename"), "{text}");
    assert!(!text.contains("ignore_unknown") && !text.contains("belongs to no field"), "{text}");
}

const VALUE: &str = "the field holds objects, and data.json has a value under its name";
const OBJECTS: &str = "the field is a value, and objects are stored under its name";

/// A handle of its own for each type, as one handle has one type for a class.
fn loads(store: &Store, check: impl Fn(&Store)) {
    let (classes, records) = content(store);
    let fresh = Store::in_memory();
    let mut batch = Batch::new();
    classes.iter().for_each(|class| batch.declare(class).unwrap());
    records.into_iter().for_each(|(key, record)| batch.put(key, record, Expect::Any));
    fresh.backend().commit(batch).unwrap();
    check(&fresh);
}

macro_rules! each_type {
    ($store:ident, $says:ident: $($ty:ty),*) => {$(
        loads($store, |store| changed_sides(store.load::<$ty>("a"), $says));
    )*};
}

#[test]
fn a_value_under_the_name_of_a_reference_is_an_error_of_its_own() {
    on_every_backend(|store| {
        put(store, values(), false);
        changed_sides(store.load::<AsObjectsIgnoring>("a"), VALUE);
        each_type!(store, VALUE: AsObjects, AsOption, AsOneObject, AsDefault);
        put(store, values(), true);
        changed_sides(store.load::<AsObjectsIgnoring>("a"), VALUE);
        each_type!(store, VALUE: AsObjects, AsOption);
        // Beside objects that are there, too.
        put(store, tagged(",\n  \"tags\": null", Some(("tags", list(link())))), false);
        changed_sides(store.load::<AsObjectsIgnoring>("a"), VALUE);
    });
}

#[test]
fn objects_under_the_name_of_a_value_are_an_error_of_their_own() {
    on_every_backend(|store| {
        for nested in [false, true] {
            for node in objects() {
                put(store, node, nested);
                changed_sides(store.load::<AsValuesIgnoring>("a"), OBJECTS);
                each_type!(store, OBJECTS: AsValues, AsOptionalValue);
                if !nested {
                    each_type!(store, OBJECTS: AsOneValue);
                }
            }
        }
        // Beside a value that is there, and where only the shape tells of the objects.
        put(store, tagged(",\n  \"tags\": [\"red\"]", Some(("tags", link()))), false);
        changed_sides(store.load::<AsValuesIgnoring>("a"), OBJECTS);
        for shape in ["[]", "null"] {
            put(store, tagged(&format!(",\n  \"sepia_shape\": {{\"tags\": {shape}}}"), None), false);
            changed_sides(store.load::<AsValuesIgnoring>("a"), OBJECTS);
        }
    });
}

#[test]
fn a_name_that_no_field_has_is_what_it_was() {
    on_every_backend(|store| {
        for node in objects().into_iter().chain([values()]) {
            put(store, node, false);
            assert!(store.load::<WithoutIgnoring>("a").is_ok());
            loads(store, |store| {
                let error = store.load::<Without>("a").unwrap_err();
                assert!(error.to_string().contains("belongs to no field"), "{error}");
            });
        }
        // A value whose text has the name of a reference in it is no such value.
        put(store, tagged(",\n  \"more\": {\"tags\": \"tags\"}", None), false);
        loads(store, |store| assert!(store.load::<AsObjectsIgnoring>("a").is_ok()));
    });
}
