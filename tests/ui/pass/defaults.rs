//! Defaults and `with`, as bare paths and in strings.
use std::collections::HashMap;

use sepia::{Container, Id, Store};

#[derive(Container, Debug, PartialEq)]
struct Old {
    id: Id<Old>,
}

#[derive(Container, Debug, PartialEq)]
#[sepia(class = "Old")]
struct New {
    id: Id<New>,
    #[sepia(default)]
    number: u8,
    #[sepia(default = seven)]
    seven: u8,
    #[sepia(default = "defaults::map::<String, u8>")]
    string: HashMap<String, u8>,
    #[sepia(default = HashMap::<u8, u8>::new)]
    path: HashMap<u8, u8>,
    #[sepia(default = <Vec<New> as Default>::default)]
    references: Vec<New>,
    #[sepia(skip)]
    skipped: u8,
    #[sepia(skip, default = seven)]
    skipped_seven: u8,
    #[sepia(with = "hex", default)]
    hex: u32,
    #[sepia(with = self::hex, default = hex::ff, rename = "other")]
    other_hex: u32,
}

fn seven() -> u8 {
    7
}

mod defaults {
    pub fn map<K, V>() -> super::HashMap<K, V> {
        super::HashMap::new()
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(D::Error::custom)
    }

    pub fn ff() -> u32 {
        255
    }
}

pub(super) fn main() {
    let folder = std::env::temp_dir().join(format!("sepia-ui-defaults-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    Store::open(&folder).unwrap().save(&Old { id: "a".into() }).unwrap();
    let store = Store::open(&folder).unwrap();
    let mut new: New = store.load("a").unwrap();
    let expected = New {
        id: "a".into(),
        number: 0,
        seven: 7,
        string: HashMap::new(),
        path: HashMap::new(),
        references: vec![],
        skipped: 0,
        skipped_seven: 7,
        hex: 0,
        other_hex: 255,
    };
    assert_eq!(new, expected);

    (new.hex, new.skipped) = (0xabc, 9);
    store.save(&new).unwrap();
    let data = std::fs::read_to_string(folder.join("Old/a/data.json")).unwrap();
    assert!(data.contains(r#""hex": "abc""#) && data.contains(r#""other": "ff""#), "{data}");
    assert!(!data.contains("skipped"), "{data}");
    new.skipped = 0;
    assert_eq!(store.load::<New>("a").unwrap(), new);
    std::fs::remove_dir_all(&folder).unwrap();
}
