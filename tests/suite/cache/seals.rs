//! What is intact by its seals is not read again; and a wrapping backend is asked for all that the inner one knows.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sepia::backend::{Backend, Filesystem, Lock, Memory, Moment, OpenOptions, Recovered, Seal, Stat, Track, Upkeep};
use sepia::batch::Batch;
use sepia::class::Class;
use sepia::record::{Key, Record};
use sepia::{CacheOptions, Result, Store};

use super::{BUDGET, Board, Note, Speech, note, tree};

/// Counts the records that are read.
#[derive(Debug)]
struct Counted<B>(B, Arc<AtomicU64>);

impl<B: Backend> Backend for Counted<B> {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(key)
    }

    fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_sealed(key)
    }

    fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
        self.0.is_intact(sealed)
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

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        self.0.ids(class, each)
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

    fn root(&self) -> Option<&Path> {
        self.0.root()
    }
}

fn check(backend: impl Backend) {
    let reads = Arc::new(AtomicU64::new(0));
    let reads_of = |work: &dyn Fn()| {
        let before = reads.load(Ordering::Relaxed);
        work();
        reads.load(Ordering::Relaxed) - before
    };
    let plain = Store::with_backend(Counted(backend, Arc::clone(&reads)));
    let store = plain.with_cache(CacheOptions::new(BUDGET));
    store.save(&tree()).unwrap();
    store.save(&Speech { id: "s.0".into(), words: 0 }).unwrap();
    // What was just written may be sealed, or not.
    std::thread::sleep(Duration::from_millis(70));
    let get = || {
        assert_eq!(*store.get::<Board>("work").unwrap(), tree());
        assert_eq!(store.get::<Speech>("s").unwrap().words, 0);
    };
    assert_eq!(reads_of(&get), 5);
    assert_eq!(reads_of(&get), 0);
    assert_eq!(store.cache_stats().validations, 2);
    // What has no part in it is no reason to read anything.
    plain.save(&note("other", "1")).unwrap();
    store.save(&note("another", "1")).unwrap();
    assert_eq!(reads_of(&get), 0);
    // One part was written anew, and all is read once: the board, its three notes, and no speech.
    plain.delete::<Note>("a").unwrap();
    plain.save(&note("a", "1")).unwrap();
    assert_eq!(reads_of(&get), 4);
    std::thread::sleep(Duration::from_millis(70));
    get();
    assert_eq!(reads_of(&get), 0);
}

#[test]
fn what_is_intact_is_not_read_in_memory() {
    check(Memory::new());
}

#[test]
fn what_is_intact_is_not_read_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    check(Filesystem::open(directory.path(), &OpenOptions::default()).unwrap());
}

/// A record in the journal of a writer that died is not yet in its file.
#[test]
fn what_is_not_carried_out_is_never_intact() {
    let disk = crate::support::OnDisk::new();
    disk.store.save(&note("a", "1")).unwrap();
    std::thread::sleep(Duration::from_millis(70));
    let key = Key::new("Note", "a").unwrap();
    let is_intact = || {
        let (record, seal) = disk.store.backend().read_sealed(&key).unwrap();
        assert_eq!(record, Some(Record::Leaf(b"1".to_vec())));
        (seal.numbers().is_some(), disk.store.backend().is_intact(&mut [(&key, &seal)].into_iter()).unwrap())
    };
    assert_eq!(is_intact(), (true, true));
    let state = std::fs::read(disk.path(".sepia/state")).unwrap();
    // As another boot leaves it: nobody knows how much of the journal has reached the files.
    std::fs::write(disk.path(".sepia/state"), &state[..40]).unwrap();
    assert_eq!(is_intact(), (false, false));
    std::fs::write(disk.path(".sepia/state"), &state).unwrap();
    assert_eq!(is_intact(), (true, true));
}
