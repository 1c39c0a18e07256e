//! What nobody has changed here is not touched: neither what was changed elsewhere, nor what another program wrote that
//! knows more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{Container, Content, Error, ErrorKind, Fields, Id, Reader, Ref, Result, Serializable, Store, Writer};

use serde::{Deserialize, Serialize};

use crate::support::{MEDIA, Medium, OnDisk, content, in_two_views, on_every_backend, on_every_medium, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Postit {
    id: Id<Postit>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Board {
    id: Id<Board>,
    name: String,
    postits: Vec<Postit>,
    boards: Vec<Board>,
}

fn postit(id: &str, text: &str) -> Postit {
    Postit { id: id.into(), text: text.to_owned() }
}

/// A board with the postits `k` and `l`, and one within it with `m`.
fn board() -> Board {
    let inner = Board { id: "inner".into(), name: "in".into(), postits: vec![postit("m", "m")], boards: vec![] };
    let postits = vec![postit("k", "k"), postit("l", "l")];
    Board { id: "work".into(), name: "work".into(), postits, boards: vec![inner] }
}

fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

fn read(store: &Store, class: &str, id: &str) -> Record {
    store.backend().read(&key(class, id)).unwrap().unwrap()
}

/// Checks that a result is a conflict over these objects, and no others.
#[track_caller]
fn conflict<T>(result: Result<T>, keys: &[(&str, &str)]) -> Error {
    let error = refused(result, ErrorKind::Conflict, &[]);
    let mut found = error.conflicts().to_vec();
    found.sort();
    assert_eq!(found, keys.iter().map(|(class, id)| key(class, id)).collect::<Vec<_>>(), "{error}");
    error
}

/// Puts records as another program would, or an editor.
fn put(store: &Store, classes: &[Class], records: Vec<(Key, Record)>) {
    let mut batch = Batch::new();
    classes.iter().for_each(|class| batch.declare(class).unwrap());
    records.into_iter().for_each(|(key, record)| batch.put(key, record, Expect::Any));
    store.backend().commit(batch).unwrap();
}

fn leaf(json: &str) -> Record {
    Record::Leaf(json.as_bytes().to_vec())
}

fn entries(entries: Vec<(&str, Entry)>) -> Entries {
    Entries::new(entries.into_iter().map(|(name, entry)| (Name::from_encoded(name).unwrap(), entry)).collect()).unwrap()
}

#[test]
fn a_board_is_renamed_while_another_program_edits_a_postit_of_it() {
    in_two_views(|store, other| {
        store.save(&board()).unwrap();
        let mut mine: Board = store.load("work").unwrap();
        for id in ["k", "m"] {
            let theirs: Postit = other.load(id).unwrap();
            other.save(&Postit { text: "theirs".to_owned(), ..theirs }).unwrap();
        }
        mine.name = "renamed".to_owned();
        store.save(&mine).unwrap();
        let loaded: Board = other.load("work").unwrap();
        assert_eq!((&*loaded.name, &*loaded.postits[0].text), ("renamed", "theirs"));
        assert_eq!((&*loaded.postits[1].text, &*loaded.boards[0].postits[0].text), ("l", "theirs"));
        // It remembers the postit as it was: changed now, it is changed here and there.
        mine.postits[0].text = "mine".to_owned();
        mine.postits[1].text = "mine".to_owned();
        let before = content(store);
        conflict(store.save(&mine), &[("Postit", "k")]);
        assert_eq!(content(store), before);
        mine.postits[0] = store.load("k").unwrap();
        mine.postits[0].text = "merged".to_owned();
        store.save(&mine).unwrap();
        assert_eq!(other.load::<Board>("work").unwrap().postits[0].text, "merged");
    });
}

#[test]
fn a_postit_changed_here_and_elsewhere_is_a_conflict_with_nothing_written() {
    in_two_views(|store, other| {
        store.save(&board()).unwrap();
        let mut mine: Board = store.load("work").unwrap();
        other.save(&Postit { text: "theirs".to_owned(), ..other.load("k").unwrap() }).unwrap();
        mine.name = "renamed".to_owned();
        mine.postits[0].text = "mine".to_owned();
        let before = content(store);
        conflict(store.save(&mine), &[("Postit", "k")]);
        assert_eq!(content(store), before);
        // As it was, it is no change.
        mine.postits[0].text = "k".to_owned();
        store.save(&mine).unwrap();
        assert_eq!(other.load::<Postit>("k").unwrap().text, "theirs");
    });
}

#[test]
fn a_postit_deleted_elsewhere_is_a_conflict_as_the_link_would_dangle() {
    in_two_views(|store, other| {
        store.save(&board()).unwrap();
        for id in ["k", "m"] {
            let mut mine: Board = store.load("work").unwrap();
            assert!(other.delete::<Postit>(id).unwrap());
            let before = content(store);
            conflict(store.save(&mine), &[("Postit", id)]);
            mine.name = format!("without {id}");
            conflict(store.save(&mine), &[("Postit", id)]);
            conflict(store.transaction(|tx| tx.save(&mine)), &[("Postit", id)]);
            assert_eq!(content(store), before);
            store.save(&postit(id, "again")).unwrap();
            store.save(&mine).unwrap();
            assert_eq!(other.load::<Board>("work").unwrap().name, mine.name);
        }
    });
}

#[test]
fn saving_what_was_loaded_writes_nothing_and_needs_it_to_be_there() {
    in_two_views(|store, other| {
        store.save(&board()).unwrap();
        let (mine, mut theirs): (Board, Board) = (store.load("work").unwrap(), other.load("work").unwrap());
        theirs.name = "theirs".to_owned();
        theirs.boards.clear();
        other.save(&theirs).unwrap();
        let before = content(store);
        store.save(&mine).unwrap();
        store.transaction(|tx| tx.save(&mine)).unwrap();
        store.save_all([&mine, &mine]).unwrap();
        assert_eq!(content(store), before);
        // A part of it was changed, and the rest only has to be there.
        let mut changed = mine.clone();
        changed.postits[1].text = "mine".to_owned();
        store.save(&changed).unwrap();
        let loaded: Board = other.load("work").unwrap();
        assert_eq!((&*loaded.name, loaded.boards.len(), &*loaded.postits[1].text), ("theirs", 0, "mine"));
        // What a board nested in it holds is part of its record.
        changed.boards[0].name = "mine".to_owned();
        conflict(store.save(&changed), &[("Board", "work")]);
        other.delete::<Board>("work").unwrap();
        conflict(store.save(&mine), &[("Board", "work")]);
        // Overwriting writes what it is given, whoever has changed it.
        store.overwrite(&mine).unwrap();
        assert_eq!(other.load::<Board>("work").unwrap(), mine);
    });
}

/// What an old and a new program make of the same classes.
mod versions {
    pub mod old {
        use sepia::{Container, Id, Serializable};

        #[derive(Serializable, Clone, Debug, PartialEq)]
        #[sepia(ignore_unknown)]
        pub struct Postit {
            pub id: Id<Postit>,
            pub text: String,
        }

        #[derive(Container, Clone, Debug, PartialEq)]
        #[sepia(ignore_unknown)]
        pub struct Board {
            pub id: Id<Board>,
            pub name: String,
            pub postits: Vec<Postit>,
        }
    }

    pub mod new {
        use sepia::{Container, Id, Serializable};

        #[derive(Serializable, Clone, Debug, PartialEq)]
        pub struct Postit {
            pub id: Id<Postit>,
            pub text: String,
            #[sepia(default)]
            pub tags: Vec<String>,
            #[sepia(default = size)]
            pub size: u8,
        }

        fn size() -> u8 {
            7
        }

        #[derive(Container, Clone, Debug, PartialEq)]
        pub struct Board {
            pub id: Id<Board>,
            pub name: String,
            #[sepia(default)]
            pub colour: String,
            pub postits: Vec<Postit>,
            pub pinned: Option<Postit>,
        }
    }
}

#[test]
fn an_old_program_erases_nothing_of_what_it_has_not_changed() {
    use versions::{new, old};
    for medium in [Medium::Files, Medium::Sqlite] {
        let made = medium.make();
        let precious =
            |id: &str| new::Postit { id: id.into(), text: id.to_owned(), tags: vec!["precious".to_owned()], size: 9 };
        let board = new::Board {
            id: "work".into(),
            name: "work".to_owned(),
            colour: "red".to_owned(),
            postits: vec![precious("k"), precious("l")],
            pinned: Some(precious("m")),
        };
        made.save(&board).unwrap();
        let before = content(&made);
        let old = made.reopen();
        let mut known: old::Board = old.load("work").unwrap();
        old.save(&known).unwrap();
        for postit in &known.postits {
            old.save(postit).unwrap();
        }
        old.transaction(|tx| tx.save(&tx.load::<old::Board>("work")?)).unwrap();
        assert_eq!(content(&made), before);
        // It renames the board, which erases what it does not know of the board, and of nothing else.
        known.name = "renamed".to_owned();
        old.save(&known).unwrap();
        let loaded: new::Board = made.load("work").unwrap();
        assert_eq!(loaded.postits, board.postits);
        assert_eq!(
            (&*loaded.name, loaded.pinned, made.load::<new::Postit>("m").unwrap()),
            ("renamed", None, precious("m"))
        );
        // One that is changed is written as the old program knows it.
        known.postits[1].text = "old".to_owned();
        old.save(&known).unwrap();
        let changed = new::Postit { id: "l".into(), text: "old".to_owned(), tags: vec![], size: 7 };
        assert_eq!(made.load::<new::Board>("work").unwrap().postits, [precious("k"), changed]);
    }
}

#[test]
fn a_new_program_rewrites_nothing_of_what_it_has_not_changed() {
    use versions::{new, old};
    for medium in [Medium::Files, Medium::Sqlite] {
        let made = medium.make();
        let old = made.reopen();
        let postit = |id: &str| old::Postit { id: id.into(), text: id.to_owned() };
        let postits = vec![postit("k"), postit("l")];
        old.save(&old::Board { id: "work".into(), name: "work".to_owned(), postits }).unwrap();
        let before = content(&made);
        let mut known: new::Board = made.load("work").unwrap();
        made.save(&known).unwrap();
        made.save_all(&known.postits).unwrap();
        assert_eq!(content(&made), before);
        known.name = "renamed".to_owned();
        made.save(&known).unwrap();
        let Record::Container(node) = read(&made, "Board", "work") else { unreachable!() };
        assert!(String::from_utf8(node.data).unwrap().contains("colour"));
        for id in ["k", "l"] {
            assert_eq!(read(&made, "Postit", id), before.1[&key("Postit", id)]);
        }
        // What was written is what is known from now on: the board as it is, and a postit that was changed elsewhere.
        old.save(&old::Postit { text: "theirs".to_owned(), ..old.load("k").unwrap() }).unwrap();
        known.name = "renamed again".to_owned();
        made.save(&known).unwrap();
        assert_eq!(made.load::<new::Postit>("k").unwrap().text, "theirs");
        known.postits[0].size = 8;
        conflict(made.save(&known), &[("Postit", "k")]);
        known.postits[0].size = 7;
        known.postits[1].size = 8;
        made.save(&known).unwrap();
        assert_eq!(made.load::<new::Postit>("l").unwrap(), known.postits[1]);
    }
}

/// A board as hands have left it: other spaces, other order, and gaps in its lists.
fn by_hand(store: &Store) {
    let link = |id: &str| Entry::Link(key("Postit", id));
    let inner = Node {
        data: b"{\"name\":\"in\"}".to_vec(),
        entries: entries(vec![("postits", Entry::Collection(entries(vec![("0007_m", link("m"))])))]),
    };
    let postits = entries(vec![("0002_k", link("k")), ("0010_l", link("l"))]);
    let work = Node {
        data: b"{ \"name\" : \"work\" }".to_vec(),
        entries: entries(vec![
            ("postits", Entry::Collection(postits)),
            ("boards", Entry::Collection(entries(vec![("0000_inner", Entry::Container(inner))]))),
        ]),
    };
    let records = vec![
        (key("Postit", "k"), leaf("{\"text\":\"k\"}")),
        (key("Postit", "l"), leaf("{\n\t\"text\": \"\\u006c\"\n}")),
        (key("Postit", "m"), leaf("{\n  \"text\": \"m\"\n}\n")),
        (key("Board", "work"), Record::Container(work)),
    ];
    put(store, &[Class::serializable("Postit", Format::Json), Class::container("Board")], records);
}

#[test]
fn what_hands_have_formatted_stays_as_they_have_left_it_until_it_is_changed() {
    in_two_views(|store, other| {
        by_hand(store);
        let before = content(store);
        let mut mine: Board = store.load("work").unwrap();
        assert_eq!(mine, board());
        store.save(&mine).unwrap();
        store.save_all(&mine.postits).unwrap();
        store.transaction(|tx| tx.save(&tx.load::<Board>("work")?)).unwrap();
        assert_eq!(content(store), before);
        // Changed elsewhere, and not here.
        other.overwrite(&postit("k", "theirs")).unwrap();
        mine.name = "renamed".to_owned();
        store.save(&mine).unwrap();
        assert_eq!((read(store, "Postit", "l"), read(store, "Postit", "m")), {
            let of = |id: &str| before.1[&key("Postit", id)].clone();
            (of("l"), of("m"))
        });
        let loaded: Board = other.load("work").unwrap();
        assert_eq!((&*loaded.name, &*loaded.postits[0].text), ("renamed", "theirs"));
        // What the save has written is no longer as hands have left it.
        let Record::Container(node) = read(store, "Board", "work") else { unreachable!() };
        let Some(Entry::Collection(postits)) = node.entries.get("postits") else { unreachable!() };
        assert_eq!(postits.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0000_k", "0001_l"]);
        mine.postits[1].text = "mine".to_owned();
        mine.postits[0].text = "mine".to_owned();
        conflict(store.save(&mine), &[("Postit", "k")]);
        mine.postits[0].text = "k".to_owned();
        store.save(&mine).unwrap();
        assert_eq!(read(store, "Postit", "l"), leaf("{\n  \"text\": \"mine\"\n}\n"));
        // An object that becomes what is stored, to the byte, was changed here all the same.
        by_hand(store);
        let mut known: Postit = store.load("m").unwrap();
        known.text = "n".to_owned();
        other.overwrite(&postit("m", "theirs")).unwrap();
        conflict(store.save(&known), &[("Postit", "m")]);
    });
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Shapes {
    id: Id<Shapes>,
    note: Option<Postit>,
    notes: Option<Vec<Postit>>,
    nested: Vec<Vec<Ref<Postit>>>,
    by_name: BTreeMap<String, Ref<Postit>>,
    by_number: HashMap<u8, Arc<Postit>>,
    by_lower: BTreeMap<Lower, Ref<Postit>>,
    #[sepia(default = filled)]
    filled: Vec<Ref<Postit>>,
    boards: BTreeMap<u8, Board>,
    latest: Option<Edition>,
    hand: Option<Written>,
}

/// A key that is read otherwise than it is written.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(from = "String")]
struct Lower(String);

impl From<String> for Lower {
    fn from(text: String) -> Self {
        Self(text.to_lowercase())
    }
}

fn filled() -> Vec<Ref<Postit>> {
    vec![Ref::new("k")]
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Edition {
    id: Id<Edition>,
    text: String,
}

/// Reads what it does not write in the same way.
#[derive(Container, Clone, Debug, PartialEq)]
#[sepia(content = "custom")]
struct Written {
    id: Id<Written>,
    first: Option<Ref<Postit>>,
}

impl Fields for Written {
    fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.reference("first", &self.first)
    }

    fn read_fields(id: Id<Self>, reader: &mut Reader<'_>) -> Result<Self> {
        let old: Option<Ref<Postit>> = reader.reference("old")?;
        Ok(Self { id, first: old.or(reader.reference("first")?) })
    }
}

/// A text that is never as it was written.
#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "custom")]
struct Trimmed {
    id: Id<Trimmed>,
    text: String,
}

impl Content for Trimmed {
    fn to_sepia(&self) -> Result<Vec<u8>> {
        match &*self.text {
            "" => Err(Error::new(ErrorKind::InvalidValue, "nothing is left")),
            text => Ok(text.as_bytes().to_vec()),
        }
    }

    fn from_sepia(id: Id<Self>, content: &[u8]) -> Result<Self> {
        Ok(Self { id, text: String::from_utf8_lossy(content).trim().to_owned() })
    }
}

#[test]
fn every_shape_that_is_read_otherwise_than_it_is_written_stays_as_it_is() {
    let link = |id: &str| Entry::Link(key("Postit", id));
    let collection = |all: Vec<(&str, Entry)>| Entry::Collection(entries(all));
    let inner = |data: &str| Entry::Container(Node { data: data.into(), ..Node::default() });
    let edition = || Entry::Link(key("Edition", "e"));
    type Variant<'a> = (&'a str, &'a str, Vec<(&'a str, Entry)>);
    let variants: Vec<Variant<'_>> = vec![
        ("a default of references", "{}", vec![]),
        ("nothing where there is a default", "{\"sepia_shape\":{\"filled\":null}}", vec![]),
        ("an empty list that is told of", "{\"sepia_shape\":{\"notes\":[]}}\n", vec![]),
        ("a list with gaps", "{}", vec![("notes", collection(vec![("0001_k", link("k"))]))]),
        ("a list with other names", "{}", vec![("notes", collection(vec![("0000_x", link("k"))]))]),
        ("a list with long indices", "{}", vec![("notes", collection(vec![("00000_k", link("k"))]))]),
        (
            "lists in a list",
            "{}",
            vec![("nested", collection(vec![("0000_x", collection(vec![("0000_k", link("k"))]))]))],
        ),
        ("a key of a map", "{}", vec![("by_lower", collection(vec![("Key", link("k"))]))]),
        (
            "a nested board",
            "{}",
            vec![("boards", collection(vec![("1", inner("{\"name\":\"x\",\"sepia_id\":\"b\"}"))]))],
        ),
        (
            "a nested board that tells more",
            "{}",
            vec![(
                "boards",
                collection(vec![(
                    "1",
                    inner("{\n  \"sepia_id\": \"b\",\n  \"sepia_class\": \"Board\",\n  \"name\": \"x\"\n}\n"),
                )]),
            )],
        ),
        ("the newest generation", "{}", vec![("latest", edition())]),
        (
            "what is read by hand",
            "{}",
            vec![(
                "hand",
                Entry::Container(Node {
                    data: b"{\n  \"sepia_id\": \"w\"\n}\n".to_vec(),
                    entries: entries(vec![("old", link("k"))]),
                }),
            )],
        ),
    ];
    let classes = [
        Class::serializable("Postit", Format::Json),
        Class::serializable("Edition", Format::Text).with_generations(),
        Class::container("Shapes"),
    ];
    on_every_backend(|store| {
        for (what, data, fields) in &variants {
            let node = Node { data: data.as_bytes().to_vec(), entries: entries(fields.clone()) };
            put(
                store,
                &classes,
                vec![
                    (key("Postit", "k"), leaf("{\n  \"text\": \"k\"\n}\n")),
                    (key("Edition", "e.3"), leaf("third")),
                    (key("Shapes", "s"), Record::Container(node)),
                ],
            );
            let before = content(store);
            let mut known: Shapes = store.load("s").unwrap();
            store.save(&known).unwrap();
            assert_eq!(content(store), before, "{what}");
            // Known as it is, so that it can be changed, and is changed only here.
            known.by_name.insert("new".to_owned(), Ref::new("k"));
            store.save(&known).unwrap_or_else(|error| unreachable!("{what}: {error}"));
            let again: Shapes = store.load("s").unwrap();
            assert_eq!(again, known, "{what}");
            let written = content(store);
            store.save(&again).unwrap();
            assert_eq!(content(store), written, "{what}");
            // And was it changed elsewhere, that is a conflict.
            store.overwrite(&Shapes { note: Some(postit("k", "k")), ..again.clone() }).unwrap();
            let theirs = content(store);
            store.save(&again).unwrap();
            assert_eq!(content(store), theirs, "{what}");
            known.by_name.clear();
            conflict(store.save(&known), &[("Shapes", "s")]);
        }
    });
}

#[test]
fn a_content_that_is_read_otherwise_than_it_is_written_stays_as_it_is() {
    on_every_backend(|store| {
        put(
            store,
            &[Class::serializable("Trimmed", Format::Custom)],
            vec![(key("Trimmed", "t"), leaf("  x  ")), (key("Trimmed", "empty"), leaf("   "))],
        );
        let before = content(store);
        let mut known: Trimmed = store.load("t").unwrap();
        store.save(&known).unwrap();
        assert_eq!(content(store), before);
        known.text = "y".to_owned();
        store.save(&known).unwrap();
        assert_eq!(read(store, "Trimmed", "t"), leaf("y"));
        // One that could not be saved as it is can be loaded, and saved once it can be.
        let mut empty: Trimmed = store.load("empty").unwrap();
        refused(store.save(&empty), ErrorKind::InvalidValue, &["nothing is left"]);
        empty.text = "z".to_owned();
        store.save(&empty).unwrap();
        assert_eq!(read(store, "Trimmed", "empty"), leaf("z"));
    });
}

#[derive(Container, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Plan {
    id: Id<Plan>,
    name: String,
    postits: Vec<Postit>,
}

#[test]
fn an_update_writes_nothing_of_what_it_has_not_changed() {
    in_two_views(|store, other| {
        put(
            store,
            &[Class::serializable("Postit", Format::Json)],
            vec![(key("Postit", "k"), leaf("{\"text\":\"k\"}"))],
        );
        let known: Postit = store.load("k").unwrap();
        let plan = Plan { id: "p.0".into(), name: "0".to_owned(), postits: vec![known, postit("l", "l")] };
        store.save(&plan).unwrap();
        assert_eq!(read(store, "Postit", "k"), leaf("{\"text\":\"k\"}"));
        let mut rounds = 0;
        let rename = |plan: &mut Plan| {
            rounds += 1;
            if rounds == 1 {
                other.overwrite(&postit("l", "theirs"))?;
            }
            plan.name = "1".to_owned();
            Ok(())
        };
        let updated = store.update("p", rename).unwrap();
        assert_eq!((updated.id.as_str(), rounds), ("p.1", 1));
        let rename = |plan: &mut Plan| {
            plan.name.push('2');
            Ok(())
        };
        store.transaction(|tx| tx.update("p", rename)).unwrap();
        let loaded: Plan = other.load("p").unwrap();
        assert_eq!((loaded.id.as_str(), &*loaded.name, &*loaded.postits[1].text), ("p.2", "12", "theirs"));
        assert_eq!(read(store, "Postit", "k"), leaf("{\"text\":\"k\"}"));
        // By merging, too.
        let (base, mut mine) = (loaded.clone(), loaded);
        mine.name = "mine".to_owned();
        let shout = |plan: &mut Plan| {
            plan.postits[1].text.push('!');
            Ok(())
        };
        other.update("p", shout).unwrap();
        store
            .update_with_merge(&base, &mut mine, |_, mine, theirs| Ok(Plan { name: mine.name.clone(), ..theirs }))
            .unwrap();
        assert_eq!((mine.id.as_str(), &*mine.postits[1].text), ("p.4", "theirs!"));
        assert_eq!(other.load::<Plan>("p").unwrap(), mine);
        // An old generation that was pruned is gone, whoever still holds it unchanged.
        assert!(other.delete::<Plan>("p.2").unwrap());
        conflict(store.save(&base), &[("Plan", "p.2")]);
    });
}

#[test]
fn within_a_transaction_nothing_is_written_of_what_it_has_not_changed() {
    in_two_views(|store, other| {
        by_hand(store);
        let before = content(store);
        let mut known: Board = store.load("work").unwrap();
        other.overwrite(&postit("k", "theirs")).unwrap();
        store
            .transaction(|tx| {
                tx.save(&known)?;
                // Of what it has done itself, it knows.
                tx.overwrite(&postit("l", "in here"))?;
                tx.save(&known)?;
                assert_eq!(tx.load::<Postit>("l")?.text, "in here");
                let mut loaded: Board = tx.load("work")?;
                loaded.name = "renamed".to_owned();
                tx.save(&loaded)?;
                assert_eq!(tx.load::<Board>("work")?.name, "renamed");
                tx.save(&known.postits[0])?;
                known.postits[0].text = "mine".to_owned();
                conflict(tx.save(&known), &[("Postit", "k")]);
                known.postits[0].text = "k".to_owned();
                known.name = "mine".to_owned();
                conflict(tx.save(&known), &[("Board", "work")]);
                tx.delete::<Postit>("l")?;
                conflict(tx.save(&loaded), &[("Postit", "l")]);
                tx.save(&postit("l", "again")).map(drop)
            })
            .unwrap();
        assert_eq!(other.load::<Postit>("k").unwrap().text, "theirs");
        assert_eq!(read(store, "Postit", "m"), before.1[&key("Postit", "m")]);
        let loaded: Board = other.load("work").unwrap();
        assert_eq!((&*loaded.name, &*loaded.postits[1].text), ("renamed", "again"));
    });
}

#[test]
fn what_was_loaded_as_a_transaction_had_made_it_never_was_if_that_is_rolled_back() {
    on_every_backend(|store| {
        store.save(&postit("k", "1")).unwrap();
        let mut kept = None;
        let failed = store.transaction(|tx| {
            tx.overwrite(&postit("k", "2"))?;
            let loaded: Postit = tx.load("k")?;
            // Within it, it is what is stored.
            tx.save(&loaded)?;
            tx.require(&loaded)?;
            kept = Some(loaded);
            Err::<(), _>(Error::new(ErrorKind::Other, "enough"))
        });
        refused(failed, ErrorKind::Other, &["enough"]);
        // To save it unchanged would be to lose the change.
        let kept = kept.unwrap();
        conflict(store.save(&kept), &[("Postit", "k")]);
        conflict(store.transaction(|tx| tx.require(&kept)), &[("Postit", "k")]);
        store.save(&postit("k", "2")).unwrap();
        conflict(store.save(&kept), &[("Postit", "k")]);
    });
}

/// Two doctors are on call, and each may leave as long as the other stays: what each has only read changes under him.
#[test]
fn two_transactions_that_read_what_the_other_writes_both_commit_unless_they_require_it() {
    for requires in [false, true] {
        in_two_views(|store, other| {
            store.save_all([postit("alice", "on call"), postit("bob", "on call")]).unwrap();
            let [alice, bob]: [Postit; 2] = store.load_many(["alice", "bob"]).unwrap().try_into().unwrap();
            let leave = |store: &Store, own: &Postit, stays: &Postit| {
                store.transaction(|tx| {
                    if requires {
                        tx.require(stays)?;
                    }
                    tx.save(&Postit { text: "off".to_owned(), ..own.clone() })
                })
            };
            leave(store, &alice, &bob).unwrap();
            let left = leave(other, &bob, &alice);
            if requires {
                conflict(left, &[("Postit", "alice")]);
            } else {
                left.unwrap();
            }
            let off = store.load_many::<Postit>(["alice", "bob"]).unwrap().iter().filter(|p| p.text == "off").count();
            assert_eq!(off, if requires { 1 } else { 2 });
        });
    }
}

#[test]
fn what_is_required_is_as_it_was_loaded_or_last_saved() {
    in_two_views(|store, other| {
        by_hand(store);
        let mut known: Board = store.load("work").unwrap();
        let fresh = postit("fresh", "1");
        let require = |object: &Board| store.transaction(|tx| tx.require(object));
        require(&known).unwrap();
        // Whether it was changed here does not matter.
        known.name = "changed".to_owned();
        require(&known).unwrap();
        // Its postits are records of their own.
        other.overwrite(&postit("k", "theirs")).unwrap();
        require(&known).unwrap();
        conflict(store.transaction(|tx| tx.require(&known.postits[0])), &[("Postit", "k")]);
        // Saved, it is known as that, in a transaction as well.
        store
            .transaction(|tx| {
                tx.save(&known)?;
                tx.require(&known)
            })
            .unwrap();
        require(&known).unwrap();
        let unknown = |error: Error| assert!(error.to_string().contains("loaded"), "{error}");
        unknown(refused(store.transaction(|tx| tx.require(&fresh)), ErrorKind::InvalidValue, &["Postit", "fresh"]));
        let before = content(store);
        other.save(&Board { name: "theirs".to_owned(), ..other.load("work").unwrap() }).unwrap();
        let theirs = content(store);
        assert_ne!(theirs, before);
        let refusing = store.transaction(|tx| {
            tx.save(&fresh)?;
            // What is refused is not required, and the rest goes on.
            conflict(tx.require(&known), &[("Board", "work")]);
            conflict(tx.require(&known), &[("Board", "work")]);
            tx.save(&postit("other", "1"))
        });
        refusing.unwrap();
        assert!(other.exists::<Postit>("fresh").unwrap() && other.exists::<Postit>("other").unwrap());
        other.delete::<Board>("work").unwrap();
        conflict(require(&known), &[("Board", "work")]);
    });
}

#[test]
fn what_is_required_and_edited_by_hand_before_the_commit_is_a_conflict() {
    let disk = OnDisk::new();
    let (known, fresh) = (postit("k", "1"), postit("fresh", "1"));
    disk.store.save(&known).unwrap();
    for saves_it_too in [false, true] {
        let done = disk.store.transaction(|tx| {
            tx.require(&known)?;
            tx.save(&fresh)?;
            if saves_it_too {
                // Unchanged, that asks for less, and what was required stays required.
                tx.save(&known)?;
            }
            disk.write("Postit/k", "{\"text\": \"by hand\"}");
            Ok(())
        });
        conflict(done, &[("Postit", "k")]);
        assert!(!disk.store.exists::<Postit>("fresh").unwrap());
        disk.write("Postit/k", "{\n  \"text\": \"1\"\n}\n");
    }
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Album {
    id: Id<Album>,
    owned: Vec<Postit>,
    shared: Vec<Arc<Postit>>,
    linked: Vec<Ref<Postit>>,
}

/// A link takes some bytes of the disk, and what it leads to as much memory as it likes, each time that it is followed.
#[test]
fn a_load_reads_no_more_than_it_may_however_many_links_lead_to_one_object() {
    const LARGE: usize = 10_000;
    const LINKS: usize = 60;
    on_every_medium(|medium| {
        let made = medium.make();
        let large = postit("large", &"x".repeat(LARGE));
        let album = |id: &str| Album { id: id.into(), owned: vec![], shared: vec![], linked: vec![] };
        made.save(&Album { owned: vec![large.clone(); LINKS], ..album("owned") }).unwrap();
        let shared = Arc::new(large.clone());
        made.save(&Album { shared: vec![shared; LINKS], ..album("shared") }).unwrap();
        made.save(&Album { linked: vec![Ref::to(&large); LINKS], ..album("linked") }).unwrap();
        let open = |bytes: usize| Store::builder().max_load_size(bytes as u64).open_url(made.url()).unwrap();
        if !made.lasts() {
            return;
        }
        let enough = LINKS * (LARGE + 100);
        assert_eq!(open(enough).load::<Album>("owned").unwrap().owned.len(), LINKS);
        let limited = open(LARGE * 2);
        let advice = ["Postit", "large", "Ref", "Arc", "max_load_size"];
        refused(limited.load::<Album>("owned"), ErrorKind::Corrupt, &advice);
        refused(limited.snapshot(|snapshot| snapshot.load::<Album>("owned")), ErrorKind::Corrupt, &advice);
        refused(limited.transaction(|tx| tx.load::<Album>("owned")), ErrorKind::Corrupt, &advice);
        refused(limited.get::<Album>("owned"), ErrorKind::Corrupt, &advice);
        assert!(limited.iter::<Album>().unwrap().any(|album| album.is_err()));
        // One that is shared is read once, and one that is linked not at all.
        let shared: Album = limited.load("shared").unwrap();
        assert!(shared.shared.iter().all(|one| Arc::ptr_eq(one, &shared.shared[0])));
        let linked: Album = open(LARGE / 2).load("linked").unwrap();
        refused(linked.linked[0].load(&open(LARGE / 2)), ErrorKind::Corrupt, &["large", "max_load_size"]);
        // Each load counts by itself.
        assert_eq!(limited.load_many::<Postit>(vec!["large"; LINKS]).unwrap().len(), LINKS);
    });
    assert_eq!(MEDIA.len(), 3);
}
