//! Garbage collection: against a model of reachability, and what it must refuse.

mod ages;
mod beside;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{ErrorKind, Root, Store};

use crate::support::{MEDIA, Medium, on_every_backend};

const NODE: Class = Class::container("Node");
const PAGE: Class = Class::container("Page").with_generations();
const LEAF: Class = Class::serializable("Leaf", Format::Text);
const TEXT: Class = Class::serializable("Text", Format::Text).with_generations();

fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

/// Objects by key, with what they link to; leaves to nothing.
type Graph = BTreeMap<Key, Vec<Key>>;

fn keeps_generations(key: &Key) -> bool {
    matches!(key.class(), "Page" | "Text")
}

fn is_container(key: &Key) -> bool {
    matches!(key.class(), "Node" | "Page")
}

fn base(key: &Key) -> (String, u64) {
    match key.id().rsplit_once('.').filter(|_| keeps_generations(key)) {
        Some((base, number)) => (base.to_owned(), number.parse().unwrap()),
        None => (key.id().to_owned(), 0),
    }
}

/// Some links at the top, some in a list, some in a nested container.
fn record(key: &Key, links: &[Key]) -> Record {
    if !is_container(key) {
        return Record::Leaf(key.id().as_bytes().to_vec());
    }
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for (number, link) in links.iter().enumerate() {
        parts[number % 3].push((Name::of(&format!("{number:04}")).unwrap(), Entry::Link(link.clone())));
    }
    let [mut top, list, nested] = parts;
    let nested = Node { data: b"{\n  \"sepia_id\": \"n\"\n}\n".to_vec(), entries: Entries::new(nested).unwrap() };
    top.push((Name::of("list").unwrap(), Entry::Collection(Entries::new(list).unwrap())));
    top.push((Name::of("nested").unwrap(), Entry::Container(nested)));
    Record::Container(Node { data: b"{}\n".to_vec(), entries: Entries::new(top).unwrap() })
}

fn fill(store: &Store, graph: &Graph) {
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    [NODE, PAGE, LEAF, TEXT].iter().for_each(|class| batch.declare(class).unwrap());
    for (key, links) in graph {
        batch.put(key.clone(), record(key, links), Expect::Any);
    }
    store.backend().commit(batch).unwrap();
}

fn stored(store: &Store) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    for class in store.classes().unwrap() {
        let mut each = |id: &str| {
            keys.insert(key(&class, id));
            ControlFlow::Continue(())
        };
        store.backend().ids(&class, &mut each).unwrap();
    }
    keys
}

/// The reference: what roots reach, said as plainly as possible.
struct Model<'a> {
    graph: &'a Graph,
    keep: usize,
    live: BTreeSet<Key>,
    dangling: BTreeSet<(Key, Key)>,
}

impl Model<'_> {
    fn generations(&self, class: &str, of: &str) -> Vec<Key> {
        let mut found: Vec<Key> =
            self.graph.keys().filter(|key| key.class() == class && base(key).0 == of).cloned().collect();
        found.sort_by_key(|key| base(key).1);
        found
    }

    fn reach_base(&mut self, class: &str, of: &str) {
        let generations = self.generations(class, of);
        for key in generations.iter().rev().take(self.keep) {
            self.reach_exactly(key);
        }
    }

    fn reach_exactly(&mut self, key: &Key) {
        if self.live.insert(key.clone()) {
            for link in &self.graph[key] {
                if !self.reach(link) {
                    self.dangling.insert((key.clone(), link.clone()));
                }
            }
        }
    }

    fn reach(&mut self, link: &Key) -> bool {
        if !keeps_generations(link) {
            let is_there = self.graph.contains_key(link);
            if is_there {
                self.reach_exactly(link);
            }
            return is_there;
        }
        let (of, number) = base(link);
        let generations = self.generations(link.class(), &of);
        if generations.is_empty() {
            return false;
        }
        self.reach_base(link.class(), &of);
        let exact = generations.iter().find(|key| base(key).1 == number && (link.id() != of || *key == link));
        if let Some(exact) = exact {
            self.reach_exactly(exact);
        }
        exact.is_some() || link.id() == of
    }
}

fn arbitrary_key() -> impl Strategy<Value = Key> {
    (select(vec!["Node", "Page", "Leaf", "Text"]), 0..8u8, 0..5u64, any::<bool>()).prop_map(
        |(class, id, number, bare)| {
            let letter = char::from(b'a' + id);
            match class {
                "Page" | "Text" if bare => key(class, &letter.to_string()),
                "Page" | "Text" => key(class, &format!("{letter}.{number}")),
                // A number at the end means nothing in other classes.
                _ => key(class, &format!("{letter}.{}", number % 2)),
            }
        },
    )
}

fn arbitrary_graph() -> impl Strategy<Value = Graph> {
    prop::collection::btree_map(arbitrary_key(), prop::collection::vec(arbitrary_key(), 0..5), 1..40).prop_map(
        |mut graph| {
            graph.iter_mut().filter(|(key, _)| !is_container(key)).for_each(|(_, links)| links.clear());
            // Of a base and its generation 0, only one is ever stored.
            let bare: Vec<Key> = graph.keys().filter(|key| keeps_generations(key)).cloned().collect();
            for key in bare.iter().filter(|key| !key.id().contains('.')) {
                graph.remove(&Key::new(key.class(), format!("{}.0", key.id())).unwrap());
            }
            graph
        },
    )
}

fn check(store: &Store, graph: &Graph, roots: &[Root], keep: Option<u64>) {
    fill(store, graph);
    let mut model = Model {
        graph,
        keep: keep.map_or(usize::MAX, |keep| keep as usize),
        live: BTreeSet::new(),
        dangling: BTreeSet::new(),
    };
    for root in roots {
        match root {
            Root::Object(key) => assert!(model.reach(key)),
            Root::Class(class) | Root::ClassIfAny(class) => {
                for key in graph.keys().filter(|key| key.class() == class) {
                    if keeps_generations(key) {
                        model.reach_base(class, &base(key).0);
                    } else {
                        model.reach_exactly(key);
                    }
                }
            }
            _ => unreachable!(),
        }
    }
    let collect = || {
        let gc = store.gc(roots.to_vec()).grace(Duration::ZERO).even_without_roots().list();
        match keep {
            Some(keep) => gc.keep_generations(keep),
            None => gc,
        }
    };
    let dry = collect().dry_run().run().unwrap();
    assert_eq!(stored(store), graph.keys().cloned().collect());
    let mut report = collect().run().unwrap();
    assert_eq!(stored(store), model.live, "roots {roots:?}");
    let swept: Vec<Key> = graph.keys().filter(|key| !model.live.contains(key)).cloned().collect();
    assert_eq!(report.swept, swept);
    let dangling: BTreeSet<_> = report.dangling.iter().map(|link| (link.from.clone(), link.to.clone())).collect();
    assert_eq!(dangling, model.dangling);
    assert_eq!((report.live() as usize, report.swept() as usize), (model.live.len(), swept.len()));
    let bytes: u64 = swept.iter().map(|key| record(key, &graph[key]).bytes()).sum();
    assert_eq!(report.bytes(), bytes);
    report.dry_run = true;
    assert_eq!(dry, report);
    for key in &model.live {
        // Empty collections need not come back.
        let fingerprint = store.backend().read(key).unwrap().map(|record| record.fingerprint());
        assert_eq!(fingerprint, Some(record(key, &graph[key]).fingerprint()));
    }
    // What is left is all live.
    assert_eq!(collect().run().unwrap().swept(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_roots_reach_stays_and_all_else_goes(
        graph in arbitrary_graph(),
        roots in prop::collection::vec(any::<Index>(), 0..4),
        class in prop::option::of(select(vec!["Node", "Page", "Leaf", "Text", "Nothing"])),
        keep in prop::option::of(1..4u64),
    ) {
        let keys: Vec<&Key> = graph.keys().collect();
        let mut roots: Vec<Root> = roots.iter().map(|root| root.get(&keys).to_owned().clone().into()).collect();
        roots.extend(class.map(|class| Root::ClassIfAny(class.to_owned())));
        check(&Medium::Memory.make(), &graph, &roots, keep);
        // What waits for files waits longer.
        if keys.len().is_multiple_of(4) {
            MEDIA[1..].iter().for_each(|medium| check(&medium.make(), &graph, &roots, keep));
        }
    }
}

#[test]
fn cycles_and_diamonds_stay_or_go_as_a_whole() {
    let [a, b, c, d, x] = ["a", "b", "c", "d", "x"].map(|id| key("Node", id));
    let graph = Graph::from([
        (a.clone(), vec![b.clone(), c.clone()]),
        (b.clone(), vec![d.clone()]),
        (c.clone(), vec![d.clone(), a.clone()]),
        (d.clone(), vec![key("Leaf", "end")]),
        (key("Leaf", "end"), vec![]),
        (x.clone(), vec![x.clone(), d.clone()]),
    ]);
    on_every_backend(|store| check(store, &graph, &[a.clone().into()], None));
    on_every_backend(|store| check(store, &graph, &[b.clone().into()], None));
    on_every_backend(|store| check(store, &graph, &[], None));
}

#[test]
fn without_roots_everything_goes_and_only_if_that_is_said() {
    on_every_backend(|store| {
        // An empty store has nothing to lose.
        assert_eq!(store.gc(None::<Root>).run().unwrap().swept(), 0);
        fill(store, &Graph::from([(key("Leaf", "a"), vec![]), (key("Node", "b"), vec![])]));
        for roots in [vec![], vec![Root::class("Page")], vec![Class::container("Later").into()]] {
            let error = store.gc(roots).grace(Duration::ZERO).run().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
        }
        // Also beside one that is right.
        let roots = [Root::class("Misspelt"), key("Node", "b").into()];
        let error = store.gc(roots).grace(Duration::ZERO).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("Misspelt"), "{error}");
        let error = store.gc([key("Node", "misspelt")]).grace(Duration::ZERO).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let error = store.gc([key("Node", "b")]).keep_generations(0).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
        assert_eq!(stored(store).len(), 2);
        let report = store.gc(None::<Root>).grace(Duration::ZERO).even_without_roots().run().unwrap();
        assert_eq!((report.swept(), report.live()), (2, 0));
    });
}

/// `Ref::latest` of an object whose base ends like a generation led nowhere, and so kept nothing.
#[test]
fn a_base_can_end_like_a_generation() {
    on_every_backend(|store| {
        let graph = Graph::from([
            (key("Node", "root"), vec![key("Text", "10.0.0.1")]),
            (key("Text", "10.0.0.1.0"), vec![]),
            (key("Text", "10.0.0.1.1"), vec![]),
            (key("Text", "10.0.0.2.0"), vec![]),
        ]);
        fill(store, &graph);
        let verified = store.verify().run().unwrap();
        assert!(verified.is_clean(), "{verified:#?}");
        let report = store.gc([key("Node", "root")]).grace(Duration::ZERO).list().run().unwrap();
        assert_eq!(report.swept, [key("Text", "10.0.0.2.0")]);
        assert_eq!(report.dangling, []);
    });
}
