//! What is wrong is found, with its key and its path, and mended without losing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use sepia::batch::{Batch, Expect};

use sepia::record::{Key, Record};
use sepia::verify::VerifyReport;
use sepia::{Container, ErrorKind, Id, ProblemKind, Ref, Serializable, Severity, Store};

use crate::support::{Found, OnDisk, on_every_backend, refused, stamps};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Page {
    id: Id<Page>,
    title: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Desk {
    id: Id<Desk>,
    name: String,
    notes: Vec<Note>,
    by_year: BTreeMap<String, Note>,
    drawers: Vec<Desk>,
    page: Option<Ref<Page>>,
}

/// Cannot do without any of its links.
#[derive(Container, Clone, Debug, PartialEq)]
struct Frame {
    id: Id<Frame>,
    note: Ref<Note>,
    inner: Option<Box<Frame>>,
}

/// Knows what is empty from what is not there.
#[derive(Container, Clone, Debug, PartialEq)]
struct Shelf {
    id: Id<Shelf>,
    rows: Vec<Vec<Ref<Note>>>,
    deep: Option<Vec<Vec<Vec<Ref<Note>>>>>,
    maybe: Option<Vec<Ref<Note>>>,
    #[sepia(default = usual)]
    usual: Vec<Ref<Note>>,
    labelled: BTreeMap<String, BTreeSet<Ref<Note>>>,
    plain: Vec<Ref<Note>>,
    shelves: Vec<Shelf>,
}

fn usual() -> Vec<Ref<Note>> {
    vec![Ref::new("usual")]
}

fn note(id: &str) -> Note {
    Note { id: id.into(), text: format!("the text of {id}") }
}

fn desk(id: &str, notes: &[&str]) -> Desk {
    Desk {
        id: id.into(),
        name: format!("desk {id}"),
        notes: notes.iter().map(|id| note(id)).collect(),
        by_year: BTreeMap::new(),
        drawers: Vec::new(),
        page: None,
    }
}

/// A store with something of everything.
fn fill(store: &Store) {
    let mut page = Page { id: Id::first("page"), title: "v0".to_owned() };
    store.save(&page).unwrap();
    for _ in 0..3 {
        page.title.push('+');
        store.save_next(&mut page).unwrap();
    }
    store.save(&Page { id: Id::first("other"), title: String::new() }).unwrap();
    let work = Desk {
        by_year: [("2024".to_owned(), note("a")), ("2026".to_owned(), note("b"))].into(),
        drawers: vec![desk("top", &["a"]), desk("bottom", &[])],
        page: Some(Ref::latest(&page)),
        ..desk("work", &["a", "b", "c"])
    };
    store.save(&work).unwrap();
    store.save(&desk("home", &["d", "a"])).unwrap();
}

fn filled() -> OnDisk {
    let disk = OnDisk::new();
    fill(&disk.store);
    disk
}

fn run(store: &Store) -> VerifyReport {
    store.verify().run().unwrap()
}

/// The problems of a report: kind and path.
fn told(report: &VerifyReport) -> Vec<(ProblemKind, &str)> {
    report.problems.iter().map(|found| (found.problem.kind, &*found.problem.path)).collect()
}

/// Every file and link in the classes of a store, by its path.
fn things(disk: &OnDisk) -> BTreeMap<String, Found> {
    let mut things = disk.snapshot();
    things.retain(|_, found| *found != Found::Directory);
    things
}

/// The same for the quarantine, without the times.
fn quarantined(disk: &OnDisk) -> BTreeSet<(String, Found)> {
    let mut things = BTreeSet::new();
    let Ok(times) = fs::read_dir(disk.path(".sepia/quarantine")) else { return things };
    for time in times {
        let found = crate::support::snapshot(&time.unwrap().path());
        things.extend(found.into_iter().filter(|(_, found)| *found != Found::Directory));
    }
    things
}

/// Whatever stood in the store stands there still, or in quarantine, byte for byte.
#[track_caller]
fn assert_nothing_lost(disk: &OnDisk, before: &BTreeMap<String, Found>) {
    let (after, quarantined) = (things(disk), quarantined(disk));
    for (path, found) in before {
        let is_kept = after.get(path) == Some(found) || quarantined.contains(&(path.clone(), found.clone()));
        assert!(is_kept, "{path} is lost: it was {found:?}; quarantined: {quarantined:#?}");
    }
}

/// The records that can be read.
fn readable(store: &Store) -> BTreeMap<Key, Record> {
    let mut records = BTreeMap::new();
    for class in store.backend().classes().unwrap() {
        let mut ids = Vec::new();
        let _ = store.backend().ids(class.name(), &mut |id| {
            ids.push(id.to_owned());
            ControlFlow::Continue(())
        });
        for id in ids {
            let key = Key::new(class.name(), id).unwrap();
            if let Ok(Some(record)) = store.backend().read(&key) {
                records.insert(key, record);
            }
        }
    }
    records
}

#[test]
fn a_store_as_it_is_written_is_clean() {
    on_every_backend(|store| {
        assert_eq!(run(store), VerifyReport::default());
        fill(store);
        let report = run(store);
        assert!(report.problems.is_empty(), "{report:#?}");
        assert_eq!((report.objects, report.checked, report.unchecked), (11, 0, 0));
        let bytes: u64 = readable(store).values().map(Record::bytes).sum();
        assert_eq!(report.bytes, bytes);
        store.delete::<Page>("other").unwrap();
        store.delete::<Desk>("home").unwrap();
        let report = store.verify().repair().run().unwrap();
        assert!(report.problems.is_empty(), "{report:#?}");
        assert_eq!(report.objects, 9);
    });
}

#[test]
fn progress_is_told_phase_by_phase() {
    on_every_backend(|store| {
        fill(store);
        let mut told = Vec::new();
        store
            .verify()
            .on_progress(|progress| told.push((progress.phase, progress.done, progress.total)))
            .run()
            .unwrap();
        told.retain(|(_, done, total)| total.is_some_and(|total| *done == total));
        assert_eq!(told, [("list", 11, Some(11)), ("read", 11, Some(11)), ("examine", 0, Some(0))]);
    });
}

/// What a hand can do to a store, and what is told of it.
struct Damage {
    name: &'static str,
    act: fn(&OnDisk),
    told: Vec<(ProblemKind, &'static str)>,
    /// Whether anything stays that is worth knowing once it has been repaired.
    left: Vec<(ProblemKind, &'static str)>,
}

fn remove(disk: &OnDisk, path: &str) {
    fs::remove_file(disk.path(path)).unwrap();
}

fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn damages() -> Vec<Damage> {
    use ProblemKind::*;
    vec![
        Damage {
            name: "an object is gone, and links to it dangle",
            act: |disk| remove(disk, "Note/a"),
            told: vec![
                (Dangling, "Desk/home/notes/0001_a"),
                (Dangling, "Desk/work/by_year/2024"),
                (Dangling, "Desk/work/drawers/0000_top/notes/0000_a"),
                (Dangling, "Desk/work/notes/0000_a"),
            ],
            left: vec![(ListGap, "Desk/work/notes")],
        },
        Damage {
            name: "all generations of a base are gone",
            act: |disk| (0..4).for_each(|generation| remove(disk, &format!("Page/page.{generation}"))),
            told: vec![(StaleHint, ".sepia/latest/Page/page"), (Dangling, "Desk/work/page")],
            left: vec![],
        },
        Damage {
            name: "a link leads out of the store",
            act: |disk| {
                remove(disk, "Desk/work/notes/0001_b");
                symlink("/nowhere/at/all", disk.path("Desk/work/notes/0001_b")).unwrap();
            },
            told: vec![(OutsideLink, "Desk/work/notes/0001_b")],
            left: vec![(ListGap, "Desk/work/notes")],
        },
        Damage {
            name: "a link leads to something private",
            act: |disk| symlink("../../../.sepia/state", disk.path("Desk/work/drawers/0000_top/x")).unwrap(),
            told: vec![(OutsideLink, "Desk/work/drawers/0000_top/x")],
            left: vec![],
        },
        Damage {
            name: "values are no JSON",
            act: |disk| disk.write("Desk/home/data.json", "{\"name\": "),
            told: vec![(Undecodable, "Desk/home/data.json")],
            left: vec![],
        },
        Damage {
            name: "values of a nested container are no object",
            act: |disk| disk.write("Desk/work/drawers/0001_bottom/data.json", "[]"),
            told: vec![(Undecodable, "Desk/work/drawers/0001_bottom/data.json")],
            left: vec![],
        },
        Damage {
            name: "a reserved key says something else than it may",
            act: |disk| disk.write("Desk/home/data.json", "{\"name\": \"x\", \"sepia_shape\": {\"notes\": 7}}"),
            told: vec![(Undecodable, "Desk/home/data.json")],
            left: vec![],
        },
        Damage {
            name: "a text is not UTF-8",
            act: |disk| disk.write("Note/c", b"\xff\xfe"),
            told: vec![(Undecodable, "Note/c")],
            left: vec![],
        },
        Damage {
            name: "a page is cut off",
            act: |disk| disk.write("Page/page.2", "{\n  \"title\""),
            told: vec![(Undecodable, "Page/page.2")],
            left: vec![],
        },
        Damage {
            name: "a file stands where a container should be",
            act: |disk| disk.write("Desk/file", "x"),
            told: vec![(Undecodable, "Desk/file")],
            left: vec![],
        },
        Damage {
            name: "a container stands where a file should be",
            act: |disk| disk.write("Note/tree/data.json", "{}"),
            told: vec![(Undecodable, "Note/tree")],
            left: vec![],
        },
        Damage {
            name: "a pipe stands where a record should be",
            act: |disk| pipe(&disk.path("Note/pipe")),
            told: vec![(Unreadable, "Note/pipe")],
            left: vec![],
        },
        Damage {
            name: "a symlink stands where a record should be",
            act: |disk| symlink("../Note/a", disk.path("Note/alias")).unwrap(),
            told: vec![(Unreadable, "Note/alias")],
            left: vec![],
        },
        Damage {
            name: "the values of a container are a directory",
            act: |disk| {
                remove(disk, "Desk/home/data.json");
                disk.write("Desk/home/data.json/x", "x");
            },
            told: vec![(Unreadable, "Desk/home/data.json")],
            left: vec![],
        },
        Damage {
            name: "a container has lost its values",
            act: |disk| remove(disk, "Desk/home/data.json"),
            told: vec![(Leftover, "Desk/home")],
            left: vec![],
        },
        Damage {
            name: "directories nest too deep",
            act: |disk| {
                let deep = (0..500).fold("Desk/home".to_owned(), |path, _| path + "/d");
                fs::create_dir_all(disk.path(&deep)).unwrap();
            },
            told: vec![(Unreadable, DEEPEST.as_str())],
            left: vec![],
        },
        Damage {
            name: "strays",
            act: |disk| {
                disk.write("Desk/work/notes/report", "x");
                disk.write("Desk/work/copy.txt", "y");
                pipe(&disk.path("Desk/home/pipe"));
            },
            told: vec![(Stray, "Desk/home/pipe"), (Stray, "Desk/work/copy.txt"), (Stray, "Desk/work/notes/report")],
            left: vec![],
        },
        Damage {
            name: "two elements have one index",
            act: |disk| {
                fs::rename(disk.path("Desk/work/notes/0002_c"), disk.path("Desk/work/notes/0001_c")).unwrap();
            },
            told: vec![(DuplicateIndex, "Desk/work/notes/0001_c")],
            left: vec![],
        },
        Damage {
            name: "a list has a gap, and a name says something else",
            act: |disk| {
                remove(disk, "Desk/work/notes/0000_a");
                fs::rename(disk.path("Desk/work/notes/0001_b"), disk.path("Desk/work/notes/0001_z")).unwrap();
            },
            told: vec![(ListGap, "Desk/work/notes"), (EntryName, "Desk/work/notes/0001_z")],
            left: vec![(ListGap, "Desk/work/notes"), (EntryName, "Desk/work/notes/0001_z")],
        },
        Damage {
            name: "files that are not Sepia's",
            act: |disk| {
                for path in ["README.md", "Loose/x", "Note/draft~", "Note/.hidden", "Desk/work/notes/%zz", ".git/HEAD"]
                {
                    disk.write(path, "x");
                }
            },
            told: vec![
                (Foreign, "Desk/work/notes/%zz"),
                (Foreign, "Loose"),
                (Foreign, "Note/draft~"),
                (Foreign, "README.md"),
            ],
            left: vec![
                (Foreign, "Desk/work/notes/%zz"),
                (Foreign, "Loose"),
                (Foreign, "Note/draft~"),
                (Foreign, "README.md"),
            ],
        },
        Damage {
            name: "what has to go has foreign files in it",
            act: |disk| {
                remove(disk, "Desk/work/data.json");
                disk.write("Desk/work/drawers/0000_top/.git/HEAD", "x");
                disk.write("Desk/work/notes~", "x");
            },
            told: vec![(Leftover, "Desk/work")],
            left: vec![],
        },
        Damage {
            name: "one generation is there twice",
            act: |disk| {
                fs::copy(disk.path("Page/page.0"), disk.path("Page/page")).map(|_| ()).unwrap();
            },
            told: vec![(Twin, "Page/page")],
            left: vec![],
        },
        Damage {
            name: "hints are wrong",
            act: |disk| {
                disk.write(".sepia/latest/Page/page", "1\n");
                disk.write(".sepia/latest/Page/other", "seven");
            },
            told: vec![(StaleHint, ".sepia/latest/Page/other"), (StaleHint, ".sepia/latest/Page/page")],
            left: vec![],
        },
        Damage {
            name: "a generation came from elsewhere, over a gap",
            act: |disk| disk.write("Page/page.9", "{\n  \"title\": \"pulled\"\n}\n"),
            told: vec![(StaleHint, ".sepia/latest/Page/page")],
            left: vec![],
        },
        Damage {
            name: "a base came from elsewhere, without its first generation",
            act: |disk| disk.write("Page/new.5", "{\n  \"title\": \"pulled\"\n}\n"),
            told: vec![(StaleHint, ".sepia/latest/.Page")],
            left: vec![],
        },
        Damage {
            name: "a writer that died has left a file",
            act: |disk| disk.write(".sepia/tmp/17", "half a no"),
            told: vec![(Leftover, ".sepia/tmp/17")],
            left: vec![],
        },
        Damage {
            name: "a commit's version was kept",
            act: |disk| disk.write(".sepia/conflicts/3/Note/a", "x"),
            told: vec![(KeptConflict, ".sepia/conflicts/3/Note/a")],
            left: vec![(KeptConflict, ".sepia/conflicts/3/Note/a")],
        },
    ]
}

/// 400 levels are read, and what is below them is not.
static DEEPEST: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| (0..402).fold("Desk/home".to_owned(), |path, _| path + "/d"));

#[test]
fn every_damage_is_found_and_mended_without_loss() {
    for Damage { name, act, told: expected, left } in damages() {
        let disk = filled();
        act(&disk);
        let before = disk.snapshot();
        let report = run(&disk.store);
        assert_eq!(told(&report), expected, "{name}: {report:#?}");
        assert_eq!(disk.snapshot(), before, "{name}: nothing is changed");
        for found in &report.problems {
            let is_private = found.problem.path.starts_with(".sepia");
            let is_of_record = found.problem.path.contains('/') && !is_private && !found.problem.path.contains('~');
            assert_eq!(found.problem.key.is_some(), is_of_record, "{name}: {found:?}");
            assert!(found.mended.is_none() && found.refused.is_none());
            let message = &found.problem.message;
            assert!(!message.is_empty() && !message.ends_with('.'), "{name}: {message}");
        }
        let records = readable(&disk.store);
        let things = things(&disk);
        let repaired = disk.store.verify().remove_dangling().run().unwrap();
        assert!(repaired.is_clean(), "{name}: {repaired:#?}");
        for (kind, path) in expected.iter().filter(|(kind, _)| kind.severity() == Severity::Problem) {
            let is_it = |found: &&sepia::verify::Found| (found.problem.kind, &*found.problem.path) == (*kind, path);
            let found = repaired.problems.iter().find(is_it);
            assert!(found.is_some_and(|found| found.mended.is_some()), "{name}: {path}: {repaired:#?}");
        }
        assert_nothing_lost(&disk, &things);
        let harmed: BTreeSet<_> = repaired.problems.iter().filter_map(|found| found.problem.key.clone()).collect();
        let after = readable(&disk.reopen());
        for (key, record) in records.iter().filter(|(key, _)| !harmed.contains(key)) {
            assert_eq!(after.get(key), Some(record), "{name}: {key}");
        }
        assert_eq!(told(&run(&disk.reopen())), left, "{name}");
    }
}

#[test]
fn a_restart_does_not_undo_a_repair() {
    for durability in [sepia::Durability::Sync, sepia::Durability::Buffered] {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("store");
        let store = Store::builder().durability(durability).open(&root).unwrap();
        fill(&store);
        for path in ["Desk/home/data.json", "Note/c"] {
            fs::remove_file(root.join(path)).unwrap();
        }
        symlink("../Note/a", root.join("Note/c")).unwrap();
        fs::write(root.join("Desk/work/stray"), "x").unwrap();
        let repaired = store.verify().repair().run().unwrap();
        assert!(repaired.is_clean() && repaired.problems.len() > 3, "{repaired:#?}");
        // A copy does not trust its state, as after the loss of power.
        let copy = parent.path().join("copy");
        assert!(std::process::Command::new("cp").arg("-r").arg(&root).arg(&copy).status().unwrap().success());
        let reopened = Store::open(&copy).unwrap();
        assert_eq!(crate::support::snapshot(&copy), crate::support::snapshot(&root));
        assert!(reopened.recovered().is_none(), "{:?}", reopened.recovered());
        assert!(run(&reopened).is_clean());
    }
}

#[test]
fn whoever_follows_commits_learns_of_a_repair() {
    let disk = filled();
    disk.write("Desk/work/stray", "x");
    let other = disk.reopen();
    let moment = other.backend().moment().unwrap();
    assert_eq!(other.backend().moment().unwrap(), moment);
    assert!(disk.store.verify().repair().run().unwrap().is_clean());
    assert_ne!(other.backend().moment().unwrap(), moment);
}

#[test]
fn a_store_is_verified_for_reading_and_not_repaired() {
    let disk = filled();
    disk.store.clone().close().unwrap();
    disk.write("Desk/work/stray", "x");
    remove(&disk, "Note/a");
    let before = stamps(disk.directory.path());
    let reader = Store::builder().read_only().open(disk.directory.path()).unwrap();
    assert_eq!(told(&run(&reader)), told(&run(&disk.store)));
    refused(reader.verify().repair().run(), ErrorKind::ReadOnly, &[]);
    assert_eq!(stamps(disk.directory.path()), before);
}

#[test]
fn what_the_system_refuses_is_told_and_left_alone() {
    let disk = filled();
    let secret = disk.path("Desk/work/drawers");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    // Nothing is refused to whoever may do everything.
    if fs::read_dir(&secret).is_err() {
        let report = disk.store.verify().repair().run().unwrap();
        assert_eq!(told(&report), [(ProblemKind::Unreadable, "Desk/work/drawers")]);
        assert!(!report.is_clean() && report.problems[0].mended.is_none());
    }
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(run(&disk.store).is_clean());
}

/// Whoever puts the quarantine on a larger disk by a symlink once waited for ever, and all writers did.
#[test]
fn a_quarantine_that_is_something_else_is_told() {
    for is_link in [false, true] {
        let disk = filled();
        let quarantine = disk.path(".sepia/quarantine");
        if is_link {
            fs::create_dir(disk.path(".larger")).unwrap();
            symlink("../.larger", &quarantine).unwrap();
        } else {
            fs::write(&quarantine, "mine").unwrap();
        }
        disk.write("Desk/work/stray", "x");
        disk.write("Note/c", b"\xff");
        let before = disk.snapshot();
        let report = disk.store.verify().repair().run().unwrap();
        assert_eq!(told(&report), [(ProblemKind::Stray, "Desk/work/stray"), (ProblemKind::Undecodable, "Note/c")]);
        for found in &report.problems {
            let refused = found.refused.as_deref().unwrap_or_default();
            let place = format!("{}", quarantine.display());
            assert!(refused.contains("cannot open the quarantine") && refused.contains(&place), "{found:?}");
        }
        assert!(!report.is_clean());
        assert_eq!(disk.snapshot(), before);
        disk.store.save(&note("later")).unwrap();
    }
}

/// Of a generation that is stored twice, the one that nobody is led to once went first, and then the other, which could
/// not be understood.
#[test]
fn the_twin_of_a_broken_generation_stays() {
    on_every_backend(|store| {
        let first = Page { id: Id::first("page"), title: "readable".to_owned() };
        store.save(&first).unwrap();
        let (base, zero) = (Key::new("Page", "page").unwrap(), Key::new("Page", "page.0").unwrap());
        let readable = store.backend().read(&zero).unwrap().unwrap();
        let mut batch = Batch::new();
        batch.put(zero.clone(), Record::Leaf(b"{".to_vec()), Expect::Present);
        store.backend().commit(batch).unwrap();
        if let Some(root) = store.backend().root() {
            let Record::Leaf(content) = &readable else { panic!("a page is a leaf") };
            fs::write(root.join("Page/page"), content).unwrap();
        } else {
            let mut batch = Batch::new();
            batch.put(base.clone(), readable.clone(), Expect::Any);
            if store.backend().commit(batch).is_err() {
                return;
            }
        }
        assert_eq!(told(&run(store)), [(ProblemKind::Undecodable, "Page/page.0")]);
        assert!(store.verify().repair().run().unwrap().is_clean());
        assert_eq!(store.backend().read(&base).unwrap(), Some(readable));
        assert_eq!(store.load::<Page>("page").unwrap().title, "readable");
    });
}

/// A class that was declared only after the classes were listed once made every link to its objects dangle.
#[test]
fn a_class_that_is_declared_meanwhile_is_seen() {
    on_every_backend(|store| {
        store.save(&desk("first", &["n"])).unwrap();
        let other = store.clone();
        let mut saved = false;
        let verify = store.verify().repair().on_progress(|progress| {
            if progress.phase == "read" && !saved {
                saved = true;
                let page = Page { id: Id::first("page"), title: String::new() };
                other.save(&page).unwrap();
                other.save(&Desk { page: Some(Ref::latest(&page)), ..desk("second", &[]) }).unwrap();
            }
        });
        let report = verify.run().unwrap();
        assert!(saved && report.problems.is_empty(), "{report:#?}");
        assert!(store.load::<Desk>("second").unwrap().page.is_some());
    });
}

/// A link may be to an object that is saved later. Where it is a field by itself, repairs once removed it, and the object
/// could not be loaded any more, ever.
#[test]
fn a_field_that_dangles_is_left_to_the_program() {
    on_every_backend(|store| {
        store.save(&note("there")).unwrap();
        let inner = Frame { id: "inner".into(), note: Ref::new("later"), inner: None };
        let frame = Frame { id: "frame".into(), note: Ref::new("there"), inner: Some(Box::new(inner)) };
        store.save(&frame).unwrap();
        let before = store.backend().read(&Key::of(&frame).unwrap()).unwrap();
        let dangling = [(ProblemKind::Dangling, "Frame/frame/inner/note")];
        assert_eq!(told(&run(store)), dangling);
        let report = store.verify().repair().run().unwrap();
        assert_eq!(told(&report), dangling);
        let found = &report.problems[0];
        assert!(!report.is_clean() && found.mended.is_none());
        assert_eq!(found.refused.as_deref(), Some("only the program knows whether this field may be missing"));
        assert_eq!(store.backend().read(&Key::of(&frame).unwrap()).unwrap(), before);
        store.save(&note("later")).unwrap();
        assert!(run(store).problems.is_empty());
        assert_eq!(store.load::<Frame>("frame").unwrap(), frame);
    });
}

#[test]
fn a_field_that_dangles_is_removed_on_demand() {
    on_every_backend(|store| {
        store.save(&Desk { page: Some(Ref::new("gone")), ..desk("work", &["a"]) }).unwrap();
        let report = store.verify().remove_dangling().repair().run().unwrap();
        assert_eq!(told(&report), [(ProblemKind::Dangling, "Desk/work/page")]);
        assert!(report.is_clean());
        assert_eq!(store.load::<Desk>("work").unwrap(), desk("work", &["a"]));
        let mended = report.problems[0].mended.as_deref().unwrap();
        if let Some(root) = store.backend().root() {
            let place = root.join(mended.rsplit_once(' ').unwrap().1);
            assert_eq!(fs::read_link(place.join("page")).unwrap(), Path::new("../../Page/gone"));
        }
    });
}

/// Collections that lost their last link once went, and with them a row, a key, or that there is anything at all.
#[test]
fn what_loses_its_last_link_is_there_and_empty() {
    on_every_backend(|store| {
        ["a", "b"].iter().for_each(|id| store.save(&note(id)).unwrap());
        let to = |id: &str| Ref::<Note>::new(id);
        let labels = [("gone".to_owned(), [to("gone")].into()), ("b/".to_owned(), [to("b"), to("gone")].into())];
        let shelf = Shelf {
            id: "shelf".into(),
            rows: vec![vec![to("a")], vec![to("gone"), to("gone")], vec![], vec![to("gone"), to("b")]],
            deep: Some(vec![vec![vec![to("gone")], vec![]]]),
            maybe: Some(vec![to("gone")]),
            usual: vec![to("gone")],
            labelled: labels.into(),
            plain: vec![to("gone")],
            shelves: vec![],
        };
        let nested = Shelf { id: "nested".into(), ..shelf.clone() };
        store.save(&Shelf { shelves: vec![nested], ..shelf.clone() }).unwrap();
        assert!(store.verify().repair().run().unwrap().is_clean());
        let left = Shelf {
            rows: vec![vec![to("a")], vec![], vec![], vec![to("b")]],
            deep: Some(vec![vec![vec![], vec![]]]),
            maybe: Some(vec![]),
            usual: vec![],
            labelled: [("gone".to_owned(), BTreeSet::new()), ("b/".to_owned(), [to("b")].into())].into(),
            plain: vec![],
            ..shelf
        };
        let nested = Shelf { id: "nested".into(), ..left.clone() };
        let left = Shelf { shelves: vec![nested], ..left };
        let loaded: Shelf = store.load("shelf").unwrap();
        assert_eq!(loaded, left);
        assert!(
            run(store).problems.iter().all(|found| found.problem.kind == ProblemKind::ListGap),
            "{:#?}",
            run(store)
        );
        // And stays so.
        store.save(&loaded).unwrap();
        assert_eq!(store.load::<Shelf>("shelf").unwrap(), left);
    });
}

/// What others could not read in the store they could once read in quarantine.
#[test]
fn the_quarantine_is_no_more_open_than_the_store() {
    let disk = filled();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in ["Note/c", "Desk/home/data.json"] {
        fs::set_permissions(disk.path(path), fs::Permissions::from_mode(0o600)).unwrap();
    }
    disk.write("Note/c", b"\xff");
    remove(&disk, "Note/a");
    assert!(disk.store.verify().repair().run().unwrap().is_clean());
    assert_eq!(mode(&disk.path(".sepia/quarantine")), 0o700);
    let times = fs::read_dir(disk.path(".sepia/quarantine")).unwrap().map(|time| time.unwrap().path());
    let kept = times.flat_map(|time| [time.join("Note/c"), time.join("Desk/home/data.json")]);
    let modes: Vec<_> = kept.filter(|path| path.exists()).map(|path| mode(&path)).collect();
    assert!(modes.len() >= 2 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
    // What is put keeps them, too.
    assert_eq!(mode(&disk.path("Desk/home/data.json")), 0o600);
}

/// A type that ignores what it does not know loads what others do not. Repairs once took it away.
#[test]
fn what_some_type_may_load_stays() {
    #[derive(Container, Clone, Debug, PartialEq)]
    #[sepia(ignore_unknown)]
    struct Lax {
        id: Id<Lax>,
        name: String,
    }
    let disk = OnDisk::new();
    let lax = Lax { id: "lax".into(), name: "n".to_owned() };
    disk.store.save(&lax).unwrap();
    for data in [
        r#"{"name": "n", "sepia_id": "l"}"#.to_owned(),
        r#"{"name": "n", "sepia_class": "Lax"}"#.to_owned(),
        r#"{"name": "n", "sepia_class": 7}"#.to_owned(),
        r#"{"name": "n", "sepia_other": 1}"#.to_owned(),
        format!(r#"{{"name": "n", "deep": {}{}}}"#, "[".repeat(127), "]".repeat(127)),
    ] {
        disk.write("Lax/lax/data.json", &data);
        assert_eq!(disk.store.load::<Lax>("lax").unwrap(), lax, "{data}");
        let report = disk.store.verify().repair().run().unwrap();
        assert_eq!(told(&report), [(ProblemKind::Undecodable, "Lax/lax/data.json")], "{data}");
        assert!(report.problems[0].refused.as_deref().unwrap().contains("only the program knows"), "{report:#?}");
        assert_eq!(disk.text("Lax/lax/data.json"), data);
    }
}

/// An index that is there twice was once not told of where a name says another id, and such a list cannot be loaded.
#[test]
fn an_index_is_told_that_is_there_twice_under_another_name() {
    let disk = filled();
    fs::rename(disk.path("Desk/work/notes/0002_c"), disk.path("Desk/work/notes/0001_z")).unwrap();
    refused(disk.store.load::<Desk>("work"), ErrorKind::Corrupt, &["work"]);
    let report = disk.store.verify().repair().run().unwrap();
    let wrong = [ProblemKind::DuplicateIndex, ProblemKind::EntryName].map(|kind| (kind, "Desk/work/notes/0001_z"));
    assert_eq!(told(&report), wrong);
    assert!(report.problems[0].refused.is_some() && !report.is_clean());
    assert!(disk.path("Desk/work/notes/0001_z").is_symlink());
}

/// The keys of maps may look like elements of lists. Repairs once changed them.
#[test]
fn keys_that_look_like_indices_stay() {
    on_every_backend(|store| {
        let by_year = |keys: &[(&str, &str)]| {
            let by_year = keys.iter().map(|(key, id)| ((*key).to_owned(), note(id))).collect();
            Desk { by_year, ..desk("work", &[]) }
        };
        let years = by_year(&[("2024_plan", "plan"), ("2024_report", "report"), ("2026_plan", "plan")]);
        store.save(&years).unwrap();
        assert!(store.verify().repair().run().unwrap().problems.is_empty());
        assert_eq!(store.load::<Desk>("work").unwrap(), years);

        let agents = by_year(&[("0007_bond", "bond"), ("0007_moore", "moore")]);
        store.overwrite(&agents).unwrap();
        let report = store.verify().repair().run().unwrap();
        let twice = (ProblemKind::DuplicateIndex, "Desk/work/by_year/0007_moore");
        assert_eq!(told(&report), [(ProblemKind::ListGap, "Desk/work/by_year"), twice]);
        assert!(report.problems[1].mended.is_none());
        assert!(report.problems[1].refused.as_deref().unwrap().contains("only the program knows"), "{report:#?}");
        assert_eq!(store.load::<Desk>("work").unwrap(), agents);
    });
}

#[test]
fn copies_that_differ_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let tar = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/sepia-crystal-0.3.tar");
    let unpacked = std::process::Command::new("tar").arg("-xf").arg(tar).arg("-C").arg(directory.path()).status();
    assert!(unpacked.unwrap().success());
    let root = directory.path().join("store");
    let store = Store::builder().adopt_existing().open(&root).unwrap();
    assert_eq!(told(&run(&store)), []);
    let data = root.join("Board/project_x/data.json");
    let edited = fs::read_to_string(&data).unwrap().replace("Project X", "Project Y");
    fs::write(&data, edited).unwrap();
    let report = store.verify().repair().run().unwrap();
    assert_eq!(told(&report), [(ProblemKind::CopyDiffers, "Board/work_board/boards/0000_project_x")]);
    assert!(report.is_clean());
}

#[test]
fn links_lead_to_generations_as_loading_follows_them() {
    let disk = OnDisk::new();
    fill(&disk.store);
    let desk = |id: &str, page: &str| Desk { page: Some(Ref::new(page)), ..desk(id, &[]) };
    for (id, page) in [("newest", "page"), ("exact", "page.2"), ("first", "other"), ("none", "page.7"), ("no", "pag")] {
        disk.store.save(&desk(id, page)).unwrap();
    }
    // A file without a suffix is generation 0.
    fs::rename(disk.path("Page/other.0"), disk.path("Page/other")).unwrap();
    disk.store.save(&desk("suffix", "other.0")).unwrap();
    let dangling = [(ProblemKind::Dangling, "Desk/no/page"), (ProblemKind::Dangling, "Desk/none/page")];
    assert_eq!(told(&run(&disk.store)), dangling);
    for id in ["newest", "exact", "first", "suffix"] {
        let desk: Desk = disk.store.load(id).unwrap();
        desk.page.unwrap().load(&disk.store).unwrap();
    }
}

/// Writers make and remove containers, links and generations all the while. Nothing of that is wrong.
#[test]
fn writers_at_work_are_no_problem() {
    let disk = filled();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let store = disk.reopen().with_durability(sepia::Durability::Buffered);
            let done = &done;
            scope.spawn(move || {
                let mut page = Page { id: Id::first(&*format!("page-{writer}")), title: String::new() };
                store.save(&page).unwrap();
                for round in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let (id, inner) = (format!("desk-{writer}"), format!("inner-{writer}-{}", round % 5));
                    let notes: Vec<_> = (0..3).map(|number| format!("note-{writer}-{number}-{}", round % 3)).collect();
                    let notes: Vec<_> = notes.iter().map(String::as_str).collect();
                    let full = Desk { drawers: vec![desk(&inner, &notes)], ..desk(&id, &notes) };
                    store.save(&full).unwrap();
                    store.save_next(&mut page).unwrap();
                    store
                        .transaction(|tx| {
                            tx.delete::<Desk>(&*id)?;
                            notes.iter().try_for_each(|id| tx.delete::<Note>(*id).map(|_| ()))
                        })
                        .unwrap();
                }
            });
        }
        // Found out only once the writers have been told to end.
        let wrong =
            (0..100).map(|_| disk.store.verify().run()).find(|run| !matches!(run, Ok(run) if run.problems.is_empty()));
        done.store(true, Ordering::Relaxed);
        assert!(wrong.is_none(), "{wrong:#?}");
    });
}

/// Of a directory that goes while it is listed, the system says that it is not there.
#[test]
fn a_class_that_goes_while_it_is_listed_has_no_more_objects() {
    let disk = OnDisk::new();
    let store = disk.store.with_durability(sepia::Durability::Buffered);
    // More than the system tells at once.
    let many = (0..600).map(|number| note(&format!("{number:0180}")));
    store.transaction(|tx| many.into_iter().try_for_each(|note| tx.save(&note))).unwrap();
    let mut seen = 0;
    let each = &mut |_: &str| {
        if seen == 0 {
            store.clear().unwrap();
        }
        seen += 1;
        ControlFlow::Continue(())
    };
    disk.reopen().backend().ids("Note", each).unwrap();
    assert!(!disk.path("Note").exists() && seen < 600, "{seen}");
}

/// A random thing that happens to a file, link or directory of a store.
#[derive(Clone, Debug)]
enum Accident {
    Truncate(usize),
    Overwrite(usize, Vec<u8>),
    Remove(usize),
    Swap(usize, usize),
    Symlink(usize, String),
    Pipe(usize),
    Stray(usize),
}

fn accident() -> impl Strategy<Value = Accident> {
    let target =
        prop_oneof![Just("/nowhere/at/all"), Just("../a"), Just("../../Note/a"), Just("."), Just("../../Note/gone")];
    prop_oneof![
        any::<usize>().prop_map(Accident::Truncate),
        (any::<usize>(), any::<Vec<u8>>()).prop_map(|(at, content)| Accident::Overwrite(at, content)),
        any::<usize>().prop_map(Accident::Remove),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Accident::Swap(a, b)),
        (any::<usize>(), target).prop_map(|(at, target)| Accident::Symlink(at, target.to_owned())),
        any::<usize>().prop_map(Accident::Pipe),
        any::<usize>().prop_map(Accident::Stray),
    ]
}

fn happen(disk: &OnDisk, accident: &Accident) {
    let snapshot = disk.snapshot();
    // Classes stay where they are: without one, all that is in it is lost at once.
    let paths: Vec<_> = snapshot.iter().filter(|(path, _)| path.contains('/')).collect();
    let pick = |at: &usize| (disk.path(paths[at % paths.len()].0), paths[at % paths.len()].1.clone());
    let clear = |path: &Path| {
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            let _ = fs::remove_file(path);
        }
    };
    match accident {
        Accident::Truncate(at) => {
            if let (path, Found::File(content)) = pick(at) {
                fs::write(path, &content[..content.len() / 2]).unwrap();
            }
        }
        Accident::Overwrite(at, content) => {
            if let (path, Found::File(_)) = pick(at) {
                fs::write(path, content).unwrap();
            }
        }
        Accident::Remove(at) => clear(&pick(at).0),
        Accident::Swap(a, b) => {
            let (a, b, between) = (pick(a).0, pick(b).0, disk.path(".between"));
            if !a.starts_with(&b) && !b.starts_with(&a) {
                fs::rename(&a, &between).unwrap();
                fs::rename(&b, &a).unwrap();
                fs::rename(&between, &b).unwrap();
            }
        }
        Accident::Symlink(at, target) => {
            let path = pick(at).0;
            clear(&path);
            symlink(target, path).unwrap();
        }
        Accident::Pipe(at) => {
            let path = pick(at).0;
            clear(&path);
            pipe(&path);
        }
        Accident::Stray(at) => {
            let path = pick(at).0;
            let parent = if path.is_dir() && !path.is_symlink() { &path } else { path.parent().unwrap() };
            for (name, content) in [("stray", "stray"), ("draft~", "foreign")] {
                // Not through a link of this name, which leads anywhere.
                if let Ok(mut file) = fs::File::create_new(parent.join(name)) {
                    std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_is_found_and_mended_without_loss(
        accidents in proptest::collection::vec(accident(), 1..8),
        checksums in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let builder = Store::builder().durability(sepia::Durability::Buffered);
        let builder = if checksums { builder.checksums() } else { builder };
        let disk = OnDisk { store: builder.open(directory.path()).unwrap(), directory };
        fill(&disk.store);
        accidents.iter().for_each(|accident| happen(&disk, accident));
        let (things, records) = (things(&disk), readable(&disk.store));
        let foreign: Vec<_> = things.iter().filter(|(path, _)| path.ends_with('~') && !path.contains("data.json")).collect();
        let found = run(&disk.store);
        let repaired = disk.store.verify().remove_dangling().run().unwrap();
        // What some type may load is left.
        let is_left = |found: &sepia::verify::Found| {
            let is_for_the_program = |reason: &String| reason.contains("only the program knows");
            found.problem.kind == ProblemKind::Undecodable && found.refused.as_ref().is_some_and(is_for_the_program)
        };
        let is_mended = |found: &sepia::verify::Found| {
            found.mended.is_some() || found.problem.kind.severity() == Severity::Notice || is_left(found)
        };
        prop_assert!(repaired.problems.iter().all(is_mended), "{repaired:#?}");
        let lefts = repaired.problems.iter().filter(|found| is_left(found));
        let lefts: BTreeSet<_> = lefts.map(|found| found.problem.path.as_str()).collect();
        // Everything that was found is mended or mentioned; what is mended may have brought up more.
        for found in found.problems.iter().filter(|found| found.problem.kind.severity() == Severity::Problem) {
            let is_it = |other: &sepia::verify::Found| other.problem.path == found.problem.path;
            prop_assert!(repaired.problems.iter().any(is_it), "{found:#?} {repaired:#?}");
        }
        assert_nothing_lost(&disk, &things);
        let after = disk.snapshot();
        for (path, found) in foreign {
            prop_assert_eq!(after.get(path), Some(found));
        }
        let harmed: BTreeSet<_> = repaired.problems.iter().filter_map(|found| found.problem.key.clone()).collect();
        let reopened = disk.reopen();
        let kept = readable(&reopened);
        for (key, record) in records.iter().filter(|(key, _)| !harmed.contains(key)) {
            prop_assert_eq!(kept.get(key), Some(record));
        }
        let left = run(&reopened);
        let is_known = |found: &sepia::verify::Found| {
            found.problem.kind.severity() == Severity::Notice || lefts.contains(found.problem.path.as_str())
        };
        prop_assert!(left.problems.iter().all(is_known), "{left:#?}");
        let again = reopened.verify().remove_dangling().run().unwrap();
        prop_assert!(again.problems.iter().all(|found| found.mended.is_none()), "{again:#?}");
    }
}

/// Repair on any backend, by records alone.
#[test]
fn records_are_mended_on_every_backend() {
    on_every_backend(|store| {
        fill(store);
        let (gone, broken) = (Key::new("Note", "a").unwrap(), Key::new("Page", "page.1").unwrap());
        let mut batch = Batch::new();
        batch.delete(gone, Expect::Present);
        batch.put(broken.clone(), Record::Leaf(b"{".to_vec()), Expect::Present);
        store.backend().commit(batch).unwrap();
        let work = Key::new("Desk", "work").unwrap();
        let before = store.backend().read(&work).unwrap().unwrap();
        let report = run(store);
        let dangling = [
            "Desk/home/notes/0001_a",
            "Desk/work/by_year/2024",
            "Desk/work/drawers/0000_top/notes/0000_a",
            "Desk/work/notes/0000_a",
        ];
        let expected = dangling.map(|path| (ProblemKind::Dangling, path)).into_iter();
        let expected: Vec<_> = expected.chain([(ProblemKind::Undecodable, "Page/page.1")]).collect();
        assert_eq!(told(&report), expected);
        let repaired = store.verify().repair().run().unwrap();
        assert!(repaired.is_clean(), "{repaired:#?}");
        let is_gap = |found: &sepia::verify::Found| found.problem.kind == ProblemKind::ListGap;
        assert!(run(store).problems.iter().all(is_gap));
        assert_eq!(store.backend().read(&broken).unwrap(), None);
        assert_ne!(store.backend().read(&work).unwrap(), Some(before));
        let desk: Desk = store.load("work").unwrap();
        assert_eq!(desk.notes, [note("b"), note("c")]);
        assert_eq!(desk.by_year, [("2026".to_owned(), note("b"))].into());
    });
}
