//! Stores that come from strangers: whatever their journal says, nothing outside of them is touched, and nothing in them
//! that is not theirs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sepia::backend::{Backend, Filesystem};
use sepia::batch::{Batch, Durability, Expect};
use sepia::{ErrorKind, Store};

use crate::canary::Canary;
use crate::craft::{self, Act, Frame, HEADER, Operation, START, State, operation};
use crate::scenario::{board, note};
use crate::support::{contents, directory, files, key, leaf, open, open_to_read};

/// Operations that no writer writes.
fn improper() -> Vec<Operation> {
    let file = || Act::File(b"overwritten".to_vec());
    let mut all = Vec::new();
    for path in [
        "../canary/secret",
        "../canary/new",
        "Note/../../canary/secret",
        "Note/a/../../../canary/secret",
        "Board/b/../../../canary/secret",
        ".sepia/../../canary/secret",
        ".sepia/../Note/x",
        ".sepia/x",
        ".sepia/state",
        ".sepia/tmp/x",
        ".git/hooks/x",
        "Note/.git",
        "Note/./x",
        "./Note/x",
        "Note//x",
        "Note/",
        "Note/a/x",
        "..",
        ".",
        "",
        "/",
    ] {
        all.push(operation(path, file()));
    }
    for path in ["../canary/new", "Note/../../canary/new", "..", ".git", ".git/hooks", ".sepia/x", "New", "Board/b/.x"]
    {
        all.push(operation(path, Act::Directory));
    }
    for path in ["../canary/secret", "Note/../../canary/secret", ".sepia/format.json", ".git/config", ".."] {
        all.push(operation(path, Act::Remove));
    }
    for path in ["../canary/empty", "Board/../../canary/empty", ".sepia", ".sepia/tmp", ".git", ".."] {
        all.push(operation(path, Act::RemoveDirectory));
    }
    for target in ["../canary/secret", "../../../canary/secret", "/etc/passwd", "", "../../.sepia/state", "../../Note"]
    {
        all.push(operation("Board/b/link", Act::Link(target.to_owned())));
    }
    all.push(operation("Note/link", Act::Link("../Note/a".to_owned())));
    all.push(operation("../canary/link", Act::Link("../../Note/a".to_owned())));
    all
}

/// The same with absolute paths, of what is outside.
fn absolute(canary: &Path) -> Vec<Operation> {
    let path = |name: &str| canary.join(name).to_str().unwrap().to_owned();
    vec![
        (path("secret"), Act::File(b"overwritten".to_vec())),
        (path("new"), Act::Directory),
        (path("secret"), Act::Remove),
        (path("empty"), Act::RemoveDirectory),
        (format!("Note/{}", path("secret")), Act::File(b"overwritten".to_vec())),
    ]
}

/// How much can be believed of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// There is no state.
    None,
    /// A state that was copied from elsewhere.
    Copied,
    /// The state of this store, with a commit that has not been carried out.
    Pending,
    /// The state of this store, with a commit that only has to be synced.
    Applied,
}

/// A store with a note, a board and a foreign directory, and a canary beside it.
fn store(outer: &Path) -> Canary {
    let path = outer.join("store");
    let backend = open(&path).unwrap();
    let mut batch = Batch::new();
    batch.declare(&note()).unwrap();
    batch.declare(&board()).unwrap();
    batch.put(key("Note", "a"), leaf("untouched"), Expect::Any);
    batch.put(key("Board", "b"), crate::support::container("{}\n", vec![]), Expect::Any);
    backend.commit(batch).unwrap();
    backend.checkpoint().unwrap();
    fs::create_dir_all(path.join(".git/hooks")).unwrap();
    fs::write(path.join(".git/config"), "").unwrap();
    Canary::make(&outer.join("canary"))
}

/// Gives a store a journal of these frames.
fn plant(path: &Path, frames: &[u8], trust: Trust) {
    let (journal, state) = (path.join(".sepia/journal"), path.join(".sepia/state"));
    craft::write_in_place(&journal, &craft::journal(frames));
    let end = START + frames.len() as u64;
    let applied = if trust == Trust::Applied { end } else { START };
    let believed = State { durable: true, epoch: 7, sequence: 5, applied, committed: end, synced: end };
    match trust {
        Trust::None => fs::remove_file(&state).unwrap(),
        Trust::Copied => {
            believed.write_into(&state);
            let copied = fs::read(&state).unwrap();
            fs::remove_file(&state).unwrap();
            // Keeps the inode from being given again.
            fs::write(path.join(".sepia/tmp/other"), "").unwrap();
            fs::write(&state, copied).unwrap();
        }
        Trust::Pending | Trust::Applied => believed.write_into(&state),
    }
}

/// What can be done with a store: each is an error that names the journal, or finds the store as it was.
fn try_everything(path: &Path, what: &str, expect_refusal: bool) {
    let mut refusals = 0;
    let mut judge = |done: sepia::Result<()>| {
        if let Err(error) = done {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
            assert!(error.to_string().contains(".sepia/journal"), "{what}: {error}");
            refusals += 1;
        }
    };
    let read = |backend: &Filesystem| {
        contents(backend).map(|found| assert_eq!(found.get(&key("Note", "a")), Some(&leaf("untouched")), "{what}"))
    };
    judge(open_to_read(path).and_then(|backend| read(&backend)));
    judge(open_to_read(path).and_then(|backend| backend.read(&key("Board", "b")).map(drop)));
    judge(Store::builder().read_only().open(path).and_then(|store| store.verify().run().map(drop)));
    judge(Store::open(path).and_then(|store| store.verify().repair().run().map(drop)));
    judge(open(path).and_then(|backend| read(&backend)));
    judge(open(path).and_then(|backend| backend.checkpoint()));
    judge(open(path).and_then(|backend| {
        let mut batch = Batch::new();
        batch.set_durability(Durability::Sync);
        batch.expect(key("Note", "a"), Expect::Present);
        backend.commit(batch)
    }));
    assert!(refusals > 0 || !expect_refusal, "{what}: nothing was said");
}

/// Opening a store of a stranger overwrote files beside it, by a path in a frame of its journal.
#[test]
fn no_operation_leads_out_of_the_store_or_to_what_is_not_its_own() {
    // Each operation with two of the four, and each of these with every other operation.
    lead_nowhere(2);
}

#[test]
#[ignore = "long"]
fn no_operation_leads_out_of_the_store_with_any_state() {
    lead_nowhere(1);
}

/// Tries one of so many of all operations with each kind of state.
fn lead_nowhere(one_of: usize) {
    let shapes = [Trust::None, Trust::Copied, Trust::Pending, Trust::Applied];
    let canary_place = directory();
    for (number, trust) in shapes.into_iter().enumerate() {
        let mut all = improper();
        all.extend(absolute(&canary_place.path().join("canary")));
        let elsewhere = Canary::make(&canary_place.path().join("canary"));
        for bad in all.into_iter().skip(number % one_of).step_by(one_of) {
            let outer = directory();
            let canary = store(outer.path());
            let path = outer.path().join("store");
            let good = operation("Note/new", Act::File(b"carried out".to_vec()));
            // Behind a frame and an operation that are as they should be.
            let mut frames = Frame::first().encode(std::slice::from_ref(&good));
            let second = Frame { at: START + frames.len() as u64, sequence: 2, ..Frame::first() };
            frames.extend(second.encode(&[good, bad.clone(), operation("Note/a", Act::Remove)]));
            plant(&path, &frames, trust);
            let before = files(&path);
            let what = format!("{trust:?}, {bad:?}");
            try_everything(&path, &what, true);
            assert_eq!(files(&path), before, "{what}: something was carried out");
            canary.check(&what);
            elsewhere.check(&what);
        }
    }
}

/// What writers write is carried out as ever, with each kind of state.
#[test]
fn proper_operations_are_carried_out() {
    for trust in [Trust::None, Trust::Copied, Trust::Pending] {
        let outer = directory();
        let canary = store(outer.path());
        let path = outer.path().join("store");
        let operations = [
            operation("Note/a", Act::Remove),
            operation("Note/%2Enew", Act::File(b"new".to_vec())),
            operation("Board/new", Act::Directory),
            operation("Board/new/list", Act::Directory),
            operation("Board/new/list/0000_n", Act::Link("../../../Note/%2Enew".to_owned())),
            operation("Board/new/data.json", Act::File(b"{}\n".to_vec())),
            operation("Board/b/data.json", Act::Remove),
            operation("Board/b", Act::RemoveDirectory),
        ];
        plant(&path, &Frame::first().encode(&operations), trust);
        let backend = open(&path).unwrap();
        let found = contents(&backend).unwrap();
        let keys: Vec<String> = found.keys().map(sepia::record::Key::path).collect();
        assert_eq!(keys, ["Board/new", "Note/%2Enew"], "{trust:?}");
        canary.check("proper");
    }
}

/// A state that is made here is taken for the store's own: otherwise all tests of such states would try one that is
/// not there.
#[test]
fn a_state_that_is_crafted_is_believed() {
    let outer = directory();
    let _canary = store(outer.path());
    let path = outer.path().join("store");
    // A state that is not believed would have the frame carried out.
    plant(&path, &Frame::first().encode(&[operation("Note/a", Act::Remove)]), Trust::Applied);
    assert_eq!(open(&path).unwrap().read(&key("Note", "a")).unwrap(), Some(leaf("untouched")));
}

/// The search for later frames decoded each of them, to its end.
#[test]
fn a_journal_of_almost_frames_is_read_in_a_moment() {
    for durable in [true, false] {
        let outer = directory();
        let _canary = store(outer.path());
        let path = outer.path().join("store");
        let length: u64 = 8 << 20;
        let mut frames = Frame { durable, ..Frame::first() }.encode(&[]);
        while (frames.len() as u64) < length {
            // Each says that it goes to the end, and is right but for the sum of its operations.
            let mut bytes = Frame { durable, at: START + frames.len() as u64, ..Frame::first() }.encode(&[]);
            let rest = length - frames.len() as u64;
            bytes[40..48].copy_from_slice(&rest.saturating_sub(HEADER as u64).to_le_bytes());
            craft::seal_frame(&mut bytes);
            frames.extend(bytes);
        }
        plant(&path, &frames, Trust::None);
        for open in [open_to_read, open] {
            let began = Instant::now();
            let backend = open(&path).unwrap();
            assert_eq!(backend.read(&key("Note", "a")).unwrap(), Some(leaf("untouched")));
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        }
    }
}

/// Sequences are counted on from what recovery finds.
#[test]
fn numbers_that_nobody_comes_to_are_damage() {
    for trust in [Trust::None, Trust::Copied] {
        let wrong = [(7, u64::MAX, START), (u64::MAX, 1, START), (u64::MAX, u64::MAX, START), (7, 1 << 63, START)];
        // The last one is in the wrong place as well, so that nothing but its epoch is looked at.
        for (epoch, sequence, at) in wrong.into_iter().chain([(u64::MAX, 1, 0)]) {
            for durable in [true, false] {
                let outer = directory();
                let canary = store(outer.path());
                let path = outer.path().join("store");
                let header = Frame { durable, epoch, sequence, at, ..Frame::first() };
                let frame = header.encode(&[operation("Note/new", Act::File(b"x".to_vec()))]);
                plant(&path, &frame, trust);
                let what = format!("{trust:?}, {header:?}");
                try_everything(&path, &what, true);
                assert!(!path.join("Note/new").exists(), "{what}");
                canary.check(&what);
            }
        }
    }
}

/// A state in the right place, with numbers that are none.
#[test]
fn a_state_with_numbers_that_nobody_comes_to_is_no_state() {
    let most = u64::MAX;
    let usual = State { durable: false, epoch: 9, sequence: 9, applied: START, committed: START, synced: START };
    let states = [
        State { sequence: most, ..usual },
        State { epoch: most, ..usual },
        State { applied: most, committed: most, ..usual },
        State { applied: 0, committed: 0, ..usual },
        State { applied: 0, ..usual },
        State { synced: most, ..usual },
        State { durable: true, synced: most, ..usual },
        State { committed: most, ..usual },
        State { committed: 1 << 40, ..usual },
        State { committed: (1 << 63) - 1, ..usual },
        State { sequence: (1 << 63) - 1, ..usual },
        State { durable: true, committed: 1 << 40, applied: 1 << 40, ..usual },
        State { committed: (1 << 63) - 8, applied: (1 << 63) - 8, ..usual },
    ];
    for state in states {
        let outer = directory();
        let canary = store(outer.path());
        let path = outer.path().join("store");
        state.write_into(&path.join(".sepia/state"));
        let what = format!("{state:?}");
        for backend in [open_to_read(&path), open(&path)] {
            let read = backend.and_then(|backend| contents(&backend));
            match read {
                Ok(found) => assert_eq!(found.get(&key("Note", "a")), Some(&leaf("untouched")), "{what}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}"),
            }
        }
        for durability in [Durability::Buffered, Durability::Sync] {
            let put = |id: &str| {
                let mut batch = Batch::new();
                batch.declare(&note()).unwrap();
                batch.set_durability(durability);
                batch.put(key("Note", id), leaf("x"), Expect::Any);
                open(&path).and_then(|backend| backend.commit(batch).and_then(|()| backend.checkpoint()))
            };
            let put = put("one").and_then(|()| put("two"));
            assert!(put.is_ok() || put.is_err_and(|error| error.kind() == ErrorKind::Corrupt), "{what}");
        }
        canary.check(&what);
    }
}

/// Directories of the store that lead elsewhere.
#[test]
fn no_directory_of_the_store_leads_elsewhere() {
    for name in [".sepia", ".sepia/tmp", ".sepia/latest", ".sepia/conflicts", "Note", "Board/b"] {
        let outer = directory();
        let canary_place = outer.path().join("canary");
        let _ = store(outer.path());
        let path = outer.path().join("store");
        if name == ".sepia" {
            fs::rename(path.join(name), canary_place.join("moved")).unwrap();
            std::os::unix::fs::symlink(canary_place.join("moved"), path.join(name)).unwrap();
        } else {
            let _ = fs::remove_dir_all(path.join(name));
            std::os::unix::fs::symlink(&canary_place, path.join(name)).unwrap();
        }
        let canary = Canary::watch(&canary_place);
        for _ in 0..2 {
            let put = |id: &str, text: &str, durability| {
                let mut batch = Batch::new();
                batch.declare(&note())?;
                batch.declare(&board())?;
                batch.set_durability(durability);
                batch.put(key("Note", id), leaf(text), Expect::Any);
                batch.put(key("Board", "b"), crate::support::container(text, vec![]), Expect::Any);
                open(&path)?.commit(batch)
            };
            let done = put("a", "1", Durability::Sync).and_then(|()| put("secret", "2", Durability::Buffered));
            if name == ".sepia/tmp" || name == ".sepia/latest" {
                done.unwrap();
            }
            let _ = open(&path).map(|backend| {
                let mut batch = Batch::new();
                batch.delete(key("Note", "secret"), Expect::Any);
                batch.delete(key("Board", "b"), Expect::Any);
                let _ = backend.commit(batch);
            });
            let _ = Store::open(&path).and_then(|store| store.verify().repair().run().map(drop));
        }
        canary.check(name);
    }
}
