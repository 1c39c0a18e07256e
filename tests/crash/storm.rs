//! Many processes write and read, and are killed at random.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Child;

use sepia::ErrorKind;
use sepia::backend::{Backend, Filesystem};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entry, Key, Record};

use crate::support::{
    Random, child, container, directory, entries, key, leaf, link, node, open, open_to_read, place, spawn,
};

const ACCOUNTS: usize = 6;
const EACH: i64 = 1000;

fn classes(batch: &mut Batch) {
    for class in ["Account", "Log", "Alone"] {
        batch.declare(&Class::serializable(class, Format::Text)).unwrap();
    }
    batch.declare(&Class::container("Ledger")).unwrap();
}

fn number(backend: &dyn Backend, key: &Key) -> Option<(i64, Record)> {
    match backend.read(key).unwrap_or_else(|error| {
        panic!("{key}: {error} {:?}", std::error::Error::source(&error).map(ToString::to_string))
    }) {
        None => None,
        Some(Record::Leaf(content)) => {
            Some((String::from_utf8_lossy(&content).parse().unwrap(), Record::Leaf(content)))
        }
        Some(Record::Container(node)) => panic!("{key}: {node:?}"),
    }
}

/// A container that says the same number in many places.
fn ledger(number: i64) -> Record {
    let text = number.to_string();
    let links: Vec<String> = (0..number.rem_euclid(7)).map(|at| format!("{at:04}_{}", number + at)).collect();
    let list = links.iter().map(|name| (&**name, link("Account", &text))).chain([("first", link("Account", &text))]);
    let turn = match number % 2 {
        0 => link("Account", &text),
        _ => Entry::Container(node(&text, vec![("inner", link("Account", &text))])),
    };
    let nested = Entry::Container(node(&text, vec![("pinned", link("Account", &text))]));
    container(&text, vec![("list", Entry::Collection(entries(list.collect()))), ("turn", turn), ("nested", nested)])
}

/// What a process writes, by several threads at once, so that their batches are committed together.
#[test]
fn writes() {
    let Some(words) = child() else { return };
    let (path, name) = (Path::new(&words[0]), &*words[1]);
    let seed = words[2].parse().unwrap();
    let confirmed = fs::OpenOptions::new().append(true).create(true).open(&words[3]).unwrap();
    let backend = open(path).unwrap();
    // At once, so that no line is broken by another, nor half there.
    let note = |line: String| (&confirmed).write_all(line.as_bytes()).unwrap();
    std::thread::scope(|scope| {
        let (backend, note) = (&backend, &note);
        let threads: [Box<dyn FnOnce() + Send>; 3] = [
            Box::new(|| count(backend, name, Random::new(seed + 1), note)),
            Box::new(|| count(backend, &format!("{name}b"), Random::new(seed + 2), note)),
            Box::new(|| transfer(backend, name, Random::new(seed), note)),
        ];
        for thread in threads {
            scope.spawn(|| {
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(thread));
                // None of them ends by itself.
                std::process::exit(101);
            });
        }
    });
}

/// Counts a leaf of its own up, and notes each number that was confirmed.
fn count(backend: &Filesystem, name: &str, mut random: Random, note: &dyn Fn(String)) {
    let alone = key("Alone", name);
    let mut next = number(backend, &alone).map_or(0, |(last, _)| last);
    loop {
        next += 1;
        let mut batch = Batch::new();
        batch.set_durability(if random.below(4) == 0 { Durability::Sync } else { Durability::Buffered });
        classes(&mut batch);
        batch.put(alone.clone(), leaf(&next.to_string()), Expect::Any);
        backend.commit(batch).unwrap();
        note(format!("Alone {name} {next}\n"));
    }
}

/// Moves amounts between accounts, and notes each move that was confirmed.
fn transfer(backend: &Filesystem, name: &str, mut random: Random, note: &dyn Fn(String)) {
    let log = key("Log", name);
    loop {
        let durability = if random.below(12) == 0 { Durability::Sync } else { Durability::Buffered };
        let (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
        if from == to {
            if random.below(20) == 0 {
                backend.checkpoint().unwrap();
            }
            continue;
        }
        let [from, to] = [from, to].map(|account| key("Account", &account.to_string()));
        let amount = random.below(50) as i64;
        let (Some((rich, old_from)), Some((poor, old_to))) = (number(backend, &from), number(backend, &to)) else {
            panic!("an account is gone");
        };
        let next = number(backend, &log).map_or(0, |(last, _)| last) + 1;
        let mut batch = Batch::new();
        batch.set_durability(durability);
        classes(&mut batch);
        batch.put(from, leaf(&(rich - amount).to_string()), Expect::Unchanged(old_from.fingerprint()));
        batch.put(to, leaf(&(poor + amount).to_string()), Expect::Unchanged(old_to.fingerprint()));
        batch.put(log.clone(), leaf(&next.to_string()), Expect::Any);
        if random.below(3) > 0 {
            batch.put(key("Ledger", "main"), ledger(random.below(1000) as i64), Expect::Any);
        }
        match backend.commit(batch) {
            Ok(()) => note(format!("Log {name} {next}\n")),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
}

/// The leaves that count what each writer has done.
fn counters() -> Vec<Key> {
    let counters = |writer| {
        [key("Log", &format!("{writer}")), key("Alone", &format!("{writer}")), key("Alone", &format!("{writer}b"))]
    };
    (0..3).flat_map(counters).collect()
}

/// Checks every snapshot that it gets.
#[test]
fn reads() {
    let Some(words) = child() else { return };
    let backend = match &*words[1] {
        "writable" => open(Path::new(&words[0])).unwrap(),
        _ => open_to_read(Path::new(&words[0])).unwrap(),
    };
    let mut last = BTreeMap::new();
    let mut snapshots = 0;
    loop {
        check(&backend, &mut last, &mut snapshots);
        if snapshots % 64 == 1 {
            fs::write(&words[2], snapshots.to_string()).unwrap();
        }
    }
}

fn check(backend: &Filesystem, last: &mut BTreeMap<Key, i64>, snapshots: &mut u64) {
    let Some(Record::Container(node)) = backend.read(&key("Ledger", "main")).unwrap() else { panic!("no ledger") };
    let said = String::from_utf8_lossy(&node.data).parse().unwrap();
    assert_eq!(Record::Container(node), ledger(said), "half a container");
    for key in counters() {
        if let Some((now, _)) = number(backend, &key) {
            let before = last.insert(key.clone(), now).unwrap_or_default();
            assert!(before <= now, "{key} went back from {before} to {now}");
        }
    }
    let moment = backend.moment().unwrap();
    let sum: i64 = (0..ACCOUNTS).map(|account| number(backend, &key("Account", &account.to_string())).unwrap().0).sum();
    if backend.moment().unwrap() == moment {
        assert_eq!(sum, ACCOUNTS as i64 * EACH, "at one moment");
        *snapshots += 1;
    }
}

fn storm(rounds: usize, seed: u64) {
    let scratch = directory();
    let path = &place(&scratch);
    let backend = open(path).unwrap();
    let mut batch = Batch::new();
    classes(&mut batch);
    for account in 0..ACCOUNTS {
        batch.put(key("Account", &account.to_string()), leaf(&EACH.to_string()), Expect::Any);
    }
    batch.put(key("Ledger", "main"), ledger(0), Expect::Any);
    backend.commit(batch).unwrap();
    drop(backend);

    let mut random = Random::new(seed);
    let notes = |writer: usize| scratch.path().join(format!("confirmed{writer}"));
    let writer = |number: usize, random: &mut Random| {
        let notes = notes(number);
        spawn(
            "storm::writes",
            &[path.to_str().unwrap(), &number.to_string(), &random.next().to_string(), notes.to_str().unwrap()],
        )
    };
    let counts = |reader: usize| scratch.path().join(format!("seen{reader}"));
    let mut readers: Vec<Child> = ["writable", "read-only"]
        .iter()
        .enumerate()
        .map(|(reader, how)| spawn("storm::reads", &[path.to_str().unwrap(), how, counts(reader).to_str().unwrap()]))
        .collect();
    let mut writers: Vec<Child> = (0..3).map(|number| writer(number, &mut random)).collect();
    for round in 0..rounds {
        std::thread::sleep(std::time::Duration::from_micros(5_000 + random.below(30_000) as u64));
        // Sometimes all at once, so that nobody adopts what the last one left but the readers.
        let killed = if round % 5 == 4 { 0..3 } else { round % 3..round % 3 + 1 };
        for number in killed.clone() {
            end(&mut writers[number], "a writer");
        }
        if killed.len() == 3 {
            check_all(path, &notes);
        }
        for number in killed {
            writers[number] = writer(number, &mut random);
        }
    }
    writers.iter_mut().for_each(|writer| end(writer, "a writer"));
    // A reader is slow to begin on a busy machine: each gets to see something.
    while !(0..2).all(|reader| counts(reader).exists())
        && readers.iter_mut().all(|reader| reader.try_wait().unwrap().is_none())
    {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    readers.iter_mut().for_each(|reader| end(reader, "a reader"));
    check_all(path, &notes);
    drop(open(path).unwrap());
    check_all(path, &notes);
    crate::support::check_private(path);
}

/// Kills a process, which must not have ended by itself.
fn end(process: &mut Child, what: &str) {
    process.kill().unwrap();
    let status = process.wait().unwrap();
    let mut said = String::new();
    if let Some(output) = &mut process.stderr {
        let _ = std::io::Read::read_to_string(output, &mut said);
    }
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(9), "{what} ended by itself: {status}: {said}");
}

fn check_all(path: &Path, notes: &dyn Fn(usize) -> std::path::PathBuf) {
    let backend = open_to_read(path).unwrap();
    check(&backend, &mut BTreeMap::new(), &mut 0);
    let notes: String = (0..3).map(|writer| fs::read_to_string(notes(writer)).unwrap_or_default()).collect();
    for key in counters() {
        let line = format!("{} {} ", key.class(), key.id());
        let confirmed = notes.lines().filter_map(|noted| noted.strip_prefix(&*line)?.parse().ok()).max().unwrap_or(0);
        let stored = number(&backend, &key).map_or(0, |(stored, _)| stored);
        // There may be more: each writer that was killed has not come to note its last.
        assert!(confirmed <= stored, "{key}: {confirmed} confirmed, {stored} stored");
    }
}

#[test]
fn killed_at_random() {
    storm(40, 1);
}

#[test]
#[ignore = "a minute"]
fn killed_at_random_for_long() {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    println!("seed {seed}");
    storm(2500, seed);
}
