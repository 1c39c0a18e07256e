//! What concurrent transactions have read and written, in the order of a clock, must be explained by some order
//! of them one after another: one that puts no transaction before another that had ended when it began.

use std::path::Path;
use std::sync::Barrier;

use sepia::Store;
use sepia::backend::{Backend, Filesystem};
use sepia::batch::{Batch, Durability, Expect};
use sepia::record::Record;

use crate::scenario::note;
use crate::support::{Random, child, directory, key, leaf, open, place, spawn};

const KEYS: [&str; 3] = ["a", "b", "c"];
type Values = [u64; 3];

/// One transaction: when, what it read, and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Done {
    start: u64,
    end: u64,
    read: Values,
    written: [Option<u64>; 3],
}

/// The same clock in every process.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Looks for an order that explains a history: the first in it whose reads are what the others have made.
fn explain(history: &[Done]) -> bool {
    fn search(left: &mut Vec<&Done>, state: Values) -> bool {
        let Some(earliest_end) = left.iter().map(|done| done.end).min() else { return true };
        for at in 0..left.len() {
            let done = left[at];
            // Whoever had ended before it began comes first.
            if done.start > earliest_end || done.read != state {
                continue;
            }
            left.remove(at);
            let mut after = state;
            for (value, written) in after.iter_mut().zip(done.written) {
                *value = written.unwrap_or(*value);
            }
            if search(left, after) {
                return true;
            }
            left.insert(at, done);
        }
        false
    }
    search(&mut history.iter().collect(), [0; 3])
}

fn values(backend: &dyn Backend) -> Values {
    KEYS.map(|name| match backend.read(&key("Note", name)).unwrap() {
        Some(Record::Leaf(content)) => String::from_utf8(content).unwrap().parse().unwrap(),
        other => panic!("{other:?}"),
    })
}

fn batch(written: &[Option<u64>; 3], durability: Durability) -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(durability);
    batch.declare(&note()).unwrap();
    for (name, value) in KEYS.iter().zip(written) {
        if let Some(value) = value {
            batch.put(key("Note", name), leaf(&value.to_string()), Expect::Any);
        }
    }
    batch
}

/// Some keys, each with a value that nobody else writes.
fn chosen(random: &mut Random, unique: u64) -> [Option<u64>; 3] {
    [0, 1, 2].map(|key| (random.below(2) == 0).then_some(unique * 4 + key))
}

/// A few transactions under the lock, and snapshots without.
fn transact(backend: &Filesystem, writer: u64, count: u64) -> Vec<Done> {
    let mut random = Random::new(writer);
    let mut history = Vec::new();
    for number in 0..count {
        let start = now();
        if random.below(3) == 0 {
            let read = loop {
                let moment = backend.moment().unwrap();
                let read = values(backend);
                if backend.moment().unwrap() == moment {
                    break read;
                }
            };
            history.push(Done { start, end: now(), read, written: [None; 3] });
            continue;
        }
        let lock = backend.lock().unwrap();
        let read = values(backend);
        let written = chosen(&mut random, writer * 100_000 + number + 1);
        // Half of the histories have no durable commit: only then is there one without a frame.
        let is_durable = writer / 10 % 2 == 1 && random.below(4) == 0;
        let durability = if is_durable { Durability::Sync } else { Durability::Buffered };
        lock.commit(batch(&written, durability)).unwrap();
        history.push(Done { start, end: now(), read, written });
    }
    history
}

fn begun(path: &Path) -> Filesystem {
    let backend = open(path).unwrap();
    backend.commit(batch(&[Some(0); 3], Durability::Buffered)).unwrap();
    backend
}

#[test]
fn transacts() {
    let Some(words) = child() else { return };
    for done in transact(&open(Path::new(&words[0])).unwrap(), words[1].parse().unwrap(), words[2].parse().unwrap()) {
        let [a, b, c] = done.read;
        let written = done.written.map(|value| value.map_or("-".to_owned(), |value| value.to_string()));
        println!("\ndone {} {} {a} {b} {c} {}", done.start, done.end, written.join(" "));
    }
}

fn parse(text: &str) -> Vec<Done> {
    let parse = |line: &str| {
        let words: Vec<_> = line.strip_prefix("done ")?.split(' ').map(|word| word.parse().ok()).collect();
        let number = |at: usize| words[at].unwrap();
        Some(Done {
            start: number(0),
            end: number(1),
            read: [2, 3, 4].map(number),
            written: [words[5], words[6], words[7]],
        })
    };
    text.lines().filter_map(parse).collect()
}

#[test]
fn threads_and_processes_one_after_another() {
    for round in 0..6 {
        let directory = directory();
        let path = &place(&directory);
        let backend = begun(path);
        let others = [1, 2].map(|process| {
            spawn("histories::transacts", &[path.to_str().unwrap(), &(10 * round + process).to_string(), "150"])
        });
        let mut history: Vec<Done> = std::thread::scope(|scope| {
            let threads = [3, 4].map(|thread| {
                scope.spawn({
                    let backend = &backend;
                    move || transact(backend, 10 * round + thread, 150)
                })
            });
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        for other in others {
            let output = other.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            history.extend(parse(&String::from_utf8(output.stdout).unwrap()));
        }
        assert_eq!(history.len(), 600);
        history.sort_by_key(|done| done.end);
        assert!(explain(&history), "round {round}: no order explains {history:#?}");
    }
}

/// The search is no good if it finds an order for anything: two writers without the lock have both read what was there
/// before either wrote.
#[test]
fn a_writer_without_the_lock_is_found_out() {
    let directory = directory();
    let backend = &begun(&place(&directory));
    let both = &Barrier::new(2);
    let history: Vec<Done> = std::thread::scope(|scope| {
        let threads = [0, 1].map(|thread: usize| {
            scope.spawn(move || {
                let start = now();
                let read = values(backend);
                both.wait();
                let mut written = [None; 3];
                written[thread] = Some(7 + thread as u64);
                backend.commit(batch(&written, Durability::Buffered)).unwrap();
                Done { start, end: now(), read, written }
            })
        });
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(!explain(&history), "{history:?}");
}

/// One that reads what is long gone is found out, too, though some order would explain it.
#[test]
fn a_read_of_the_past_is_found_out() {
    let write = Done { start: 0, end: 1, read: [0; 3], written: [Some(5), None, None] };
    let late = Done { start: 2, end: 3, read: [0; 3], written: [None; 3] };
    assert!(!explain(&[write.clone(), late.clone()]));
    assert!(explain(&[write, Done { start: 1, ..late }]));
}

/// Moves between two counts through typed transactions; snapshots always see the sum.
#[test]
fn typed_snapshots_keep_the_sum() {
    #[derive(sepia::Serializable, Debug)]
    struct Purse {
        id: sepia::Id<Purse>,
        amount: i64,
    }
    let directory = directory();
    let store = Store::builder().durability(Durability::Buffered).open(place(&directory)).unwrap();
    for id in ["left", "right"] {
        store.save(&Purse { id: id.into(), amount: 100 }).unwrap();
    }
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let store = if writer == 0 {
                store.clone()
            } else {
                Store::builder().durability(Durability::Buffered).open(place(&directory)).unwrap()
            };
            scope.spawn(move || {
                for _ in 0..60 {
                    let moved = store.transaction(|tx| {
                        let (mut left, mut right): (Purse, Purse) = (tx.load("left")?, tx.load("right")?);
                        (left.amount, right.amount) = (left.amount - 1, right.amount + 1);
                        tx.save(&left)?;
                        tx.save(&right)
                    });
                    moved.unwrap();
                }
            });
        }
        for _ in 0..200 {
            let sum = store.snapshot(|s| Ok(s.load::<Purse>("left")?.amount + s.load::<Purse>("right")?.amount));
            assert_eq!(sum.unwrap(), 200);
        }
    });
    assert_eq!(store.load::<Purse>("left").unwrap().amount, 100 - 180);
}

/// A snapshot would be taken for one although commits have come in between.
#[test]
fn every_commit_has_a_moment_of_its_own() {
    let directory = directory();
    let backend = begun(&place(&directory));
    let reader = open(&place(&directory)).unwrap();
    let mut seen = vec![reader.moment().unwrap()];
    for (number, count) in [1, 3, 1, 1, 3, 1].into_iter().enumerate() {
        let durability = if number < 4 { Durability::Buffered } else { Durability::Sync };
        let written = [0, 1, 2].map(|key| (key < count).then_some(10 * number as u64 + 1 + key));
        backend.commit(batch(&written, durability)).unwrap();
        let moment = reader.moment().unwrap();
        assert!(!seen.contains(&moment), "commit {number} has no moment of its own");
        seen.push(moment);
        assert_eq!(reader.moment().unwrap(), moment);
    }
}
