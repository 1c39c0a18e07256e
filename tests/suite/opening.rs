//! Opening: what is a store, what becomes one, and what is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sepia::{ErrorKind, Id, Serializable, Store};

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::{OnDisk, on_every_medium, refused, snapshot};

#[test]
fn a_new_an_empty_and_an_existing_directory_open() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("new/deep"), directory.path().join("empty")] {
        if path.ends_with("empty") {
            fs::create_dir(&path).unwrap();
            fs::create_dir(path.join(".git")).unwrap();
        }
        Store::open(&path).unwrap().save(&work_board()).unwrap();
        assert_eq!(Store::open(&path).unwrap().load::<Board>("work_board").unwrap(), work_board());
        assert_eq!(Store::builder().adopt_existing().open(&path).unwrap().classes().unwrap(), ["Board", "Postit"]);
    }
}

#[test]
fn a_directory_of_something_else_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("src")).unwrap();
    fs::write(directory.path().join("src/main.rs"), "").unwrap();
    let before = snapshot(directory.path());
    let path = directory.path().to_str().unwrap();
    refused(Store::open(directory.path()), ErrorKind::NotAStore, &[path, "src", "adopt_existing"]);
    refused(Store::builder().read_only().open(directory.path()), ErrorKind::NotAStore, &[path]);
    assert_eq!(snapshot(directory.path()), before);
    assert!(!directory.path().join(".sepia").exists());
    let file = directory.path().join("src/main.rs");
    refused(Store::open(&file), ErrorKind::NotAStore, &[file.to_str().unwrap(), "not a directory"]);
}

#[test]
fn a_newer_or_broken_format_is_refused() {
    let disk = OnDisk::new();
    let format = disk.path(".sepia/format.json");
    let place = format.to_str().unwrap();
    fs::write(&format, r#"{"format": 2, "classes": {}}"#).unwrap();
    refused(Store::open(disk.directory.path()), ErrorKind::UnsupportedFormat, &[place, "format 2", "up to 1"]);
    fs::write(&format, "{").unwrap();
    refused(Store::open(disk.directory.path()), ErrorKind::Corrupt, &[place]);
    fs::remove_file(&format).unwrap();
    symlink("/etc/hostname", &format).unwrap();
    refused(Store::open(disk.directory.path()), ErrorKind::Corrupt, &[place]);
}

#[test]
fn a_store_for_reading_reads_and_writes_nothing() {
    on_every_medium(|medium| {
        let made = medium.make();
        if !made.lasts() {
            return;
        }
        made.save(&work_board()).unwrap();
        let store = made.reopen_with(&Store::builder().read_only());
        assert_eq!(store.load::<Board>("work_board").unwrap(), work_board());
        refused(store.save(&postit("p", "")), ErrorKind::ReadOnly, &[made.place()]);
        refused(store.delete::<Postit>("report_postit"), ErrorKind::ReadOnly, &[]);
        refused(store.clear(), ErrorKind::ReadOnly, &[]);
        assert!(store.exists::<Postit>("report_postit").unwrap());
        let missing = format!("{}.missing", made.url());
        refused(Store::builder().read_only().open_url(&missing), ErrorKind::NotAStore, &[".missing", "there is no"]);
        refused(Store::builder().read_only().open_url(&missing), ErrorKind::NotAStore, &[]);
    });
}

#[test]
fn an_empty_path_is_no_store() {
    for builder in [Store::builder(), Store::builder().read_only(), Store::builder().adopt_existing()] {
        refused(builder.open(""), ErrorKind::NotAStore, &["empty"]);
    }
}

/// Mounts need rights that a test may not have; where it has them, the medium is really read-only.
#[test]
fn a_read_only_medium_reads_and_says_so_when_written() {
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    let path = disk.directory.path().to_str().unwrap();
    let mount =
        |arguments: &[&str]| Command::new("mount").args(arguments).output().is_ok_and(|out| out.status.success());
    if !mount(&["--bind", path, path]) {
        eprintln!("skipped: this process may not mount");
        return;
    }
    let remounted = mount(&["-o", "remount,ro,bind", path]);
    let outcome = std::panic::catch_unwind(|| {
        assert!(remounted);
        let store = Store::open(path).unwrap();
        assert_eq!(store.load::<Board>("work_board").unwrap(), work_board());
        refused(store.save(&work_board()), ErrorKind::ReadOnly, &[path]);
        let mut board = work_board();
        board.postits[0].text = "changed".to_owned();
        refused(store.save(&board), ErrorKind::ReadOnly, &[path]);
        refused(store.save(&postit("new", "")), ErrorKind::ReadOnly, &[path]);
        refused(store.delete::<Board>("work_board"), ErrorKind::ReadOnly, &[path]);
        refused(Store::open(Path::new(path).join("Board")), ErrorKind::NotAStore, &[]);
        assert_eq!(store.load::<Board>("work_board").unwrap(), work_board());
    });
    assert!(Command::new("umount").arg(path).status().unwrap().success());
    outcome.unwrap();
}

/// Room can be made on a disk that has none. Mounts need rights that a test may not have.
#[test]
fn on_a_full_disk_nothing_is_lost_and_much_can_be_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    let mount =
        |arguments: &[&str]| Command::new("mount").args(arguments).output().is_ok_and(|out| out.status.success());
    if !mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs", &path]) {
        eprintln!("skipped: this process may not mount");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        for durability in [sepia::Durability::Sync, sepia::Durability::Buffered] {
            let store = Store::builder().durability(durability).open(Path::new(&path).join("store")).unwrap();
            let mut saved = Vec::new();
            let full = loop {
                let note = postit(&format!("{:04}", saved.len()), &"x".repeat(5000));
                match store.save(&note) {
                    Ok(()) => saved.push(note),
                    Err(error) => break (note, error),
                }
            };
            assert_eq!(full.1.kind(), ErrorKind::Io, "{}", full.1);
            assert_eq!(store.find::<Postit>(&full.0.id).unwrap(), None);
            for store in [&store, &Store::open(Path::new(&path).join("store")).unwrap()] {
                assert_eq!(store.count::<Postit>().unwrap(), saved.len() as u64);
                assert_eq!(&store.load::<Postit>(&saved[0].id).unwrap(), &saved[0]);
            }
            for note in &saved[..10] {
                assert!(store.delete::<Postit>(&note.id).unwrap());
            }
            store.save(&full.0).unwrap();
            store.clear().unwrap();
            assert_eq!(store.ids::<Postit>().unwrap(), []);
        }
    });
    assert!(Command::new("umount").arg(&path).status().unwrap().success());
    outcome.unwrap();
}

/// As above, where the system can make and mount a file system that folds case.
#[test]
fn a_file_system_that_folds_case_does_not_mix_names_up() {
    let directory = tempfile::tempdir().unwrap();
    let (image, root) = (directory.path().join("image"), directory.path().join("mounted"));
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    fs::create_dir(&root).unwrap();
    let run = |program: &str, arguments: &[&Path]| {
        let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
        output.map(|output| PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end()))
    };
    let made = run("mkfs.exfat", &[&image]);
    let Some(device) = made.and_then(|_| run("losetup", &[Path::new("-f"), Path::new("--show"), &image])) else {
        eprintln!("skipped: no file system that folds case");
        return;
    };
    let mounted = run("mount.exfat-fuse", &[&device, &root]).is_some();
    let outcome = std::panic::catch_unwind(|| {
        if !mounted {
            eprintln!("skipped: no file system that folds case");
            return;
        }
        // It is a file system in user space, of which nobody knows who else writes to it.
        let open = || Store::builder().assume_exclusive().open(root.join("store")).unwrap();
        let store = open();
        store.save(&postit("name", "lower")).unwrap();
        for store in [&store, &open()] {
            refused(store.save(&postit("NAME", "upper")), ErrorKind::InvalidName, &["Postit", "NAME"]);
            assert_eq!(store.find::<Postit>("Name").unwrap(), None);
            assert!(!store.exists::<Postit>("Name").unwrap() && !store.delete::<Postit>("Name").unwrap());
            store.save(&postit("name", "lower")).unwrap();
            assert_eq!(store.load::<Postit>("name").unwrap().text, "lower");
        }
        assert!(store.delete::<Postit>("name").unwrap());
        store.save(&postit("NAME", "upper")).unwrap();
        assert_eq!(store.ids::<Postit>().unwrap(), ["NAME".into()]);
    });
    assert!(!mounted || run("umount", &[&root]).is_some());
    run("losetup", &[Path::new("-d"), &device]);
    outcome.unwrap();
}

/// The name of the environment variable that makes a test the child of itself, without rights.
const CHILD: &str = "SEPIA_TEST_WITHOUT_RIGHTS";

#[test]
fn permission_denied_names_the_file() {
    if let Some(path) = std::env::var_os(CHILD) {
        let path = Path::new(&path);
        let store = Store::open(path).unwrap();
        let place = path.join("Postit/report_postit");
        refused(
            store.load::<Postit>("report_postit"),
            ErrorKind::Io,
            &["Postit", "report_postit", place.to_str().unwrap(), "denied"],
        );
        refused(store.load::<Board>("work_board"), ErrorKind::Io, &["Postit", "report_postit", "denied"]);
        let place = path.join("Postit/new");
        refused(store.save(&postit("new", "")), ErrorKind::Io, &[place.to_str().unwrap(), "denied"]);
        return;
    }
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    let mode = |below: &str, mode| fs::set_permissions(disk.path(below), fs::Permissions::from_mode(mode)).unwrap();
    mode("Postit/report_postit", 0o000);
    mode("Postit", 0o555);
    mode(".sepia", 0o755);
    mode(".sepia/format.json", 0o644);
    mode(".sepia/journal", 0o666);
    mode(".sepia/state", 0o666);
    mode("", 0o755);
    let program = std::env::current_exe().unwrap();
    // The program is copied to where anybody may run it.
    let runnable = disk.path("../").join(format!("sepia-test-{}", std::process::id()));
    fs::copy(program, &runnable).unwrap();
    let mut command = Command::new(&runnable);
    command
        .args(["--exact", "opening::permission_denied_names_the_file", "--nocapture"])
        .env(CHILD, disk.directory.path());
    if rustix::process::geteuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
    }
    let output = command.output();
    fs::remove_file(&runnable).unwrap();
    mode("Postit", 0o755);
    let output = output.unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[test]
fn a_writer_that_waits_too_long_is_told_so() {
    let disk = OnDisk::new();
    let other = Store::builder().lock_timeout(Duration::from_millis(30)).open(disk.directory.path()).unwrap();
    let root = fs::File::open(disk.directory.path()).unwrap();
    root.lock().unwrap();
    refused(other.save(&postit("p", "")), ErrorKind::Locked, &[disk.directory.path().to_str().unwrap()]);
    root.unlock().unwrap();
    other.save(&postit("p", "")).unwrap();
}

#[test]
fn what_a_dead_writer_left_in_its_own_corner_is_removed() {
    let disk = OnDisk::new();
    disk.write(".sepia/tmp/1", "half");
    disk.write(".sepia/tmp/77", "half");
    let mut note = postit("p", "1");
    for text in ["1", "2", "3"] {
        note.text = text.to_owned();
        disk.store.save(&note).unwrap();
    }
    assert!(disk.path(".sepia/tmp/77").exists());
    assert_eq!(disk.reopen().load::<Postit>("p").unwrap().text, "3");
    assert_eq!(fs::read_dir(disk.path(".sepia/tmp")).unwrap().count(), 0);
}

#[test]
fn writers_of_several_handles_and_threads_take_turns() {
    on_every_medium(|medium| {
        let made = medium.make();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let store = if writer % 2 == 0 { made.clone() } else { made.reopen() };
                scope.spawn(move || {
                    for round in 0..25 {
                        store.save(&postit(&format!("p{writer}.{round}"), "x")).unwrap();
                        store.save(&postit("shared", &format!("{writer}"))).unwrap();
                        assert_eq!(store.load::<Postit>("shared").unwrap().text.len(), 1);
                    }
                });
            }
        });
        assert_eq!(made.count::<Postit>().unwrap(), 101);
    });
}

#[test]
fn a_class_declared_through_another_handle_is_seen_and_one_that_clashes_refused() {
    #[derive(Serializable, Debug, PartialEq)]
    #[sepia(class = "Board")]
    struct Impostor {
        id: Id<Impostor>,
    }
    on_every_medium(|medium| {
        let made = medium.make();
        if !made.lasts() {
            return;
        }
        let early = made.reopen();
        assert_eq!(early.find::<Board>("work_board").unwrap(), None);
        made.save(&work_board()).unwrap();
        assert_eq!(early.load::<Board>("work_board").unwrap(), work_board());
        refused(early.load::<Impostor>("work_board"), ErrorKind::ClassClash, &["Board", "Impostor"]);
        let late = made.reopen();
        refused(late.load::<Impostor>("x"), ErrorKind::ClassClash, &["Board", "containers", "serializable"]);
        refused(made.reopen().save(&Impostor { id: "x".into() }), ErrorKind::ClassClash, &["Board", "containers"]);
        made.clear().unwrap();
        made.reopen().save(&Impostor { id: "x".into() }).unwrap();
    });
}

#[test]
fn a_directory_of_other_origin_does_not_become_a_class() {
    let disk = OnDisk::new();
    disk.write("Postit/mine.txt", "mine");
    assert_eq!(disk.store.find::<Postit>("mine.txt").unwrap(), None);
    assert_eq!(disk.store.count::<Postit>().unwrap(), 0);
    let place = disk.path("Postit");
    refused(disk.store.save(&postit("p", "")), ErrorKind::ClassClash, &["Postit", place.to_str().unwrap()]);
    disk.store.clear().unwrap();
    assert_eq!(disk.text("Postit/mine.txt"), "mine");
    assert_eq!(disk.store.classes().unwrap(), Vec::<String>::new());
}

/// Who takes the lock again and again, without a pause that another could use, lets others have it now and then.
#[test]
fn a_busy_writer_lets_others_through() {
    on_every_medium(|medium| {
        let made = medium.make();
        lets_through(&made, &made.reopen_with(&Store::builder().lock_timeout(Duration::from_secs(5))));
    });
}

/// Threads of one handle wait for each other, and not for the system.
#[test]
fn a_busy_writer_lets_other_threads_through() {
    on_every_medium(|medium| {
        let made = medium.make();
        lets_through(&made, &made);
    });
}

fn lets_through(busy: &Store, waiting: &Store) {
    let [is_busy, done] = [const { AtomicBool::new(false) }; 2];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let at_work = busy.transaction(|_| {
                    is_busy.store(true, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                    Ok(())
                });
                at_work.unwrap();
            }
        });
        while !is_busy.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        let saved: Vec<_> =
            ["1", "2", "3"].map(|text| waiting.transaction(|transaction| transaction.save(&postit("p", text)))).into();
        done.store(true, Ordering::Relaxed);
        assert!(saved.iter().all(Result::is_ok), "{saved:?}");
    });
}

/// One large batch made the journal as large, for ever.
#[test]
fn the_journal_gives_back_what_a_large_batch_took() {
    let disk = OnDisk::new();
    disk.store.save(&postit("large", &"x".repeat(40 << 20))).unwrap();
    let length = || fs::metadata(disk.path(".sepia/journal")).unwrap().len();
    assert!(length() > 40 << 20);
    disk.reopen().close().unwrap();
    assert!(length() <= 256 << 10, "{}", length());
    assert_eq!(disk.store.load::<Postit>("large").unwrap().text.len(), 40 << 20);
}
