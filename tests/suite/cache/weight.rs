//! The memory that objects really take is what they are taken for.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::process::Command;

use sepia::backend::{Memory, Seal};
use sepia::batch::Batch;
use sepia::class::Class;
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{CacheOptions, Id, Object, Serializable, Store};

use super::reading::Reading;
use super::{Board, Note};

const MIB: u64 = 1 << 20;

#[derive(Serializable, Clone, Debug)]
struct Series {
    id: Id<Series>,
    numbers: Vec<f64>,
}

#[derive(Serializable, Clone, Debug)]
struct Words {
    id: Id<Words>,
    words: Vec<String>,
    by_name: BTreeMap<String, u32>,
}

/// Makes the record of a key up, so that nothing but the cache takes memory. A board with `N` links is called `..-N`.
fn made_up(key: &Key) -> Record {
    let number = |n: usize| (n as f64).sqrt();
    match key.class() {
        "Note" if key.id().starts_with("long") => Record::Leaf(vec![b'x'; 4000]),
        "Note" => Record::Leaf(format!("What is on the note {}", key.id()).into()),
        "Series" => {
            let numbers: Vec<_> = (0..200).map(number).collect();
            Record::Leaf(format!("{{\n  \"numbers\": {numbers:?}\n}}\n").into())
        }
        "Words" => {
            let words: Vec<_> = (0..50).map(|n| format!("word number {n}")).collect();
            let by_name: BTreeMap<_, _> = words.iter().zip(0..50).collect();
            Record::Leaf(format!("{{\"words\": {words:?}, \"by_name\": {by_name:?}}}").into())
        }
        _ => {
            let links = key.id().rsplit_once('-').unwrap().1.parse().unwrap();
            let link = |n| {
                let id = format!("{}-{n}", key.id());
                (Name::of(&format!("{n:04}_{id}")).unwrap(), Entry::Link(Key::new("Note", id).unwrap()))
            };
            let notes = Entry::Collection(Entries::new((0..links).map(link).collect()).unwrap());
            let entries = Entries::new(vec![(Name::of("notes").unwrap(), notes)]).unwrap();
            Record::Container(Node { data: b"{\n  \"title\": \"1\"\n}\n".to_vec(), entries })
        }
    }
}

fn store(budget: u64) -> Store {
    let read = |_: &Memory, key: &Key| {
        let record = made_up(key);
        let seal = Seal::new([1, 1]);
        let is_leaf = matches!(record, Record::Leaf(_));
        Ok((Some(record), if is_leaf { seal } else { seal.with_parts("data.json\nnotes\n") }))
    };
    let memory = Memory::new();
    let mut batch = Batch::new();
    for class in [Class::of::<Note>(), Class::of::<Series>(), Class::of::<Words>(), Class::of::<Board>()] {
        batch.declare(&class).unwrap();
    }
    sepia::backend::Backend::commit(&memory, batch).unwrap();
    Store::with_backend(Reading(memory, read)).with_cache(CacheOptions::new(budget))
}

/// The memory of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}

/// Gets objects until others have to go for them, and some more.
fn fill<T: Object + Send + Sync>(store: &Store, id: impl Fn(u64) -> String) {
    for number in 0.. {
        store.get::<T>(id(number)).unwrap();
        let stats = (number % 16 == 0).then(|| store.cache_stats());
        if stats.is_some_and(|stats| stats.evictions > 16 + stats.entries / 8) {
            return;
        }
    }
}

/// Fills a cache, for the test below, which starts this in a process of its own.
#[test]
#[ignore = "part of what_is_kept_takes_the_memory_it_may"]
fn fill_a_cache() {
    let Ok(what) = std::env::var("SEPIA_CACHE") else { return };
    let (kind, budget) = what.split_once(' ').unwrap();
    let budget = budget.parse::<u64>().unwrap();
    let fill = |store: &Store| match kind {
        "boards-10" | "boards-1000" => fill::<Board>(store, |n| format!("{n}-{}", &kind[7..])),
        "series" => fill::<Series>(store, |n| n.to_string()),
        "words" => fill::<Words>(store, |n| n.to_string()),
        _ => fill::<Note>(store, |n| format!("{kind}-{n}")),
    };
    // What a first load takes for good.
    fill(&store(MIB));
    let before = resident();
    let store = store(budget);
    fill(&store);
    let stats = store.cache_stats();
    println!("grown by {} for {} of {budget}, {} entries", resident() - before, stats.bytes, stats.entries);
}

/// Gets objects that are too large to be kept, and lets go of each, in a process of its own: for the test below.
#[test]
#[ignore = "part of what_nobody_holds_any_more_takes_no_memory"]
fn get_what_is_too_large() {
    let Ok(budget) = std::env::var("SEPIA_CACHE") else { return };
    let store = store(budget.parse::<u64>().unwrap());
    let get = |from: u64, to: u64| (from..to).for_each(|n| drop(store.get::<Board>(format!("{n}-3000")).unwrap()));
    get(0, 4);
    let before = resident();
    get(4, 100);
    let stats = store.cache_stats();
    println!("grown by {} for {} of {budget}", resident().saturating_sub(before), stats.bytes);
}

/// What an object was made of was remembered long after everybody had let go of the object.
#[test]
fn what_nobody_holds_any_more_takes_no_memory() {
    let (grown, bytes) = told("get_what_is_too_large", &MIB.to_string());
    assert_eq!(bytes, 0);
    // One of them takes about half a megabyte.
    assert!(grown < 4 * MIB, "grown by {grown}");
}

/// Returns by how much a process grows that keeps as many objects of a kind as it may, and how many bytes these are
/// taken for.
fn grown(kind: &str, budget: u64) -> (u64, u64) {
    told("fill_a_cache", &format!("{kind} {budget}"))
}

/// Runs one of the tests above in a process of its own, and returns what it tells.
fn told(test: &str, what: &str) -> (u64, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", &format!("cache::weight::{test}"), "--ignored", "--nocapture"]);
    let done = child.env("SEPIA_CACHE", what).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    let line = told.lines().find(|line| line.contains("grown by")).unwrap_or_else(|| panic!("{done:?}"));
    println!("{what}: {line}");
    let mut numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Allocators round up, lists have room left, and what types make of their content is only guessed at.
const BOUNDS: [f64; 2] = [0.7, 1.3];

#[test]
fn what_is_kept_takes_the_memory_it_may() {
    let kinds = ["short", "long", "series", "words", "boards-10", "boards-1000"];
    std::thread::scope(|scope| {
        for (budget, kinds) in [(16 * MIB, &kinds[..]), (48 * MIB, &["short", "boards-10"])] {
            scope.spawn(move || {
                for kind in kinds {
                    let (grown, bytes) = grown(kind, budget);
                    assert!(bytes <= budget && bytes > budget / 2, "{kind}: {bytes} bytes of {budget}");
                    let part = grown as f64 / bytes as f64;
                    assert!(part > BOUNDS[0] && part < BOUNDS[1], "{kind} in {budget}: {part:.2} of the estimate");
                }
            });
        }
    });
}
