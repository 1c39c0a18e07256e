//! A process dies before and after every call that changes the disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;

use sepia::backend::Backend;
use sepia::backend::fault::{self, Fault};
use sepia::batch::Durability;

use crate::scenario::{MANY_LEAVES, NAMES, Scenario, commit, scenario};
use crate::support::{
    Contents, Found, check_private, child, command, contents, copy, difference, directory, files, in_parallel, key,
    leaf, open, open_to_read, place,
};

const NEVER: u64 = u64::MAX - 1;

/// Does what a scenario says, in the directory, and dies at the step.
#[test]
fn dies_at_a_step() {
    let Some(words) = child() else { return };
    let (path, name, durability, step) = (Path::new(&words[0]), &words[1], durability(&words[2]), &words[3]);
    let Scenario { setup, acts } = scenario(name, durability);
    if name == "first" {
        fault::arm(step.parse().unwrap(), Fault::Abort);
    }
    let backend = open(path).unwrap();
    for act in setup {
        act.run(&backend).unwrap();
    }
    if name != "first" {
        fault::arm(step.parse().unwrap(), Fault::Abort);
    }
    for act in acts {
        act.run(&backend).unwrap();
        println!("\nconfirmed");
    }
    println!("\nsteps {}", fault::disarm());
}

/// Opens the store in the directory, and dies at the step.
#[test]
fn dies_while_it_recovers() {
    let Some(words) = child() else { return };
    fault::arm(words[1].parse().unwrap(), Fault::Abort);
    let backend = open(Path::new(&words[0])).unwrap();
    println!("\nsteps {}", fault::disarm());
    drop(backend);
}

fn durability(word: &str) -> Durability {
    if word == "Sync" { Durability::Sync } else { Durability::Buffered }
}

fn run(test: &str, words: &[&str]) -> (Output, usize, Option<u64>) {
    let output = command(test, words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let confirmed = text.lines().filter(|line| *line == "confirmed").count();
    let steps = text.lines().find_map(|line| line.strip_prefix("steps ")?.parse().ok());
    assert!(
        steps.is_some() || std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(6),
        "{words:?}: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    (output, confirmed, steps)
}

/// What must be found after so many acts.
struct Expected {
    contents: Contents,
    files: BTreeMap<String, Found>,
}

/// Which of two states a store has: all of the act that was under way, or nothing of it.
fn which(what: &str, backend: sepia::Result<sepia::backend::Filesystem>, expected: &[Expected]) -> usize {
    let found = backend.and_then(|backend| contents(&backend));
    let found = found.unwrap_or_else(|error| {
        panic!("{what}: {error}: {:?}", std::error::Error::source(&error).map(ToString::to_string))
    });
    // The last, as acts may change nothing.
    expected.iter().rposition(|expected| expected.contents == found).unwrap_or_else(|| {
        let before: Vec<String> = expected.iter().map(|expected| difference(&expected.contents, &found)).collect();
        panic!(
            "{what}: neither all nor nothing; differs from before in {}, from after in {}",
            before[0],
            before.last().unwrap()
        )
    })
}

/// Checks what a crash has left, in every way in which it can be met.
fn check(what: &str, path: &Path, expected: &[Expected], scratch: &Path, turn: usize) {
    let has_store = path.join(".sepia/format.json").exists();
    let mut seen = 0;
    if has_store {
        seen = which(&format!("{what}, read"), open_to_read(path), expected);
    }
    let (copied, read) = (scratch.join("copied"), scratch.join("read"));
    copy(path, &copied);
    copy(path, &read);
    if has_store {
        // Frames may take effect that the dead writer had not come to.
        let copied_seen = which(&format!("{what}, copied and read"), open_to_read(&read), expected);
        assert!(copied_seen >= seen, "{what}: the copy lacks what the store has");
    }
    for (what, path) in [(what.to_owned(), path), (format!("{what}, copied"), copied.as_path())] {
        let opened = open(path);
        let recovered = opened.as_ref().ok().and_then(Backend::recovered);
        if let Some(recovered) = &recovered {
            assert!(recovered.edited.is_empty(), "{what}: nobody has edited {:?}", recovered.edited);
            assert!(recovered.commits > 0 && !recovered.completed.is_empty(), "{what}: {recovered:?}");
        }
        let state = which(&format!("{what}, opened"), opened, expected);
        assert!(state >= seen, "{what}: what could be read is gone");
        assert_eq!(files(path), expected[state].files, "{what}: other files than a fresh store has");
        check_private(path);
        // And it goes on, also after a copy of what came then.
        let backend = open(path).unwrap();
        assert_eq!(backend.recovered(), None, "{what}: recovered twice");
        let mut now = expected[state].contents.clone();
        // With a frame and without, durable and not, and each of them first after some crash.
        let mut rounds =
            [(Durability::Buffered, 1), (Durability::Sync, 1), (Durability::Buffered, 2), (Durability::Sync, 2)];
        rounds.rotate_left(turn % 4);
        for (round, (durability, size)) in rounds.into_iter().take(2).enumerate() {
            let (again, text) = (scratch.join("again"), format!("later {round}"));
            let act = commit(durability, |batch| {
                batch.declare(&crate::scenario::note()).unwrap();
                for id in ["a", "b"].into_iter().take(size) {
                    batch.put(key("Note", id), leaf(&text), sepia::batch::Expect::Any);
                }
            });
            act.run(&backend).unwrap_or_else(|error| panic!("{what}, later: {error}"));
            act.apply(&mut now);
            assert_eq!(contents(&backend).unwrap(), now, "{what}, later");
            copy(path, &again);
            let opened = open(&again).unwrap();
            let found = contents(&opened).unwrap();
            let edited = opened.recovered().map(|recovered| recovered.edited).unwrap_or_default();
            assert!(edited.is_empty(), "{what}, later and copied: nobody has edited {edited:?}");
            assert!(found == now, "{what}, later and copied: {}", difference(&now, &found));
            std::fs::remove_dir_all(&again).unwrap();
        }
    }
}

/// The states that the acts of a scenario lead to, each with its files.
fn expectations(scenario: &Scenario) -> Vec<Expected> {
    let directory = directory();
    let mut expected = Vec::new();
    for acts in 0..=scenario.acts.len() {
        // A store of its own, as nothing must be left of what was before.
        let path = directory.path().join(acts.to_string());
        let backend = open(&path).unwrap();
        for act in scenario.setup.iter().chain(&scenario.acts[..acts]) {
            act.run(&backend).unwrap();
        }
        let contents = scenario.after(acts);
        assert_eq!(crate::support::contents(&backend).unwrap(), contents);
        expected.push(Expected { contents, files: files(&path) });
    }
    expected
}

/// Long scenarios are tried at some of their steps, and at all of them by [`every_step`]. In the others, what a process
/// leaves that dies after a call is what it leaves before the next: one of these two is enough.
fn some(steps: usize) -> usize {
    if steps > 80 { 13 } else { 3 }
}

fn at_steps(name: &str, durability: Durability, stride: impl FnOnce(usize) -> usize) {
    let expected = expectations(&scenario(name, durability));
    let word = format!("{durability:?}");
    let steps = {
        let directory = directory();
        let (_, confirmed, steps) =
            run("steps::dies_at_a_step", &[place(&directory).to_str().unwrap(), name, &word, &NEVER.to_string()]);
        assert_eq!(confirmed + 1, expected.len());
        steps.unwrap()
    };
    assert!(steps >= 4);
    let steps = usize::try_from(steps).unwrap();
    let stride = stride(steps);
    // The offset differs, so that no kind of call is always passed over.
    let offset = (name.len() + usize::from(durability == Durability::Sync)) % stride;
    in_parallel((steps - offset).div_ceil(stride), |step| {
        let step = offset + step * stride;
        let directory = directory();
        let path = place(&directory);
        let what = format!("{name}, {word}, step {step}");
        let (_, confirmed, ended) =
            run("steps::dies_at_a_step", &[path.to_str().unwrap(), name, &word, &step.to_string()]);
        if ended.is_some() {
            // A call that fails by itself has no point after it.
            assert!(step % 2 == 1, "{what}: it did not die");
            return;
        }
        if !path.exists() {
            return;
        }
        check(&what, &path, &expected[confirmed..(confirmed + 2).min(expected.len())], directory.path(), step);
    });
}

macro_rules! scenarios {
    ($($test:ident: $name:literal;)*) => {$(
        #[test]
        fn $test() {
            at_steps($name, Durability::Sync, some);
            at_steps($name, Durability::Buffered, some);
        }
    )*};
}

scenarios! {
    a_new_leaf: "leaf new";
    a_replaced_leaf: "leaf replaced";
    a_deleted_leaf: "leaf deleted";
    a_new_container: "container new";
    a_changed_container: "container changed";
    a_deleted_container: "container deleted";
    ten_mixed_objects: "mixed";
    generations: "generations";
    retired_classes: "retired";
    the_first_commits_of_a_store: "first";
    what_is_done_and_undone: "toggled";
    from_a_light_epoch_to_a_durable_one: "light to durable";
    checkpoints: "checkpoint";
    a_light_journal_that_begins_anew: "light wrap";
}

/// Two threads carry them out, and the process dies while both are at it.
#[test]
fn many_leaves_at_once() {
    // An odd stride, so that it is before calls and after them.
    at_steps(MANY_LEAVES, Durability::Sync, |steps| (steps / 4) | 1);
    at_steps(MANY_LEAVES, Durability::Buffered, |steps| (steps / 4) | 1);
}

#[test]
#[ignore = "two minutes"]
fn every_step() {
    for name in NAMES {
        at_steps(name, Durability::Sync, |_| 1);
        at_steps(name, Durability::Buffered, |_| 1);
    }
}

#[test]
fn every_scenario_is_tried() {
    // The macro above names them one by one, so that they run side by side.
    assert_eq!(
        include_str!("steps.rs")
            .lines()
            .filter(
                |line| line.starts_with("    ") && NAMES.iter().any(|name| line.ends_with(&format!(": \"{name}\";")))
            )
            .count(),
        NAMES.len()
    );
}

/// Fewer recoveries than this that die within one scenario show that it does not test what it says: deleting one leaf
/// leaves the least to do.
const LEAST_RECOVERIES: u64 = 5;

/// A recovery dies at each of its own steps, and the next one finishes what it left.
fn at_every_step_of_a_recovery(name: &str, durability: Durability, copied: bool, every: usize) {
    let expected = expectations(&scenario(name, durability));
    let word = format!("{durability:?}");
    let tried = Mutex::new(0u64);
    let steps = {
        let directory = directory();
        run("steps::dies_at_a_step", &[place(&directory).to_str().unwrap(), name, &word, &NEVER.to_string()]).2.unwrap()
    };
    // A leaf takes few steps: all are tried, or too few recoveries would die to show anything.
    let every = if name.starts_with("leaf ") { 1 } else { every };
    in_parallel(usize::try_from(steps).unwrap() / every, |step| {
        let directory = directory();
        let path = place(&directory);
        let step = (step * every).to_string();
        let (_, confirmed, _) = run("steps::dies_at_a_step", &[path.to_str().unwrap(), name, &word, &step]);
        let expected = &expected[confirmed..(confirmed + 2).min(expected.len())];
        // Whether the recovery died at this step.
        let dies_at = |inner: usize| {
            let scratch = crate::support::directory();
            let path = place(&scratch);
            if copied {
                copy(&place(&directory), &path);
            } else {
                // The state is believed only where it is: make the same crash again.
                run("steps::dies_at_a_step", &[path.to_str().unwrap(), name, &word, &step]);
            }
            let (_, _, ended) = run("steps::dies_while_it_recovers", &[path.to_str().unwrap(), &inner.to_string()]);
            let what = format!("{name}, {word}, step {step}, recovery step {inner}, copied {copied}");
            check(&what, &path, expected, scratch.path(), inner.div_ceil(2));
            ended.is_none()
        };
        // What a process leaves that dies after a call is what it leaves before the next, so that one try stands for
        // both, but for the first and the last.
        let (mut inner, mut died) = (0, 0);
        while dies_at(inner) {
            died += if inner == 0 { 1 } else { 2 };
            inner += 2;
        }
        died += u64::from(inner > 0 && dies_at(inner - 1));
        *tried.lock().unwrap() += died;
    });
    let tried = tried.into_inner().unwrap();
    // Where the state is believed, a leaf that needed no frame leaves its successor nothing to carry out.
    let is_bare = name.starts_with("leaf ") && durability == Durability::Buffered && !copied;
    let least = if is_bare { 0 } else { LEAST_RECOVERIES };
    assert!(tried >= least, "{name}, {durability:?}, copied {copied}: {tried} recoveries died");
}

#[test]
fn a_recovery_of_mixed_objects() {
    at_every_step_of_a_recovery("mixed", Durability::Sync, false, 80);
    at_every_step_of_a_recovery("mixed", Durability::Buffered, true, 80);
}

#[test]
#[ignore = "a quarter of an hour or more"]
fn every_recovery() {
    for name in NAMES {
        for durability in [Durability::Sync, Durability::Buffered] {
            for copied in [false, true] {
                at_every_step_of_a_recovery(name, durability, copied, 3);
            }
        }
    }
}
