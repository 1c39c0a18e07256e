//! A process that has no descriptor left, at every point of a commit: the error says that nothing has changed, or there
//! is none.

use std::fs::File;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sepia::backend::Backend;
use sepia::batch::{Batch, Durability, Expect};
use sepia::{Container, ErrorKind, Id, Serializable, Store};

use crate::scenario::{Act, NAMES, note, scenario};
use crate::support::{child, command, contents, difference, directory, in_parallel, key, leaf, open, place};

/// Lowers the limit, so that so many more descriptors can be had, and calls `act`.
fn with_descriptors<R>(spare: u64, act: impl FnOnce() -> R) -> R {
    let before = getrlimit(Resource::Nofile);
    // Whatever is open has numbers below that of the next one, but for gaps, which are filled first.
    let mut filled = Vec::new();
    let highest = std::fs::read_dir("/proc/self/fd").unwrap();
    let highest =
        highest.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse::<u64>().unwrap()).max().unwrap();
    while filled.last().is_none_or(|file| std::os::fd::AsRawFd::as_raw_fd(file) as u64 <= highest) {
        filled.push(File::open("/dev/null").unwrap());
    }
    let next = std::os::fd::AsRawFd::as_raw_fd(filled.last().unwrap()) as u64 + 1;
    setrlimit(Resource::Nofile, Rlimit { current: Some(next + spare), maximum: before.maximum }).unwrap();
    let done = act();
    setrlimit(Resource::Nofile, before).unwrap();
    done
}

/// The limit is one for the whole process, so this has a process of its own.
#[test]
fn commits_with_few_descriptors() {
    let Some(words) = child() else { return };
    let durability = if words[1] == "Sync" { Durability::Sync } else { Durability::Buffered };
    let scenario = scenario(&words[0], durability);
    let mut failures = 0;
    for spare in 0.. {
        let directory = directory();
        let path = &place(&directory);
        let backend = open(path).unwrap();
        scenario.setup.iter().for_each(|act| act.run(&backend).unwrap());
        let (mut done, mut failed) = (0, 0);
        for (number, act) in scenario.acts.iter().enumerate() {
            let what = format!("{words:?}, {spare} descriptors, act {number}");
            let outcome = with_descriptors(spare, || act.run(&backend));
            let kind = outcome.as_ref().err().map(sepia::Error::kind);
            assert!(matches!(kind, None | Some(ErrorKind::Io)), "{what}: {outcome:?}");
            done += usize::from(kind.is_none());
            failed += usize::from(kind.is_some());
            for (who, backend) in [("the same handle", &backend), ("another", &open(path).unwrap())] {
                let (found, expected) = (contents(backend).unwrap(), scenario.after(done));
                assert!(found == expected, "{what}: {outcome:?}, {who}: {}", difference(&expected, &found));
            }
            if kind.is_some() {
                // And it can be done again.
                act.run(&backend).unwrap_or_else(|error| panic!("{what}: {error}"));
                done += 1;
                let (found, expected) = (contents(&backend).unwrap(), scenario.after(done));
                assert!(found == expected, "{what}, again: {}", difference(&expected, &found));
            }
        }
        failures += failed;
        if failed == 0 {
            assert!(spare < 40, "{spare}");
            break;
        }
    }
    println!("\n{failures} failed");
}

#[test]
fn with_no_descriptor_left_an_error_means_that_nothing_has_changed() {
    let runs: Vec<_> =
        NAMES.iter().flat_map(|name| ["Sync", "Buffered"].map(|durability| (*name, durability))).collect();
    in_parallel(runs.len(), |run| {
        let (name, durability) = runs[run];
        let output = command("descriptors::commits_with_few_descriptors", &[name, durability]).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && text.contains(" failed"), "{name}, {durability}\n{text}");
    });
}

#[derive(Container, Debug, PartialEq)]
struct Desk {
    id: Id<Desk>,
    papers: Vec<Paper>,
}

#[derive(Serializable, Debug, PartialEq)]
#[sepia(generations)]
struct Paper {
    id: Id<Paper>,
    text: String,
}

/// The same through types, in each way to save, on files and in a database.
#[test]
fn saves_with_few_descriptors() {
    let Some(words) = child() else { return };
    for spare in 0.. {
        let directory = directory();
        let open = || match &*words[0] {
            "files" => Store::open(directory.path().join("store")).unwrap(),
            _ => Store::sqlite(directory.path().join("store.db")).unwrap(),
        };
        let store = open();
        store.save(&Paper { id: Id::first("p"), text: String::new() }).unwrap();
        let desk = |id: &str| Desk { id: id.into(), papers: vec![Paper { id: "new.0".into(), text: id.to_owned() }] };
        let saved = with_descriptors(spare, || store.save(&desk("saved")));
        let in_transaction = with_descriptors(spare, || store.transaction(|tx| tx.overwrite(&desk("in transaction"))));
        let updated = with_descriptors(spare, || {
            store.update("p", |paper: &mut Paper| {
                paper.text.push_str("updated");
                Ok(())
            })
        });
        let deleted = with_descriptors(spare, || store.delete::<Paper>("p.0"));
        for store in [&store, &open()] {
            let what = format!("{words:?}, {spare} descriptors");
            assert_eq!(store.exists::<Desk>("saved").unwrap(), saved.is_ok(), "{what}: {saved:?}");
            let exists = store.exists::<Desk>("in transaction").unwrap();
            assert_eq!(exists, in_transaction.is_ok(), "{what}: {in_transaction:?}");
            assert_eq!(store.exists::<Paper>("p.1").unwrap(), updated.is_ok(), "{what}: {updated:?}");
            assert_eq!(store.exists::<Paper>("p.0").unwrap(), deleted.is_err(), "{what}: {deleted:?}");
        }
        let outcomes = [saved.err(), in_transaction.err(), updated.err(), deleted.err()];
        for error in outcomes.iter().flatten() {
            assert_ne!(error.kind(), ErrorKind::Poisoned, "{words:?}, {spare} descriptors: {error:?}");
        }
        if outcomes.iter().all(Option::is_none) {
            // SQLite opens its files early, and then needs none.
            assert!(spare > 0 || words[0] != "files", "nothing was ever refused");
            break;
        }
    }
    println!("\nheld");
}

#[test]
fn with_no_descriptor_left_saves_transactions_and_updates_are_whole() {
    for medium in ["files", "database"] {
        let output = command("descriptors::saves_with_few_descriptors", &[medium]).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && text.contains("\nheld\n"), "{medium}\n{text}");
    }
}

/// A file that could not be opened to be synced was once left out, and its frame dropped from the journal.
#[test]
fn closes_with_few_descriptors() {
    let Some(words) = child() else { return };
    let backend = open(Path::new(&words[0])).unwrap();
    let mut batch = Batch::new();
    batch.declare(&note()).unwrap();
    batch.set_durability(Durability::Sync);
    ["a", "b", "c"].iter().for_each(|id| batch.put(key("Note", id), leaf("text"), Expect::Any));
    backend.commit(batch).unwrap();
    let length = || std::fs::read(Path::new(&words[0]).join(".sepia/journal")).unwrap();
    for spare in 0..3 {
        match with_descriptors(spare, || Act::Checkpoint.run(&backend)) {
            Ok(()) => break,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Io, "{spare}: {error}");
                assert!(length()[64..].starts_with(b"SepF"), "{spare}: the journal has been emptied");
            }
        }
        assert!(spare < 2, "it needs no more");
    }
    assert!(!length()[64..].starts_with(b"SepF"));
    println!("\nheld");
}

#[test]
fn what_cannot_be_opened_to_be_synced_stays_in_the_journal() {
    let directory = directory();
    let path = place(&directory);
    let output = command("descriptors::closes_with_few_descriptors", &[path.to_str().unwrap()]).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("\nheld\n"), "{text}");
}
