//! What is kept, how much of it, and for how long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::time::Duration;

use sepia::{CacheOptions, Store};

use super::{BUDGET, Note, counted, note, text};
use crate::support::on_every_backend;

/// What a test waits for, at least.
const WHILE: Duration = Duration::from_millis(20);

fn fill(store: &Store, number: usize) {
    let notes = 0..number;
    store
        .transaction(|transaction| notes.clone().try_for_each(|n| transaction.overwrite(&note(&n.to_string(), "1"))))
        .unwrap();
    for n in notes {
        text(store, &n.to_string());
    }
}

#[test]
fn nothing_is_kept_beyond_its_time() {
    let live = CacheOptions::new(BUDGET).time_to_live(WHILE).time_to_idle(Duration::MAX);
    let idle = CacheOptions::new(BUDGET).time_to_idle(WHILE).time_to_live(Duration::from_secs(3600));
    for options in [live, idle] {
        for trust in [Duration::ZERO, Duration::MAX] {
            on_every_backend(|store| {
                let store = store.with_cache(options.clone().trust(trust));
                fill(&store, 10);
                let held = store.get::<Note>("0").unwrap();
                std::thread::sleep(2 * WHILE);
                let before = store.cache_stats();
                assert_eq!((before.entries, before.bytes), (0, 0));
                assert!(before.evictions >= 10, "{before:?}");
                // What is held is shared, however old.
                assert!(Arc::ptr_eq(&held, &store.get("0").unwrap()));
                text(&store, "1");
                let after = store.cache_stats();
                assert_eq!((after.hits, after.misses), (before.hits + 1, before.misses + 1));
            });
        }
    }
}

#[test]
fn what_has_time_left_is_kept() {
    on_every_backend(|store| {
        let hour = Duration::from_secs(3600);
        let store = store.with_cache(CacheOptions::new(BUDGET).time_to_live(hour).time_to_idle(hour));
        fill(&store, 10);
        std::thread::sleep(WHILE);
        fill(&store, 10);
        assert_eq!(store.cache_stats().entries, 10);
    });
}

#[test]
fn a_cache_shrinks_to_what_is_asked_and_grows_again() {
    on_every_backend(|store| {
        let store = store.with_cache(CacheOptions::new(BUDGET));
        fill(&store, 300);
        let full = store.cache_stats();
        assert_eq!((full.entries, full.evictions), (300, 0));
        let one = full.bytes / 300;
        for (bytes, entries) in [(full.bytes, 300), (100 * one, 100), (one / 2, 0)] {
            store.shrink_to(bytes);
            let stats = store.cache_stats();
            assert!(stats.bytes <= bytes && stats.entries <= entries, "{stats:?}");
            assert_eq!(stats.entries + stats.evictions, 300);
            assert!(stats.entries + entries / 4 >= entries, "more went than had to: {stats:?}");
        }
        fill(&store, 300);
        assert_eq!(store.cache_stats().entries, 300);
    });
}

/// Whoever shrank the cache once set the budget aside for that, and a second one took what was left for the budget.
#[test]
fn the_budget_stays_what_it_is_however_many_shrink_the_cache() {
    let plain = Store::in_memory();
    fill(&plain, 10_000);
    let store = plain.with_cache(CacheOptions::new(BUDGET));
    let get_all = || (0..10_000).for_each(|n| drop(text(&store, &n.to_string())));
    for _ in 0..3 {
        get_all();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..50).for_each(|_| store.shrink_to(0)));
            }
        });
    }
    get_all();
    let stats = store.cache_stats();
    assert_eq!(stats.entries, 10_000, "{stats:?}");
}

#[test]
fn what_was_used_last_goes_last() {
    on_every_backend(|store| {
        let store = store.with_cache(CacheOptions::new(BUDGET));
        fill(&store, 100);
        (0..10).for_each(|n| drop(text(&store, &n.to_string())));
        store.shrink_to(store.cache_stats().bytes / 5);
        let before = store.cache_stats();
        (0..10).for_each(|n| drop(text(&store, &n.to_string())));
        assert_eq!(counted(&store.cache_stats()), (before.hits + 10, before.misses));
    });
}

#[test]
fn pressure_is_told_of_once_and_again_after_it_has_gone() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let told = Arc::clone(&told);
        move |pressure: &sepia::Pressure<'_>| told.lock().unwrap().push(pressure.stats().clone())
    };
    let store = Store::in_memory().with_cache(CacheOptions::new(100_000).on_pressure(0.5, tell));
    fill(&store, 1000);
    {
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].bytes > 50_000 && told[0].bytes < 60_000 && told[0].evictions == 0, "{told:?}");
    }
    store.shrink_to(40_000);
    fill(&store, 10);
    assert_eq!(told.lock().unwrap().len(), 1);
    fill(&store, 1000);
    assert_eq!(told.lock().unwrap().len(), 2);
}

/// Whoever is told may shrink the cache, and ask for objects: they were not locked out.
#[test]
fn who_is_told_of_pressure_can_do_something_about_it() {
    let told = Arc::new(AtomicU64::new(0));
    let itself = Arc::new(OnceLock::<Store>::new());
    let tell = {
        let (told, itself) = (Arc::clone(&told), Arc::clone(&itself));
        move |pressure: &sepia::Pressure<'_>| {
            let before = told.fetch_add(1, Ordering::Relaxed);
            pressure.shrink_to(10_000);
            // As many as are told of: but nobody is while they are being told.
            fill(itself.get().unwrap(), 300);
            assert_eq!(told.load(Ordering::Relaxed), before + 1);
            pressure.shrink_to(10_000);
        }
    };
    let store = Store::in_memory().with_cache(CacheOptions::new(100_000).on_pressure(0.5, tell));
    itself.set(store.clone()).unwrap();
    fill(&store, 1000);
    let told = told.load(Ordering::Relaxed);
    assert!(told > 3, "{told}");
    assert!(store.cache_stats().bytes <= 60_000);
}

/// Nobody was told ever again, if much was kept once more before who was told had come to an end.
#[test]
fn pressure_that_comes_back_while_someone_is_told_is_told_of_afterwards() {
    let told = Arc::new(AtomicU64::new(0));
    let [begun, filled] = [(); 2].map(|()| Arc::new(Barrier::new(2)));
    let tell = {
        let (told, begun, filled) = (Arc::clone(&told), Arc::clone(&begun), Arc::clone(&filled));
        move |pressure: &sepia::Pressure<'_>| {
            if told.fetch_add(1, Ordering::Relaxed) == 0 {
                pressure.shrink_to(0);
                begun.wait();
                filled.wait();
            }
        }
    };
    let plain = Store::in_memory();
    fill(&plain, 2000);
    let store = plain.with_cache(CacheOptions::new(100_000).on_pressure(0.5, tell));
    let get = |from: usize, to: usize| (from..to).for_each(|n| drop(text(&store, &n.to_string())));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| get(0, 200));
        begun.wait();
        get(1000, 2000);
        filled.wait();
        first.join().unwrap();
    });
    get(200, 1000);
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

/// One commit may take away what one object has brought.
#[test]
fn pressure_is_told_of_again_after_a_commit_has_eased_it() {
    let told = Arc::new(AtomicU64::new(0));
    let tell = {
        let told = Arc::clone(&told);
        move |_: &sepia::Pressure<'_>| _ = told.fetch_add(1, Ordering::Relaxed)
    };
    let store = Store::in_memory().with_cache(CacheOptions::new(100_000).on_pressure(0.5, tell));
    for round in 1..=3 {
        store.overwrite(&note("large", &round.to_string().repeat(70_000))).unwrap();
        text(&store, "large");
        assert_eq!(told.load(Ordering::Relaxed), round);
    }
}

#[test]
fn what_is_used_is_kept_and_what_is_looked_at_again_is_not_younger() {
    let store = Store::in_memory();
    store.save(&note("n", "1")).unwrap();
    let other = store.clone();
    let idle = store.with_cache(CacheOptions::new(BUDGET).time_to_idle(40 * WHILE));
    let live = store.with_cache(CacheOptions::new(BUDGET).time_to_live(40 * WHILE));
    [&idle, &live].into_iter().for_each(|store| drop(text(store, "n")));
    for _ in 0..4 {
        std::thread::sleep(15 * WHILE);
        // The seal is broken, and the object is the same.
        other.overwrite(&note("n", "2")).unwrap();
        other.overwrite(&note("n", "1")).unwrap();
        [&idle, &live].into_iter().for_each(|store| drop(text(store, "n")));
    }
    assert_eq!(counted(&idle.cache_stats()), (4, 1));
    assert!(live.cache_stats().misses > 1, "{:?}", live.cache_stats());
}

#[test]
fn caches_of_one_store_are_each_others_business() {
    on_every_backend(|store| {
        store.save(&note("n", "1")).unwrap();
        let [one, other] = [(); 2].map(|()| store.with_cache(CacheOptions::new(BUDGET)));
        let held = one.get::<Note>("n").unwrap();
        assert!(!Arc::ptr_eq(&held, &other.get("n").unwrap()));
        assert_eq!((counted(&one.cache_stats()), counted(&other.cache_stats())), ((0, 1), (0, 1)));
        other.overwrite(&note("n", "2")).unwrap();
        assert_eq!(text(&one, "n"), "2");
    });
}

#[test]
fn a_budget_of_nothing_keeps_nothing() {
    on_every_backend(|store| {
        let store = store.with_cache(CacheOptions::new(0));
        fill(&store, 10);
        assert_eq!(store.cache_stats().entries, 0);
        let held = store.get::<Note>("1").unwrap();
        assert!(Arc::ptr_eq(&held, &store.get("1").unwrap()));
    });
}
