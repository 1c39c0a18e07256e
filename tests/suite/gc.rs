//! Garbage collection: against a model of reachability, and what it must refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use sepia::backend::{Backend, Filesystem, Lock, Memory, Moment, Recovered, Stat, Track, Upkeep};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::gc::GRACE;
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{ErrorKind, Result, Root, Store};

use crate::support::{OnDisk, on_every_backend};

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
    let nested = Node { data: b"{}\n".to_vec(), entries: Entries::new(nested).unwrap() };
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
        store.backend().ids(&class, &mut |id| keys.extend([key(&class, id)])).unwrap();
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
        check(&Store::in_memory(), &graph, &roots, keep);
        if keys.len().is_multiple_of(4) {
            check(&OnDisk::new().store, &graph, &roots, keep);
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

#[test]
fn what_is_young_is_spared_with_all_that_it_leads_to() {
    on_every_backend(|store| {
        let graph = Graph::from([
            (key("Leaf", "old"), vec![]),
            (key("Leaf", "linked by young"), vec![]),
            (key("Node", "root"), vec![]),
            (key("Text", "t.0"), vec![]),
            (key("Text", "t.1"), vec![]),
        ]);
        fill(store, &graph);
        std::thread::sleep(Duration::from_millis(400));
        let young = Graph::from([
            (key("Node", "young"), vec![key("Leaf", "linked by young")]),
            (key("Leaf", "young"), vec![]),
            (key("Text", "t.2"), vec![]),
            (key("Node", "root"), vec![key("Text", "t")]),
        ]);
        fill(store, &young);
        let collect = || store.gc([key("Node", "root")]).list();
        // An hour, unless somebody says otherwise.
        assert_eq!(GRACE, Duration::from_secs(3600));
        let report = collect().run().unwrap();
        assert_eq!((report.swept(), report.live()), (0, 8));
        assert_eq!(report.classes.iter().map(|class| class.spared).sum::<u64>(), 3, "{report:#?}");
        let report = collect().grace(Duration::from_millis(300)).run().unwrap();
        assert_eq!(report.swept, [key("Leaf", "old")]);
        // Old generations of what is live are not spared by that, unless they are young as well.
        let report = collect().keep_generations(1).older_than(Duration::from_secs(60)).run().unwrap();
        assert_eq!(report.swept, []);
        let report = collect().keep_generations(1).run().unwrap();
        assert_eq!(report.swept, [key("Text", "t.0"), key("Text", "t.1")]);
        assert_eq!(report.classes.iter().map(|class| class.pruned).sum::<u64>(), 2);
        let report = collect().older_than(Duration::from_secs(60)).grace(Duration::ZERO).run().unwrap();
        assert_eq!(report.swept, []);
        let report = collect().grace(Duration::ZERO).run().unwrap();
        assert_eq!(report.swept, [key("Leaf", "linked by young"), key("Leaf", "young"), key("Node", "young")]);
    });
}

#[test]
fn what_an_adopted_store_does_not_say_is_not_pruned() {
    let store = OnDisk::new();
    store.write("plain/Leaf/a.0", "0");
    store.write("plain/Leaf/a.1", "1");
    store.write("plain/Leaf/b", "b");
    store.write("plain/Node/root/data.json", "{}\n");
    std::os::unix::fs::symlink("../../Leaf/a", store.path("plain/Node/root/one")).unwrap();
    let adopted = Store::builder().adopt_existing().open(store.path("plain")).unwrap();
    let report = adopted.gc([Root::class("Node")]).grace(Duration::ZERO).keep_generations(1).list().run().unwrap();
    assert_eq!(report.swept, [key("Leaf", "b")]);
    assert_eq!(report.dangling, []);
}

#[test]
fn links_that_cannot_be_read_stop_a_collection_before_it_sweeps() {
    let disk = OnDisk::new();
    let graph = Graph::from([
        (key("Leaf", "maybe linked"), vec![]),
        (key("Node", "root"), vec![]),
        (key("Node", "lost"), vec![]),
    ]);
    fill(&disk.store, &graph);
    std::os::unix::fs::symlink("/nowhere/at/all", disk.path("Node/root/broken")).unwrap();
    let before = disk.snapshot();
    let error = disk.store.gc([key("Node", "root")]).grace(Duration::ZERO).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("root"), "{error}");
    assert_eq!(disk.snapshot().get("Leaf/maybe linked"), before.get("Leaf/maybe linked"));
    // In what is lost anyway, it does no harm.
    std::fs::remove_file(disk.path("Node/root/broken")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", disk.path("Node/lost/broken")).unwrap();
    disk.write("Node/lost/stray", "not ours");
    // What is no object at all, the others do not suffer from.
    std::os::unix::fs::symlink("/nowhere/at/all", disk.path("Leaf/link")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, disk.path("Leaf/pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    let report = disk.store.gc([key("Node", "root")]).grace(Duration::ZERO).list().run().unwrap();
    assert_eq!(report.swept, [key("Leaf", "maybe linked"), key("Node", "lost")]);
    assert_eq!(report.refused, [key("Leaf", "link"), key("Leaf", "pipe")]);
    assert!(disk.path("Leaf/pipe").exists() && disk.path("Leaf/link").is_symlink());
    assert_eq!(disk.text("Node/lost/stray"), "not ours");
}

/// A generation that is young was spared, and the rest of its history swept: whoever linked to it then had lost that.
#[test]
fn a_young_generation_spares_its_history() {
    on_every_backend(|store| {
        fill(
            store,
            &Graph::from([(key("Text", "t.0"), vec![]), (key("Text", "t.1"), vec![]), (key("Node", "r"), vec![])]),
        );
        std::thread::sleep(Duration::from_millis(400));
        fill(store, &Graph::from([(key("Text", "t.2"), vec![])]));
        let collect = || store.gc([key("Node", "r")]).grace(Duration::from_millis(300));
        let report = collect().run().unwrap();
        assert_eq!((report.swept(), report.live()), (0, 4));
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(collect().run().unwrap().swept(), 3);
    });
}

/// It stopped the collection, though nothing live was damaged.
#[test]
fn young_garbage_that_cannot_be_read_stays_and_stops_nothing() {
    let disk = OnDisk::new();
    fill(&disk.store, &Graph::from([(key("Leaf", "old"), vec![]), (key("Node", "root"), vec![])]));
    std::thread::sleep(Duration::from_millis(400));
    let young = Graph::from([(key("Node", "young"), vec![key("Node", "damaged")]), (key("Node", "damaged"), vec![])]);
    fill(&disk.store, &young);
    std::os::unix::fs::symlink("/nowhere/at/all", disk.path("Node/damaged/broken")).unwrap();
    let report = disk.store.gc([key("Node", "root")]).grace(Duration::from_millis(300)).list().run().unwrap();
    assert_eq!(report.swept, [key("Leaf", "old")]);
    assert_eq!(report.refused, [key("Node", "damaged")]);
}

/// What has just been moved here, with the time of its last change, was swept at once.
#[test]
fn what_has_come_just_now_is_young_however_old_its_content() {
    let disk = OnDisk::new();
    fill(&disk.store, &Graph::from([(key("Leaf", "moved"), vec![]), (key("Node", "root"), vec![])]));
    let file = std::fs::File::options().write(true).open(disk.path("Leaf/moved")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let stat = disk.store.backend().stat(&key("Leaf", "moved")).unwrap().unwrap();
    assert_eq!(stat.modified, std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(disk.store.gc([key("Node", "root")]).run().unwrap().swept(), 0);
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
        let report = store.gc([key("Node", "root")]).grace(Duration::ZERO).list().run().unwrap();
        assert_eq!(report.swept, [key("Text", "10.0.0.2.0")]);
        assert_eq!(report.dangling, []);
    });
}

#[test]
fn what_others_delete_and_make_meanwhile_is_counted_right() {
    let store = Store::in_memory();
    let mut graph = Graph::from([(key("Node", "root"), vec![key("Leaf", "0"), key("Leaf", "1")])]);
    (0..3000).for_each(|number| drop(graph.insert(key("Leaf", &format!("{number}")), vec![])));
    fill(&store, &graph);
    let mut others = Some(());
    let report = store
        .gc([key("Node", "root")])
        .grace(Duration::ZERO)
        .on_progress(|progress| {
            if progress.phase == "sweep" && others.take().is_some() {
                fill(&store, &Graph::from([(key("Leaf", "new"), vec![])]));
                let mut batch = Batch::new();
                batch.delete(key("Leaf", "1"), Expect::Present);
                store.backend().commit(batch).unwrap();
            }
        })
        .run()
        .unwrap();
    assert_eq!((report.live(), report.swept()), (3, 2998));
    assert_eq!(stored(&store).len(), 3);
}

#[test]
fn foreign_files_stay() {
    let disk = OnDisk::new();
    fill(&disk.store, &Graph::from([(key("Node", "lost"), vec![]), (key("Leaf", "lost"), vec![])]));
    for foreign in ["Leaf/.hidden", "Leaf/backup~", "Node/lost/.DS_Store", "Undeclared/file", "README"] {
        disk.write(foreign, "mine");
    }
    let report = disk.store.gc(None::<Root>).grace(Duration::ZERO).even_without_roots().run().unwrap();
    assert_eq!(report.swept(), 2);
    for foreign in ["Leaf/.hidden", "Leaf/backup~", "Node/lost/.DS_Store", "Undeclared/file", "README"] {
        assert_eq!(disk.text(foreign), "mine");
    }
}

#[test]
fn long_chains_and_many_objects_are_followed_to_their_ends() {
    let mut graph = Graph::new();
    for number in 0..5000 {
        graph.insert(key("Node", &format!("{number}")), vec![key("Node", &format!("{}", number + 1))]);
        graph.insert(key("Leaf", &format!("{number}")), vec![]);
    }
    graph.insert(key("Node", "5000"), vec![key("Node", "2500"), key("Leaf", "7")]);
    // Those of a cycle go together.
    const CYCLE: usize = 30_000;
    for number in 0..CYCLE {
        graph.insert(key("Node", &format!("c{number}")), vec![key("Node", &format!("c{}", (number + 1) % CYCLE))]);
    }
    let store = Store::in_memory();
    fill(&store, &graph);
    let mut phases = Vec::new();
    let report = store
        .gc([key("Node", "4000")])
        .grace(Duration::ZERO)
        .on_progress(|progress| {
            phases.push((progress.phase, progress.done, progress.total));
            // At no time is there a part of something that could still be linked as a whole.
            let left = stored(&store);
            for key in left.iter().filter(|_| progress.phase == "sweep") {
                assert!(graph[key].iter().all(|link| left.contains(link)), "{key} dangles after {}", progress.done);
            }
        })
        .run()
        .unwrap();
    // 2500 to 5000, and one leaf; the rest in more than one commit.
    assert_eq!((report.live(), report.swept()), (2502, 37_499));
    assert!(phases.contains(&("sweep", 37_499, Some(37_499))), "{phases:?}");
    assert!(phases.iter().filter(|(phase, ..)| *phase == "sweep").count() > 5, "{phases:?}");
    assert!(phases.iter().any(|(phase, done, _)| *phase == "mark" && *done > 1000), "{phases:?}");
}

#[test]
fn a_read_only_store_can_be_looked_over_and_not_swept() {
    let disk = OnDisk::new();
    fill(&disk.store, &Graph::from([(key("Leaf", "lost"), vec![]), (key("Node", "root"), vec![])]));
    let reader = Store::builder().read_only().open(disk.directory.path()).unwrap();
    let report = reader.gc([key("Node", "root")]).grace(Duration::ZERO).dry_run().run().unwrap();
    assert_eq!(report.swept(), 1);
    let error = reader.gc([key("Node", "root")]).grace(Duration::ZERO).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(disk.path("Leaf/lost").exists());
}

/// The sweep does one chunk after another: whoever links to something in between keeps it.
#[test]
fn what_is_linked_during_a_sweep_stays() {
    let disk = OnDisk::new();
    let mut graph = Graph::from([(key("Node", "root"), vec![])]);
    for number in 0..4000 {
        graph.insert(key("Leaf", &format!("{number:04}")), vec![]);
    }
    fill(&disk.store, &graph);
    let other = Filesystem::open(disk.directory.path(), &sepia::backend::OpenOptions::default()).unwrap();
    let mut linked = BTreeSet::new();
    let report = disk
        .store
        .with_durability(Durability::Buffered)
        .gc([key("Node", "root")])
        .grace(Duration::ZERO)
        .on_progress(|progress| {
            // Called between the commits, of which each takes a thousand.
            if progress.phase == "sweep" && progress.done > 0 && progress.total != Some(progress.done) {
                let left: Vec<Key> =
                    graph.keys().filter(|key| key.class() == "Leaf" && other.contains(key).unwrap()).cloned().collect();
                linked.extend(left.into_iter().step_by(100));
                let mut batch = Batch::new();
                batch.set_durability(Durability::Buffered);
                let id = key("Node", "root");
                let links: Vec<Key> = linked.iter().cloned().collect();
                batch.put(id.clone(), record(&id, &links), Expect::Present);
                let tried = std::thread::scope(|scope| scope.spawn(|| other.commit(batch)).join().unwrap());
                if tried.is_err() {
                    panic!("{tried:?}");
                }
            }
        })
        .run();
    let report = report.unwrap();
    assert!(linked.len() >= 30, "{}", linked.len());
    assert_eq!(report.live() as usize, 1 + linked.len());
    assert!(linked.iter().all(|key| other.contains(key).unwrap()));
    assert_eq!(report.dangling, []);
}

/// On some file systems, what is replaced while its class is listed comes twice. The second of them was taken
/// for something to which nothing leads.
#[test]
fn what_is_listed_twice_is_there_once() {
    #[derive(Debug)]
    struct Twice(Memory);

    impl Backend for Twice {
        fn ids(&self, class: &str, each: &mut dyn FnMut(&str)) -> Result<()> {
            self.0.ids(class, each)?;
            self.0.ids(class, each)
        }

        fn read(&self, key: &Key) -> Result<Option<Record>> {
            self.0.read(key)
        }

        fn contains(&self, key: &Key) -> Result<bool> {
            self.0.contains(key)
        }

        fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
            self.0.links(key)
        }

        fn stat(&self, key: &Key) -> Result<Option<Stat>> {
            self.0.stat(key)
        }

        fn commit(&self, batch: Batch) -> Result<()> {
            self.0.commit(batch)
        }

        fn lock(&self) -> Result<Box<dyn Lock + '_>> {
            self.0.lock()
        }

        fn moment(&self) -> Result<Moment> {
            self.0.moment()
        }

        fn track(&self) -> Result<Box<dyn Track + '_>> {
            self.0.track()
        }

        fn classes(&self) -> Result<Vec<Class>> {
            self.0.classes()
        }

        fn generations(&self, base: &Key) -> Result<Vec<Key>> {
            self.0.generations(base)
        }

        fn newest(&self, base: &Key) -> Result<Option<Key>> {
            self.0.newest(base)
        }

        fn identity(&self) -> u64 {
            self.0.identity()
        }

        fn checkpoint(&self) -> Result<()> {
            self.0.checkpoint()
        }

        fn recovered(&self) -> Option<Recovered> {
            self.0.recovered()
        }

        fn upkeep(&self) -> &dyn Upkeep {
            self.0.upkeep()
        }
    }

    let root = key("Node", "root");
    let graph = Graph::from([
        (root.clone(), vec![key("Leaf", "a"), key("Text", "t.0"), key("Page", "p")]),
        (key("Leaf", "a"), vec![]),
        (key("Text", "t.0"), vec![]),
        (key("Text", "t.1"), vec![]),
        (key("Text", "t.2"), vec![]),
        (key("Page", "p.3"), vec![]),
        (key("Leaf", "lost"), vec![]),
    ]);
    check(&Store::with_backend(Twice(Memory::new())), &graph, &[root.clone().into()], None);
    check(&Store::with_backend(Twice(Memory::new())), &graph, &[root.into()], Some(1));
}
