//! What serde's attributes say of a type's own fields holds where it means the same to Sepia.

use std::fs;
use std::path::Path;

use sepia::batch::{Batch, Expect};
use sepia::class::Class;
use sepia::record::{Entry, Key, Node, Record};
use sepia::{Container, ErrorKind, Id, Ref, Serializable, Store};
use serde::{Deserialize, Serialize};

use crate::boards::{Postit, postit};
use crate::support::{Medium, on_every_backend, on_every_medium, refused};

#[derive(Serializable, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct User {
    id: Id<User>,
    name: String,
    #[serde(skip)]
    session_token: String,
    #[serde(skip_serializing, skip_deserializing, default = "four")]
    attempts: u8,
    #[serde(default)]
    #[serde(rename = "e-mail")]
    mail: String,
    #[serde(default = "four")]
    level: u8,
    #[serde(with = "percent")]
    share: f64,
}

fn four() -> u8 {
    4
}

mod percent {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(share: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{} %", share * 100.0))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number: f64 = text.trim_end_matches(" %").parse().map_err(serde::de::Error::custom)?;
        Ok(number / 100.0)
    }
}

#[derive(Container, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(all(), serde(deny_unknown_fields))]
struct Team {
    id: Id<Team>,
    team_name: String,
    #[serde(rename = "Members!")]
    all_members: Vec<Postit>,
    far_links: Vec<Ref<Team>>,
    #[sepia(rename = "sub_teams")]
    inner: Vec<Team>,
    #[serde(skip)]
    session_token: Vec<Postit>,
}

fn team(id: &str, inner: Vec<Team>) -> Team {
    Team {
        id: id.into(),
        team_name: "the core".to_owned(),
        all_members: vec![postit("ann", "Ann")],
        far_links: vec![Ref::new("other")],
        inner,
        session_token: Vec::new(),
    }
}

/// Every byte of every file below a directory.
fn all_bytes(directory: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => bytes.append(&mut all_bytes(&entry.path())),
            kind if kind.is_file() => bytes.append(&mut fs::read(entry.path()).unwrap()),
            _ => {}
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn stored(store: &Store, class: &str, id: &str) -> Record {
    store.backend().read(&Key::new(class, id).unwrap()).unwrap().unwrap()
}

/// `#[serde(skip)]` was ignored, and the field written to disk.
#[test]
fn a_skipped_field_is_never_written() {
    on_every_medium(|medium| {
        let store = medium.make();
        let user = User {
            id: "ann".into(),
            name: "visible-name".to_owned(),
            session_token: "s3cret-token".to_owned(),
            attempts: 77,
            mail: "a@b".to_owned(),
            level: 9,
            share: 0.25,
        };
        store.save(&user).unwrap();
        let mut team = team("t", vec![]);
        team.session_token = vec![postit("s3cret-token", "s3cret-token")];
        store.transaction(|transaction| transaction.save(&team)).unwrap();
        let expected = User { session_token: String::new(), attempts: 4, ..user };
        assert_eq!(store.load::<User>("ann").unwrap(), expected);
        assert!(store.load::<Team>("t").unwrap().session_token.is_empty());
        assert!(!store.exists::<Postit>("s3cret-token").unwrap());
        if medium != Medium::Memory {
            let bytes = all_bytes(Path::new(store.place()).parent().unwrap());
            assert!(holds(&bytes, "visible-name"));
            assert!(!holds(&bytes, "s3cret-token") && !holds(&bytes, "session"), "{medium:?}");
        }
    });
}

#[test]
fn a_rename_names_the_key_and_the_directory() {
    on_every_backend(|store| {
        let user = User {
            id: "ann".into(),
            name: String::new(),
            session_token: String::new(),
            attempts: 4,
            mail: "a@b".to_owned(),
            level: 4,
            share: 0.25,
        };
        store.save(&user).unwrap();
        let json = "{\n  \"name\": \"\",\n  \"e-mail\": \"a@b\",\n  \"level\": 4,\n  \"share\": \"25 %\"\n}\n";
        assert_eq!(stored(store, "User", "ann"), Record::Leaf(json.into()));
        assert_eq!(store.load::<User>("ann").unwrap(), user);

        let team = team("t", vec![team("u", vec![])]);
        store.save(&team).unwrap();
        let Record::Container(Node { data, entries }) = stored(store, "Team", "t") else { panic!("a container") };
        assert_eq!(String::from_utf8(data).unwrap(), "{\n  \"teamName\": \"the core\"\n}\n");
        let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Members!", "farLinks", "sub_teams"]);
        assert_eq!(store.load::<Team>("t").unwrap(), team);
    });
}

#[allow(non_snake_case, reason = "serde counts every underscore")]
#[test]
fn each_case_of_rename_all_names_fields_as_serde_does() {
    // A type of the same fields through serde alone is the measure.
    macro_rules! both {
        ($($case:literal)*) => {$({
            #[derive(Serializable, Clone, Debug, PartialEq)]
            #[sepia(class = "Named")]
            #[serde(rename_all = $case)]
            struct Named { id: Id<Named>, two_words: u8, r#type: u8, _x__y: u8 }
            #[derive(Serialize)]
            #[serde(rename_all = $case)]
            struct Measure { two_words: u8, r#type: u8, _x__y: u8 }
            let store = Store::in_memory();
            let named = Named { id: "n".into(), two_words: 1, r#type: 2, _x__y: 3 };
            store.save(&named).unwrap();
            assert_eq!(store.load::<Named>("n").unwrap(), named);
            let measure = serde_json::to_string_pretty(&Measure { two_words: 1, r#type: 2, _x__y: 3 }).unwrap() + "\n";
            assert_eq!(stored(&store, "Named", "n"), Record::Leaf(measure.into_bytes()), $case);
        })*};
    }
    both!("lowercase" "UPPERCASE" "PascalCase" "camelCase" "snake_case" "SCREAMING_SNAKE_CASE" "kebab-case"
          "SCREAMING-KEBAB-CASE");
}

#[derive(Container, Clone, Debug, PartialEq)]
#[serde(default)]
struct Settings {
    id: Id<Settings>,
    theme: String,
    #[serde(default)]
    size: u8,
    pins: Vec<Postit>,
    lamp: Option<u8>,
    #[serde(skip)]
    cache: Uncommon,
    #[sepia(with = percent)]
    share: f64,
}

/// It has no default of its own.
#[derive(Clone, Debug, PartialEq)]
struct Uncommon(u8);

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: "default".into(),
            theme: "dark".to_owned(),
            size: 7,
            pins: vec![postit("pin", "a pin")],
            lamp: Some(3),
            cache: Uncommon(5),
            share: 0.5,
        }
    }
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[serde(default = "Limits::usual")]
struct Limits {
    id: Id<Limits>,
    most: u8,
    least: u8,
}

impl Limits {
    fn usual() -> Self {
        Self { id: Id::new(), most: 9, least: 1 }
    }
}

#[test]
fn a_default_of_the_type_fills_what_a_record_does_not_have() {
    on_every_backend(|store| {
        let mut batch = Batch::new();
        batch.declare(&Class::of::<Settings>()).unwrap();
        batch.declare(&Class::of::<Limits>()).unwrap();
        let node = Node { data: b"{}\n".to_vec(), ..Node::default() };
        batch.put(Key::new("Settings", "s").unwrap(), Record::Container(node), Expect::Any);
        batch.put(Key::new("Limits", "l").unwrap(), Record::Leaf(b"{\"least\": 2}".to_vec()), Expect::Any);
        store.backend().commit(batch).unwrap();

        let loaded: Settings = store.load("s").unwrap();
        assert_eq!(loaded, Settings { id: "s".into(), size: 0, ..Settings::default() });
        assert_eq!(store.load::<Limits>("l").unwrap(), Limits { id: "l".into(), most: 9, least: 2 });

        // What is empty and has another default stays empty.
        let empty = Settings { id: "e".into(), pins: vec![], lamp: None, cache: Uncommon(5), ..Settings::default() };
        store.save(&empty).unwrap();
        assert_eq!(store.load::<Settings>("e").unwrap(), empty);
    });
}

#[derive(Serializable, Serialize, Clone, Debug, PartialEq)]
#[sepia(serde = "ignore")]
#[serde(rename_all = "camelCase", tag = "kind")]
struct ForTheWire {
    id: Id<ForTheWire>,
    #[serde(skip_serializing_if = "String::is_empty", rename = "n")]
    long_name: String,
}

#[test]
fn attributes_for_another_format_are_ignored_if_the_type_says_so() {
    on_every_backend(|store| {
        store.save(&ForTheWire { id: "x".into(), long_name: String::new() }).unwrap();
        assert_eq!(stored(store, "ForTheWire", "x"), Record::Leaf(b"{\n  \"long_name\": \"\"\n}\n".to_vec()));
    });
}

#[test]
fn what_is_denied_is_unknown_here_as_well() {
    on_every_backend(|store| {
        store.save(&team("t", vec![])).unwrap();
        let Record::Container(Node { entries, .. }) = stored(store, "Team", "t") else { panic!("a container") };
        assert!(matches!(entries.get("farLinks"), Some(Entry::Collection(_))));
        let data = b"{\"teamName\": \"\", \"team_name\": \"\"}".to_vec();
        let mut batch = Batch::new();
        batch.put(Key::new("Team", "t").unwrap(), Record::Container(Node { data, entries }), Expect::Any);
        store.backend().commit(batch).unwrap();
        refused(store.load::<Team>("t"), ErrorKind::Corrupt, &[]);
    });
}
