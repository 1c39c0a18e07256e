//! What is intact by its seals is not read again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sepia::backend::{Backend, Filesystem, Memory, OpenOptions};
use sepia::record::{Key, Record};
use sepia::{CacheOptions, Store};

use super::reading::Reading;
use super::{BUDGET, Board, Note, Speech, note, tree};

fn check<B: Backend>(backend: B) {
    let reads = Arc::new(AtomicU64::new(0));
    let reads_of = |work: &dyn Fn()| {
        let before = reads.load(Ordering::Relaxed);
        work();
        reads.load(Ordering::Relaxed) - before
    };
    let counted = Arc::clone(&reads);
    let plain = Store::with_backend(Reading(backend, move |backend: &B, key: &Key| {
        counted.fetch_add(1, Ordering::Relaxed);
        backend.read_sealed(key)
    }));
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

/// Its next change could have the same time, where the clock of files ticks slowly.
#[test]
fn what_is_young_has_no_seal() {
    let disk = crate::support::OnDisk::new();
    disk.store.save(&tree()).unwrap();
    let is_sealed = |class: &str, id: &str| {
        let (_, seal) = disk.store.backend().read_sealed(&Key::new(class, id).unwrap()).unwrap();
        seal.numbers().is_some()
    };
    std::thread::sleep(Duration::from_millis(70));
    assert!(is_sealed("Note", "a") && is_sealed("Board", "work"));
    // A busy machine may take its time between the two.
    let is_ever_young = |below: &str, class: &str, id: &str| {
        let content = disk.text(below);
        (0..50).any(|_| {
            disk.write(below, &content);
            !is_sealed(class, id)
        })
    };
    assert!(is_ever_young("Note/a", "Note", "a"));
    assert!(is_ever_young("Board/work/boards/0000_inner/data.json", "Board", "work"));
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
