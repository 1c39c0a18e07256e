//! Everything that is done to a store, one call after another.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};

use sepia::{Container, Durability, Id, Ref, Root, Serializable, Store, StoreBuilder};

use tempfile::TempDir;

use super::mutate::{Corpus, Random, mutate};
use super::watch::{self, call, in_memory};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Speech {
    id: Id<Speech>,
    said: u64,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Board {
    id: Id<Board>,
    name: String,
    notes: Vec<Note>,
    boards: Vec<Board>,
    by_name: BTreeMap<String, Ref<Note>>,
    speech: Option<Ref<Speech>>,
}

fn note(id: &str, text: &str) -> Note {
    Note { id: id.into(), text: text.to_owned() }
}

fn board(id: &str, depth: usize) -> Board {
    Board {
        id: id.into(),
        name: format!("the board {id}"),
        notes: (0..3).map(|number| note(&format!("{id}-{number}"), "some text")).collect(),
        boards: (0..depth).map(|number| board(&format!("{id}.{number}x"), depth - 1)).collect(),
        by_name: BTreeMap::from([("first".to_owned(), Ref::new(format!("{id}-0")))]),
        speech: Some(Ref::new("speech")),
    }
}

/// A temporary directory in memory, where there is one, as nothing waits for the disk.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(made) = tempfile::Builder::new().prefix("sepia-fuzz-").tempdir_in(memory)
    {
        return made;
    }
    tempfile::tempdir().unwrap()
}

fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

/// Fills a store with something of everything.
fn fill(store: &Store) {
    let store = store.with_durability(Durability::Buffered);
    store.save_all((0..12).map(|number| note(&format!("n{number}"), &"x".repeat(number * 90)))).unwrap();
    store.save_all((0..5).map(|said| Speech { id: format!("speech.{said}").into(), said })).unwrap();
    store.save_all([board("main", 2), board("other", 1)]).unwrap();
    store.backend().upkeep().set_aside(&key("Note", "old"), &Record::Leaf(b"old".to_vec())).unwrap();
}

/// Databases with small pages, so that there are many: with checksums, without, and one with a log that a writer has left.
pub fn make_corpus(to: &Path) {
    let scratch = tempfile::tempdir().unwrap();
    for (name, builder) in
        [("plain", Store::builder()), ("checked", Store::builder().checksums()), ("killed", Store::builder())]
    {
        let path = scratch.path().join(format!("{name}.db"));
        let small = rusqlite::Connection::open(&path).unwrap();
        small.execute_batch("PRAGMA page_size = 512; VACUUM").unwrap();
        drop(small);
        let store = builder.sqlite(&path).unwrap();
        fill(&store);
        if name == "killed" {
            store.backend().checkpoint().unwrap();
            store.save_all([note("n1", "later"), note("later", "later")]).unwrap();
            store.delete::<Note>("n2").unwrap();
            let log = scratch.path().join("killed.db-wal");
            fs::copy(&log, to.join("killed.db-wal")).unwrap();
            fs::copy(&path, to.join("killed.db")).unwrap();
            continue;
        }
        store.close().unwrap();
        drop(builder);
        fs::copy(&path, to.join(format!("{name}.db"))).unwrap();
    }
}

/// Makes a database of a seed, and makes every call.
pub fn try_one(corpus: &Corpus, seed: u64) {
    watch::start();
    let directory = scratch();
    let canary = directory.path().join("canary");
    fs::write(&canary, "theirs").unwrap();
    let inside = directory.path().join("store");
    fs::create_dir(&inside).unwrap();
    let path = inside.join("data.db");
    let mut random = Random::new(seed);
    mutate(corpus, &mut random, &path);
    let input = fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    in_memory(input, || make_calls(&path));
    assert_eq!(fs::read_to_string(&canary).unwrap(), "theirs");
    let names = |directory: &Path| -> Vec<String> {
        let names = fs::read_dir(directory).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(directory.path()).len(), 2, "something was made outside");
    for name in names(&inside) {
        let known = ["data.db", "data.db-wal", "data.db-shm", "data.db-journal"];
        assert!(known.contains(&&*name), "{name} was made");
    }
}

fn make_calls(path: &Path) {
    let hurried = || Store::builder().lock_timeout(Duration::from_millis(100)).durability(Durability::Buffered);
    if let Ok(store) = call("open to read", || hurried().read_only().sqlite(path)) {
        look(&store);
    }
    let writable = |builder: StoreBuilder| call("open", || builder.sqlite(path));
    if let Ok(store) = writable(hurried()) {
        change(&store);
        let _ = call("close", || store.close());
    }
    if let Ok(store) = writable(hurried().checksums()) {
        let _ = call("verify and repair", || store.verify().repair().run());
        look(&store);
        change(&store);
        let _ = call("clear", || store.clear());
        let _ = call("close", || store.close());
    }
}

/// Reads in every way.
fn look(store: &Store) {
    let backend = store.backend();
    let classes = call("classes", || backend.classes()).unwrap_or_default();
    let _ = call("moment", || backend.moment());
    for class in classes.iter().take(8) {
        let mut ids = Vec::new();
        let mut each = |id: &str| {
            ids.push(id.to_owned());
            ControlFlow::Continue(())
        };
        let _ = call("ids", || backend.ids(class.name(), &mut each));
        assert!(ids.len() < 100_000, "{} ids", ids.len());
        for key in ids.iter().take(40).filter_map(|id| Key::new(class.name(), id.as_str()).ok()) {
            let _ = call("read", || backend.read_sealed(&key));
            let _ = call("contains", || backend.contains(&key));
            let _ = call("links", || backend.links(&key));
            let _ = call("stat", || backend.stat(&key));
            let (base, _) = key.generation();
            let _ = call("generations", || backend.generations(&base));
            let _ = call("newest", || backend.newest(&base));
        }
    }
    let mut listed = 0;
    let mut each = |_: &Key| {
        listed += 1;
        ControlFlow::Continue(())
    };
    let _ = call("backlinks", || backend.backlinks(&[key("Note", "main-0"), key("Speech", "speech")], &mut each));
    for id in ["main", "other"] {
        let _ = call("load a board", || store.load::<Board>(id));
    }
    for id in ["speech", "speech.0", "speech.4"] {
        let _ = call("load a speech", || store.load::<Speech>(id));
    }
    let _ = call("versions", || store.versions::<Speech>("speech"));
    let _ = call("load all", || store.iter::<Note>().map(|notes| notes.take(1000).filter(Result::is_ok).count()));
    let _ = call("snapshot", || store.snapshot(|snapshot| snapshot.load::<Board>("main")));
    let _ = call("verify", || store.verify().run());
    let _ = call("export", || store.export().to_writer(std::io::sink()));
    let _ = call("backup", || store.backup().to_writer(std::io::sink()));
    let _ = call("copy", || store.copy_to(&Store::in_memory()).run());
    let _ = call("collect nothing", || store.gc([Root::class("Board")]).dry_run().run());
}

/// Writes in every way.
fn change(store: &Store) {
    let backend = store.backend();
    let _ = call("save", || store.save(&note("new", "new")));
    let _ = call("overwrite", || store.overwrite(&board("main", 1)));
    let _ = call("update", || {
        store.update("speech", |speech: &mut Speech| {
            speech.said += 1;
            Ok(())
        })
    });
    let _ = call("delete", || store.delete::<Note>("n3"));
    let _ = call("transaction", || {
        store.transaction(|transaction| {
            let mut board = transaction.load::<Board>("other")?;
            board.boards.clear();
            transaction.save(&board)?;
            transaction.delete::<Note>("n4")
        })
    });
    let put = |id: &str, record: Record| {
        let mut batch = Batch::new();
        batch.declare(&Class::container("Board"))?;
        batch.declare(&Class::serializable("Fresh", Format::Bytes))?;
        batch.put(key("Fresh", id), Record::Leaf(vec![0; 2000]), Expect::Any);
        batch.put(key("Board", id), record, Expect::Any);
        backend.commit(batch)
    };
    let link = Entry::Link(key("Note", "n1"));
    let entries = vec![(Name::of("a").unwrap(), link.clone()), (Name::of("b").unwrap(), link)];
    let node = Node { data: b"{}\n".to_vec(), entries: Entries::new(entries).unwrap() };
    let _ = call("put", || put("main", Record::Container(node)));
    let tracked = call("follow", || backend.track());
    if let Ok(mut track) = tracked {
        let _ = call("save", || store.save(&note("n5", "followed")));
        let _ = call("what has changed", || track.changed());
        call("end following", || drop(track));
    }
    let _ = call("set aside", || backend.upkeep().set_aside(&key("Note", "z"), &Record::Leaf(b"z".to_vec())));
    let _ = call("collect", || store.gc([Root::class("Board")]).grace(Duration::ZERO).run());
    let _ = call("checkpoint", || backend.checkpoint());
}
