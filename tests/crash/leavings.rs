//! What a killed writer has left is told rightly, and carried out as by whoever came later.

use std::path::Path;

use sepia::backend::fault::{self, Fault};
use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Expect};
use sepia::{ProblemKind, Store};

use crate::scenario::{draft, note};
use crate::support::{child, command, contents, directory, key, leaf, open, open_to_read, place};

fn with_checksums() -> OpenOptions {
    let mut options = OpenOptions::default();
    options.checksums = true;
    options
}

/// Turns checksums on, and dies at a step of a commit.
#[test]
fn dies_with_checksums() {
    let Some(words) = child() else { return };
    let backend = Filesystem::open(Path::new(&words[0]), &with_checksums()).unwrap();
    let mut batch = Batch::new();
    ["a", "b"].iter().for_each(|id| batch.put(key("Note", id), leaf("new"), Expect::Any));
    batch.put(key("Draft", "d.1"), leaf("new"), Expect::Any);
    fault::arm(words[1].parse().unwrap(), Fault::Abort);
    backend.commit(batch).unwrap();
    println!("\nsteps {}", fault::disarm());
}

/// Calls `check` with a handle from before checksums were turned on, and the store, for each step at which a writer
/// can die.
fn at_each_step(check: impl Fn(&Filesystem, &Path, u64)) {
    for step in 0.. {
        let scratch = directory();
        let path = place(&scratch);
        let backend = open(&path).unwrap();
        let mut batch = Batch::new();
        [note(), draft()].iter().for_each(|class| batch.declare(class).unwrap());
        batch.put(key("Note", "old"), leaf("old"), Expect::Any);
        batch.put(key("Draft", "d.0"), leaf("old"), Expect::Any);
        backend.commit(batch).unwrap();
        let words = [path.to_str().unwrap(), &step.to_string()];
        let output = command("leavings::dies_with_checksums", &words).output().unwrap();
        check(&backend, &path, step);
        if String::from_utf8_lossy(&output.stdout).contains("\nsteps ") {
            assert!(step > 10, "it never died");
            return;
        }
    }
}

/// The files of a commit that an older handle carried out once had no checksums.
#[test]
fn an_older_handle_recovers_with_checksums() {
    at_each_step(|backend, path, step| {
        let mut batch = Batch::new();
        batch.put(key("Note", "later"), leaf("later"), Expect::Any);
        backend.commit(batch).unwrap();
        let report = Store::with_backend(open(path).unwrap()).verify().run().unwrap();
        assert_eq!(report.unchecked, 2, "step {step}: {report:#?}");
    });
}

/// A hint that tells of a generation that is committed, and not carried out yet, was once told as wrong.
#[test]
fn what_is_committed_is_verified_for_reading() {
    at_each_step(|_, path, step| {
        let reader = open_to_read(path).unwrap();
        if !reader.contains(&key("Draft", "d.1")).unwrap() {
            return;
        }
        let report = Store::with_backend(reader).verify().run().unwrap();
        let problems: Vec<_> = report.problems.iter().map(|found| found.problem.to_string()).collect();
        assert!(report.is_clean(), "step {step}: {problems:#?}");
    });
}

/// Commits generations that come and go, and dies at a step.
#[test]
fn dies_with_generations() {
    let Some(words) = child() else { return };
    let backend = open(Path::new(&words[0])).unwrap();
    fault::arm(words[1].parse().unwrap(), Fault::Abort);
    for put in [&["old.1"][..], &["old.7"], &["new.0"], &["late.5"], &["both.0", "both.1"]] {
        let mut batch = Batch::new();
        put.iter().for_each(|id| batch.put(key("Draft", id), leaf(id), Expect::Absent));
        backend.commit(batch).unwrap();
    }
    for deleted in [&["old.7"][..], &["gone.3"], &["gone.0", "gone.1", "gone.2"], &["new.0", "late.5"]] {
        let mut batch = Batch::new();
        deleted.iter().for_each(|id| batch.delete(key("Draft", id), Expect::Present));
        backend.commit(batch).unwrap();
    }
    println!("\nsteps {}", fault::disarm());
}

/// A hint of a generation that was not made any more, or was just removed, was once told as wrong.
#[test]
fn a_writer_that_dies_between_a_hint_and_its_commit_leaves_nothing_wrong() {
    for step in 0.. {
        let scratch = directory();
        let path = place(&scratch);
        let backend = open(&path).unwrap();
        let mut batch = Batch::new();
        batch.declare(&draft()).unwrap();
        ["old.0", "gone.0", "gone.1", "gone.2", "gone.3"]
            .iter()
            .for_each(|id| batch.put(key("Draft", id), leaf(id), Expect::Any));
        backend.commit(batch).unwrap();
        drop(backend);
        let words = [path.to_str().unwrap(), &step.to_string()];
        let output = command("leavings::dies_with_generations", &words).output().unwrap();
        for backend in [open_to_read(&path).unwrap(), open(&path).unwrap()] {
            // Each newest generation is that of a list.
            contents(&backend).unwrap_or_else(|error| panic!("step {step}: {error}"));
            let report = Store::with_backend(backend).verify().run().unwrap();
            let told = |kind| kind != ProblemKind::Leftover;
            let problems: Vec<_> =
                report.problems.into_iter().map(|found| found.problem).filter(|problem| told(problem.kind)).collect();
            assert!(problems.is_empty(), "step {step}: {problems:#?}");
        }
        let backend = open(&path).unwrap();
        for id in ["old.9", "new.9", "late.9", "both.9", "gone.9"] {
            let mut batch = Batch::new();
            batch.put(key("Draft", id), leaf(id), Expect::Any);
            backend.commit(batch).unwrap();
            contents(&backend).unwrap_or_else(|error| panic!("step {step}, {id}: {error}"));
        }
        if String::from_utf8_lossy(&output.stdout).contains("\nsteps ") {
            assert!(step > 40, "it never died");
            return;
        }
    }
}
