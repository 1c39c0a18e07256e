//! What is no proper record is named or left alone wherever a directory is listed, and stops nothing.

use std::fs;
use std::time::Duration;

use sepia::backup::Archive;
use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Key, Node, Record};
use sepia::{Container, ErrorKind, Id, ProblemKind, Root, Serializable, Store};

use crate::support::{OnDisk, content, on_every_backend, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Draft {
    id: Id<Draft>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Board {
    id: Id<Board>,
    notes: Vec<Note>,
}

fn note(id: &str) -> Note {
    Note { id: id.into(), text: id.to_owned() }
}

fn fill(store: &Store) {
    store.save(&Board { id: "work".into(), notes: vec![note("a"), note("b")] }).unwrap();
    store.save(&Draft { id: "d.0".into(), text: "0".to_owned() }).unwrap();
    store.save(&Draft { id: "d.1".into(), text: "1".to_owned() }).unwrap();
}

/// A file named `%`, say, made every list fail without a word of where it was.
#[test]
fn what_is_no_record_stops_nothing() {
    let (disk, elsewhere) = (OnDisk::new(), tempfile::tempdir().unwrap());
    fill(&disk.store);
    let before = content(&disk.store);
    let long = "x".repeat(201);
    for class in ["Note", "Draft", "Board"] {
        for name in ["%", "%2f", "draft~", &*long] {
            disk.write(&format!("{class}/{name}"), "no record");
        }
        disk.write(&format!("{class}/{long}y/data.json"), "{}");
    }
    disk.write("Board/file", "of the other kind");
    disk.write("Board/README.md", "of the other kind");
    disk.write("Note/tree/data.json", "{}");
    disk.write("Draft/d.7/data.json", "{}");
    for store in [&disk.store, &disk.reopen(), &Store::builder().read_only().open(disk.directory.path()).unwrap()] {
        assert_eq!(content(store), before);
        assert_eq!(store.ids::<Board>().unwrap(), ["work".into()]);
        assert_eq!((store.count::<Note>().unwrap(), store.count::<Board>().unwrap()), (2, 1));
        assert_eq!(store.iter::<Note>().unwrap().map(Result::unwrap).count(), 2);
        assert_eq!(store.snapshot(|snapshot| snapshot.ids::<Note>()).unwrap().len(), 2);
        assert_eq!(store.versions::<Draft>("d").unwrap(), ["d.0".into(), "d.1".into()]);
        assert_eq!(store.load::<Draft>("d").unwrap().text, "1");
        refused(store.load::<Board>("file"), ErrorKind::Corrupt, &["Board/file", "no object", "move it away"]);
        refused(store.load::<Note>("tree"), ErrorKind::Corrupt, &["Note/tree", "no object", "move it away"]);
    }
    let archive = elsewhere.path().join("a.tar");
    disk.store.backup().to_file(&archive).unwrap();
    let restored = Store::in_memory();
    restored.restore(&Archive::open(&archive).unwrap()).run().unwrap();
    assert_eq!(content(&restored), before);
    let (mut lines, imported, copy) = (Vec::new(), Store::in_memory(), Store::in_memory());
    disk.store.export().to_writer(&mut lines).unwrap();
    imported.import().from_reader(&*lines).unwrap();
    assert_eq!(content(&imported), before);
    disk.store.copy_to(&copy).run().unwrap();
    assert_eq!(content(&copy), before);
    let roots = [Root::class("Board"), Root::class("Draft")];
    let report = disk.store.gc(roots).grace(Duration::ZERO).run().unwrap();
    assert_eq!((report.live(), report.swept()), (5, 0));
    // All of it is named.
    let report = disk.store.verify().run().unwrap();
    let told = |path: &str, kind| {
        let is_it = |found: &&sepia::verify::Found| found.problem.path == path && found.problem.kind == kind;
        assert!(report.problems.iter().any(|found| is_it(&found)), "{path} {kind}: {report:#?}");
    };
    for class in ["Note", "Draft", "Board"] {
        for name in ["%", "%2f", "draft~", &*long, &*format!("{long}y")] {
            told(&format!("{class}/{name}"), ProblemKind::Foreign);
        }
    }
    told("Board/file", ProblemKind::Undecodable);
    told("Board/README.md", ProblemKind::Foreign);
    told("Note/tree", ProblemKind::Undecodable);
    told("Draft/d.7", ProblemKind::Undecodable);
    assert_eq!(report.objects, 5);
    assert!(disk.store.verify().repair().run().unwrap().is_clean());
    assert!(!disk.path("Board/file").exists() && !disk.path("Note/tree").exists());
    assert_eq!(disk.text("Note/%"), "no record");
    // Writing goes on as well, by those who list.
    disk.store
        .update::<Draft>("d", |draft| {
            draft.text = "2".to_owned();
            Ok(())
        })
        .unwrap();
    disk.store.clear().unwrap();
    assert_eq!(disk.text("Board/%"), "no record");
    fill(&disk.store);
    assert_eq!(content(&disk.store).1.len(), before.1.len());
}

#[test]
fn what_is_no_record_keeps_nobody_from_adopting() {
    let disk = OnDisk::new();
    disk.write("plain/Note/a", "a");
    disk.write("plain/Note/%", "no record");
    disk.write("plain/Board/b/data.json", "{}");
    disk.write("plain/Board/%", "no record");
    disk.write(&format!("plain/Board/{}", "x".repeat(201)), "no record");
    disk.write("plain/Other/%", "no record");
    let adopted = Store::builder().adopt_existing().open(disk.path("plain")).unwrap();
    assert_eq!(adopted.classes().unwrap(), ["Board", "Note"]);
    assert_eq!(adopted.ids::<Note>().unwrap(), ["a".into()]);
}

/// A program without types could commit such a record, which no type could load.
#[test]
fn a_record_of_the_other_kind_than_its_class_is_not_committed() {
    on_every_backend(|store| {
        fill(store);
        let before = content(store);
        let key = |class: &str, id: &str| Key::new(class, id).unwrap();
        let node = Node { data: b"{}\n".to_vec(), ..Node::default() };
        let leaf = || Record::Leaf(b"x".to_vec());
        for (place, record, names) in [
            (key("Board", "leaf"), leaf(), ["Board", "leaf", "containers"]),
            (key("Board", "work"), leaf(), ["Board", "work", "containers"]),
            (key("Note", "tree"), Record::Container(node.clone()), ["Note", "tree", "serializable"]),
            (key("Draft", "d.2"), Record::Container(node), ["Draft", "d.2", "serializable"]),
        ] {
            for is_locked in [false, true] {
                let mut batch = Batch::new();
                batch.put(key("Note", "beside"), leaf(), Expect::Any);
                batch.put(place.clone(), record.clone(), Expect::Any);
                let backend = store.backend();
                let committed = if is_locked { backend.lock().unwrap().commit(batch) } else { backend.commit(batch) };
                refused(committed, ErrorKind::ClassClash, &names);
            }
        }
        assert_eq!(content(store), before);
    });
}

#[test]
fn rows_that_are_no_records_are_named_and_stop_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    let store = Store::sqlite(&path).unwrap();
    fill(&store);
    let before = content(&store);
    let sql = rusqlite::Connection::open(&path).unwrap();
    let insert = "INSERT INTO object (class, id, kind, created, modified, content) VALUES (?1, ?2, ?3, 0, 0, '{}')";
    for (class, id, kind) in [("Note", "", "leaf"), ("Note", "tree", "container"), ("Board", "leaf", "leaf")] {
        sql.execute(insert, (class, id, kind)).unwrap();
    }
    sql.execute(insert, ("Board", "x".repeat(201), "container")).unwrap();
    let report = store.verify().run().unwrap();
    let told: Vec<_> = report.problems.iter().map(|found| (found.problem.kind, &*found.problem.path)).collect();
    let long = format!("Board/{}", "x".repeat(201));
    for expected in [
        (ProblemKind::Foreign, "Note/"),
        (ProblemKind::Foreign, &*long),
        (ProblemKind::Undecodable, "Note/tree"),
        (ProblemKind::Undecodable, "Board/leaf"),
    ] {
        assert!(told.contains(&expected), "{told:#?}");
    }
    let mut lines = Vec::new();
    store.export().to_writer(&mut lines).unwrap();
    store.backup().to_file(directory.path().join("a.tar")).unwrap();
    let copy = Store::in_memory();
    store.copy_to(&copy).run().unwrap();
    assert_eq!(content(&copy), before);
    store.gc([Root::class("Board"), Root::class("Draft")]).run().unwrap();
}

/// The classes of a store are what its list says, whatever else stands beside them.
#[test]
fn a_directory_with_nothing_but_strangers_becomes_a_class() {
    let disk = OnDisk::new();
    disk.write("Note/%", "no record");
    disk.write("Note/.hidden", "no record");
    fs::create_dir_all(disk.path("Board")).unwrap();
    fill(&disk.store);
    let declared = disk.store.backend().classes().unwrap();
    assert!(declared.contains(&Class::serializable("Note", Format::Text)));
}
