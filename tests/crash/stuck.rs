//! A commit that cannot be carried out is refused before it takes effect; and one that has taken effect says what is in
//! its way. Mounts, attributes and other users need rights that a test may not have.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sepia::backend::Backend;
use sepia::backend::fault::{self, Fault, Lack};
use sepia::batch::{Batch, Durability, Expect};
use sepia::record::Record;
use sepia::{Error, ErrorKind, ProblemKind, Store};
use tempfile::TempDir;

use crate::scenario::{board, draft, note};
use crate::support::{child, command, container, contents, key, leaf, link, open, open_to_read};

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A file system of its own, as long as it is used.
struct Mounted(PathBuf, #[allow(dead_code, reason = "removed at the end")] Option<TempDir>);

impl Mounted {
    /// `None` where this process may not mount.
    fn new(options: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Self::at(directory.path(), options)?;
        let path = mounted.0.clone();
        std::mem::forget(mounted);
        Some(Self(path, Some(directory)))
    }

    fn at(path: &Path, options: &str) -> Option<Self> {
        let is_mounted = run("mount", &["-t", "tmpfs", "-o", options, "tmpfs", path.to_str().unwrap()]);
        if !is_mounted {
            eprintln!("skipped: this process may not mount");
        }
        is_mounted.then(|| Self(path.to_owned(), None))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        assert!(run("umount", &["-l", self.0.to_str().unwrap()]));
    }
}

/// Makes a file one that cannot be changed, or can again, where that is possible.
fn attribute(change: &str, path: &Path) -> bool {
    let is_set = run("chattr", &[change, path.to_str().unwrap()]);
    if !is_set {
        eprintln!("skipped: no attributes here");
    }
    is_set
}

fn batch(durability: Durability, records: &[(&str, &str, Record)]) -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(durability);
    [note(), board(), draft()].iter().for_each(|class| batch.declare(class).unwrap());
    records.iter().for_each(|(class, id, record)| batch.put(key(class, id), record.clone(), Expect::Any));
    batch
}

fn delete(durability: Durability, keys: &[(&str, &str)]) -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(durability);
    keys.iter().for_each(|(class, id)| batch.delete(key(class, id), Expect::Any));
    batch
}

/// The whole of an error, with its causes.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Other commits are made, by this handle and by another.
#[track_caller]
fn check_open_to_others(backend: &dyn Backend, path: &Path) {
    let report = Store::with_backend(open(path).unwrap()).verify().run().unwrap();
    assert!(report.is_clean(), "{report:#?}");
    for (durability, text) in [(Durability::Sync, "1"), (Durability::Buffered, "2")] {
        let two = [("Note", "other", leaf(text)), ("Note", "another", leaf(text))];
        backend.commit(batch(durability, &two)).unwrap();
        open(path).unwrap().commit(batch(durability, &two[..1])).unwrap();
    }
    backend.commit(delete(Durability::Sync, &[("Note", "other"), ("Note", "another")])).unwrap();
}

#[test]
fn a_disk_without_inodes_refuses_and_can_be_emptied() {
    for durability in [Durability::Sync, Durability::Buffered] {
        let Some(mounted) = Mounted::new("size=8m,nr_inodes=60") else { return };
        let path = mounted.0.join("store");
        let backend = open(&path).unwrap();
        let ids: Vec<String> = (0..60).map(|number| format!("{number}")).collect();
        let (mut saved, mut refused) = (Vec::new(), 0);
        for (number, id) in ids.iter().enumerate() {
            let links = vec![("a", link("Note", id)), ("b", link("Note", id))];
            let records = [("Note", &**id, leaf(id)), ("Board", id, container("{}\n", links))];
            // Some of them take one inode, some many.
            let records = &records[..1 + number % 2];
            match backend.commit(batch(durability, records)) {
                Ok(()) => saved.extend(records.iter().map(|(class, id, _)| (*class, *id))),
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.kind(), ErrorKind::Io, "{}", told(&error));
                }
            }
            let found = contents(&open_to_read(&path).unwrap()).unwrap();
            assert_eq!(found.len(), saved.len(), "after {id}");
        }
        assert!(refused > 10 && saved.len() > 10, "{refused}, {}", saved.len());
        let report = Store::with_backend(open_to_read(&path).unwrap()).verify().run().unwrap();
        assert!(report.is_clean(), "{report:#?}");
        // Containers go by a frame, leaves by themselves.
        backend.commit(delete(durability, &saved[1..])).unwrap();
        check_open_to_others(&backend, &path);
    }
}

#[test]
fn what_cannot_be_replaced_or_removed_is_refused_before_it_takes_effect() {
    let directory = tempfile::tempdir().unwrap();
    let path = &directory.path().join("store");
    let backend = open(path).unwrap();
    let board = container("{}\n", vec![("n", link("Note", "n"))]);
    backend.commit(batch(Durability::Sync, &[("Note", "n", leaf("1")), ("Board", "b", board)])).unwrap();
    for (place, change) in
        [("Note/n", "i"), ("Note/n", "a"), ("Board/b/data.json", "i"), ("Board/b", "a"), ("Note", "a")]
    {
        let place = &path.join(place);
        if !attribute(&format!("+{change}"), place) {
            return;
        }
        let before = contents(&open_to_read(path).unwrap()).unwrap();
        let outcomes = std::panic::catch_unwind(|| {
            let changed = container("{\"changed\": 1}\n", vec![]);
            let put = [("Note", "n", leaf("2")), ("Board", "b", changed)];
            let deleted = [("Note", "n"), ("Board", "b")];
            [Durability::Sync, Durability::Buffered].map(|durability| {
                [
                    backend.commit(batch(durability, &put)),
                    open(path).unwrap().commit(delete(durability, &deleted)),
                    backend.commit(delete(durability, &deleted)),
                ]
            })
        });
        let found = contents(&open_to_read(path).unwrap());
        assert!(attribute(&format!("-{change}"), place));
        for error in outcomes.unwrap().into_iter().flatten() {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{}", told(&error));
            assert!(told(&error).contains("not permitted"), "{}", told(&error));
        }
        assert_eq!(found.unwrap(), before);
        check_open_to_others(&backend, path);
    }
}

/// The rights of a user who owns nothing here.
#[test]
fn saves_in_a_directory_with_the_sticky_bit() {
    let Some(words) = child() else { return };
    let path = Path::new(&words[0]);
    let backend = open(path).unwrap();
    for durability in [Durability::Sync, Durability::Buffered] {
        let many = [("Note", "n", leaf("2")), ("Note", "mine", leaf("2"))];
        for batch in [batch(durability, &many), batch(durability, &many[..1]), delete(durability, &[("Note", "n")])] {
            let error = backend.commit(batch).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{}", told(&error));
            assert!(told(&error).contains("Note/n"), "{}", told(&error));
        }
        backend.commit(batch(durability, &many[1..])).unwrap();
        backend.commit(batch(durability, &[("Note", "mine", leaf("3")), ("Note", "new", leaf("3"))])).unwrap();
        backend.commit(delete(durability, &[("Note", "mine"), ("Note", "new")])).unwrap();
    }
    println!("\nheld");
}

#[test]
fn a_file_of_another_user_in_a_sticky_directory_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: this process is not root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let backend = open(&path).unwrap();
    backend.commit(batch(Durability::Sync, &[("Note", "n", leaf("1"))])).unwrap();
    backend.checkpoint().unwrap();
    let mode = |place: &Path, mode| fs::set_permissions(place, fs::Permissions::from_mode(mode)).unwrap();
    mode(directory.path(), 0o755);
    for owned in ["", ".sepia", ".sepia/format.json", ".sepia/journal", ".sepia/state", ".sepia/tmp"] {
        let place = path.join(owned);
        if place.exists() {
            chown(place, Some(65534), Some(65534)).unwrap();
        }
    }
    mode(&path.join("Note"), 0o1777);
    mode(&path.join("Note/n"), 0o666);
    // The program is copied to where anybody may run it.
    let runnable = directory.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &runnable).unwrap();
    let told = command("stuck::saves_in_a_directory_with_the_sticky_bit", &[path.to_str().unwrap()]);
    let mut command = Command::new(&runnable);
    command.args(told.get_args()).envs(told.get_envs().filter_map(|(name, value)| Some((name, value?)))).uid(65534);
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("\nheld\n"), "{text}");
    assert_eq!(backend.read(&key("Note", "n")).unwrap(), Some(leaf("1")));
    check_open_to_others(&backend, &path);
}

/// Files come into their place from another directory, which must be of the same file system.
#[test]
fn a_class_on_another_file_system_is_refused_what_it_cannot_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let backend = open(&path).unwrap();
    backend.commit(batch(Durability::Sync, &[("Note", "n", leaf("1"))])).unwrap();
    let Some(_mounted) = Mounted::at(&path.join("Note"), "size=1m") else { return };
    backend.commit(batch(Durability::Sync, &[("Note", "n", leaf("there")), ("Note", "m", leaf("1"))])).unwrap();
    let error = backend.commit(batch(Durability::Sync, &[("Note", "n", leaf("2"))])).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && told(&error).contains("Note/n"), "{}", told(&error));
    assert_eq!(backend.read(&key("Note", "n")).unwrap(), Some(leaf("there")));
    backend.commit(delete(Durability::Sync, &[("Note", "m")])).unwrap();
}

/// Commits two notes, and dies at a step.
#[test]
fn dies() {
    let Some(words) = child() else { return };
    let backend = open(Path::new(&words[0])).unwrap();
    let batch = batch(Durability::Sync, &[("Note", "a", leaf("2")), ("Note", "b", leaf("2"))]);
    fault::arm(words[1].parse().unwrap(), Fault::Abort);
    backend.commit(batch).unwrap();
    println!("\nsteps {}", fault::disarm());
}

/// A store in which a commit of two notes is in force, of which no file has been written.
fn pending(path: &Path) {
    for step in 0..100 {
        let _ = fs::remove_dir_all(path);
        let backend = open(path).unwrap();
        backend.commit(batch(Durability::Sync, &[("Note", "a", leaf("1")), ("Note", "b", leaf("1"))])).unwrap();
        drop(backend);
        command("stuck::dies", &[path.to_str().unwrap(), &step.to_string()]).output().unwrap();
        let is_in_force = open_to_read(path).unwrap().read(&key("Note", "a")).unwrap() == Some(leaf("2"));
        if is_in_force {
            assert_eq!(fs::read(path.join("Note/a")).unwrap(), b"1", "it has been carried out at once");
            return;
        }
    }
    unreachable!("no commit has taken effect");
}

/// What was in force and could not be carried out closed the store to everybody, with an error of another object, and
/// nothing was said to be wrong.
#[test]
fn a_commit_that_cannot_be_carried_out_is_named_by_errors_and_by_verify() {
    let directory = tempfile::tempdir().unwrap();
    let path = &directory.path().join("store");
    pending(path);
    let clean = |path: &Path| Store::with_backend(open_to_read(path).unwrap()).verify().run().unwrap().is_clean();
    assert!(clean(path), "it is only pending");
    if !attribute("+i", &path.join("Note/b")) {
        return;
    }
    let looked = std::panic::catch_unwind(|| {
        let backend = open(path).unwrap();
        let errors = [
            backend.commit(batch(Durability::Buffered, &[("Note", "c", leaf("1"))])).unwrap_err(),
            backend.commit(delete(Durability::Sync, &[("Note", "a")])).unwrap_err(),
            backend.lock().map(drop).unwrap_err(),
        ];
        let found = [open_to_read(path).unwrap(), open(path).unwrap()].map(|backend| {
            let problems = Store::with_backend(backend).verify().run().unwrap().problems;
            problems.into_iter().map(|found| found.problem).collect::<Vec<_>>()
        });
        (errors.map(|error| (error.kind(), told(&error))), found, backend.read(&key("Note", "b")).unwrap())
    });
    assert!(attribute("-i", &path.join("Note/b")));
    let (errors, found, read) = looked.unwrap();
    for (kind, text) in errors {
        assert_eq!(kind, ErrorKind::Io);
        for part in ["earlier commit", "class \"Note\", id \"b\"", "Note/b", "not permitted", "lsattr"] {
            assert!(text.contains(part), "{text}");
        }
    }
    for problems in found {
        let [problem] = &*problems else { panic!("{problems:#?}") };
        assert_eq!(
            (problem.kind, &*problem.path, &problem.key),
            (ProblemKind::Pending, "Note/b", &Some(key("Note", "b")))
        );
        assert!(problem.message.contains("not permitted") && problem.message.contains("lsattr"), "{problem}");
    }
    assert_eq!(read, Some(leaf("2")));
    let backend = open(path).unwrap();
    check_open_to_others(&backend, path);
    assert_eq!(backend.read(&key("Note", "b")).unwrap(), Some(leaf("2")));
}

/// What the journal has ahead of what it holds is room, too.
#[test]
fn a_commit_that_lacks_room_is_carried_out_as_soon_as_there_is_some() {
    let Some(mounted) = Mounted::new("size=16m") else { return };
    let path = &mounted.0.join("store");
    pending(path);
    let filler = mounted.0.join("filler");
    let size = rustix::fs::statvfs(&mounted.0).map(|free| free.f_bavail * free.f_frsize).unwrap();
    fs::write(&filler, vec![1; usize::try_from(size).unwrap()]).unwrap();
    let backend = open(path).unwrap();
    assert_eq!(fs::read(path.join("Note/b")).unwrap(), b"2");
    assert!(backend.commit(batch(Durability::Sync, &[("Note", "large", leaf(&"x".repeat(2 << 20)))])).is_err());
    backend.commit(delete(Durability::Sync, &[("Note", "a"), ("Note", "b")])).unwrap();
    fs::remove_file(filler).unwrap();
    check_open_to_others(&backend, path);
}

/// File systems and policies refuse in many words to give a file without a name one, and some make no symlinks. Whether
/// they do is one for the whole process, so this has a process of its own.
#[test]
fn lacks_links() {
    let Some(words) = child() else { return };
    let path = Path::new(&words[0]);
    let error = words[2].parse().unwrap();
    let backend = open(path).unwrap();
    if words[1] == "hard" {
        fault::lack(Lack::HardLinks, error);
        for durability in [Durability::Sync, Durability::Buffered] {
            let id = &format!("{durability:?}");
            backend.commit(batch(durability, &[("Note", id, leaf("1"))])).unwrap();
            let board = container("{}\n", vec![("n", link("Note", id))]);
            backend.commit(batch(durability, &[("Board", id, board), ("Note", "x", leaf(id))])).unwrap();
            assert_eq!(fs::read(path.join("Note/x")).unwrap(), id.as_bytes(), "it has been carried out");
        }
    } else {
        fault::lack(Lack::Symlinks, error);
        let board = container("{}\n", vec![("n", link("Note", "n"))]);
        for durability in [Durability::Sync, Durability::Buffered] {
            let refused = backend.commit(batch(durability, &[("Board", "b", board.clone())])).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Io);
            assert!(told(&refused).contains("no symbolic links"), "{}", told(&refused));
            backend.commit(batch(durability, &[("Board", "c", container("{}\n", vec![]))])).unwrap();
        }
        fault::lack(Lack::Symlinks, 0);
        backend.commit(batch(Durability::Sync, &[("Board", "b", board), ("Note", "n", leaf(""))])).unwrap();
    }
    check_open_to_others(&backend, path);
    println!("\nheld");
}

#[test]
fn a_file_system_without_links_stops_nobody() {
    let hard = [1, 2, 13, 18, 22, 31, 38, 95].map(|error| ("hard", error));
    let symbolic = [1, 38, 95].map(|error| ("symbolic", error));
    for (kind, error) in hard.into_iter().chain(symbolic) {
        let directory = tempfile::tempdir().unwrap();
        let words = [directory.path().to_str().unwrap(), kind, &format!("{error}")];
        let output = command("stuck::lacks_links", &words).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && text.contains("\nheld\n"), "{kind} {error}\n{text}");
    }
}
