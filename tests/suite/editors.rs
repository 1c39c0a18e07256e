//! Editors that replace files while they are read: for a moment, something is missing or cut off or beside it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sepia::{Container, ErrorKind, Id, Serializable, Store};

use crate::support::{OnDisk, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Card {
    id: Id<Card>,
    title: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Shelf {
    id: Id<Shelf>,
    name: String,
    cards: Vec<Card>,
    inner: Option<Box<Shelf>>,
}

fn shelf() -> Shelf {
    let card = Card { id: "c".into(), title: "a card".to_owned() };
    let inner = Shelf { id: "inner".into(), name: "inner".to_owned(), cards: vec![], inner: None };
    Shelf { id: "s".into(), name: "outer".to_owned(), cards: vec![card], inner: Some(Box::new(inner)) }
}

/// Says that it is done, also if it panics.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How long an editor is at it.
const EDITING: Duration = Duration::from_millis(1200);

/// Loads again and again while `edit` runs again and again on each of these files, which stay equal.
fn beside(paths: &[&str], edit: impl Fn(&PathBuf) + Sync) {
    let disk = OnDisk::at(crate::support::directory());
    disk.store.save(&shelf()).unwrap();
    disk.store.clone().close().unwrap();
    let (done, edits) = (AtomicBool::new(false), AtomicU64::new(0));
    let check = |store: &Store| {
        assert_eq!(store.load::<Shelf>("s").unwrap(), shelf());
        assert!(store.exists::<Shelf>("s").unwrap());
        assert_eq!(store.ids::<Shelf>().unwrap(), ["s".into()]);
        assert_eq!(store.snapshot(|snapshot| snapshot.load::<Shelf>("s")).unwrap(), shelf());
        let key = sepia::record::Key::new("Shelf", "s").unwrap();
        assert_eq!(store.backend().links(&key).unwrap().map(|links| links.len()), Some(1));
        assert_eq!(store.load::<Card>("c").unwrap(), shelf().cards[0]);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _done = Done(&done);
            let start = Instant::now();
            // On a busy machine, one edit may take a tenth of that.
            while start.elapsed() < EDITING || edits.load(Ordering::Relaxed) <= 10 {
                for path in paths {
                    edit(&disk.path(path));
                    std::thread::sleep(Duration::from_millis(2));
                }
                edits.fetch_add(1, Ordering::Relaxed);
            }
        });
        while !done.load(Ordering::Relaxed) {
            check(&disk.store);
        }
    });
    check(&disk.reopen());
    assert!(edits.load(Ordering::Relaxed) > 10);
    assert!(disk.store.verify().run().unwrap().is_clean());
}

const VALUES: [&str; 2] = ["Shelf/s/data.json", "Shelf/s/inner/data.json"];

/// One of a hundred loads was `Corrupt`.
#[test]
fn sed_replaces_the_values_of_a_container_while_it_is_loaded() {
    beside(&VALUES, |path| {
        assert!(Command::new("sed").args(["-i", "s/x/x/"]).arg(path).status().unwrap().success());
    });
}

#[test]
fn vim_replaces_the_values_of_a_container_while_it_is_loaded() {
    let edit = |path: &PathBuf| {
        let mut vim = Command::new("vim");
        vim.args(["-u", "NONE", "-N", "-es", "-c", "set writebackup", "-c", "w!", "-c", "q!"]).arg(path);
        vim.stdin(std::process::Stdio::null()).output().is_ok_and(|output| output.status.success())
    };
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "{}\n").unwrap();
    if !edit(&directory.path().join("file")) {
        println!("skipped: there is no vim");
        return;
    }
    beside(&VALUES, |path| assert!(edit(path)));
}

/// As perl and others do it: a file of any name takes the place of the other.
#[test]
fn a_temporary_file_of_any_name_is_no_stray_yet() {
    beside(&VALUES, |path| {
        let temporary = path.with_file_name("abcdefgh");
        fs::copy(path, &temporary).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        fs::rename(&temporary, path).unwrap();
    });
}

/// As vim does it: the file that was there is renamed, and is no longer there until the other is written.
#[test]
fn values_that_are_missing_for_a_moment_are_not_gone() {
    beside(&VALUES, |path| {
        let (backup, content) = (path.with_file_name("data.json~"), fs::read(path).unwrap());
        fs::write(path.with_file_name("4913"), "").unwrap();
        fs::remove_file(path.with_file_name("4913")).unwrap();
        fs::rename(path, &backup).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        fs::write(path, content).unwrap();
        fs::remove_file(&backup).unwrap();
    });
}

#[test]
fn a_file_that_is_being_written_in_its_place_is_read_again() {
    beside(&[VALUES[0], VALUES[1], "Card/c"], |path| {
        use std::io::Write;
        let content = fs::read(path).unwrap();
        let mut file = fs::File::create(path).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        file.write_all(&content[..content.len() / 2]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        file.write_all(&content[content.len() / 2..]).unwrap();
    });
}

/// Whoever saves meets it as well.
#[test]
fn a_save_beside_an_editor_is_refused_for_no_file_of_a_moment() {
    let disk = OnDisk::at(crate::support::directory());
    disk.store.save(&shelf()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _done = Done(&done);
            let start = Instant::now();
            while start.elapsed() < EDITING {
                fs::write(disk.path("Shelf/s/abcdefgh"), "").unwrap();
                std::thread::sleep(Duration::from_millis(1));
                fs::remove_file(disk.path("Shelf/s/abcdefgh")).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        for number in 0.. {
            let mut changed = shelf();
            if number % 2 == 0 {
                changed.cards.clear();
            }
            disk.store.overwrite(&changed).unwrap();
            if done.load(Ordering::Relaxed) {
                break;
            }
        }
    });
}

/// What nobody is at work on is judged, and soon.
#[test]
fn what_stays_so_is_judged() {
    let disk = OnDisk::new();
    disk.store.save(&shelf()).unwrap();
    let start = Instant::now();
    disk.write("Shelf/s/stray", "");
    refused(disk.store.load::<Shelf>("s"), ErrorKind::Corrupt, &["stray"]);
    fs::remove_file(disk.path("Shelf/s/stray")).unwrap();
    disk.write("Card/c", "{\"title\"");
    refused(disk.store.load::<Card>("c"), ErrorKind::Corrupt, &["Card/c"]);
    disk.write("Shelf/s/data.json", "{");
    refused(disk.store.load::<Shelf>("s"), ErrorKind::Corrupt, &["data.json"]);
    fs::remove_file(disk.path("Shelf/s/data.json")).unwrap();
    assert_eq!(disk.store.find::<Shelf>("s").unwrap(), None);
    assert!(start.elapsed() < Duration::from_secs(5));
    // And at once, when it has been so for a while.
    std::thread::sleep(Duration::from_millis(150));
    let start = Instant::now();
    (0..10).for_each(|_| assert_eq!(disk.store.find::<Shelf>("s").unwrap(), None));
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
}
