//! What the medium has changed is told from what was edited by hand.

use std::fs::{self, File, FileTimes};
use std::path::Path;

use sepia::verify::VerifyReport;
use sepia::{Container, ErrorKind, Id, ProblemKind, Serializable, Store};

use crate::support::{refused, stamps};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Desk {
    id: Id<Desk>,
    notes: Vec<Note>,
    inner: Vec<Desk>,
}

fn note(id: &str, text: &str) -> Note {
    Note { id: id.into(), text: text.to_owned() }
}

fn desk(id: &str, inner: Vec<Desk>) -> Desk {
    Desk { id: id.into(), notes: vec![note("a", "the first"), note("b", "the second")], inner }
}

fn open(path: &Path) -> Store {
    Store::builder().checksums().open(path).unwrap()
}

/// Changes a file as a medium does: nobody sees it.
fn rot(path: &Path, content: &str) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, content).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
}

/// Changes a file as a hand does. Where times are coarse, it takes a moment.
fn edit(path: &Path, content: &str) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    while fs::metadata(path).unwrap().modified().unwrap() == before {
        fs::write(path, content).unwrap();
    }
}

fn run(store: &Store) -> VerifyReport {
    store.verify().run().unwrap()
}

fn told(report: &VerifyReport) -> Vec<(ProblemKind, &str)> {
    report.problems.iter().map(|found| (found.problem.kind, &*found.problem.path)).collect()
}

#[test]
fn a_flipped_byte_is_told_from_an_edit() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let store = open(root);
    store.save(&desk("work", vec![desk("drawer", vec![])])).unwrap();
    let report = run(&store);
    assert_eq!((report.checked, report.unchecked), (4, 0));
    assert!(report.problems.is_empty(), "{report:#?}");
    edit(&root.join("Note/a"), "the furst");
    rot(&root.join("Note/b"), "the sexond");
    rot(&root.join("Desk/work/inner/0000_drawer/data.json"), "{ }\n");
    let found = [
        (ProblemKind::Corrupted, "Desk/work/inner/0000_drawer/data.json"),
        (ProblemKind::Edited, "Note/a"),
        (ProblemKind::Corrupted, "Note/b"),
    ];
    let report = run(&store);
    assert_eq!(told(&report), found, "{report:#?}");
    assert!(report.problems.iter().all(|found| found.problem.key.is_some()));
    assert_eq!((report.checked, report.unchecked), (4, 0));
    // A reader finds it, too.
    assert_eq!(told(&run(&Store::builder().read_only().open(root).unwrap())), found);
}

#[test]
fn what_was_cut_off_is_corrupted() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    store.save(&note("a", "text")).unwrap();
    rot(&directory.path().join("Note/a"), "");
    assert_eq!(told(&run(&store)), [(ProblemKind::Corrupted, "Note/a")]);
}

#[test]
fn repair_takes_edits_for_good_and_keeps_what_rotted_away() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let store = open(root);
    store.save(&desk("work", vec![])).unwrap();
    edit(&root.join("Note/a"), "edited");
    rot(&root.join("Note/b"), "the sexond");
    fs::write(root.join("Note/copied"), "by hand").unwrap();
    let report = store.verify().repair().run().unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.checked, report.unchecked, report.noted), (3, 0, 1));
    assert_eq!(store.load::<Note>("a").unwrap().text, "edited");
    assert_eq!(store.load::<Desk>("work").unwrap().notes, [note("a", "edited")]);
    assert!(!store.exists::<Note>("b").unwrap());
    let kept = report.problems.iter().find(|found| found.problem.kind == ProblemKind::Corrupted).unwrap();
    let place = kept.mended.as_deref().unwrap().rsplit_once(' ').unwrap().1;
    assert!(place.starts_with(".sepia/quarantine/") && place.ends_with("/Note/b"), "{place}");
    assert_eq!(fs::read_to_string(root.join(place)).unwrap(), "the sexond");
    assert!(run(&store).problems.is_empty());
    // From now on they are checked like any other.
    rot(&root.join("Note/copied"), "By hand");
    rot(&root.join("Note/a"), "Edited");
    assert_eq!(told(&run(&store)), [(ProblemKind::Corrupted, "Note/a"), (ProblemKind::Corrupted, "Note/copied")]);
}

/// It may belong elsewhere.
#[test]
fn what_has_a_name_outside_the_store_is_given_no_checksum() {
    let directory = tempfile::tempdir().unwrap();
    let outside = directory.path().join("outside");
    fs::write(&outside, "theirs").unwrap();
    let store = open(&directory.path().join("store"));
    store.save(&note("own", "x")).unwrap();
    fs::hard_link(&outside, directory.path().join("store/Note/linked")).unwrap();
    fs::write(directory.path().join("store/Note/edited"), "by hand").unwrap();
    let report = store.verify().repair().run().unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.noted, report.unchecked), (1, 1), "{report:?}");
    let mut names = [0; 256];
    let length = rustix::fs::listxattr(&outside, &mut names).unwrap_or(0);
    assert!(!String::from_utf8_lossy(&names[..length]).contains("sepia"));
}

#[test]
fn once_turned_on_every_process_keeps_them() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let before = Store::open(root).unwrap();
    before.save(&note("old", "0")).unwrap();
    let count = |store: &Store| {
        let report = run(store);
        assert!(report.problems.is_empty(), "{report:#?}");
        (report.checked, report.unchecked)
    };
    assert_eq!(count(&before), (0, 0), "none are kept");
    let on = open(root);
    assert_eq!(count(&on), (0, 1));
    // Also by one that had it open before, whichever way it writes: new, over another, of a new class.
    before.with_durability(sepia::Durability::Buffered).save(&note("new", "1")).unwrap();
    assert_eq!(count(&on), (1, 1));
    before.overwrite(&note("old", "2")).unwrap();
    assert_eq!(count(&on), (2, 0));
    before.save(&desk("work", vec![desk("inner", vec![])])).unwrap();
    assert_eq!(count(&on), (6, 0));
    let later = Store::open(root).unwrap();
    later.delete::<Desk>("work").unwrap();
    later.save(&note("later", "3")).unwrap();
    assert_eq!(count(&later), (5, 0));
    assert!(fs::read_to_string(root.join(".sepia/format.json")).unwrap().contains("\"checksums\": \"xxh3-64\""));
}

#[test]
fn what_a_recovery_writes_has_its_checksum() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("store");
    let store = open(&root);
    store.save(&note("a", "text")).unwrap();
    // A copy does not trust its state, and carries the commit out again.
    let copy = directory.path().join("copy");
    assert!(std::process::Command::new("cp").arg("-r").arg(&root).arg(&copy).status().unwrap().success());
    fs::remove_file(copy.join("Note/a")).unwrap();
    let store = Store::open(&copy).unwrap();
    assert_eq!(store.recovered().unwrap().completed, ["Note/a"]);
    assert_eq!((run(&store).checked, run(&store).unchecked), (1, 0));
}

#[test]
fn they_are_not_turned_on_where_nothing_may_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    Store::open(root).unwrap().save(&note("a", "text")).unwrap();
    let before = stamps(root);
    let reader = Store::builder().checksums().read_only();
    refused(reader.open(root), ErrorKind::ReadOnly, &[root.to_str().unwrap()]);
    assert_eq!(stamps(root), before);
    open(root);
    assert_eq!(run(&reader.open(root).unwrap()).unchecked, 1);
}

#[test]
fn a_restart_does_not_turn_them_off() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("store");
    let store = Store::open(&root).unwrap();
    store.save(&note("a", "text")).unwrap();
    open(&root);
    let copy = directory.path().join("copy");
    assert!(std::process::Command::new("cp").arg("-r").arg(&root).arg(&copy).status().unwrap().success());
    assert_eq!(run(&Store::open(&copy).unwrap()).unchecked, 1);
    assert!(!copy.join(".sepia/conflicts").exists());
}
