//! Files of other programs: editors, file managers, and programs that sync.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use sepia::backup::Archive;
use sepia::{Container, ErrorKind, Id, ProblemKind, Root, Serializable, Severity, Store};

use crate::support::{OnDisk, content, on_every_backend, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Card {
    id: Id<Card>,
    title: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Memo {
    id: Id<Memo>,
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Shelf {
    id: Id<Shelf>,
    name: String,
    cards: Vec<Card>,
    by_key: BTreeMap<String, Card>,
    inner: Option<Box<Shelf>>,
}

fn card(id: &str) -> Card {
    Card { id: id.into(), title: id.to_owned() }
}

fn shelf(id: &str) -> Shelf {
    Shelf { id: id.into(), ..Shelf::default() }
}

fn full() -> Shelf {
    let by_key = BTreeMap::from([("one".to_owned(), card("b"))]);
    Shelf {
        name: "full".to_owned(),
        cards: vec![card("a")],
        by_key,
        inner: Some(Box::new(shelf("inner"))),
        ..shelf("s")
    }
}

/// What editors, file managers and programs that sync leave, under names that a text could have.
const LEFT: [&str; 15] = [
    "4913",
    "#data.json#",
    "data.json.bak",
    "data.json.swp",
    "data.json.orig",
    "data.json.k3J9xQ",
    "data.json___jb_tmp___",
    "Thumbs.db",
    "desktop.ini",
    "Desktop.ini",
    "~$data.json",
    "~syncthing~data.json.tmp",
    "sedK3j9xQ",
    "data.sync-conflict-20260101-101112-ABCDEFG.json",
    "data (conflicted copy 2026-01-01).json",
];

const PLACES: [&str; 3] = ["Shelf/s", "Shelf/s/inner", "Shelf/s/cards"];

/// Each of them made the object `Corrupt`.
#[test]
fn files_of_other_programs_in_containers_are_foreign() {
    let (disk, elsewhere) = (OnDisk::new(), tempfile::tempdir().unwrap());
    disk.store.save(&full()).unwrap();
    let key = sepia::record::Key::new("Shelf", "s").unwrap();
    let links = disk.store.backend().links(&key).unwrap();
    let bytes = disk.store.backend().stat(&key).unwrap().unwrap().bytes;
    let before = content(&disk.store);
    for place in PLACES {
        for name in LEFT {
            disk.write(&format!("{place}/{name}"), "not sepia's");
        }
    }
    // Whoever reads.
    assert_eq!(disk.store.load::<Shelf>("s").unwrap(), full());
    assert_eq!(content(&disk.store), before);
    assert_eq!(disk.store.backend().links(&key).unwrap(), links);
    assert_eq!(disk.store.backend().stat(&key).unwrap().unwrap().bytes, bytes);
    let report = disk.store.verify().repair().run().unwrap();
    assert!(report.is_clean(), "{report:#?}");
    let told: Vec<_> = report.problems.iter().map(|found| (&*found.problem.path, found.problem.kind)).collect();
    assert_eq!(told.len(), PLACES.len() * LEFT.len(), "{told:#?}");
    for place in PLACES {
        assert!(told.contains(&(&*format!("{place}/Thumbs.db"), ProblemKind::Foreign)));
        let copy = "data (conflicted copy 2026-01-01).json";
        assert!(told.contains(&(&*format!("{place}/{copy}"), ProblemKind::ConflictCopy)));
    }
    // Whoever copies.
    let archive = elsewhere.path().join("a.tar");
    assert_eq!(disk.store.backup().to_file(&archive).unwrap().strays, 0);
    let restored = Store::in_memory();
    restored.restore(&Archive::open(&archive).unwrap()).run().unwrap();
    assert_eq!(content(&restored), before);
    let copy = Store::in_memory();
    disk.store.copy_to(&copy).run().unwrap();
    assert_eq!(content(&copy), before);
    let report = disk.store.gc([Root::class("Shelf")]).grace(Duration::ZERO).run().unwrap();
    assert_eq!((report.swept(), report.refused.len()), (0, 0));
    // Whoever writes: a directory in which they are stays, and means nothing.
    let mut less = disk.store.load::<Shelf>("s").unwrap();
    (less.inner, less.name) = (None, "less".to_owned());
    less.cards.clear();
    disk.store.save(&less).unwrap();
    assert_eq!(disk.store.load::<Shelf>("s").unwrap(), less);
    disk.store.overwrite(&full()).unwrap();
    assert_eq!(disk.store.load::<Shelf>("s").unwrap(), full());
    assert!(disk.store.delete::<Shelf>("s").unwrap());
    assert_eq!(disk.store.find::<Shelf>("s").unwrap(), None);
    assert_eq!(disk.store.ids::<Shelf>().unwrap(), []);
    let report = disk.store.verify().run().unwrap();
    assert!(report.problems.is_empty(), "{report:#?}");
    disk.store.save(&full()).unwrap();
    assert_eq!(disk.reopen().load::<Shelf>("s").unwrap(), full());
    for place in PLACES {
        for name in LEFT {
            assert_eq!(disk.text(&format!("{place}/{name}")), "not sepia's");
        }
    }
}

/// As version control checks it out where there are no symlinks.
#[test]
fn a_file_in_the_place_of_a_link_is_loud() {
    let disk = OnDisk::new();
    disk.store.save(&full()).unwrap();
    for place in ["Shelf/s/cards/0000_a", "Shelf/s/by_key/one", "Shelf/s/notes.txt", "Shelf/s/sedation"] {
        let _ = fs::remove_file(disk.path(place));
        disk.write(place, "../../../Card/a");
        refused(disk.store.load::<Shelf>("s"), ErrorKind::Corrupt, &["Shelf", "s", place]);
        let report = disk.store.verify().run().unwrap();
        assert!(report.problems.iter().any(|found| found.problem.kind == ProblemKind::Stray), "{report:#?}");
        fs::remove_file(disk.path(place)).unwrap();
        disk.store.overwrite(&full()).unwrap();
    }
    // What is no file is none of theirs.
    symlink("../../../Card/a", disk.path("Shelf/s/4913")).unwrap();
    refused(disk.store.load::<Shelf>("s"), ErrorKind::Corrupt, &["4913"]);
    fs::remove_file(disk.path("Shelf/s/4913")).unwrap();
    disk.write("Shelf/s/data.json.bak/data.json", "{}");
    refused(disk.store.load::<Shelf>("s"), ErrorKind::Corrupt, &["data.json.bak"]);
}

#[test]
fn a_file_of_another_program_is_not_written_over_by_an_entry_of_its_name() {
    let disk = OnDisk::new();
    disk.store.save(&full()).unwrap();
    disk.write("Shelf/s/by_key/4913", "theirs");
    let mut more = disk.store.load::<Shelf>("s").unwrap();
    more.by_key.insert("4913".to_owned(), card("c"));
    let before = disk.snapshot();
    refused(disk.store.save(&more), ErrorKind::Corrupt, &["Shelf/s/by_key/4913", "move it elsewhere"]);
    assert_eq!(disk.snapshot(), before);
    fs::remove_file(disk.path("Shelf/s/by_key/4913")).unwrap();
    disk.store.save(&more).unwrap();
    assert_eq!(disk.store.load::<Shelf>("s").unwrap(), more);
    // Where it has that name, it is an entry.
    assert_eq!(disk.reopen().load::<Shelf>("s").unwrap().by_key["4913"], card("c"));
}

#[test]
fn conflict_copies_are_told_with_their_original_and_stay() {
    let copies = [
        ("report.sync-conflict-20260101-101112-ABCDEFG", "report"),
        ("report (conflicted copy 2026-01-01)", "report"),
        ("report (Anna's conflicted copy 2026-01-01)", "report"),
        ("report (Case Conflict)", "report"),
        ("gone_conflict-20260101-101112.txt", "gone.txt"),
    ];
    on_every_backend(|store| {
        store.save(&card("report")).unwrap();
        store.save(&card("report (1)")).unwrap();
        copies.iter().for_each(|(id, _)| store.save(&card(id)).unwrap());
        let report = store.verify().repair().run().unwrap();
        assert!(report.is_clean());
        assert_eq!(report.problems.len(), copies.len(), "{report:#?}");
        for (id, original) in copies {
            let found = report.problems.iter().map(|found| &found.problem).find(|problem| {
                problem.key.as_ref().is_some_and(|key| key.id() == id) && problem.kind == ProblemKind::ConflictCopy
            });
            let message = &found.unwrap().message;
            assert!(
                message.contains(&format!("{original:?}")) && message.contains("bring the two together"),
                "{message}"
            );
            assert_eq!(found.unwrap().kind.severity(), Severity::Notice);
            assert_eq!(store.load::<Card>(id).unwrap(), card(id));
        }
    });
}

#[test]
fn a_file_among_the_objects_that_is_none_is_told_with_what_to_do() {
    let disk = OnDisk::new();
    disk.store.save(&card("a")).unwrap();
    disk.store.save(&card("b")).unwrap();
    disk.write("Card/README.md", "# Cards\n");
    disk.write("Card/notes", "not an object");
    fs::copy(disk.path("Card/a"), disk.path("Card/a.bak")).unwrap();
    fs::copy(disk.path("Card/a"), disk.path("Card/c.bak")).unwrap();
    disk.write("Card/Thumbs.db", "\u{1}");
    for id in ["README.md", "notes", "Thumbs.db"] {
        let place = disk.path("Card").join(id);
        let names = [place.to_str().unwrap(), "every file", "move it out of the directory"];
        refused(disk.store.load::<Card>(id), ErrorKind::Corrupt, &names);
    }
    // One that is an object and damaged is no such file.
    disk.write("Card/b", "{\"title\": 7}");
    let error = refused(disk.store.load::<Card>("b"), ErrorKind::Corrupt, &["title"]);
    assert!(!error.to_string().contains("move it"), "{error}");
    let report = disk.store.verify().run().unwrap();
    let told = |path: &str, kind: ProblemKind| {
        let found = report.problems.iter().find(|found| found.problem.path == path && found.problem.kind == kind);
        found.unwrap_or_else(|| panic!("{path} {kind}: {report:#?}")).problem.message.clone()
    };
    for path in ["Card/README.md", "Card/notes", "Card/Thumbs.db"] {
        assert!(told(path, ProblemKind::Undecodable).contains("move it out of the directory"));
    }
    for path in ["Card/README.md", "Card/Thumbs.db", "Card/a.bak"] {
        assert!(told(path, ProblemKind::UnlikelyId).contains("move it away"));
    }
    assert!(report.problems.iter().all(|found| found.problem.path != "Card/c.bak"), "{report:#?}");
    // Before there is a class, too.
    disk.write("Memo/README.md", "# Memos\n");
    let place = disk.path("Memo/README.md");
    let memo = Memo { id: "m".into() };
    refused(disk.store.save(&memo), ErrorKind::ClassClash, &[place.to_str().unwrap(), "move it away"]);
    // Among containers, a file is none.
    disk.write("Shelf/README.md", "# Shelves\n");
    disk.store.save(&shelf("s")).unwrap();
    assert_eq!(disk.store.ids::<Shelf>().unwrap(), ["s".into()]);
    let plain = OnDisk::new();
    plain.write("plain/Shelf/s/data.json", "{}");
    plain.write("plain/Shelf/README.md", "# Shelves\n");
    let adopted = Store::builder().adopt_existing().open(plain.path("plain"));
    refused(adopted, ErrorKind::NotAStore, &["plain/Shelf", "README.md", "\"s\"", "move one"]);
}
