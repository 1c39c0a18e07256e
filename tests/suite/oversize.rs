//! What is only larger than a handle reads is told with its size, and left alone, by repairs and by whoever reads archives.

use sepia::backup::Archive;
use sepia::batch::{Batch, Expect};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{Container, ErrorKind, Id, ProblemKind, Ref, Severity, Store};

use crate::boards::{Postit, postit};
use crate::support::{content, directory, refused};

const MOST: u64 = 1000;

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Pile {
    id: Id<Pile>,
    text: String,
    notes: Vec<Ref<Postit>>,
}

fn fill(store: &Store) {
    store.save(&postit("fits", &"x".repeat(MOST as usize))).unwrap();
    store.save(&postit("large", &"x".repeat(5000))).unwrap();
    let notes = (0..20).map(|_| Ref::new("fits")).collect();
    store.save(&Pile { id: "wide".into(), notes, ..Pile::default() }).unwrap();
    store.save(&Pile { id: "long".into(), text: "x".repeat(3000), ..Pile::default() }).unwrap();
}

/// A handle with a small limit took them for unreadable, and the repair of a database moved them away.
#[test]
fn a_repair_leaves_alone_what_is_only_larger_than_its_handle_reads() {
    let scratch = directory();
    let (files, database) = (scratch.path().join("files"), scratch.path().join("data.db"));
    for url in [files.to_str().unwrap().to_owned(), format!("sqlite:{}", database.to_str().unwrap())] {
        for keeps_checksums in [false, true] {
            let builder = if keeps_checksums { Store::builder().checksums() } else { Store::builder() };
            let large = builder.open_url(&url).unwrap();
            fill(&large);
            let before = content(&large);
            large.close().unwrap();
            let small = Store::builder().max_record_size(MOST).open_url(&url).unwrap();
            for repairs in [false, true, true] {
                let verify = small.verify();
                let report = if repairs { verify.remove_dangling() } else { verify }.run().unwrap();
                let told: Vec<_> = report.problems.iter().map(|found| (&*found.problem.path, found)).collect();
                let paths: Vec<_> = told.iter().map(|(path, _)| *path).collect();
                assert_eq!(paths, ["Pile/long", "Pile/wide", "Postit/large"], "{report:#?}");
                assert!(!report.is_clean());
                for (path, found) in told {
                    assert_eq!(found.problem.kind, ProblemKind::TooLarge, "{report:#?}");
                    assert_eq!(found.problem.kind.severity(), Severity::Problem);
                    assert_eq!((&found.mended, found.refused.is_some()), (&None, repairs));
                    let message = &found.problem.message;
                    assert!(message.contains("1000"), "{message}");
                    assert!(path != "Postit/large" || message.contains("5000"), "{message}");
                    assert!(path != "Pile/long" || message.contains("30"), "{message}");
                }
            }
            // A problem of another name leads to no move either.
            for path in ["Postit/large", "Pile/wide"] {
                let (class, id) = path.split_once('/').unwrap();
                let key = Key::new(class, id).unwrap();
                for kind in [ProblemKind::Unreadable, ProblemKind::Corrupted, ProblemKind::TooLarge] {
                    let problem = sepia::Problem::within(&key, kind, "", "");
                    assert_eq!(small.backend().upkeep().mend(&problem).unwrap(), None);
                }
            }
            small.close().unwrap();
            assert_eq!(content(&Store::builder().open_url(&url).unwrap()), before);
            assert!(!files.join(".sepia/quarantine").exists());
        }
    }
}

/// A container of an archive was gathered in memory whatever its size, and its entries counted for nothing.
#[test]
fn a_record_of_an_archive_has_no_more_bytes_than_are_read_of_one() {
    let scratch = directory();
    let path = scratch.path().join("a.tar");
    let archive_of = |id: &str, record: Record| {
        let store = Store::in_memory();
        store.save(&postit("fits", &"x".repeat(MOST as usize))).unwrap();
        store.save(&Pile { id: "p".into(), ..Pile::default() }).unwrap();
        let class = if matches!(record, Record::Leaf(_)) { "Postit" } else { "Pile" };
        let mut batch = Batch::new();
        batch.put(Key::new(class, id).unwrap(), record, Expect::Any);
        store.backend().commit(batch).unwrap();
        store.backup().to_file(&path).unwrap();
        Archive::open(&path).unwrap()
    };
    let links = |count: usize| {
        let key = Key::new("Postit", "fits").unwrap();
        let entries = (0..count).map(|at| (Name::of(&format!("{at:04}")).unwrap(), Entry::Link(key.clone()))).collect();
        Entries::new(entries).unwrap()
    };
    let container =
        |bytes: usize, count: usize| Record::Container(Node { data: vec![b' '; bytes], entries: links(count) });
    for (id, record, said) in [
        ("leaf", Record::Leaf(vec![b'x'; 1001]), "1001"),
        ("long", container(1001, 0), "1001"),
        ("wide", container(2, 16), "more than 1000"),
        ("both", container(500, 8), "more than 1000"),
    ] {
        let archive = archive_of(id, record.clone());
        assert_eq!(archive.verify().unwrap().records().len(), 3);
        let words = [said, "limit is 1000", "max_record_size", id];
        refused(archive.clone().max_record_size(MOST).verify(), ErrorKind::InvalidValue, &words);
        let small = Store::builder().max_record_size(MOST).open_url("memory:").unwrap();
        refused(small.restore(&archive).run(), ErrorKind::InvalidValue, &words);
        assert!(small.classes().unwrap().is_empty());
        // The limit of the store holds for what it takes in, whatever that of the archive is.
        let restored = Store::in_memory();
        restored.restore(&archive.max_record_size(MOST)).run().unwrap();
        assert_eq!(restored.backend().read(&Key::new("Postit", "fits").unwrap()).unwrap().unwrap().bytes(), MOST);
    }
    for fits in [container(1000 - 64 * 15, 15), container(1000, 0), Record::Leaf(vec![b'x'; 1000])] {
        archive_of("fits most", fits).max_record_size(MOST).verify().unwrap();
    }
}
