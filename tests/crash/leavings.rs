//! What a killed writer has left is told rightly, and carried out as by whoever came later.

use std::path::Path;

use sepia::Store;
use sepia::backend::fault::{self, Fault};
use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Expect};

use crate::scenario::{draft, note};
use crate::support::{child, command, directory, key, leaf, open, open_to_read, place};

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
