//! Collections and repairs whose process is killed before each of the calls that change the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use sepia::backend::{Backend, fault};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entry, Key};
use sepia::{ProblemKind, Root, Store};

use crate::support::{
    Found, child, command, container, contents, directory, key, leaf, link, node, open, open_to_read, place, walk,
};

/// Runs a child that dies before call number `step`, and returns whether it had fewer calls to make.
fn dies(test: &str, path: &Path, step: u64, durability: Durability) -> bool {
    let words = [path.to_str().unwrap(), &step.to_string(), &format!("{durability:?}")];
    let output = command(test, &words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let done = text.lines().find_map(|line| line.strip_prefix("calls ")).map(|calls| calls.parse::<u64>().unwrap());
    assert!(done.is_some() || !output.status.success());
    done.is_some_and(|calls| calls <= step)
}

/// What a child is told: the store, and the call before which it dies.
fn store_and_step(words: &[String]) -> (Store, u64) {
    let durability = if words[2] == "Sync" { Durability::Sync } else { Durability::Buffered };
    (Store::with_backend(open(Path::new(&words[0])).unwrap()).with_durability(durability), words[1].parse().unwrap())
}

#[test]
fn collects() {
    let Some(words) = child() else { return };
    let (store, step) = store_and_step(&words);
    fault::arm(step, fault::Fault::Abort);
    store.gc([Root::class("Root")]).grace(Duration::ZERO).keep_generations(1).run().unwrap();
    println!("\ncalls {}", fault::disarm());
}

/// Two desks of four are live, and of each of four texts with three generations what these lead to.
fn desks(path: &Path) {
    let backend = open(path).unwrap();
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch.declare(&Class::serializable("Text", Format::Text).with_generations()).unwrap();
    batch.declare(&Class::container("Root")).unwrap();
    batch.declare(&Class::container("Desk")).unwrap();
    for text in 0..4 {
        for generation in 0..3 {
            batch.put(key("Text", &format!("t{text}.{generation}")), leaf("x"), Expect::Any);
        }
    }
    for desk in 0..4 {
        let links = vec![("a", link("Text", &format!("t{desk}"))), ("b", link("Desk", &format!("d{}", desk / 2)))];
        batch.put(key("Desk", &format!("d{desk}")), container("{}\n", links), Expect::Any);
    }
    let links = vec![("d", link("Desk", "d1")), ("t", link("Text", "t3.0"))];
    batch.put(key("Root", "r"), container("{}\n", links), Expect::Any);
    backend.commit(batch).unwrap();
}

/// Nothing dangles, and what is live is there; returns how many objects there are.
fn check_desks(backend: &dyn Backend, what: &str) -> usize {
    let all = contents(backend).unwrap_or_else(|error| panic!("{what}: {error}"));
    for from in all.keys() {
        for to in backend.links(from).unwrap().unwrap() {
            let leads = backend.contains(&to).unwrap() || backend.newest(&to).unwrap().is_some();
            assert!(leads, "{what}: {from} leads to {to}");
        }
    }
    let live = [("Root", "r"), ("Desk", "d1"), ("Desk", "d0"), ("Text", "t3.0"), ("Text", "t1.2"), ("Text", "t0.2")];
    for (class, id) in live {
        assert!(all.contains_key(&key(class, id)), "{what}: {class}/{id} is gone");
    }
    all.len()
}

#[test]
fn a_collection_that_is_killed_loses_nothing_live_and_the_next_one_ends_it() {
    for durability in [Durability::Sync, Durability::Buffered] {
        for step in 0.. {
            let scratch = directory();
            let (path, what) = (place(&scratch), format!("{durability:?}, killed before call {step}"));
            desks(&path);
            let is_last = dies("upkeep::collects", &path, step, durability);
            check_desks(&open_to_read(&path).unwrap(), &what);
            let store = Store::with_backend(open(&path).unwrap());
            let report = store.verify().run().unwrap();
            // Hints are bad until somebody asks.
            let harmless = |kind| matches!(kind, ProblemKind::StaleHint | ProblemKind::Leftover);
            assert!(report.problems.iter().all(|found| harmless(found.problem.kind)), "{what}: {report:#?}");
            store.gc([Root::class("Root")]).grace(Duration::ZERO).keep_generations(1).run().unwrap();
            drop(store);
            // The six, and the newest of the text of which the first is linked.
            assert_eq!(check_desks(&open(&path).unwrap(), &what), 7, "{what}");
            if is_last {
                assert!(step > 20, "only {step} calls");
                break;
            }
        }
    }
}

#[test]
fn repairs() {
    let Some(words) = child() else { return };
    let (store, step) = store_and_step(&words);
    fault::arm(step, fault::Fault::Abort);
    store.verify().repair().run().unwrap();
    println!("\ncalls {}", fault::disarm());
}

/// A store with a note that is no text, a stray, a container that has lost its values, and a list with a dangling link.
fn damaged(path: &Path, durability: Durability) {
    let backend = open(path).unwrap();
    let mut batch = Batch::new();
    batch.set_durability(durability);
    batch.declare(&Class::serializable("Text", Format::Text)).unwrap();
    batch.declare(&Class::container("Desk")).unwrap();
    batch.put(key("Text", "good"), leaf("good text"), Expect::Any);
    batch.put(key("Text", "bad"), leaf("bad text"), Expect::Any);
    let inner = Entry::Container(node("{\"sepia_id\": \"i\", \"number\": 2}\n", vec![]));
    let home = vec![("a", link("Text", "good")), ("in", inner)];
    batch.put(key("Desk", "home"), container("{\"number\": 1}\n", home), Expect::Any);
    let list = Entry::Collection(crate::support::entries(vec![("0000_gone", link("Text", "gone"))]));
    batch.put(key("Desk", "work"), container("{\"number\": 3}\n", vec![("list", list)]), Expect::Any);
    backend.commit(batch).unwrap();
    drop(backend);
    fs::remove_file(path.join("Desk/home/data.json")).unwrap();
    fs::write(path.join("Desk/home/in/x~"), "foreign").unwrap();
    fs::write(path.join("Desk/work/stray"), "a stray").unwrap();
    fs::write(path.join("Text/bad"), b"\xffbad text").unwrap();
}

/// Whatever was there is somewhere.
fn check_kept(path: &Path, what: &str) {
    let inner = "{\"sepia_id\": \"i\", \"number\": 2}\n";
    let mut found = BTreeMap::new();
    walk(path, path, &mut found);
    for content in ["good text", inner, "{\"number\": 3}\n", "a stray", "\u{fffd}bad text", "foreign"] {
        let holds =
            |found: &Found| matches!(found, Found::File(text) if text.starts_with(&content[..content.len() - 1]));
        let is_there = found.iter().any(|(path, found)| !path.starts_with(".sepia/journal") && holds(found));
        assert!(is_there, "{what}: {content:?} is lost: {found:#?}");
    }
}

/// Kills repairs before one of so many of their calls.
fn kill_repairs(one_of: usize) {
    for durability in [Durability::Sync, Durability::Buffered] {
        for step in (0..).step_by(one_of) {
            let scratch = directory();
            let (path, what) = (place(&scratch), format!("{durability:?}, killed before call {step}"));
            damaged(&path, durability);
            let is_last = dies("upkeep::repairs", &path, step, durability);
            check_kept(&path, &what);
            let store = Store::with_backend(open(&path).unwrap());
            assert!(store.backend().recovered().is_none_or(|recovered| recovered.edited.is_empty()), "{what}");
            let report = store.verify().repair().run().unwrap();
            assert!(report.is_clean(), "{what}: {report:#?}");
            check_kept(&path, &what);
            assert_eq!(store.backend().read(&Key::new("Text", "bad").unwrap()).unwrap(), None, "{what}");
            if is_last {
                assert!(step > 20, "only {step} calls");
                break;
            }
        }
    }
}

#[test]
fn a_repair_that_is_killed_loses_nothing_and_the_next_one_ends_it() {
    kill_repairs(11);
}

#[test]
#[ignore = "two minutes"]
fn a_repair_that_is_killed_anywhere_loses_nothing_for_long() {
    kill_repairs(1);
}
