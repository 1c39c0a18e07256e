//! What goes into data.json comes back exactly, or is refused.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use sepia::record::{Key, Record};
use sepia::{Container, ErrorKind, Id, Serializable};
use serde::{Deserialize, Serialize};

use crate::support::{MEDIA, OnDisk, content, on_every_backend, on_every_medium, refused};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(i8),
    Tuple(u8, String),
    Struct { a: Option<bool>, b: [f32; 2] },
}

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Values {
    id: Id<Values>,
    text: String,
    float: f64,
    single: f32,
    wide: (u128, i128),
    character: char,
    unit: (),
    kinds: Vec<Kind>,
    by_number: HashMap<i64, Vec<Option<String>>>,
    words: HashSet<String>,
    json: serde_json::Value,
}

fn values() -> impl Strategy<Value = Values> {
    let kind = prop_oneof![
        Just(Kind::Unit),
        any::<i8>().prop_map(Kind::Newtype),
        (any::<u8>(), any::<String>()).prop_map(|(a, b)| Kind::Tuple(a, b)),
        (any::<Option<bool>>(), [finite32(), finite32()]).prop_map(|(a, b)| Kind::Struct { a, b }),
    ];
    let finite64 = any::<u64>().prop_map(f64::from_bits).prop_filter("JSON has no others", |float| float.is_finite());
    (
        any::<String>(),
        finite64,
        finite32(),
        any::<(u128, i128)>(),
        any::<char>(),
        proptest::collection::vec(kind, 0..4),
        proptest::collection::hash_map(any::<i64>(), any::<Vec<Option<String>>>(), 0..4),
        proptest::collection::hash_set(any::<String>(), 0..9),
    )
        .prop_map(|(text, float, single, wide, character, kinds, by_number, words)| Values {
            id: "v".into(),
            json: serde_json::json!({ "b": [null, text, { "a": [] }], "a": float }),
            text,
            float,
            single,
            wide,
            character,
            unit: (),
            kinds,
            by_number,
            words,
        })
}

fn finite32() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("JSON has no others", |float| float.is_finite())
}

fn come_back(values: &Values) -> Result<(), TestCaseError> {
    for medium in MEDIA {
        let store = medium.make();
        store.save(values).unwrap();
        let loaded: Values = store.load("v").unwrap();
        prop_assert_eq!(loaded.float.to_bits(), values.float.to_bits());
        prop_assert_eq!(loaded.single.to_bits(), values.single.to_bits());
        prop_assert_eq!(&loaded, values);
        // Equal objects give equal bytes, whatever the order of their hash maps.
        let before = content(&store);
        store.overwrite(&loaded).unwrap();
        prop_assert_eq!(content(&store), before);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_come_back_bit_for_bit(values in values()) {
        come_back(&values)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "long"]
    fn values_come_back_bit_for_bit_for_long(values in values()) {
        come_back(&values)?;
    }
}

macro_rules! awkward {
    ($($name:ident: $value:ty),*) => {$(
        #[derive(Container, Debug, PartialEq)]
        struct $name {
            id: Id<$name>,
            ratio: $value,
        }
    )*};
}
awkward!(Double: f64, Single: f32, Nested: Vec<Option<f64>>, Twice: Option<Option<u8>>, Keys: BTreeMap<Vec<u8>, u8>);

#[test]
fn what_would_not_come_back_is_refused_by_name() {
    on_every_backend(|store| {
        let invalid = |result, class| {
            refused(result, ErrorKind::InvalidValue, &[class, "bad", "ratio"]);
        };
        invalid(store.save(&Double { id: "bad".into(), ratio: f64::NAN }), "Double");
        invalid(store.save(&Double { id: "bad".into(), ratio: f64::INFINITY }), "Double");
        invalid(store.save(&Single { id: "bad".into(), ratio: f32::NEG_INFINITY }), "Single");
        invalid(store.save(&Nested { id: "bad".into(), ratio: vec![None, Some(f64::NAN)] }), "Nested");
        invalid(store.save(&Twice { id: "bad".into(), ratio: Some(None) }), "Twice");
        invalid(store.save(&Keys { id: "bad".into(), ratio: [(vec![1], 1)].into() }), "Keys");
        assert_eq!(store.classes().unwrap(), Vec::<String>::new(), "nothing was written");
        store.save(&Twice { id: "good".into(), ratio: Some(Some(1)) }).unwrap();
        store.save(&Keys { id: "good".into(), ratio: [].into() }).unwrap();
        store.save(&Double { id: "good".into(), ratio: -0.0 }).unwrap();
        assert!(store.load::<Double>("good").unwrap().ratio.is_sign_negative());
    });
}

#[derive(Container, Debug, PartialEq)]
struct Old {
    #[sepia(id)]
    key: Id<Old>,
    name: String,
}

#[derive(Container, Debug, PartialEq)]
#[sepia(class = "Old")]
struct New {
    id: Id<New>,
    name: String,
    maybe: Option<u8>,
    list: Vec<u8>,
    map: HashMap<String, u8>,
    #[sepia(default)]
    number: u8,
    #[sepia(default = seven)]
    seven: u8,
    #[sepia(skip, default = "seven")]
    skipped: u8,
}

fn seven() -> u8 {
    7
}

#[derive(Container, Debug)]
#[sepia(class = "Old")]
struct Newer {
    id: Id<Newer>,
    name: String,
    required: u8,
}

#[derive(Container, Debug, PartialEq)]
#[sepia(class = "Old", ignore_unknown)]
struct Older {
    id: Id<Older>,
}

#[test]
fn missing_fields_are_defaults_and_unknown_ones_are_errors() {
    on_every_medium(|medium| {
        let made = medium.make();
        if !made.lasts() {
            return;
        }
        made.save(&Old { key: "x".into(), name: "n".to_owned() }).unwrap();
        let new: New = made.reopen().load("x").unwrap();
        let expected = New {
            id: "x".into(),
            name: "n".to_owned(),
            maybe: None,
            list: vec![],
            map: HashMap::new(),
            number: 0,
            seven: 7,
            skipped: 7,
        };
        assert_eq!(new, expected);
        let path = "Old/x/data.json";
        refused(made.reopen().load::<Newer>("x"), ErrorKind::Corrupt, &["Old", "x", "required", path]);
        made.reopen().save(&New { seven: 8, skipped: 9, ..new }).unwrap();
        assert_eq!(made.reopen().load::<New>("x").unwrap(), New { seven: 8, skipped: 7, ..expected });
        refused(made.load::<Old>("x"), ErrorKind::Corrupt, &["Old", "x", "maybe", path]);
        assert_eq!(made.reopen().load::<Older>("x").unwrap(), Older { id: "x".into() });
    });
}

#[test]
fn what_is_ignored_must_be_json_all_the_same() {
    let disk = OnDisk::new();
    disk.store.save(&Old { key: "x".into(), name: "n".to_owned() }).unwrap();
    disk.write("Old/x/data.json", "{\n  \"name\": 01\n}\n");
    refused(disk.reopen().load::<Older>("x"), ErrorKind::Corrupt, &["Old", "x", "data.json", "line 2 column 12"]);
}

#[test]
fn a_field_that_holds_another_type_is_named_with_its_line() {
    let disk = OnDisk::new();
    disk.store.save(&Old { key: "x".into(), name: "n".to_owned() }).unwrap();
    disk.write("Old/x/data.json", "{\n  \"name\": 7\n}\n");
    let path = disk.path("Old/x/data.json");
    let names = ["Old", "x", "name", path.to_str().unwrap(), "integer `7`", "line 2 column 11"];
    refused(disk.store.load::<Old>("x"), ErrorKind::Corrupt, &names);
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{number:x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

#[derive(Serializable, Debug, PartialEq)]
struct Attributed {
    sepia_id: Id<Attributed>,
    #[sepia(rename = "r/n ü")]
    renamed: String,
    #[sepia(with = hex)]
    hex: u32,
    r#type: u8,
}

#[test]
fn attributes_of_fields_show_in_the_file() {
    let disk = OnDisk::new();
    let object = Attributed { sepia_id: "a".into(), renamed: "x".to_owned(), hex: 0xbeef, r#type: 1 };
    disk.store.save(&object).unwrap();
    let text = "{\n  \"r/n ü\": \"x\",\n  \"hex\": \"beef\",\n  \"type\": 1\n}\n";
    assert_eq!(disk.text("Attributed/a"), text);
    assert_eq!(disk.store.load::<Attributed>("a").unwrap(), object);
}

#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "bytes")]
struct Blob {
    id: Id<Blob>,
    bytes: Vec<u8>,
    #[sepia(skip)]
    cached: Option<usize>,
}

#[test]
fn contents_are_the_bytes_themselves() {
    on_every_backend(|store| {
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        store.save(&Blob { id: "b".into(), bytes: bytes.clone(), cached: Some(1) }).unwrap();
        assert_eq!(store.backend().read(&Key::new("Blob", "b").unwrap()).unwrap(), Some(Record::Leaf(bytes.clone())));
        assert_eq!(store.load::<Blob>("b").unwrap(), Blob { id: "b".into(), bytes, cached: None });
    });
}

#[test]
fn generic_types_are_one_class_for_one_instantiation() {
    on_every_backend(|store| {
        #[derive(Container, Debug, PartialEq)]
        #[sepia(class = "Page")]
        struct Page<T: sepia::Object, const N: usize> {
            id: Id<Page<T, N>>,
            items: Vec<T>,
            sizes: [u8; 2],
        }
        let page = Page::<Blob, 2> {
            id: "p".into(),
            items: vec![Blob { id: "b".into(), bytes: vec![1], cached: None }],
            sizes: [1, 2],
        };
        store.save(&page).unwrap();
        assert_eq!(store.load::<Page<Blob, 2>>("p").unwrap(), page);
        refused(store.load::<Page<Attributed, 2>>("p"), ErrorKind::ClassClash, &["Page", "Attributed", "Blob"]);
    });
}
