//! Files that are endless, or as good as that, in every place: nothing reads them to their end.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Durability, Expect};
use sepia::{ErrorKind, Store};

use crate::scenario::{board, draft, note};
use crate::support::{child, command, container, directory, key, leaf, link, open, open_to_read};

/// To read a terabyte of nothing takes longer than this, and a busy machine less.
const PATIENCE: Duration = Duration::from_secs(60);
/// So much memory may be needed beside the rest.
const ROOM: u64 = 64 << 20;

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |kilobytes| kilobytes << 10)
}

/// Runs the body of the test of this name in a process of its own, whose memory nobody else needs.
#[track_caller]
fn alone(test: &str, body: impl FnOnce()) {
    if child().is_some() {
        return body();
    }
    let done = command(test, &["alone"]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    said.lines().filter(|line| line.contains("skipped")).for_each(|line| eprintln!("{line}"));
}

/// Makes a file a terabyte long, of which nothing is there.
fn stretch(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap().set_len(1 << 40).unwrap();
}

fn store(path: &Path) {
    let backend = open(path).unwrap();
    let mut batch = Batch::new();
    for class in [note(), board(), draft()] {
        batch.declare(&class).unwrap();
    }
    batch.put(key("Note", "a"), leaf("a"), Expect::Any);
    batch.put(key("Note", "other"), leaf("other"), Expect::Any);
    batch.put(key("Board", "b"), container("{}\n", vec![("note", link("Note", "a"))]), Expect::Any);
    batch.put(key("Draft", "d.9"), leaf("9"), Expect::Any);
    backend.commit(batch).unwrap();
    let track = backend.track().unwrap();
    put(&backend, "a", "a2", Durability::Sync).unwrap();
    backend.checkpoint().unwrap();
    std::mem::forget(track);
}

fn put(backend: &Filesystem, id: &str, text: &str, durability: Durability) -> sepia::Result<()> {
    let mut batch = Batch::new();
    batch.declare(&note())?;
    batch.set_durability(durability);
    batch.put(key("Note", id), leaf(text), Expect::Any);
    backend.commit(batch)
}

/// Reads and writes all that there is, and is quick and small about it. Returns what was said of the note.
fn use_it(path: &Path, what: &str) -> Vec<String> {
    let (began, before) = (Instant::now(), peak());
    let mut said = Vec::new();
    for read_only in [true, false] {
        let opened = if read_only { open_to_read(path) } else { open(path) };
        let backend = match opened {
            Ok(backend) => backend,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Io), "{what}: {error}");
                said.push(error.to_string());
                continue;
            }
        };
        for read in [key("Note", "a"), key("Board", "b"), key("Draft", "d.9")].map(|key| backend.read(&key)) {
            if let Err(error) = read {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
                said.push(error.to_string());
            }
        }
        assert_eq!(backend.newest(&key("Draft", "d")).unwrap(), Some(key("Draft", "d.9")), "{what}");
        let _ = backend.links(&key("Board", "b"));
        let _ = backend.stat(&key("Note", "a"));
        if !read_only {
            put(&backend, "new", what, Durability::Buffered).unwrap_or_else(|error| panic!("{what}: {error}"));
            put(&backend, "new", "sync", Durability::Sync).unwrap_or_else(|error| panic!("{what}: {error}"));
            backend.checkpoint().unwrap();
        }
    }
    let verified = Store::open(path).and_then(|store| store.verify().run());
    let repaired = Store::open(path).and_then(|store| store.verify().repair().run());
    assert!(said.is_empty() || verified.is_ok_and(|report| !report.problems.is_empty()) || repaired.is_err(), "{what}");
    let took = began.elapsed();
    assert!(took < PATIENCE, "{what}: {took:?}");
    assert!(peak() < before + ROOM, "{what}: {} MB", (peak() - before) >> 20);
    said
}

/// A file of a terabyte without content was read until memory ended.
#[test]
fn sparse_files_are_not_read_to_their_end() {
    alone("bounds::sparse_files_are_not_read_to_their_end", each_sparse_file);
}

fn each_sparse_file() {
    for (name, is_refused) in [
        (".sepia/journal", false),
        (".sepia/state", false),
        (".sepia/format.json", true),
        (".sepia/followed", false),
        (".sepia/latest/Draft/d", false),
        (".sepia/latest/.Draft", false),
        (".sepia/tmp/1", false),
        ("Note/a", true),
        ("Board/b/data.json", true),
        ("Board/b/stray", false),
        ("Draft/d.9", true),
    ] {
        let scratch = directory();
        let path = scratch.path().join("store");
        store(&path);
        stretch(&path.join(name));
        let said = use_it(&path, name);
        assert_eq!(!said.is_empty(), is_refused, "{name}: {said:?}");
        if name == "Note/a" {
            let text = &said[0];
            for word in ["1099511627776", "1073741824", "max_record_size", "Note/a"] {
                assert!(text.contains(word), "{text} does not say {word}");
            }
            // It can be deleted all the same, and so much else be done beside it.
            let backend = open(&path).unwrap();
            let mut batch = Batch::new();
            batch.delete(key("Note", "a"), Expect::Present);
            backend.commit(batch).unwrap();
            assert!(!path.join("Note/a").exists());
        }
    }
}

/// Journals whose frames say that they are as long as the file.
#[test]
fn frames_of_a_sparse_journal_are_not_believed() {
    alone("bounds::frames_of_a_sparse_journal_are_not_believed", each_sparse_frame);
}

fn each_sparse_frame() {
    use crate::craft::{self, Frame};
    for (length, trusted) in [(1_u64 << 39, false), (u64::MAX - 200, false), (64 << 20, false), (64 << 20, true)] {
        let scratch = directory();
        let path = scratch.path().join("store");
        store(&path);
        let mut frame = Frame::first().encode(&[]);
        frame[40..48].copy_from_slice(&length.to_le_bytes());
        craft::seal_frame(&mut frame);
        craft::write_in_place(&path.join(".sepia/journal"), &craft::journal(&frame));
        stretch(&path.join(".sepia/journal"));
        if trusted {
            let end = craft::START + 72 + length;
            let state = craft::State {
                durable: true,
                epoch: 7,
                sequence: 50,
                applied: craft::START,
                committed: end,
                synced: craft::START,
            };
            state.write_into(&path.join(".sepia/state"));
        } else {
            fs::remove_file(path.join(".sepia/state")).unwrap();
        }
        let before = peak();
        let began = Instant::now();
        for opened in [open_to_read(&path), open(&path)] {
            let _ = opened.and_then(|backend| backend.read(&key("Note", "a")));
        }
        let took = began.elapsed();
        assert!(took < PATIENCE, "{length}: {took:?}");
        assert!(peak() < before + ROOM, "{length}: {} MB", (peak() - before) >> 20);
    }
}

/// A device loaded as an empty note, or without end.
#[test]
fn devices_and_pipes_are_no_records() {
    alone("bounds::devices_and_pipes_are_no_records", each_device);
}

fn each_device() {
    for (name, minor) in [("fifo", 0), ("zero", 5), ("null", 3), ("full", 7), ("random", 9)] {
        for place in ["Note/a", "Board/b/data.json"] {
            let scratch = directory();
            let path = scratch.path().join("store");
            store(&path);
            let file = path.join(place);
            fs::remove_file(&file).unwrap();
            let mut make = if name == "fifo" { Command::new("mkfifo") } else { Command::new("mknod") };
            make.arg(&file);
            if name != "fifo" {
                make.args(["c", "1", &minor.to_string()]);
            }
            if !make.output().unwrap().status.success() {
                eprintln!("skipped: this process may not make devices");
                return;
            }
            if open_to_read(&path).is_ok() && name != "fifo" && fs::File::open(&file).is_err() {
                eprintln!("skipped: devices cannot be opened here");
                return;
            }
            let said = use_it(&path, &format!("{name} as {place}"));
            assert!(said.iter().any(|said| said.contains("file")), "{name} as {place}: {said:?}");
        }
    }
}

/// Someone writes on while the file is read.
#[test]
fn a_file_that_grows_is_bounded() {
    let scratch = directory();
    let path = scratch.path().join("store");
    store(&path);
    let mut options = OpenOptions::default();
    options.max_record_size = 1 << 20;
    let backend = Filesystem::open(&path, &options).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write;
            let mut file = fs::OpenOptions::new().append(true).open(path.join("Note/a")).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) && file.metadata().unwrap().len() < 8 << 20 {
                file.write_all(&[b'x'; 4096]).unwrap();
            }
        });
        for _ in 0..1000 {
            match backend.read(&key("Note", "a")) {
                Ok(Some(sepia::record::Record::Leaf(content))) => assert!(content.len() <= 1 << 20),
                Ok(other) => panic!("{other:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// The same on save and on load, for files and containers.
#[test]
fn a_record_has_a_greatest_size() {
    let scratch = directory();
    let path = scratch.path().join("store");
    store(&path);
    let mut options = OpenOptions::default();
    options.max_record_size = 1000;
    let small = Filesystem::open(&path, &options).unwrap();
    let large = open(&path).unwrap();
    for durability in [Durability::Buffered, Durability::Sync] {
        for id in ["a", "fresh"] {
            let before = crate::support::files(&path);
            let refused = put(&small, id, &"x".repeat(1001), durability).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidValue, "{refused}");
            assert!(refused.to_string().contains("1001") && refused.to_string().contains("1000"), "{refused}");
            assert_eq!(crate::support::files(&path), before);
            put(&small, id, &"x".repeat(1000), durability).unwrap();
            assert_eq!(small.read(&key("Note", id)).unwrap(), Some(leaf(&"x".repeat(1000))));
            put(&large, id, &"x".repeat(1001), durability).unwrap();
            assert_eq!(small.read(&key("Note", id)).map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
            put(&large, id, "x", durability).unwrap();
        }
    }
    let of = |links: usize, data: usize| {
        let names: Vec<String> = (0..links).map(|number| format!("{number:04}_a")).collect();
        let entries = names.iter().map(|name| (&**name, link("Note", "a"))).collect();
        container(&"x".repeat(data), entries)
    };
    let save = |backend: &Filesystem, record| {
        let mut batch = Batch::new();
        batch.put(key("Board", "b"), record, Expect::Any);
        backend.commit(batch).map_err(|error| error.kind())
    };
    for (links, data) in [(10, 360), (15, 40), (0, 1000)] {
        save(&small, of(links, data)).unwrap();
        assert_eq!(small.read(&key("Board", "b")).unwrap(), Some(of(links, data)));
        for too_large in [of(links + 1, data), of(links, data + 1)] {
            assert_eq!(save(&small, too_large.clone()), Err(ErrorKind::InvalidValue));
            save(&large, too_large).unwrap();
            assert_eq!(small.read(&key("Board", "b")).map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
            save(&large, of(0, 1)).unwrap();
        }
    }
}

/// The system takes no path of more than 4096 bytes at once, so a checkpoint failed, and poisoned the store.
#[test]
fn paths_are_longer_than_the_system_takes_at_once() {
    let scratch = directory();
    let path = scratch.path().join("store");
    let name = "n".repeat(200);
    let mut entry = link("Note", "a");
    for _ in 0..30 {
        entry = sepia::record::Entry::Collection(crate::support::entries(vec![(&*name, entry)]));
    }
    let record = container("{}\n", vec![("list", entry)]);
    let backend = open(&path).unwrap();
    let mut batch = Batch::new();
    batch.declare(&board()).unwrap();
    batch.put(key("Board", "deep"), record.clone(), Expect::Absent);
    backend.commit(batch).unwrap();
    backend.checkpoint().unwrap();
    assert_eq!(open(&path).unwrap().read(&key("Board", "deep")).unwrap(), Some(record));
    let mut batch = Batch::new();
    batch.delete(key("Board", "deep"), Expect::Present);
    backend.commit(batch).unwrap();
    backend.checkpoint().unwrap();
    assert!(!path.join("Board/deep").exists());
}
