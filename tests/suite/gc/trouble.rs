//! Stores that are damaged, foreign in part, read-only, or listed oddly.

use std::ops::ControlFlow;
use std::time::Duration;

use sepia::backend::{Backend, Filesystem, Lock, Memory, Moment, OpenOptions, Recovered, Stat, Track, Upkeep};
use sepia::batch::Batch;
use sepia::class::Class;
use sepia::record::{Key, Record};
use sepia::{ErrorKind, Result, Root, Store};

use super::{Graph, check, fill, key};
use crate::support::{OnDisk, on_every_medium};

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
fn a_read_only_store_can_be_looked_over_and_not_swept() {
    on_every_medium(|medium| {
        let made = medium.make();
        if !made.lasts() {
            return;
        }
        fill(&made, &Graph::from([(key("Leaf", "lost"), vec![]), (key("Node", "root"), vec![])]));
        let reader = made.reopen_with(&Store::builder().read_only());
        let report = reader.gc([key("Node", "root")]).grace(Duration::ZERO).dry_run().run().unwrap();
        assert_eq!(report.swept(), 1);
        let error = reader.gc([key("Node", "root")]).grace(Duration::ZERO).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
        assert!(made.backend().contains(&key("Leaf", "lost")).unwrap());
    });
}

/// A backend with an oddity.
#[derive(Debug)]
struct Odd<B>(B, Oddity);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    /// Every id is listed twice.
    ListsTwice,
    /// Nobody knows what commits change.
    TracksNothing,
}

#[derive(Debug)]
struct Unknown;

impl Track for Unknown {
    fn changed(&mut self) -> Result<Option<Vec<Key>>> {
        Ok(None)
    }
}

impl<B: Backend> Backend for Odd<B> {
    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        if self.1 == Oddity::ListsTwice {
            self.0.ids(class, each)?;
        }
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
        if self.1 == Oddity::TracksNothing { Ok(Box::new(Unknown)) } else { self.0.track() }
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

/// On some file systems, what is replaced while its class is listed comes twice. The second of them was taken
/// for something to which nothing leads.
#[test]
fn what_is_listed_twice_is_there_once() {
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
    check(&Store::with_backend(Odd(Memory::new(), Oddity::ListsTwice)), &graph, &[root.clone().into()], None);
    check(&Store::with_backend(Odd(Memory::new(), Oddity::ListsTwice)), &graph, &[root.into()], Some(1));
}

/// Then all is marked and swept under one lock.
#[test]
fn what_nobody_can_follow_is_swept_all_the_same() {
    let disk = OnDisk::new();
    let graph = Graph::from([
        (key("Node", "root"), vec![key("Leaf", "live")]),
        (key("Leaf", "live"), vec![]),
        (key("Leaf", "lost"), vec![]),
        (key("Node", "lost"), vec![key("Leaf", "lost too")]),
        (key("Leaf", "lost too"), vec![]),
        (key("Node", "strange"), vec![]),
    ]);
    fill(&disk.store, &graph);
    disk.write("Node/strange/a file", "mine");
    let backend = Filesystem::open(disk.directory.path(), &OpenOptions::default()).unwrap();
    let store = Store::with_backend(Odd(backend, Oddity::TracksNothing));
    let report = store.gc([key("Node", "root")]).grace(Duration::ZERO).list().run().unwrap();
    assert_eq!(report.swept, [key("Leaf", "lost"), key("Leaf", "lost too"), key("Node", "lost")]);
    assert_eq!(report.refused, [key("Node", "strange")]);
    assert_eq!(report.dangling, []);
    assert!(disk.path("Leaf/live").exists() && disk.path("Node/strange/a file").exists());
    assert!(!disk.path("Leaf/lost").exists());
}
