//! Values that serde writes and does not read, or reads as others, are refused before they are committed.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use sepia::testing::assert_round_trip;
use sepia::{Container, Content, Error, ErrorKind, Id, Object, Reference, Result, Serializable, Store};
use serde::{Deserialize, Serialize};

use crate::boards::{postit, work_board};
use crate::support::{Medium, content, on_every_medium, refused};

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Wide {
    #[serde(flatten)]
    inner: WideInner,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct WideInner {
    number: u128,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Numbered {
    #[serde(flatten)]
    by_number: BTreeMap<u32, String>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct LeftOut {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    nick: String,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct OtherDefault {
    #[serde(skip_serializing_if = "is_zero", default = "one")]
    count: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u8) -> bool {
    *count == 0
}

fn one() -> u8 {
    1
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
enum Alike {
    Filled {
        size: u8,
        #[serde(default)]
        depth: u8,
    },
    Flat {
        size: u8,
    },
}

/// A float that serde buffers, in a program where a crate has turned on the feature `arbitrary_precision` of `serde_json`:
/// it is written as a number, and read as a map.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
struct Precise(f64);

impl<'de> Deserialize<'de> for Precise {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = BTreeMap::<String, f64>::deserialize(deserializer)?;
        Ok(Self(number["$serde_json::private::Number"]))
    }
}

/// A set that does not come in order.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Unordered {
    words: HashSet<u32>,
}

macro_rules! traps {
    ($($leaf:ident $container:ident: $ty:ty;)*) => {$(
        #[derive(Serializable, Clone, Debug, PartialEq)]
        struct $leaf { id: Id<$leaf>, fine: u8, value: $ty }

        #[derive(Container, Clone, Debug, PartialEq)]
        struct $container { id: Id<$container>, fine: u8, value: $ty, inner: Vec<$container> }
    )*};
}
traps! {
    WideLeaf WideContainer: Wide;
    NumberedLeaf NumberedContainer: Numbered;
    LeftOutLeaf LeftOutContainer: Vec<LeftOut>;
    OtherDefaultLeaf OtherDefaultContainer: OtherDefault;
    AlikeLeaf AlikeContainer: Alike;
    PreciseLeaf PreciseContainer: Precise;
    UnorderedLeaf UnorderedContainer: Unordered;
}

/// A store of this medium that reads back what it saves.
fn checked(medium: Medium) -> (Store, impl Sized) {
    let builder = Store::builder().check_saves(true);
    if medium == Medium::Memory {
        return (builder.open_url("memory:").unwrap(), None);
    }
    let made = medium.make();
    (made.reopen_with(&builder), Some(made))
}

fn panics<T: Object>(object: &T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| assert_round_trip(object))).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

/// Without the check the object is saved, and does not come back; with it, it is refused by whatever saves.
fn is_a_trap<T: Object + PartialEq + std::fmt::Debug>(store: &Store, object: &T, class: &str, says: &str) {
    let plain = Store::in_memory();
    plain.save(object).unwrap();
    let id = plain.ids::<T>().unwrap().remove(0);
    // It is another object, or another record each time.
    let comes_back = plain.load::<T>(&id).is_ok_and(|loaded| loaded == *object);
    assert!(!comes_back || class.starts_with("Unordered"), "{object:?} is no trap");

    let before = content(store);
    let named =
        [format!("class {class:?}"), format!("id {:?}", id.as_str()), "field \"value\"".to_owned(), says.to_owned()];
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    refused(store.save(object), ErrorKind::InvalidValue, &named);
    refused(store.overwrite(object), ErrorKind::InvalidValue, &named);
    refused(store.save_all([object]), ErrorKind::InvalidValue, &named);
    let in_transaction = store.transaction(|transaction| {
        refused(transaction.save(object), ErrorKind::InvalidValue, &named);
        refused(transaction.overwrite(object), ErrorKind::InvalidValue, &named);
        refused(transaction.save_all([object]), ErrorKind::InvalidValue, &named);
        Ok(())
    });
    in_transaction.unwrap();
    assert_eq!(content(store), before);

    let message = panics(object);
    assert!(named.iter().all(|name| message.contains(name)), "{message}");
}

macro_rules! trap {
    ($store:expr, $leaf:ident $container:ident, $value:expr, $fine:expr, $says:expr) => {{
        let store = $store;
        is_a_trap(store, &$leaf { id: "x".into(), fine: 1, value: $value }, stringify!($leaf), $says);
        let within = |value, inner| $container { id: "x".into(), fine: 1, value, inner };
        is_a_trap(store, &within($value, vec![]), stringify!($container), $says);
        if let Some(fine) = $fine {
            let inner = $container { id: "y".into(), ..within($value, vec![]) };
            let outer = within(fine, vec![inner]);
            let error = refused(store.save(&outer), ErrorKind::InvalidValue, &["id \"y\"", "field \"value\"", $says]);
            assert!(error.to_string().contains("inner/0000_y"), "{error}");
        }
    }};
}

#[test]
fn each_trap_of_serde_is_refused_with_its_field() {
    on_every_medium(|medium| {
        let (store, _directory) = checked(medium);
        let wide = |number| Wide { inner: WideInner { number } };
        trap!(&store, WideLeaf WideContainer, wide(1), None, "could not be loaded again");
        trap!(&store, WideLeaf WideContainer, wide(u128::MAX), None, "could not be loaded again");
        let numbered =
            |number: Option<u32>| Numbered { by_number: number.map(|n| (n, "x".to_owned())).into_iter().collect() };
        trap!(&store, NumberedLeaf NumberedContainer, numbered(Some(7)), Some(numbered(None)), "could not be loaded again");
        let left_out = |nick: &str| vec![LeftOut { name: "Ann".to_owned(), nick: nick.to_owned() }];
        trap!(&store, LeftOutLeaf LeftOutContainer, left_out(""), Some(left_out("A")), "missing field `nick`");
        let other = |count| OtherDefault { count };
        trap!(&store, OtherDefaultLeaf OtherDefaultContainer, other(0), Some(other(2)), "`{ \"count\": 1 }`");
        let flat = Alike::Flat { size: 1 };
        let filled = Alike::Filled { size: 1, depth: 0 };
        trap!(&store, AlikeLeaf AlikeContainer, flat.clone(), Some(filled.clone()), "\"depth\": 0");
        trap!(&store, PreciseLeaf PreciseContainer, Precise(1.5), None, "could not be loaded again");
        let unordered = || Unordered { words: (0..99).collect() };
        trap!(&store, UnorderedLeaf UnorderedContainer, unordered(), None, "use a `BTreeSet`");
    });
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Holder {
    id: Id<Holder>,
    title: String,
    children: Vec<Either>,
}

#[derive(Reference, Clone, Debug, PartialEq)]
enum Either {
    Leaf(LeftOutLeaf),
    Holder(Holder),
}

fn leaf(id: &str, nick: &str) -> LeftOutLeaf {
    LeftOutLeaf { id: id.into(), fine: 1, value: vec![LeftOut { name: "Ann".to_owned(), nick: nick.to_owned() }] }
}

fn holder(id: &str, children: Vec<Either>) -> Holder {
    Holder { id: id.into(), title: String::new(), children }
}

#[test]
fn children_are_read_back_from_the_batch_in_hand() {
    on_every_medium(|medium| {
        let (store, _directory) = checked(medium);
        let bad = holder(
            "top",
            vec![Either::Holder(holder("in", vec![Either::Leaf(leaf("a", "A")), Either::Leaf(leaf("b", ""))]))],
        );
        let error = refused(
            store.save(&bad),
            ErrorKind::InvalidValue,
            &["class \"LeftOutLeaf\"", "id \"b\"", "field \"value\""],
        );
        assert!(error.to_string().contains("LeftOutLeaf/b"), "{error}");
        assert!(store.classes().unwrap().is_empty());
        let good = holder(
            "top",
            vec![Either::Holder(holder("in", vec![Either::Leaf(leaf("a", "A"))])), Either::Leaf(leaf("b", "B"))],
        );
        store.save(&good).unwrap();
        assert_eq!(store.load::<Holder>("top").unwrap(), good);

        // What was saved in the transaction before, what is stored, and what is in hand.
        let both = store.transaction(|transaction| {
            transaction.save(&leaf("c", "C"))?;
            let mut top: Holder = transaction.load("top")?;
            top.title = "changed".to_owned();
            top.children.push(Either::Leaf(transaction.load("c")?));
            refused(transaction.save(&leaf("d", "")), ErrorKind::InvalidValue, &["id \"d\""]);
            transaction.save(&top)?;
            Ok(top)
        });
        assert_eq!(store.load::<Holder>("top").unwrap(), both.unwrap());
        assert!(!store.exists::<LeftOutLeaf>("d").unwrap());
    });
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Draft {
    id: Id<Draft>,
    value: OtherDefault,
}

#[test]
fn generations_are_read_back_too() {
    on_every_medium(|medium| {
        let (store, _directory) = checked(medium);
        let mut draft = Draft { id: Id::first("d"), value: OtherDefault { count: 3 } };
        store.save(&draft).unwrap();
        draft.value.count = 0;
        let named = ["id \"d.1\"", "field \"value\""];
        refused(store.save_next(&mut draft), ErrorKind::InvalidValue, &named);
        assert_eq!(draft.id.as_str(), "d.0");
        let zero = |draft: &mut Draft| {
            draft.value.count = 0;
            Ok(())
        };
        refused(store.update::<Draft>("d", zero), ErrorKind::InvalidValue, &named);
        let inside = store.transaction(|transaction| transaction.update::<Draft>("d", zero));
        refused(inside, ErrorKind::InvalidValue, &named);
        assert_eq!(store.versions::<Draft>("d").unwrap().len(), 1);
        draft.value.count = 4;
        store.save_next(&mut draft).unwrap();
        assert_eq!(store.load::<Draft>("d").unwrap(), draft);
    });
}

/// It forgets the case.
#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "custom")]
struct Shouted {
    id: Id<Shouted>,
    text: String,
}

impl Content for Shouted {
    fn to_sepia(&self) -> Result<Vec<u8>> {
        Ok(self.text.clone().into_bytes())
    }

    fn from_sepia(id: Id<Self>, content: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(content).map_err(|error| Error::new(ErrorKind::Corrupt, error))?;
        Ok(Self { id, text: text.to_uppercase() })
    }
}

#[test]
fn content_of_ones_own_is_read_back() {
    on_every_medium(|medium| {
        let (store, _directory) = checked(medium);
        let quiet = Shouted { id: "q".into(), text: "hush".to_owned() };
        refused(
            store.save(&quiet),
            ErrorKind::InvalidValue,
            &["class \"Shouted\"", "id \"q\"", "comes back as another"],
        );
        assert!(panics(&quiet).contains("comes back as another"));
        store.save(&Shouted { text: "HUSH".to_owned(), ..quiet }).unwrap();
    });
}

#[test]
fn whatever_comes_back_passes() {
    on_every_medium(|medium| {
        let (store, _directory) = checked(medium);
        let board = work_board();
        assert_round_trip(&board);
        store.save(&board).unwrap();
        store.save(&board).unwrap();
        assert_eq!(store.load::<crate::boards::Board>(&board.id).unwrap(), board);
        // One tree that is stored as it is, and another that is not.
        let (same, mut other) = (holder("same", vec![Either::Holder(holder("in", vec![]))]), holder("other", vec![]));
        store.save_all([&same, &other]).unwrap();
        other.title.push('!');
        store.save_all([&same, &other]).unwrap();
        // Nothing is remembered of a store that is gone.
        let note = postit("n", "new");
        assert_round_trip(&note);
        store.save(&note).unwrap();
        assert_round_trip(&leaf("l", "nick"));
    });
}

/// The path of the store stood there twice, where it was opened by a relative one.
#[test]
fn what_is_refused_is_named_by_its_path_once() {
    let directory = tempfile::tempdir().unwrap();
    let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect::<std::path::PathBuf>();
    let path = up.join(directory.path().strip_prefix("/").unwrap());
    let store = Store::builder().check_saves(true).open(&path).unwrap();
    for error in [
        store.save(&leaf("x", "")).unwrap_err(),
        store.transaction(|tx| tx.save(&leaf("x", ""))).unwrap_err(),
        store.save(&holder("h", vec![Either::Leaf(leaf("x", ""))])).unwrap_err(),
    ] {
        let place = format!("at {})", path.join("LeftOutLeaf/x").display());
        assert!(error.to_string().ends_with(&place), "{error}");
    }
}
