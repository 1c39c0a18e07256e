//! At no step is anything private open to others, whatever the umask says.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use sepia::backend::fault::{self, Fault};
use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::Record;
use sepia::{Shared, Store};

use crate::support::{child, command, container, directory, in_parallel, key, leaf, link, place};

const NEVER: u64 = u64::MAX - 1;

/// Does a little of everything in a store, and dies at a step.
#[test]
fn dies_in_a_wide_umask() {
    let Some(words) = child() else { return };
    rustix::process::umask(rustix::fs::Mode::empty());
    let (path, shared, step) = (Path::new(&words[0]), &*words[1], words[2].parse().unwrap());
    let shared = (shared == "group").then_some(Shared::Group);
    fault::arm(step, Fault::Abort);
    let mut options = OpenOptions::default();
    (options.shared, options.checksums) = (shared, words[3] == "checksums");
    let backend = Filesystem::open(path, &options).unwrap();
    let put = |durability, records: Vec<(&str, &str, Record)>| {
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Note", Format::Text)).unwrap();
        batch.declare(&Class::serializable("Draft", Format::Text).with_generations()).unwrap();
        batch.declare(&Class::container("Board")).unwrap();
        batch.set_durability(durability);
        for (class, id, record) in records {
            batch.put(key(class, id), record, Expect::Any);
        }
        backend.commit(batch)
    };
    for durability in [Durability::Buffered, Durability::Sync] {
        put(durability, vec![("Note", "a", leaf("1"))]).unwrap();
        // What takes its place shows no more, from its birth on.
        fs::set_permissions(path.join("Note/a"), fs::Permissions::from_mode(0o600)).unwrap();
        put(durability, vec![("Note", "a", leaf("2"))]).unwrap();
        let board = container("{}\n", vec![("note", link("Note", "a"))]);
        put(durability, vec![("Board", "b", board), ("Draft", "d.0", leaf("1"))]).unwrap();
        put(durability, vec![("Draft", "d.1", leaf("2")), ("Note", "a", leaf("3"))]).unwrap();
    }
    // What others follow, what repairs take away, and what a checkpoint leaves.
    let track = backend.track().unwrap();
    put(Durability::Buffered, vec![("Note", "a", leaf("4"))]).unwrap();
    backend.checkpoint().unwrap();
    drop(track);
    fs::write(path.join("Board/b/data.json"), "no values").unwrap();
    Store::with_backend(backend).verify().repair().run().unwrap();
    println!("\nsteps {}", fault::disarm());
}

/// Checks that what stands below the private directory has no more than these modes.
fn check(what: &str, private: &Path, (directories, files): (u32, u32)) {
    let mut left = vec![private.to_owned()];
    while let Some(path) = left.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let (mode, below) = (found.mode() & 0o777, path.strip_prefix(private).unwrap());
        if found.is_dir() {
            assert_eq!(mode & !directories, 0, "{what}: {path:?} has {mode:o}");
            // What was moved there is as it was in the store.
            if !below.starts_with("quarantine") || below.components().count() < 3 {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        } else if !found.is_symlink() {
            // A symlink has no permissions of its own.
            assert_eq!(mode & !files, 0, "{what}: {path:?} has {mode:o}");
        }
    }
}

fn at_each_step(shared: &str, checksums: &str, modes: (u32, u32), stride: usize) {
    let run = |path: &Path, step: u64| {
        let words = [path.to_str().unwrap(), shared, &step.to_string(), checksums];
        let output = command("private::dies_in_a_wide_umask", &words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let steps = text.lines().find_map(|line| line.strip_prefix("steps ")?.parse::<usize>().ok());
        assert!(steps.is_some() || std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(6), "{text}");
        steps
    };
    let whole = directory();
    let steps = run(&place(&whole), NEVER).unwrap();
    assert!(steps > 100);
    in_parallel(steps / stride, |step| {
        let directory = directory();
        let path = place(&directory);
        // After a call, and before the next.
        let step = step * stride + step % 2;
        run(&path, step as u64);
        if path.join(".sepia").exists() {
            check(&format!("step {step}"), &path.join(".sepia"), modes);
        }
    });
}

#[test]
fn nothing_private_is_open_to_others_at_any_step() {
    at_each_step("nobody", "none", (0o700, 0o600), 5);
}

#[test]
fn nothing_shared_is_open_to_more_than_the_group_at_any_step() {
    at_each_step("group", "checksums", (0o770, 0o660), 5);
}

/// Puts two notes at once, and dies at a step.
#[test]
fn dies_between_two_notes() {
    let Some(words) = child() else { return };
    let backend = Filesystem::open(&words[0], &OpenOptions::default()).unwrap();
    let put = |text: &str| {
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Note", Format::Text)).unwrap();
        ["a", "b"].into_iter().for_each(|id| batch.put(key("Note", id), leaf(text), Expect::Any));
        backend.commit(batch)
    };
    put("before").unwrap();
    fault::arm(words[1].parse().unwrap(), Fault::Abort);
    put("after").unwrap();
    println!("\nsteps {}", fault::disarm());
}

/// What a commit would have written over an edit was kept where all could read it.
#[test]
fn what_is_kept_of_a_conflict_is_private() {
    let mut kept = 0;
    for step in 0..40 {
        let directory = directory();
        let path = place(&directory);
        let word = step.to_string();
        let _ = command("private::dies_between_two_notes", &[path.to_str().unwrap(), &word]).output().unwrap();
        for id in ["a", "b"] {
            let note = path.join("Note").join(id);
            if fs::read_to_string(&note).unwrap() == "before" {
                fs::write(&note, "edited").unwrap();
            }
        }
        let backend = Filesystem::open(&path, &OpenOptions::default()).unwrap();
        kept += backend.recovered().map_or(0, |recovered| recovered.edited.len());
        check(&format!("step {step}"), &path.join(".sepia"), (0o700, 0o600));
    }
    assert!(kept > 0);
}

#[test]
#[ignore = "a minute"]
fn nothing_private_is_open_to_others_at_every_step() {
    at_each_step("nobody", "none", (0o700, 0o600), 1);
    at_each_step("nobody", "checksums", (0o700, 0o600), 1);
    at_each_step("group", "none", (0o770, 0o660), 1);
}
