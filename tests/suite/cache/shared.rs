//! The same object for everybody, while anyone holds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use sepia::backend::{Backend, Memory};
use sepia::record::Key;
use sepia::{CacheOptions, CacheStats, ErrorKind, Store};

use super::reading::Reading;
use super::{BUDGET, Board, Note, Speech, board, counted, note, text, tree, trusting, with_every_cache};
use crate::support::{on_every_backend, refused};

#[test]
fn while_anyone_holds_an_object_everybody_gets_it() {
    with_every_cache(|store| {
        store.save(&tree()).unwrap();
        let first = store.get::<Board>("work").unwrap();
        assert_eq!(*first, tree());
        assert!(Arc::ptr_eq(&first, &store.get("work").unwrap()));
        store.shrink_to(0);
        assert_eq!(store.cache_stats().entries, 0);
        assert!(Arc::ptr_eq(&first, &store.clone().get("work").unwrap()));
        assert_eq!(store.cache_stats().entries, 1);
        assert_eq!(counted(&store.cache_stats()), (2, 1));
        drop(first);
        store.shrink_to(0);
        assert_eq!(*store.get::<Board>("work").unwrap(), tree());
        assert_eq!(counted(&store.cache_stats()), (2, 2));
    });
}

#[test]
fn threads_that_ask_at_once_get_the_same_object() {
    with_every_cache(|store| {
        store.save(&tree()).unwrap();
        for round in 0..30 {
            let barrier = Barrier::new(4);
            let got: Vec<_> = std::thread::scope(|scope| {
                let get = || {
                    barrier.wait();
                    store.get::<Board>("work").unwrap()
                };
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(get)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(got.iter().all(|one| Arc::ptr_eq(one, &got[0])), "in round {round}");
            drop(got);
            store.shrink_to(0);
        }
    });
}

#[test]
fn an_object_that_had_to_go_for_others_is_still_shared() {
    on_every_backend(|store| {
        let store = store.with_cache(sepia::CacheOptions::new(20_000));
        store
            .transaction(|transaction| {
                (0..200).try_for_each(|n| transaction.save(&note(&n.to_string(), &n.to_string())))
            })
            .unwrap();
        let first = store.get::<Note>("0").unwrap();
        for n in 1..200 {
            assert_eq!(text(&store, &n.to_string()), n.to_string());
        }
        let stats = store.cache_stats();
        assert!(stats.bytes <= 20_000 && stats.entries < 100, "{stats:?}");
        assert_eq!((stats.evictions + stats.entries, stats.misses), (200, 200), "{stats:?}");
        assert!(Arc::ptr_eq(&first, &store.get("0").unwrap()));
        assert_eq!(store.cache_stats().misses, 200);
    });
}

#[test]
fn an_object_too_large_to_be_kept_is_shared_all_the_same() {
    on_every_backend(|store| {
        let store = store.with_cache(sepia::CacheOptions::new(50_000));
        store.save(&note("large", &"x".repeat(60_000))).unwrap();
        let held = store.get::<Note>("large").unwrap();
        assert_eq!(store.cache_stats().entries, 0);
        assert!(Arc::ptr_eq(&held, &store.get("large").unwrap()));
        assert_eq!(counted(&store.cache_stats()), (1, 1));
    });
}

#[test]
fn a_changed_clone_changes_nothing_that_is_shared() {
    with_every_cache(|store| {
        store.save(&tree()).unwrap();
        let shared = store.get::<Board>("work").unwrap();
        let mut mine = (*shared).clone();
        mine.notes[0].text = "mine".to_owned();
        mine.boards[0].title = "mine".to_owned();
        assert_eq!(*store.get::<Board>("work").unwrap(), tree());
        store.save(&mine).unwrap();
        assert_eq!(*shared, tree());
        assert_eq!(*store.get::<Board>("work").unwrap(), mine);
        // The shared one remembers what it was loaded from, and that is gone.
        refused(store.save(&Board { title: "late".to_owned(), ..(*shared).clone() }), ErrorKind::Conflict, &[]);
        // And a clone of the new one is as good as one that was loaded.
        let mut next = (*store.get::<Board>("work").unwrap()).clone();
        next.title = "next".to_owned();
        store.save(&next).unwrap();
        assert_eq!(store.get::<Board>("work").unwrap().title, "next");
    });
}

#[test]
fn without_a_cache_everyone_gets_an_object_of_his_own() {
    on_every_backend(|store| {
        store.save(&board("b", &[note("n", "1")])).unwrap();
        let (one, other) = (store.get::<Board>("b").unwrap(), store.get::<Board>("b").unwrap());
        assert_eq!(one, other);
        assert!(!Arc::ptr_eq(&one, &other));
        assert_eq!(store.cache_stats(), CacheStats::default());
        store.shrink_to(0);
        refused(store.get::<Board>("no"), ErrorKind::NotFound, &["Board", "no"]);
    });
}

#[test]
fn what_is_not_there_is_looked_for_each_time() {
    with_every_cache(|store| {
        for _ in 0..2 {
            refused(store.get::<Note>("n"), ErrorKind::NotFound, &["Note", "n"]);
            refused(store.get::<Speech>("s"), ErrorKind::NotFound, &["Speech", "s"]);
            refused(store.get::<Speech>("s.1"), ErrorKind::NotFound, &["Speech", "s.1"]);
            refused(store.get::<Note>(""), ErrorKind::InvalidName, &[]);
        }
        store.save(&note("n", "1")).unwrap();
        assert_eq!(text(store, "n"), "1");
    });
}

/// Whoever failed to load an object missed it, whatever was amiss.
#[test]
fn what_is_not_there_is_a_miss() {
    with_every_cache(|store| {
        let mut asked = 0;
        let mut missed = |misses: Result<(), sepia::Error>| {
            assert!(misses.is_err());
            asked += 1;
            assert_eq!(counted(&store.cache_stats()), (0, asked));
        };
        for _ in 0..2 {
            missed(store.get::<Note>("n").map(drop));
            missed(store.get::<Speech>("s").map(drop));
            missed(store.get::<Speech>("s.1").map(drop));
            missed(store.get::<Note>("").map(drop));
        }
    });
}

/// A file without a number is generation 0, and its name that of the base: what was found under one threw out what was
/// found under the other.
#[test]
fn a_generation_without_a_number_does_not_stand_in_for_its_base() {
    with_every_cache(|store| {
        store.save(&Speech { id: "s".into(), words: 0 }).unwrap();
        let held = store.get::<Speech>("s").unwrap();
        assert!(Arc::ptr_eq(&held, &store.get("s.0").unwrap()));
        store.save(&Speech { id: "s.1".into(), words: 1 }).unwrap();
        assert!(Arc::ptr_eq(&held, &store.get("s.0").unwrap()));
        let newest = store.get::<Speech>("s").unwrap();
        assert_eq!(newest.words, 1);
        let before = store.cache_stats();
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&newest, &store.get("s").unwrap()));
            assert!(Arc::ptr_eq(&held, &store.get("s.0").unwrap()));
        }
        assert_eq!(counted(&store.cache_stats()), (before.hits + 6, before.misses));
        store.delete::<Speech>("s.1").unwrap();
        assert!(Arc::ptr_eq(&held, &store.get("s").unwrap()));
    });
}

/// What was loaded slowly took the place of what had been saved, got and held meanwhile.
#[test]
fn what_was_asked_for_earlier_does_not_take_the_place_of_what_is_newer() {
    let [read, held] = [(); 2].map(|()| Arc::new(Barrier::new(2)));
    let first = Arc::new(AtomicBool::new(false));
    for options in [CacheOptions::new(BUDGET), trusting()] {
        let memory = {
            let (read, held, first) = (Arc::clone(&read), Arc::clone(&held), Arc::clone(&first));
            Reading(Memory::new(), move |memory: &Memory, key: &Key| {
                let found = memory.read_sealed(key);
                if first.swap(false, Ordering::SeqCst) {
                    read.wait();
                    held.wait();
                }
                found
            })
        };
        let store = Store::with_backend(memory).with_cache(options);
        store.save(&note("n", "1")).unwrap();
        first.store(true, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| text(&store, "n"));
            read.wait();
            store.overwrite(&note("n", "2")).unwrap();
            let newer = store.get::<Note>("n").unwrap();
            held.wait();
            assert_eq!((newer.text.as_str(), slow.join().unwrap().as_str()), ("2", "1"));
            assert!(Arc::ptr_eq(&newer, &store.get("n").unwrap()));
        });
    }
}

#[test]
fn hits_and_misses_are_all_that_was_asked_for() {
    with_every_cache(|store| {
        let speech = Speech { id: "s.0".into(), words: 1 };
        store.save(&speech).unwrap();
        store.save(&tree()).unwrap();
        let mut asked = 0;
        for round in 0..5 {
            for id in ["a", "b", "c", "a"] {
                text(store, id);
            }
            for id in ["s", "s.0"] {
                assert_eq!(*store.get::<Speech>(id).unwrap(), speech);
            }
            store.get::<Board>("work").unwrap();
            asked += 7;
            if round == 2 {
                store.save(&note("a", "2")).unwrap();
            }
        }
        let stats = store.cache_stats();
        assert_eq!(stats.hits + stats.misses, asked, "{stats:?}");
        // Three notes, the speech and the board; and again the note, and the board that has it.
        assert_eq!(stats.misses, 7, "{stats:?}");
    });
}

/// A class that was retired may be claimed by another type.
#[test]
fn objects_of_a_retired_class_are_forgotten() {
    #[derive(sepia::Serializable, Debug)]
    #[sepia(class = "Note")]
    struct Other {
        id: sepia::Id<Other>,
        number: u8,
    }
    with_every_cache(|store: &Store| {
        store.save(&note("n", "{\"number\": 3}")).unwrap();
        let held = store.get::<Note>("n").unwrap();
        store.clear().unwrap();
        assert_eq!(store.cache_stats().entries, 0);
        store.save(&Other { id: "n".into(), number: 3 }).unwrap();
        let other = store.get::<Other>("n").unwrap();
        assert_eq!((other.id.as_str(), other.number), ("n", 3));
        assert_eq!(held.text, "{\"number\": 3}");
    });
}
