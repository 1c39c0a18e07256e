//! A call fails: the disk is full, or broken, once or from here on.

use std::collections::BTreeMap;
use std::path::Path;

use sepia::ErrorKind;
use sepia::backend::fault::{self, Fault};
use sepia::backend::{Backend, Filesystem};
use sepia::batch::Durability;

use crate::scenario::{Act, MANY_LEAVES, NAMES, Scenario, scenario};
use crate::support::{
    Contents, Found, check_private, child, command, contents, copy, difference, directory, files, in_parallel, open,
    open_to_read, place,
};

const EPERM: i32 = 1;
const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;

/// Runs a scenario once for every call, which fails. The counter of calls is one for the whole process, so this
/// has a process of its own.
#[test]
fn fails_at_every_call() {
    let Some(words) = child() else { return };
    let (name, durability) = (&words[0], if words[1] == "Sync" { Durability::Sync } else { Durability::Buffered });
    let fault = match &*words[2] {
        "full" => Fault::Fail(ENOSPC),
        "full from here" => Fault::FailFromHere(ENOSPC),
        "broken" => Fault::Fail(EIO),
        "not allowed" => Fault::Fail(EPERM),
        "no descriptor" => Fault::Fail(EMFILE),
        _ => Fault::FailFromHere(EIO),
    };
    let scenario = scenario(name, durability);
    let expected: Vec<_> = (0..=scenario.acts.len()).map(|acts| made(&scenario, acts)).collect();
    let (mut calls, mut failures) = (0, 0);
    for call in (words[4].parse().unwrap()..).step_by(words[3].parse().unwrap()) {
        let what = format!("{name}, {durability:?}, {fault:?} at call {call}");
        let tried = Try { what: &what, scenario: &scenario, expected: &expected, is_first: name == "first" };
        let failed = tried.run(call, fault);
        calls += 1;
        match failed {
            Some(acts) => failures += acts,
            None => break,
        }
    }
    println!("{name}: {calls} calls, {failures} acts failed");
    // Where a new leaf cannot be made in one way, it is made in another; and once a commit has taken effect, it does
    // not fail any more. But the first call of all comes before that.
    assert!(calls > 0 && (failures > 0 || words[4] != "0" || name.starts_with("leaf")));
}

/// The disk and the contents after so many acts.
fn made(scenario: &Scenario, acts: usize) -> (Contents, BTreeMap<String, Found>) {
    let directory = directory();
    let backend = open(&place(&directory)).unwrap();
    scenario.setup.iter().chain(&scenario.acts[..acts]).for_each(|act| act.run(&backend).unwrap());
    (scenario.after(acts), files(&place(&directory)))
}

struct Try<'a> {
    what: &'a str,
    scenario: &'a Scenario,
    expected: &'a [(Contents, BTreeMap<String, Found>)],
    is_first: bool,
}

impl Try<'_> {
    /// Returns how many acts failed, or `None` if the scenario ended before the call.
    fn run(&self, call: u64, fault: Fault) -> Option<usize> {
        let directory = directory();
        let path = &place(&directory);
        if self.is_first {
            fault::arm(2 * call, fault);
        }
        let mut backend = match open(path) {
            Ok(backend) => backend,
            Err(_) if self.is_first => {
                fault::disarm();
                open(path).unwrap_or_else(|error| panic!("{}, opened again: {error}", self.what))
            }
            Err(error) => panic!("{}: {error}", self.what),
        };
        self.scenario.setup.iter().for_each(|act| act.run(&backend).unwrap());
        let other = open(path).unwrap();
        if !self.is_first {
            fault::arm(2 * call, fault);
        }
        let mut failed = 0;
        for (number, act) in self.scenario.acts.iter().enumerate() {
            let Err(error) = act.run(&backend) else {
                self.check(number + 1, "confirmed", &backend);
                continue;
            };
            failed += 1;
            let what = format!("{}, act {number}", self.what);
            // Who may not open the journal may not write at all.
            let is_refused = error.kind() == ErrorKind::ReadOnly && fault == Fault::Fail(EPERM);
            assert!(is_refused || matches!(error.kind(), ErrorKind::Io | ErrorKind::Poisoned), "{what}: {error}");
            self.check(number, "failed", &backend);
            self.check(number, "failed, seen by another handle", &open_to_read(path).unwrap());
            fault::disarm();
            self.check(number, "the fault is gone", &backend);
            if error.kind() == ErrorKind::Poisoned {
                self.check_poison(act, &backend, &other, matches!(fault, Fault::Fail(_)));
                backend = open(path).unwrap_or_else(|error| panic!("{what}, opened again: {error}"));
                self.check(number, "opened again", &backend);
            }
            // A copy has nothing but what is in the files.
            let copied = directory.path().join("copied");
            copy(path, &copied);
            let opened = open(&copied).unwrap_or_else(|error| panic!("{what}, copied: {error}"));
            // If nothing could be written any more, not even that the frame means nothing, only this system knows; and
            // the kind says so.
            let came_back = matches!(fault, Fault::FailFromHere(_))
                && error.kind() == ErrorKind::Poisoned
                && contents(&opened).unwrap() == self.expected[number + 1].0;
            self.check(number + usize::from(came_back), "copied", &opened);
            std::fs::remove_dir_all(copied).unwrap();
            act.run(&backend).unwrap_or_else(|error| panic!("{what}, tried again: {error}"));
            self.check(number + 1, "tried again", &backend);
        }
        let steps = fault::disarm();
        let last = self.scenario.acts.len();
        drop(backend);
        let backend = open(path).unwrap();
        self.check(last, "in the end", &backend);
        assert_eq!(files(path), self.expected[last].1, "{}", self.what);
        assert!(backend.recovered().is_none_or(|recovered| recovered.edited.is_empty()), "{}", self.what);
        check_private(path);
        (failed > 0 || steps > 2 * call).then_some(failed)
    }

    fn check(&self, acts: usize, when: &str, backend: &Filesystem) {
        let found = contents(backend).unwrap_or_else(|error| panic!("{}, {when}: {error}", self.what));
        let difference = difference(&self.expected[acts].0, &found);
        assert!(found == self.expected[acts].0, "{}, {when}: not what {acts} acts make: {difference}", self.what);
    }

    /// Whoever has the store open may write no more.
    fn check_poison(&self, act: &Act, backend: &Filesystem, other: &Filesystem, is_noted: bool) {
        for backend in [Some(backend), is_noted.then_some(other)].into_iter().flatten() {
            let refused = act.run(backend);
            let kind = refused.map_err(|error| error.kind());
            assert_eq!(kind, Err(ErrorKind::Poisoned), "{}: written after a sync had failed", self.what);
        }
    }
}

/// Lets calls fail, each in a run of its own; one of so many.
fn fail(names: &[&str], faults: &[&str], one_of: usize) {
    let runs: Vec<_> = names
        .iter()
        .flat_map(|name| ["Sync", "Buffered"].map(|durability| (*name, durability)))
        .flat_map(|(name, durability)| faults.iter().map(move |fault| [name, durability, *fault]))
        .collect();
    in_parallel(runs.len(), |run| {
        let [name, durability, fault] = runs[run];
        let one_of = if name.starts_with("leaf") { 1 } else { one_of };
        let words = [name, durability, fault, &one_of.to_string(), &(run % one_of).to_string()];
        let output = command("failures::fails_at_every_call", &words).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && text.contains("acts failed"), "{:?}\n{text}", runs[run]);
    });
}

#[test]
fn a_full_disk() {
    fail(&NAMES, &["full"], 12);
}

#[test]
fn a_broken_disk() {
    fail(&NAMES, &["broken from here"], 12);
}

/// What one way of making a file or link is refused, another may be allowed.
#[test]
fn a_system_that_refuses_one_call() {
    fail(&NAMES, &["not allowed", "no descriptor"], 16);
}

/// Two threads carry it out, and go on as far as each can.
#[test]
fn a_disk_that_fails_under_two_threads() {
    fail(&[MANY_LEAVES], &["full", "broken from here"], 1999);
}

#[test]
#[ignore = "long"]
fn a_disk_that_fails_under_two_threads_for_long() {
    fail(&[MANY_LEAVES], &["full", "broken from here"], 397);
}

#[test]
#[ignore = "a minute"]
fn every_fault_at_every_call() {
    let faults = ["full", "full from here", "broken", "broken from here", "not allowed", "no descriptor"];
    fail(&NAMES, &faults, 1);
}

/// A disk that fails under a reader hurts nobody: reading changes nothing.
#[test]
fn to_read_is_no_step() {
    let Some(words) = child() else {
        let directory = directory();
        drop(open(&place(&directory)).unwrap());
        let output = command("failures::to_read_is_no_step", &[place(&directory).to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    };
    fault::arm(0, Fault::FailFromHere(EIO));
    contents(&open_to_read(Path::new(&words[0])).unwrap()).unwrap();
    assert_eq!(fault::disarm(), 0);
}
