//! Every shape of reference comes back, alone and nested, and stays what it is when it is empty.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use sepia::{Container, Content, Error, ErrorKind, Fields, Id, Reader, Ref, Reference, Result, Serializable, Writer};

use crate::boards::{Postit, postit};
use crate::support::{OnDisk, on_every_backend, refused};

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Shapes {
    id: Id<Shapes>,
    one: Option<Postit>,
    boxed: Option<Box<Postit>>,
    list: Vec<Postit>,
    deque: VecDeque<Arc<Postit>>,
    grid: Vec<Vec<Postit>>,
    optional: Option<Vec<Postit>>,
    by_name: HashMap<String, Postit>,
    by_number: BTreeMap<i32, Vec<Postit>>,
    by_flag: BTreeMap<bool, BTreeMap<char, Postit>>,
    links: Vec<Ref<Postit>>,
    set: BTreeSet<Ref<Postit>>,
    inner: Option<Box<Shapes>>,
    inners: Vec<Shapes>,
    inner_by_name: BTreeMap<String, Shapes>,
    inner_lists: BTreeMap<u8, Option1>,
    #[sepia(default = some_postits)]
    defaulted: Vec<Postit>,
    #[sepia(default = one_postit)]
    defaulted_option: Option<Postit>,
}

type Option1 = VecDeque<Vec<Shapes>>;

fn some_postits() -> Vec<Postit> {
    vec![postit("default", "default")]
}

fn one_postit() -> Option<Postit> {
    Some(postit("default", "default"))
}

fn named(id: &str) -> Shapes {
    Shapes { id: id.into(), ..Shapes::default() }
}

fn full() -> Shapes {
    let p = |id: &str| postit(id, &format!("text of {id}"));
    Shapes {
        id: "s".into(),
        one: Some(p("a")),
        boxed: Some(Box::new(p("b"))),
        list: vec![p("a"), p("b"), p("a")],
        deque: [Arc::new(p("c"))].into(),
        grid: vec![vec![], vec![p("a"), p("d")], vec![]],
        optional: Some(vec![p("e")]),
        by_name: [(String::new(), p("f")), ("data.json".to_owned(), p("g")), ("a/b".to_owned(), p("h"))].into(),
        by_number: [(-1, vec![]), (10, vec![p("a")]), (9, vec![p("b")])].into(),
        by_flag: [(true, [('%', p("a")), ('.', p("b"))].into()), (false, BTreeMap::new())].into(),
        links: vec![Ref::new("a"), Ref::new("not there yet"), Ref::new("a")],
        set: [Ref::new("x/y"), Ref::new("z")].into(),
        inner: Some(Box::new(named("inner"))),
        inners: vec![named("i1"), Shapes { list: vec![p("deep")], ..named("i2") }],
        inner_by_name: [("k".to_owned(), named("i3"))].into(),
        inner_lists: [(1, [vec![], vec![named("i4")]].into()), (2, VecDeque::new())].into(),
        defaulted: vec![],
        defaulted_option: None,
    }
}

#[test]
fn shapes_come_back_full_and_empty_and_from_one_to_the_other() {
    on_every_backend(|store| {
        let empty = named("s");
        let mut half = full();
        half.optional = Some(vec![]);
        half.grid = vec![vec![], vec![]];
        half.list.reverse();
        half.inners.swap(0, 1);
        half.inner_lists.remove(&1);
        half.defaulted = some_postits();
        let states = [empty, full(), half];
        for from in &states {
            for to in &states {
                for state in [from, to] {
                    store.overwrite(state).unwrap();
                    assert_eq!(&store.load::<Shapes>("s").unwrap(), state);
                }
            }
        }
    });
}

#[test]
fn what_was_emptied_leaves_nothing_on_the_disk() {
    let disk = OnDisk::new();
    disk.store.save(&full()).unwrap();
    disk.store.save(&named("s")).unwrap();
    let left: Vec<_> = disk.snapshot().into_keys().filter(|path| path.starts_with("Shapes/s/")).collect();
    assert_eq!(left, ["Shapes/s/data.json"]);
    let expected = "{\n  \"sepia_shape\": {\n    \"defaulted\": [],\n    \"defaulted_option\": null\n  }\n}\n";
    assert_eq!(disk.text("Shapes/s/data.json"), expected);
}

#[test]
fn an_arc_that_is_linked_twice_is_one_allocation_within_one_load() {
    on_every_backend(|store| {
        let shared = Arc::new(postit("p", "text"));
        let shapes = Shapes { deque: [Arc::clone(&shared), shared].into(), ..named("s") };
        store.save(&shapes).unwrap();
        let first: Shapes = store.load("s").unwrap();
        assert_eq!(first, shapes);
        assert!(Arc::ptr_eq(&first.deque[0], &first.deque[1]));
        let second: Shapes = store.load("s").unwrap();
        assert!(!Arc::ptr_eq(&first.deque[0], &second.deque[0]));
    });
}

#[test]
fn one_object_with_two_contents_and_a_container_that_stands_twice_are_refused() {
    on_every_backend(|store| {
        let two = Shapes { list: vec![postit("p", "1"), postit("p", "2")], ..named("s") };
        refused(store.save(&two), ErrorKind::InvalidValue, &["Postit", "p"]);
        let twice = Shapes { inners: vec![named("x")], inner: Some(Box::new(named("x"))), ..named("s") };
        refused(store.save(&twice), ErrorKind::InvalidValue, &["Shapes", "x"]);
        let itself = Shapes { inner: Some(Box::new(named("s"))), ..named("s") };
        refused(store.save(&itself), ErrorKind::InvalidValue, &["Shapes", "s"]);
        assert_eq!(store.classes().unwrap(), Vec::<String>::new());
    });
}

#[test]
fn links_load_when_asked_and_cycles_are_no_matter() {
    #[derive(Container, Debug, PartialEq)]
    struct Person {
        id: Id<Person>,
        friends: HashSet<Ref<Person>>,
    }
    on_every_backend(|store| {
        let person = |id: &str, friend: &str| Person { id: id.into(), friends: [Ref::new(friend)].into() };
        let (ann, bob) = (person("ann", "bob"), person("bob", "ann"));
        store.save(&ann).unwrap();
        let friend = store.load::<Person>("ann").unwrap().friends.into_iter().next().unwrap();
        assert_eq!(friend, Ref::to(&bob));
        refused(friend.load(store), ErrorKind::Dangling, &["Person", "bob"]);
        store.save(&bob).unwrap();
        assert_eq!(friend.load(store).unwrap(), bob);
    });
}

#[test]
fn a_hundred_thousand_links_load_without_their_targets() {
    on_every_backend(|store| {
        let links = (0..100_000).map(|number| Ref::new(format!("p{number}"))).collect();
        let shapes = Shapes { links, ..named("s") };
        store.save(&shapes).unwrap();
        assert_eq!(store.load::<Shapes>("s").unwrap(), shapes);
    });
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Group {
    id: Id<Group>,
    name: String,
    members: Vec<Item>,
}

#[derive(Reference, Clone, Debug, PartialEq)]
enum Item {
    Note(Postit),
    Group(Box<Group>),
    Link(Ref<Shapes>),
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Canvas {
    id: Id<Canvas>,
    items: Vec<Item>,
    by_name: BTreeMap<String, Item>,
    main: Option<Item>,
}

#[test]
fn objects_of_several_classes_stand_in_one_list() {
    on_every_backend(|store| {
        let group = |id: &str, members| Item::Group(Box::new(Group { id: id.into(), name: id.to_owned(), members }));
        let canvas = Canvas {
            id: "c".into(),
            items: vec![
                Item::Note(postit("same", "1")),
                group("same", vec![group("g2", vec![Item::Note(postit("n2", "2"))])]),
                Item::Link(Ref::new("same")),
            ],
            by_name: [("g".to_owned(), group("g3", vec![]))].into(),
            main: Some(group("g4", vec![])),
        };
        store.save(&canvas).unwrap();
        assert_eq!(store.load::<Canvas>("c").unwrap(), canvas);
    });
}

#[test]
fn an_object_of_a_class_that_does_not_belong_is_named() {
    let disk = OnDisk::new();
    let canvas = Canvas { id: "c".into(), items: vec![Item::Note(postit("n", ""))], by_name: [].into(), main: None };
    disk.store.save(&canvas).unwrap();
    std::fs::remove_file(disk.path("Canvas/c/items/0000_n")).unwrap();
    std::os::unix::fs::symlink("../../../Elsewhere/n", disk.path("Canvas/c/items/0000_n")).unwrap();
    let place = disk.path("Canvas/c/items/0000_n");
    let names = ["Canvas", "c", "items", "Elsewhere", place.to_str().unwrap()];
    refused(disk.store.load::<Canvas>("c"), ErrorKind::Corrupt, &names);
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "custom")]
struct Colour {
    id: Id<Colour>,
    rgb: [u8; 3],
}

impl Content for Colour {
    fn to_sepia(&self) -> Result<Vec<u8>> {
        let [r, g, b] = self.rgb;
        Ok(format!("#{r:02x}{g:02x}{b:02x}\n").into_bytes())
    }

    fn from_sepia(id: Id<Self>, content: &[u8]) -> Result<Self> {
        let hex = content.strip_prefix(b"#").and_then(|hex| std::str::from_utf8(hex).ok());
        let number = hex.and_then(|hex| u32::from_str_radix(hex.trim_end(), 16).ok());
        let number = number.ok_or_else(|| Error::new(ErrorKind::Corrupt, "not a colour like #aabbcc"))?;
        let [_, r, g, b] = number.to_be_bytes();
        Ok(Self { id, rgb: [r, g, b] })
    }
}

#[derive(Container, Clone, Debug, PartialEq)]
#[sepia(content = "custom")]
struct Palette {
    id: Id<Palette>,
    colours: Vec<Colour>,
    gamma: f64,
}

impl Fields for Palette {
    fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.value("gamma", &format!("{:.2}", self.gamma))?;
        writer.reference("colours", &self.colours)
    }

    fn read_fields(id: Id<Self>, reader: &mut Reader<'_>) -> Result<Self> {
        let gamma: String = reader.value("gamma")?;
        let gamma = gamma.parse().map_err(|error| Error::new(ErrorKind::Corrupt, error))?;
        Ok(Self { id, colours: reader.reference("colours")?, gamma })
    }
}

#[test]
fn contents_and_fields_can_be_written_by_hand() {
    let disk = OnDisk::new();
    let palette =
        Palette { id: "p".into(), colours: vec![Colour { id: "teal".into(), rgb: [0, 0x80, 0x80] }], gamma: 2.25 };
    disk.store.save(&palette).unwrap();
    assert_eq!(disk.text("Colour/teal"), "#008080\n");
    assert_eq!(disk.text("Palette/p/data.json"), "{\n  \"gamma\": \"2.25\"\n}\n");
    assert_eq!(disk.store.load::<Palette>("p").unwrap(), palette);
    disk.write("Colour/teal", "blue");
    let place = disk.path("Colour/teal");
    let names = ["Colour", "teal", place.to_str().unwrap(), "not a colour"];
    refused(disk.store.load::<Palette>("p"), ErrorKind::Corrupt, &names);
}
