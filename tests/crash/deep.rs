//! Directories within directories: few of them are open at a time, and what nobody can read can be deleted.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit};
use sepia::backend::{Backend, fault};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::Class;
use sepia::record::{Entry, Record};
use sepia::{ErrorKind, Store};

use crate::support::{child, command, container, directory, entries, key, link, node, open, place};

fn batch(durability: Durability) -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(durability);
    batch.declare(&Class::container("Box")).unwrap();
    batch
}

/// As many containers as can be within each other, each in a collection of the one around it.
fn containers() -> Record {
    let data = |number: usize| format!("{{\n  \"number\": {number}\n}}\n");
    let name = format!("0000_{}", "n".repeat(100));
    let inner = |number: usize, within: Vec<(&str, Entry)>| node(&data(number), within);
    let mut all = inner(128, vec![("lid", link("Box", "elsewhere"))]);
    for number in (2..128).rev() {
        let list = Entry::Collection(entries(vec![(&name, Entry::Container(all))]));
        all = inner(number, vec![("inner", list), ("lid", link("Box", "elsewhere")), ("zone", link("Box", "x"))]);
    }
    container(&data(1), vec![("inner", Entry::Collection(entries(vec![(&name, Entry::Container(all))])))])
}

/// Collections within each other, as deep as that may be.
fn collections() -> Record {
    let mut all = Entry::Collection(entries(vec![("0000_x", link("Box", "x"))]));
    for _ in 1..400 {
        all = Entry::Collection(entries(vec![("0000", all), ("0001_y", link("Box", "y"))]));
    }
    container("{}\n", vec![("all", all)])
}

/// Does everything that there is to be done, with few descriptors.
#[test]
fn works_with_few_descriptors() {
    let Some(words) = child() else { return };
    let limit = Rlimit { current: Some(64), maximum: Some(64) };
    rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
    let backend = open(Path::new(&words[0])).unwrap();
    for (durability, record) in
        [(Durability::Buffered, containers()), (Durability::Sync, collections()), (Durability::Sync, containers())]
    {
        let own = key("Box", "deep");
        let mut put = batch(durability);
        put.put(own.clone(), record.clone(), Expect::Absent);
        backend.commit(put).unwrap();
        assert_eq!(backend.read(&own).unwrap().as_ref(), Some(&record));
        let mut linked = Vec::new();
        record.each_link(&mut |link| linked.push(link.clone()));
        let mut found = backend.links(&own).unwrap().unwrap();
        linked.sort();
        found.sort();
        assert_eq!(found, linked);
        assert!(backend.stat(&own).unwrap().unwrap().bytes > 0 && backend.contains(&own).unwrap());
        backend.read_sealed(&own).unwrap();
        let store = Store::with_backend(open(Path::new(&words[0])).unwrap());
        let report = store.verify().run().unwrap();
        assert!(
            report.problems.iter().all(|problem| problem.problem.kind == sepia::ProblemKind::Dangling),
            "{report:?}"
        );
        store.close().unwrap();
        backend.upkeep().set_aside(&own, &record).unwrap();
        let mut gone = batch(durability);
        gone.delete(own.clone(), Expect::Present);
        backend.commit(gone).unwrap();
        assert_eq!(backend.read(&own).unwrap(), None);
    }
}

/// Each directory of the way down was kept open, two for each nested container.
#[test]
fn the_deepest_records_take_few_descriptors() {
    let scratch = directory();
    let output = command("deep::works_with_few_descriptors", &[place(&scratch).to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn step(parent: &OwnedFd, name: &str) -> OwnedFd {
    rustix::fs::mkdirat(parent, name, Mode::RWXU).unwrap();
    rustix::fs::openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
}

fn file(parent: &OwnedFd, name: &str) {
    drop(rustix::fs::openat(parent, name, OFlags::CREATE | OFlags::WRONLY, Mode::RUSR | Mode::WUSR).unwrap());
}

/// Makes a container by hand, so deep, every directory in it with what could be there.
fn dig(path: &Path, depth: usize) {
    std::fs::create_dir_all(path).unwrap();
    let mut at: OwnedFd = std::fs::File::open(path).unwrap().into();
    for level in 0..depth {
        file(&at, "data.json");
        rustix::fs::symlinkat("../../Box/x", &at, "link").unwrap();
        if level % 100 == 7 {
            drop(step(&at, "aside"));
        }
        at = step(&at, "d");
    }
}

/// A container in which directories nested too deep to be read could not be deleted either; and far deeper, the stack
/// did not suffice.
#[test]
fn what_is_deeper_than_any_record_is_deleted() {
    let scratch = directory();
    let path = place(&scratch);
    let backend = open(&path).unwrap();
    let own = key("Box", "deep");
    for (depth, durability) in [
        (400, Durability::Buffered),
        (401, Durability::Buffered),
        (402, Durability::Sync),
        (403, Durability::Buffered),
        (900, Durability::Sync),
        (3000, Durability::Buffered),
    ] {
        let mut first = batch(durability);
        first.put(own.clone(), container("{}\n", vec![]), Expect::Absent);
        backend.commit(first).unwrap();
        std::fs::remove_dir_all(path.join("Box/deep")).unwrap();
        dig(&path.join("Box/deep"), depth);
        if depth > 401 {
            assert_eq!(backend.read(&own).unwrap_err().kind(), ErrorKind::Corrupt, "{depth}");
        }
        assert!(backend.contains(&own).unwrap());
        let _ = (backend.links(&own), backend.stat(&own).unwrap());
        let store = Store::with_backend(open(&path).unwrap());
        assert!(!store.verify().run().unwrap().problems.is_empty(), "{depth}");
        drop(store);
        let mut gone = batch(durability);
        gone.delete(own.clone(), Expect::Present);
        backend.commit(gone).unwrap();
        assert_eq!((backend.read(&own).unwrap(), backend.contains(&own).unwrap()), (None, false), "{depth}");
        assert!(!path.join("Box/deep").exists(), "{depth}");
    }
    crate::support::check_private(&path);
}

/// What others have put there stays, and only that.
#[test]
fn foreign_files_in_the_deep_stay() {
    let scratch = directory();
    let path = place(&scratch);
    let backend = open(&path).unwrap();
    let own = key("Box", "deep");
    let mut first = batch(Durability::Buffered);
    first.put(own.clone(), container("{}\n", vec![]), Expect::Absent);
    backend.commit(first).unwrap();
    std::fs::remove_dir_all(path.join("Box/deep")).unwrap();
    dig(&path.join("Box/deep"), 450);
    let mut at: OwnedFd = std::fs::File::open(path.join("Box/deep")).unwrap().into();
    for _ in 0..420 {
        at = rustix::fs::openat(&at, "d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    file(&at, ".foreign");
    let mut gone = batch(Durability::Buffered);
    gone.delete(own.clone(), Expect::Present);
    backend.commit(gone).unwrap();
    assert!(!backend.contains(&own).unwrap());
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(&at).unwrap() {
        names.push(entry.unwrap().file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !matches!(&**name, "." | ".."));
    assert_eq!(names, [".foreign"]);
    rustix::fs::unlinkat(&at, ".foreign", rustix::fs::AtFlags::empty()).unwrap();
    std::fs::remove_dir_all(path.join("Box/deep")).unwrap();
}

/// A writer that dies while it deletes such a container has deleted it all the same.
#[test]
fn what_is_deeper_than_any_record_is_deleted_by_whoever_comes_next() {
    let scratch = directory();
    let path = place(&scratch);
    let backend = open(&path).unwrap();
    let own = key("Box", "deep");
    let mut first = batch(Durability::Buffered);
    first.put(own.clone(), container("{}\n", vec![]), Expect::Absent);
    backend.commit(first).unwrap();
    drop(backend);
    std::fs::remove_dir_all(path.join("Box/deep")).unwrap();
    dig(&path.join("Box/deep"), 450);
    let output = command("deep::dies_while_it_deletes", &[path.to_str().unwrap()]).output().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(6));
    assert!(path.join("Box/deep").exists());
    let backend = open(&path).unwrap();
    assert!(!backend.contains(&own).unwrap() && !path.join("Box/deep").exists());
}

/// Dies in the deep.
#[test]
fn dies_while_it_deletes() {
    let Some(words) = child() else { return };
    let backend = open(Path::new(&words[0])).unwrap();
    let mut gone = batch(Durability::Buffered);
    gone.delete(key("Box", "deep"), Expect::Present);
    // Past the frame, the files of 400 directories, and some of those below.
    fault::arm(2 * 900, fault::Fault::Abort);
    backend.commit(gone).unwrap();
    println!("\nsteps {}", fault::disarm());
}
