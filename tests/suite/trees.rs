//! Random trees come back, after any change, and leave nothing behind.
//!
//! The oracle for the disk is a fresh store: whatever a container went through, its directory must
//! be, name by name and byte by byte, what a first save of its last state makes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use sepia::backend::conformance::HOSTILE;
use sepia::{Container, Id, ProblemKind, Ref, Reference, Serializable, Severity, Store};

use crate::support::{Found, MEDIA, Medium, OnDisk, directory, on_every_backend};

#[derive(Serializable, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf {
    id: Id<Leaf>,
    text: String,
    number: Option<i64>,
}

#[derive(Container, Clone, Debug, PartialEq)]
pub struct Branch {
    id: Id<Branch>,
    label: String,
    items: Vec<Any>,
}

#[derive(Reference, Clone, Debug, PartialEq)]
pub enum Any {
    Leaf(Leaf),
    Branch(Branch),
    Tree(Box<Tree>),
}

#[derive(Container, Clone, Debug, PartialEq)]
pub struct Tree {
    id: Id<Tree>,
    name: String,
    numbers: BTreeMap<String, Vec<f64>>,
    words: HashSet<String>,
    first: Option<Leaf>,
    list: Vec<Leaf>,
    deque: VecDeque<Box<Leaf>>,
    shared: Vec<Arc<Leaf>>,
    grid: Vec<Vec<Leaf>>,
    maybe: Option<Vec<Leaf>>,
    by_key: BTreeMap<String, Leaf>,
    by_number: HashMap<i16, Vec<Tree>>,
    by_char: BTreeMap<char, BTreeMap<bool, Tree>>,
    links: Vec<Ref<Tree>>,
    link_set: HashSet<Ref<Leaf>>,
    leaf_set: BTreeSet<Leaf>,
    any: Vec<Any>,
    any_by_key: HashMap<String, Any>,
    inner: Option<Box<Tree>>,
    list_of_inner: Vec<Tree>,
}

/// Ids and keys: ordinary, hostile and arbitrary.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z_]{1,6}",
        2 => select(HOSTILE).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| text.chars().take(12).collect()),
    ]
}

/// A leaf's content follows from its id, so that it may stand in many places.
fn leaf() -> impl Strategy<Value = Leaf> {
    text().prop_map(|text| {
        let id = format!("l{text}");
        Leaf { number: (text.len() % 2 == 0).then_some(text.len() as i64), id: id.into(), text }
    })
}

fn leaves() -> impl Strategy<Value = Vec<Leaf>> {
    proptest::collection::vec(leaf(), 0..4)
}

fn short<T: Clone + std::fmt::Debug>(element: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::vec(element, 0..3)
}

fn flat() -> impl Strategy<Value = Tree> {
    let float = any::<u64>().prop_map(f64::from_bits).prop_filter("JSON has no others", |float| float.is_finite());
    let values = (
        text(),
        text(),
        short((text(), short(float))),
        short(text()),
        proptest::option::of(leaf()),
        leaves(),
        leaves(),
        leaves(),
    );
    let references = (
        short(leaves()),
        proptest::option::of(leaves()),
        short((text(), leaf())),
        short(text()),
        short(text()),
        leaves(),
        short(leaf()),
        short((text(), leaf())),
    );
    (values, references).prop_map(|((id, name, numbers, words, first, list, deque, shared), references)| {
        let (grid, maybe, by_key, links, link_set, leaf_set, any, any_by_key) = references;
        Tree {
            id: id.into(),
            name,
            numbers: numbers.into_iter().collect(),
            words: words.into_iter().collect(),
            first,
            list,
            deque: deque.into_iter().map(Box::new).collect(),
            shared: shared.into_iter().map(Arc::new).collect(),
            grid,
            maybe,
            by_key: by_key.into_iter().collect(),
            by_number: HashMap::new(),
            by_char: BTreeMap::new(),
            links: links.into_iter().map(|id| Ref::new(format!("t{id}"))).collect(),
            link_set: link_set.into_iter().map(|id| Ref::new(format!("l{id}"))).collect(),
            leaf_set: leaf_set.into_iter().collect(),
            any: any.into_iter().map(Any::Leaf).collect(),
            any_by_key: any_by_key.into_iter().map(|(key, leaf)| (key, Any::Leaf(leaf))).collect(),
            inner: None,
            list_of_inner: vec![],
        }
    })
}

pub fn tree() -> impl Strategy<Value = Tree> {
    flat()
        .prop_recursive(3, 12, 3, |inner| {
            let nested = (
                proptest::option::of(inner.clone()),
                short(inner.clone()),
                short((any::<i16>(), short(inner.clone()))),
                short((any::<char>(), any::<bool>(), inner.clone())),
                short(inner),
            );
            (flat(), nested).prop_map(|(mut tree, (one, list, by_number, by_char, any))| {
                tree.inner = one.map(Box::new);
                tree.list_of_inner = list;
                tree.by_number = by_number.into_iter().collect();
                for (character, flag, inner) in by_char {
                    tree.by_char.entry(character).or_default().insert(flag, inner);
                }
                for (number, inner) in any.into_iter().enumerate() {
                    let branch = Branch { id: "b".into(), label: inner.name.clone(), items: inner.any.clone() };
                    tree.any_by_key.insert(format!("{number}"), Any::Tree(Box::new(inner)));
                    tree.any.push(Any::Branch(branch));
                }
                tree
            })
        })
        .prop_map(|mut tree| {
            number(&mut tree, &mut 0);
            tree.id = "root".into();
            tree
        })
}

/// Gives every container of a tree an id of its own.
fn number(tree: &mut Tree, next: &mut usize) {
    let mut fresh = |id: &str| {
        *next += 1;
        format!("{id}_{next}")
    };
    tree.id = fresh(tree.id.as_str()).into();
    let inner = tree.inner.iter_mut().map(|inner| &mut **inner).chain(&mut tree.list_of_inner);
    let inner = inner.chain(tree.by_number.values_mut().flatten());
    let inner = inner.chain(tree.by_char.values_mut().flat_map(BTreeMap::values_mut));
    inner.for_each(|inner| number(inner, next));
    tree.any.iter_mut().chain(tree.any_by_key.values_mut()).for_each(|any| number_any(any, next));
}

fn number_any(any: &mut Any, next: &mut usize) {
    match any {
        Any::Leaf(_) => {}
        Any::Tree(tree) => number(tree, next),
        Any::Branch(branch) => {
            *next += 1;
            branch.id = format!("branch{next}").into();
            branch.items.iter_mut().for_each(|any| number_any(any, next));
        }
    }
}

const ARMS: u8 = 20;

/// A change of one part of a tree, that leaves the rest alone.
fn change(tree: &mut Tree, other: &Tree, what: u8) {
    match what % ARMS {
        0 => tree.list.push(other.list.first().cloned().unwrap_or_else(|| tree_leaf("added"))),
        1 => tree.list.reverse(),
        2 => drop(tree.list.pop()),
        3 => tree.list.insert(0, tree_leaf("first")),
        4 => tree.name = other.name.clone(),
        5 => tree.first = other.first.clone(),
        6 => tree.maybe = other.maybe.clone(),
        7 => tree.grid.push(vec![]),
        8 => tree.grid.clear(),
        9 => tree.by_key = other.by_key.clone(),
        10 => tree.any.reverse(),
        11 => tree.inner = None,
        12 => drop(tree.list_of_inner.pop()),
        13 => tree.links = other.links.clone(),
        14 => tree.by_number.values_mut().for_each(|list| drop(list.pop())),
        15 => tree.first = None,
        16 => {
            if let Some((key, leaf)) = tree.by_key.pop_first() {
                tree.by_key.insert(format!("renamed {key}"), leaf);
            }
        }
        17 => {
            let inner = tree.list_of_inner.first_mut().or(tree.inner.as_deref_mut());
            inner.into_iter().for_each(|inner| inner.id = format!("{}'", inner.id).into());
        }
        18 => tree.list_of_inner.splice(0..0, tree.inner.take().map(|inner| *inner)).for_each(drop),
        _ => match &mut tree.inner {
            Some(inner) => change(inner, other, what / ARMS),
            None => tree.maybe = Some(vec![]),
        },
    }
}

fn tree_leaf(text: &str) -> Leaf {
    Leaf { id: format!("new {text}").into(), text: text.to_owned(), number: None }
}

fn containers(disk: &OnDisk) -> BTreeMap<String, Found> {
    disk.snapshot().into_iter().filter(|(path, _)| path.starts_with("Tree")).collect()
}

fn come_back(first: Tree, second: &Tree, changes: Vec<u8>) -> Result<(), TestCaseError> {
    let mut states = vec![first.clone(), second.clone(), first.clone()];
    let mut state = first;
    for what in changes {
        change(&mut state, second, what);
        states.push(state.clone());
    }
    let disk = OnDisk::at(directory());
    let others: Vec<_> = MEDIA.iter().filter(|medium| **medium != Medium::Files).map(|medium| medium.make()).collect();
    let stores: Vec<&Store> = others.iter().map(|store| &**store).chain([&disk.store]).collect();
    for state in &states {
        for store in &stores {
            store.save(state).unwrap();
            prop_assert_eq!(&store.load::<Tree>("root").unwrap(), state);
        }
    }
    for store in stores {
        let problems = store.verify().run().unwrap().problems;
        // What a `Ref` leads to may be saved later.
        let is_harmless = |kind: ProblemKind| kind == ProblemKind::Dangling || kind.severity() == Severity::Notice;
        prop_assert!(problems.iter().all(|found| is_harmless(found.problem.kind)), "{problems:?}");
    }
    let fresh = OnDisk::at(directory());
    fresh.store.save(&state).unwrap();
    prop_assert_eq!(containers(&disk), containers(&fresh));
    // Private: the format, what git shall ignore, the journal, and a corner that is empty.
    let mut private: Vec<_> = std::fs::read_dir(disk.path(".sepia")).unwrap().map(|e| e.unwrap().file_name()).collect();
    private.retain(|name| name != "tmp");
    private.sort();
    prop_assert_eq!(&private, &[".gitignore", "format.json", "journal", "state"]);
    if let Ok(mut left) = std::fs::read_dir(disk.path(".sepia/tmp")) {
        prop_assert!(left.next().is_none());
    }
    // And after the last of them, nothing at all.
    prop_assert!(disk.store.delete::<Tree>("root").unwrap());
    prop_assert_eq!(containers(&disk).into_keys().collect::<Vec<_>>(), ["Tree"]);
    disk.store.clear().unwrap();
    prop_assert_eq!(disk.snapshot(), BTreeMap::new());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_come_back_after_any_change(
        first in tree(),
        second in tree(),
        changes in proptest::collection::vec(any::<u8>(), 0..6),
    ) {
        come_back(first, &second, changes)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "long"]
    fn trees_come_back_after_any_change_for_long(
        first in tree(),
        second in tree(),
        changes in proptest::collection::vec(any::<u8>(), 0..6),
    ) {
        come_back(first, &second, changes)?;
    }
}

/// Large objects in a thread of the usual two megabytes, without optimisation.
#[test]
fn the_deepest_tree_fits_on_the_stack() {
    let empty = || Tree {
        id: "root".into(),
        name: String::new(),
        numbers: BTreeMap::new(),
        words: HashSet::new(),
        first: None,
        list: vec![],
        deque: VecDeque::new(),
        shared: vec![],
        grid: vec![],
        maybe: None,
        by_key: BTreeMap::new(),
        by_number: HashMap::new(),
        by_char: BTreeMap::new(),
        links: vec![],
        link_set: HashSet::new(),
        leaf_set: BTreeSet::new(),
        any: vec![],
        any_by_key: HashMap::new(),
        inner: None,
        list_of_inner: vec![],
    };
    let mut tree = empty();
    for level in 1..128 {
        let id: Id<Tree> = if level == 127 { "root".into() } else { format!("{level}").into() };
        let inner = Any::Tree(Box::new(Tree { id: tree.id.clone(), ..tree }));
        tree = Tree { id, any: vec![inner], ..empty() };
        if level == 1 {
            let Any::Tree(inner) = &mut tree.any[0] else { unreachable!() };
            inner.id = "0".into();
        }
    }
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(2 << 20);
        let worked = worker.spawn_scoped(scope, || {
            on_every_backend(|store| {
                store.save(&tree).unwrap();
                assert_eq!(store.load::<Tree>("root").unwrap(), tree);
                assert!(store.delete::<Tree>("root").unwrap());
            });
        });
        worked.unwrap().join().unwrap();
    });
}
