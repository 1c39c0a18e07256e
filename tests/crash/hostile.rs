//! Journals that are damaged, newer, half there or gone: never a panic, and never a part of a batch without an error
//! that names the journal.

use std::fs;
use std::path::Path;

use sepia::ErrorKind;
use sepia::backend::Backend;
use sepia::backend::fault::{self, Fault};
use sepia::batch::{Durability, Expect};

use crate::scenario::{Scenario, commit, draft, note, scenario};
use crate::support::{
    Contents, Random, child, command, contents, copy, directory, key, leaf, open, open_to_read, place,
};

/// Does what a scenario says, and dies when `committed` has been set and not all is carried out.
#[test]
fn dies_in_the_middle() {
    let Some(words) = child() else { return };
    let Scenario { setup, acts } =
        scenario(&words[1], if words[2] == "Sync" { Durability::Sync } else { Durability::Buffered });
    let backend = open(Path::new(&words[0])).unwrap();
    setup.iter().for_each(|act| act.run(&backend).unwrap());
    fault::arm(words[3].parse().unwrap(), Fault::Abort);
    acts.iter().for_each(|act| act.run(&backend).unwrap());
}

struct Crashed {
    durability: &'static str,
    directory: tempfile::TempDir,
    before: Contents,
    after: Contents,
}

impl Crashed {
    /// A store in which a batch of many operations is carried out in part.
    fn new(durability: &'static str) -> Self {
        let scenario = scenario("mixed", Durability::Sync);
        let directory = directory();
        // The frame is written and the state set before the first of ten objects comes, in any order of these calls.
        let words = [
            place(&directory).to_str().unwrap().to_owned(),
            "mixed".to_owned(),
            durability.to_owned(),
            "60".to_owned(),
        ];
        command("hostile::dies_in_the_middle", &words.each_ref().map(String::as_str)).output().unwrap();
        let crashed = Self { durability, before: scenario.after(0), after: scenario.after(1), directory };
        assert_eq!(contents(&open_to_read(&crashed.path()).unwrap()).unwrap(), crashed.after);
        assert_ne!(crate::support::files(&crashed.path()).len(), 0);
        crashed
    }

    fn path(&self) -> std::path::PathBuf {
        place(&self.directory)
    }

    /// Changes a copy of the store, or, where a copy may have lost parts of what was not synced, the store itself. It
    /// is right, or it says what is wrong with the journal.
    fn with(&self, what: &str, change: impl Fn(&Path)) -> [Outcome; 2] {
        [false, true].map(|writable| {
            let (again, scratch);
            let path = if self.durability == "Sync" {
                scratch = directory();
                copy(&self.path(), &place(&scratch));
                place(&scratch)
            } else {
                again = Self::new(self.durability);
                again.path()
            };
            change(&path);
            let opened = if writable { open(&path) } else { open_to_read(&path) };
            match opened.and_then(|backend| contents(&backend)) {
                Ok(found) if found == self.after => Outcome::After,
                Ok(found) if found == self.before => Outcome::Before,
                Ok(found) => panic!("{what}: half a batch: {}", crate::support::difference(&self.after, &found)),
                Err(error) => {
                    let said = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
                    assert!(said.contains(".sepia/journal") || said.contains(".sepia/state"), "{what}: {said}");
                    Outcome::Refused(error.kind())
                }
            }
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Before,
    After,
    Refused(ErrorKind),
}

fn flip(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

/// Where the frames end: the rest of the journal is zeros.
fn used(journal: &Path) -> usize {
    let bytes = fs::read(journal).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

fn flips(count: usize, seed: u64) {
    let mut random = Random::new(seed);
    for durability in ["Sync", "Buffered"] {
        let crashed = Crashed::new(durability);
        let journal = crashed.path().join(".sepia/journal");
        let end = used(&journal);
        let mut refused = 0;
        for _ in 0..count {
            let bit = random.below(8 * end);
            let what = format!("{durability}, bit {bit} of the journal, seed {seed}");
            let outcomes = crashed.with(&what, |path| flip(&path.join(".sepia/journal"), bit));
            refused += usize::from(matches!(outcomes[0], Outcome::Refused(_)));
        }
        assert!(refused > 0, "{durability}");
        for _ in 0..count / 4 {
            let bit = random.below(8 * 128);
            let what = format!("{durability}, bit {bit} of the state, seed {seed}");
            let outcomes = crashed.with(&what, |path| flip(&path.join(".sepia/state"), bit));
            assert!(!outcomes.contains(&Outcome::Before), "{what}: the commit had taken effect");
        }
    }
}

#[test]
fn flipped_bits() {
    flips(20, 1);
}

#[test]
#[ignore = "a minute"]
fn many_flipped_bits() {
    flips(1500, 2);
}

/// Cut off anywhere, as by a copy that was interrupted.
#[test]
fn a_torn_tail() {
    for durability in ["Sync", "Buffered"] {
        let crashed = Crashed::new(durability);
        let end = used(&crashed.path().join(".sepia/journal"));
        let mut random = Random::new(3);
        for _ in 0..30 {
            let length = random.below(end);
            crashed.with(&format!("{durability}, cut off at {length} of {end}"), |path| {
                fs::OpenOptions::new()
                    .write(true)
                    .open(path.join(".sepia/journal"))
                    .unwrap()
                    .set_len(length as u64)
                    .unwrap();
            });
        }
    }
}

#[test]
fn a_newer_format() {
    let crashed = Crashed::new("Sync");
    for (file, at) in [("journal", 12), ("state", 8)] {
        let outcomes = crashed.with(file, |path| {
            let path = path.join(".sepia").join(file);
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] = 2;
            fs::write(path, bytes).unwrap();
        });
        assert_eq!(outcomes, [Outcome::Refused(ErrorKind::UnsupportedFormat); 2], "{file}");
    }
}

#[test]
fn files_that_are_gone() {
    for durability in ["Sync", "Buffered"] {
        let crashed = Crashed::new(durability);
        let outcomes = crashed.with("the state", |path| fs::remove_file(path.join(".sepia/state")).unwrap());
        assert_eq!(outcomes, [Outcome::After; 2], "{durability}: the journal has all that is needed");
        let outcomes = crashed.with("the journal", |path| fs::remove_file(path.join(".sepia/journal")).unwrap());
        assert_eq!(
            outcomes,
            [Outcome::Refused(ErrorKind::Corrupt); 2],
            "{durability}: the batch is in the journal alone"
        );
        let outcomes = crashed.with("notes and tmp", |path| {
            fs::remove_dir_all(path.join(".sepia/latest")).unwrap();
            let _ = fs::remove_dir_all(path.join(".sepia/tmp"));
            fs::remove_file(path.join(".sepia/.gitignore")).unwrap();
        });
        assert_eq!(outcomes, [Outcome::After; 2], "{durability}");
    }
}

/// A store that is at rest needs neither journal nor state, and forgets nothing without them.
#[test]
fn a_store_at_rest_loses_its_journal() {
    for durability in [Durability::Sync, Durability::Buffered] {
        for name in ["mixed", "toggled", "leaf deleted", "light to durable", "generations"] {
            let scratch = directory();
            let scenario = scenario(name, durability);
            let backend = open(&place(&scratch)).unwrap();
            scenario.setup.iter().chain(&scenario.acts).for_each(|act| act.run(&backend).unwrap());
            backend.checkpoint().unwrap();
            drop(backend);
            let expected = scenario.after(scenario.acts.len());
            for gone in
                [vec!["state"], vec!["journal"], vec!["state", "journal"], vec!["state", "journal", "latest", "tmp"]]
            {
                let copied = scratch.path().join("copied");
                copy(&place(&scratch), &copied);
                for name in &gone {
                    let place = copied.join(".sepia").join(name);
                    let _ = if place.is_dir() { fs::remove_dir_all(place) } else { fs::remove_file(place) };
                }
                let what = format!("{name}, {durability:?}, without {gone:?}");
                assert_eq!(contents(&open_to_read(&copied).unwrap()).unwrap(), expected, "{what}");
                let backend = open(&copied).unwrap();
                assert_eq!(contents(&backend).unwrap(), expected, "{what}");
                let act = commit(durability, |batch| {
                    batch.declare(&note()).unwrap();
                    batch.put(key("Note", "a"), leaf("later"), Expect::Any);
                    batch.put(key("Note", "b"), leaf("later"), Expect::Any);
                });
                act.run(&backend).unwrap();
                let mut expected = expected.clone();
                act.apply(&mut expected);
                let again = scratch.path().join("again");
                copy(&copied, &again);
                assert_eq!(contents(&open(&again).unwrap()).unwrap(), expected, "{what}, later");
                fs::remove_dir_all(again).unwrap();
                fs::remove_dir_all(copied).unwrap();
            }
        }
    }
}

/// Epochs are numbered anew where the state is lost; frames of the same number may lie behind.
#[test]
fn an_epoch_of_a_number_that_was_used_before() {
    let scratch = directory();
    let path = place(&scratch);
    let put = |text: &str, durability| {
        commit(durability, |batch| {
            batch.declare(&note()).unwrap();
            batch.put(key("Note", "a"), leaf(text), Expect::Any);
            batch.put(key("Note", "b"), leaf(text), Expect::Any);
        })
    };
    for durability in [Durability::Sync, Durability::Buffered] {
        for round in 0..6 {
            let backend = open(&path).unwrap();
            // The same sizes each time, so that what is new ends where something old begins.
            for number in 0..6 - round {
                put(&format!("{round}{number}"), durability).run(&backend).unwrap();
            }
            let expected = contents(&backend).unwrap();
            let copied = scratch.path().join("copied");
            copy(&path, &copied);
            assert_eq!(contents(&open(&copied).unwrap()).unwrap(), expected, "{durability:?}, round {round}");
            fs::remove_dir_all(copied).unwrap();
            backend.checkpoint().unwrap();
            drop(backend);
            fs::remove_file(path.join(".sepia/state")).unwrap();
        }
    }
}

#[test]
fn hints_are_only_hints() {
    let scratch = directory();
    let backend = open(&place(&scratch)).unwrap();
    let generation = |number: u64, expect| {
        commit(Durability::Buffered, |batch| {
            batch.declare(&draft()).unwrap();
            batch.put(key("Draft", &format!("d.{number}")), leaf(&number.to_string()), expect);
        })
    };
    generation(0, Expect::Absent).run(&backend).unwrap();
    let mut newest = 0;
    let hint = place(&scratch).join(".sepia/latest/Draft/d");
    // With gaps, and each time after the hint has suffered.
    for (round, next) in [1, 2, 5, 6, 9, 10, 30, 31].into_iter().enumerate() {
        generation(next, Expect::LatestIs(newest)).run(&backend).unwrap();
        newest = next;
        match round % 4 {
            0 => fs::remove_dir_all(place(&scratch).join(".sepia/latest")).unwrap(),
            1 => fs::write(&hint, "not a number\n").unwrap(),
            2 => fs::write(&hint, "1000000\n").unwrap(),
            _ => fs::write(&hint, b"\xff").unwrap(),
        }
        for backend in [&open(&place(&scratch)).unwrap(), &open_to_read(&place(&scratch)).unwrap(), &backend] {
            assert_eq!(
                backend.newest(&key("Draft", "d")).unwrap(),
                Some(key("Draft", &format!("d.{next}"))),
                "round {round}"
            );
        }
        let stale = generation(next + 1, Expect::LatestIs(next + 1)).run(&backend);
        assert_eq!(stale.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
    }
}

/// Someone edits a file after a commit has taken effect, and before anybody has carried it out.
#[test]
fn edits_after_a_crash_stay() {
    for durability in ["Sync", "Buffered"] {
        let crashed = Crashed::new(durability);
        let path = crashed.path();
        let edited = ["Note/c", "Board/new/data.json"];
        for file in edited {
            fs::create_dir_all(path.join(file).parent().unwrap()).unwrap();
            fs::write(path.join(file), "{\"by\": \"hand\"}\n").unwrap();
        }
        for backend in [open_to_read(&path).unwrap(), open(&path).unwrap()] {
            assert_eq!(backend.read(&key("Note", "c")).unwrap(), Some(leaf("{\"by\": \"hand\"}\n")), "{durability}");
            let found = contents(&backend).unwrap();
            for (key, record) in &crashed.after {
                if *key != crate::support::key("Note", "c") && *key != crate::support::key("Board", "new") {
                    assert_eq!(found.get(key), Some(record), "{durability}: {key}");
                }
            }
            if let Some(recovered) = backend.recovered() {
                let mut reported: Vec<_> = recovered.edited.iter().map(|edited| edited.path.as_str()).collect();
                reported.sort_unstable();
                assert_eq!(reported, ["Board/new/data.json", "Note/c"], "{durability}");
                for edited in &recovered.edited {
                    let kept = fs::read_to_string(path.join(edited.kept.as_ref().unwrap())).unwrap();
                    let wanted = if edited.path == "Note/c" { "c1" } else { "{\"name\": \"rich\"}\n" };
                    assert_eq!(kept, wanted, "{durability}: what the commit put");
                    assert!(edited.kept.as_ref().unwrap().starts_with(".sepia/conflicts/"));
                }
            }
        }
        // The next one has nothing to say, and the edits are what is stored.
        let backend = open(&path).unwrap();
        assert_eq!(backend.recovered(), None);
        assert_eq!(backend.read(&key("Note", "c")).unwrap(), Some(leaf("{\"by\": \"hand\"}\n")));
        drop(backend);
    }
}

/// What a recovery did is an event, too, for programs that listen.
#[test]
fn a_recovery_is_an_event() {
    let crashed = Crashed::new("Sync");
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || drop(open(&crashed.path()).unwrap()));
    let heard = listener.0.lock().unwrap().clone();
    assert!(heard.len() == 1 && heard[0].contains("completed the commits of a writer that died"), "{heard:?}");
    assert!(heard[0].contains("commits=1"), "{heard:?}");
    tracing::subscriber::with_default(listener.clone(), || drop(open(&crashed.path()).unwrap()));
    assert_eq!(listener.0.lock().unwrap().len(), 1, "there was nothing left to say");
}

/// Writes events down.
#[derive(Clone, Default)]
struct Listener(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl tracing::Subscriber for Listener {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("sepia")
    }

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{field}={value:?} ");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
