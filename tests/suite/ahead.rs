//! What is dated at a time that is yet to come, as a clock was set back, or somebody wrote so.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use sepia::{Container, Id, ProblemKind, Root, Serializable, Store};

use crate::support::{OnDisk, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Board {
    id: Id<Board>,
    notes: Vec<Note>,
}

fn fill(store: &Store) {
    store.save(&Note { id: "lost".into(), text: "lost".to_owned() }).unwrap();
    store.save(&Board { id: "lost".into(), notes: vec![] }).unwrap();
    store.save(&Board { id: "root".into(), notes: vec![] }).unwrap();
}

fn root() -> Root {
    Root::from(sepia::record::Key::new("Board", "root").unwrap())
}

const GRACE: Duration = Duration::from_millis(300);

/// It was never swept.
#[test]
fn a_time_of_a_file_that_is_yet_to_come_spares_nothing() {
    let disk = OnDisk::new();
    fill(&disk.store);
    for path in ["Note/lost", "Board/lost/data.json", "Board/lost"] {
        let file = std::fs::File::open(disk.path(path)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(10 * 365 * 86_400)).unwrap();
    }
    // It has been changed just now all the same.
    assert_eq!(disk.store.gc([root()]).run().unwrap().swept(), 0);
    std::thread::sleep(GRACE + Duration::from_millis(100));
    let report = disk.store.gc([root()]).grace(GRACE).run().unwrap();
    assert_eq!((report.swept(), report.ahead.len()), (2, 0), "{report:?}");
}

/// What a clock that was set back makes of a store: that it is young is all that can be said at first.
fn counts_from_the_first_collection(store: &Store) {
    let told = |store: &Store| {
        let report = store.verify().run().unwrap();
        assert!(report.is_clean());
        report.problems.iter().filter(|found| found.problem.kind == ProblemKind::DatedAhead).count()
    };
    assert_eq!(told(store), 3);
    let collect = || store.gc([root()]).grace(GRACE);
    for _ in 0..2 {
        let report = collect().dry_run().run().unwrap();
        assert_eq!((report.swept(), report.ahead.len()), (0, 2), "{report:?}");
    }
    let report = collect().run().unwrap();
    assert_eq!(report.swept(), 0);
    assert_eq!(report.ahead.iter().map(|key| key.path()).collect::<Vec<_>>(), ["Board/lost", "Note/lost"]);
    assert_eq!(told(store), 1);
    let report = collect().run().unwrap();
    assert_eq!((report.swept(), report.ahead.len()), (0, 0), "{report:?}");
    std::thread::sleep(GRACE + Duration::from_millis(100));
    assert_eq!(collect().run().unwrap().swept(), 2);
    assert!(store.verify().repair().run().unwrap().is_clean());
    assert_eq!(told(store), 0);
    assert!(store.verify().run().unwrap().problems.is_empty());
}

#[test]
fn a_row_that_is_dated_ahead_is_spared_once_and_not_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    let store = Store::builder().checksums().sqlite(&path).unwrap();
    let sql = rusqlite::Connection::open(&path).unwrap();
    let set = || sql.execute("UPDATE object SET modified = 4102444800000000", ()).unwrap();
    fill(&store);
    set();
    counts_from_the_first_collection(&store);
    // Whoever spares nothing is not kept from it.
    fill(&store);
    set();
    assert_eq!(store.gc([root()]).grace(Duration::ZERO).run().unwrap().swept(), 2);
}

/// A file system in a file, in which the clock can have been another one.
struct Image<'a> {
    file: std::path::PathBuf,
    mounted: &'a Path,
}

impl Image<'_> {
    fn mount(&self) -> bool {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.file).arg(self.mounted))
    }

    fn unmount(&self) -> bool {
        run(Command::new("umount").arg(self.mounted))
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_file_that_is_dated_ahead_is_spared_once_and_not_for_ever() {
    let (directory, mounted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let image = Image { file: directory.path().join("image"), mounted: mounted.path() };
    std::fs::File::create(&image.file).unwrap().set_len(8 << 20).unwrap();
    if !run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image.file)) || !image.mount() {
        println!("skipped: no file system can be made and mounted here");
        return;
    }
    let place = mounted.path().join("store");
    let store = Store::open(&place).unwrap();
    fill(&store);
    store.close().unwrap();
    assert!(image.unmount());
    for below in ["Note/lost", "Board/lost", "Board/lost/data.json", "Board/root/data.json"] {
        let request = format!("set_inode_field /store/{below} ctime 20991231235959");
        assert!(run(Command::new("debugfs").args(["-w", "-R", &request]).arg(&image.file)));
    }
    assert!(image.mount());
    counts_from_the_first_collection(&Store::open(&place).unwrap());
}

/// It said only that a field was unknown.
#[test]
fn an_import_without_its_header_says_what_the_first_line_must_be() {
    let store = Store::in_memory();
    for lines in ["{\"class\":\"Note\",\"id\":\"a\",\"text\":\"Milk\"}\n", "", "{}\n", "[1]\n", "class,id\n"] {
        let names = ["line 1", "its header", "{\"sepia\":{\"format\":1,\"classes\":{\"Note\":"];
        refused(store.import().from_reader(lines.as_bytes()), sepia::ErrorKind::Corrupt, &names);
    }
    // What it shows is one.
    let shown = r#"{"sepia":{"format":1,"classes":{"Note":{"kind":"serializable","content":"json"}}}}"#;
    store.import().from_reader(format!("{shown}\n").as_bytes()).unwrap();
    assert_eq!(store.classes().unwrap(), ["Note"]);
}

/// It said that the file exists.
#[test]
fn a_directory_that_is_a_symlink_to_nowhere_is_told_with_its_target() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/nowhere/at/all", &link).unwrap();
    for path in [link.clone(), link.join("in/it")] {
        let names = [path.to_str().unwrap(), link.to_str().unwrap(), "symlink", "nowhere", "/nowhere/at/all"];
        refused(Store::open(&path), sepia::ErrorKind::NotAStore, &names);
        refused(Store::builder().read_only().open(&path), sepia::ErrorKind::NotAStore, &names);
        refused(Store::builder().adopt_existing().open(&path), sepia::ErrorKind::NotAStore, &names);
    }
    // One that leads somewhere is followed.
    let target = directory.path().join("target");
    std::fs::create_dir(&target).unwrap();
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    fill(&Store::open(&link).unwrap());
    assert_eq!(Store::open(target).unwrap().ids::<Note>().unwrap(), ["lost".into()]);
}
