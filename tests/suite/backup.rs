//! Backups come back as they were, or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use proptest::prelude::*;

use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::transfer::OnConflict;
use sepia::{ErrorKind, Progress, Root, Store};
use sepia_core::backup::{Archive, RecordKind};
use tempfile::TempDir;

use crate::copy::{drafts, key, link, many, notes, put, text};
use crate::support::{
    MEDIA, Medium, OnDisk, beside_writers, content, directory, is_of_one_moment, on_every_backend, on_every_medium,
    on_every_pair, on_some_pairs, refused,
};
use crate::trees::{Tree, tree};

/// A directory for archives, which goes with it.
struct Shelf(TempDir);

impl Shelf {
    fn new() -> Self {
        Self(directory())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts these bytes into an archive.
    fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.path("put.tar");
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn restored(path: &Path) -> sepia::Result<Store> {
    let store = Store::in_memory();
    store.restore(&Archive::open(path)?).run()?;
    Ok(store)
}

/// A small store with something of every kind.
fn small() -> Store {
    let store = Store::in_memory();
    fill(&store);
    store
}

fn fill(store: &Store) {
    put(store, &notes(), &[("a", "Milk"), ("b/\u{e9}", ""), (&"n".repeat(190), "long")]);
    put(store, &drafts(), &[("d.0", "0"), ("d.10", "1")]);
    link(store, "work", &["a", "gone"]);
}

/// Backs up a tree and what it becomes, in every medium, and restores both in every medium.
fn come_back(first: &Tree, second: &Tree) -> Result<(), TestCaseError> {
    let shelf = Shelf::new();
    for medium in MEDIA {
        let store = medium.make();
        store.save(first).unwrap();
        let [full, then] = ["full.tar", "then.tar.zst"].map(|name| shelf.path(name));
        store.backup().to_file(&full).unwrap();
        let full = Archive::open(&full).unwrap();
        prop_assert_eq!(full.verify().unwrap().records().len(), content(&store).1.len());
        for other in MEDIA {
            let to = other.make();
            to.restore(&full).run().unwrap();
            prop_assert_eq!(content(&to), content(&store), "from {:?} to {:?}", medium, other);
            prop_assert_eq!(&to.load::<Tree>("root").unwrap(), first);
        }
        store.overwrite(second).unwrap();
        store.backup().since(&full.manifest().unwrap()).compress(1).to_file(&then).unwrap();
        let to = medium.make();
        to.restore(&Archive::open(&then).unwrap()).base(&full).run().unwrap();
        prop_assert_eq!(content(&to), content(&store), "{:?}", medium);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_come_back_as_they_were(first in tree(), second in tree()) {
        come_back(&first, &second)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "long"]
    fn trees_come_back_as_they_were_for_long(first in tree(), second in tree()) {
        come_back(&first, &second)?;
    }
}

#[test]
fn archives_say_what_is_in_them() {
    on_every_backend(|store| {
        let shelf = Shelf::new();
        fill(store);
        let before = std::time::SystemTime::now();
        let report = store.backup().to_file(shelf.path("a.tar")).unwrap();
        assert_eq!((report.records, report.included, report.bytes, report.strays), (6, 6, 13, 0));
        let archive = Archive::open(shelf.path("a.tar")).unwrap();
        let header = archive.header();
        assert_eq!((&header.roots, header.since), (&None, None));
        assert!(before.duration_since(header.made).unwrap_or_default().as_secs() <= 1);
        let mut listed = BTreeMap::new();
        archive.list(|one| _ = listed.insert(one.key.path(), (one.kind, one.bytes, one.here))).unwrap();
        assert_eq!(listed.len(), 6);
        assert_eq!(listed["Board/work"], (RecordKind::Container, 3, true));
        assert_eq!(listed["Note/b%2F\u{e9}"], (RecordKind::Leaf, 0, true));
        // The same, however it is written.
        let mut written = Vec::new();
        store.backup().to_writer(&mut written).unwrap();
        let written = Archive::open(shelf.put(&written)).unwrap();
        assert_eq!(written.verify().unwrap().records(), archive.verify().unwrap().records());
        // And nothing is left beside.
        let mut names: Vec<_> = fs::read_dir(shelf.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.tar", "put.tar"]);
    });
}

#[test]
fn a_backup_that_fails_leaves_what_was_there() {
    let (disk, shelf) = (OnDisk::new(), Shelf::new());
    put(&disk.store, &notes(), &[("a", "1"), ("b", "2")]);
    let path = shelf.path("a.tar");
    disk.store.backup().to_file(&path).unwrap();
    let before = fs::read(&path).unwrap();
    fs::remove_file(disk.path("Note/b")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", disk.path("Note/b")).unwrap();
    refused(disk.store.backup().to_file(&path), ErrorKind::Corrupt, &["Note", "b"]);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(shelf.0.path()).unwrap().count(), 1);
    refused(disk.store.backup().to_file(shelf.path("no/such/a.tar")), ErrorKind::Io, &["no/such/a.tar"]);
}

#[test]
fn roots_are_backed_up_with_what_they_lead_to() {
    on_every_backend(|store| {
        let shelf = Shelf::new();
        fill(store);
        put(store, &notes(), &[("c", "not reached")]);
        let roots = [Root::from(key("Board", "work"))];
        store.backup().roots(roots.clone()).to_file(shelf.path("a.tar")).unwrap();
        assert_eq!(Archive::open(shelf.path("a.tar")).unwrap().header().roots, Some(roots.into()));
        let (classes, records) = content(&restored(&shelf.path("a.tar")).unwrap());
        assert_eq!(classes, [Class::container("Board"), notes()]);
        assert_eq!(records.keys().map(Key::path).collect::<Vec<_>>(), ["Board/work", "Note/a"]);
        refused(store.backup().roots([key("Board", "no")]).to_file(shelf.path("b.tar")), ErrorKind::NotFound, &["no"]);
    });
}

#[test]
fn a_chain_of_backups_restores_the_last_state_and_nothing_older() {
    on_every_medium(|medium| {
        let (store, shelf) = (medium.make(), Shelf::new());
        fill(&store);
        let names = ["0.tar", "1.tar", "2.tar"].map(|name| shelf.path(name));
        store.backup().to_file(&names[0]).unwrap();
        let first = Archive::open(&names[0]).unwrap();
        // Changed, new, gone; and changed back in the end.
        put(&store, &notes(), &[("a", "Bread"), ("b/\u{e9}", "two"), ("new", "1")]);
        store.backend().commit(deleted("Draft", "d.0")).unwrap();
        let report = store.backup().since(&first.manifest().unwrap()).to_file(&names[1]).unwrap();
        assert_eq!((report.records, report.included), (6, 3));
        let second = Archive::open(&names[1]).unwrap();
        put(&store, &notes(), &[("a", "Milk")]);
        store.backup().since(&second.manifest().unwrap()).to_file(&names[2]).unwrap();
        let third = Archive::open(&names[2]).unwrap();
        assert_eq!(third.header().since, Some(second.manifest().unwrap().hash()));
        third.verify().unwrap();

        let to = medium.make();
        to.restore(&third).base(&second).base(&first).run().unwrap();
        assert_eq!(content(&to), content(&store));
        let to = medium.make();
        to.restore(&third).base(&first).base(&second).run().unwrap();
        assert_eq!(content(&to), content(&store));
        for bases in [vec![], vec![&second], vec![&first]] {
            let to = medium.make();
            let restore = bases.iter().fold(to.restore(&third), |restore, base| restore.base(base));
            refused(restore.run(), ErrorKind::NotFound, &["relative to an earlier one"]);
            assert_eq!(content(&to), Default::default());
        }
    });
}

fn deleted(class: &str, id: &str) -> Batch {
    let mut batch = Batch::new();
    batch.delete(key(class, id), Expect::Present);
    batch
}

#[test]
fn conflicts_are_dealt_with_by_the_rule() {
    on_every_medium(|medium| {
        let shelf = Shelf::new();
        let from = medium.make();
        put(&from, &notes(), &[("other", "theirs"), ("new", "n")]);
        put(&from, &drafts(), &[("d.0", "theirs"), ("d.5", "x")]);
        from.backup().to_file(shelf.path("a.tar")).unwrap();
        let archive = Archive::open(shelf.path("a.tar")).unwrap();
        let restored = |rule: OnConflict| {
            let to = medium.make();
            put(&to, &notes(), &[("other", "mine"), ("own", "o")]);
            put(&to, &drafts(), &[("d.0", "mine"), ("d.4", "y")]);
            let before = content(&to);
            let run = to.restore(&archive).on_conflict(rule).run();
            assert_eq!(run.is_err(), content(&to) == before);
            let texts =
                [("Note", "other"), ("Draft", "d.0"), ("Note", "own")].map(|(class, id)| text(&to, class, id).unwrap());
            (run, texts.join(" "))
        };
        let (run, _) = restored(OnConflict::Fail);
        assert_eq!(refused(run, ErrorKind::Conflict, &[]).conflicts().len(), 2);
        for (rule, texts, numbers) in [
            (OnConflict::Keep, "mine mine o", (2, 0, 0, 2)),
            (OnConflict::Replace, "theirs theirs o", (2, 2, 0, 0)),
            (OnConflict::NewestGeneration, "mine theirs o", (2, 1, 0, 1)),
        ] {
            let (run, found) = restored(rule);
            let report = run.unwrap();
            assert_eq!(
                (&*found, (report.added, report.replaced, report.equal, report.kept)),
                (texts, numbers),
                "{rule:?}"
            );
        }
        // Of another kind, before anything is written.
        let to = medium.make();
        put(&to, &Class::serializable("Note", Format::Bytes), &[("b", "1")]);
        let before = content(&to);
        refused(to.restore(&archive).on_conflict(OnConflict::Replace).run(), ErrorKind::ClassClash, &["Note"]);
        assert_eq!(content(&to), before);
    });
}

#[test]
fn backups_beside_writers_are_of_one_moment() {
    let shelf = Shelf::new();
    on_every_backend(|from| {
        let ids: Vec<String> = (0..300).map(|number| format!("{number}")).collect();
        put(from, &notes(), &ids.iter().map(|id| (id.as_str(), id.as_str())).collect::<Vec<_>>());
        beside_writers(from, || {
            for round in 0..8 {
                let path = shelf.path("a.tar");
                let mut backup = from.backup();
                if round % 2 == 1 {
                    backup = backup.roots(["Pair", "Note", "Fresh"].map(Root::class));
                }
                backup.to_file(&path).unwrap();
                is_of_one_moment(&restored(&path).unwrap());
            }
        });
    });
}

/// Writes into the store of the environment until it is killed: this test, started again as a process of its own.
#[test]
#[ignore = "started by the next"]
fn writer_of_another_process() {
    let Ok(url) = std::env::var("SEPIA_BACKUP_STORE") else { return };
    let store = Store::builder().open_url(&url).unwrap();
    beside_writers(&store, || std::thread::sleep(std::time::Duration::from_secs(60)));
}

/// A process that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).unwrap();
    }
}

#[test]
fn backups_beside_another_process_are_of_one_moment() {
    on_every_medium(|medium| {
        let from = medium.make();
        if !from.lasts() {
            return;
        }
        let shelf = Shelf::new();
        let ids: Vec<String> = (0..300).map(|number| format!("{number}")).collect();
        put(&from, &notes(), &ids.iter().map(|id| (id.as_str(), id.as_str())).collect::<Vec<_>>());
        let mut writer = Command::new(std::env::current_exe().unwrap());
        writer.args(["--exact", "backup::writer_of_another_process", "--ignored"]);
        let _writer = Killed(writer.env("SEPIA_BACKUP_STORE", from.url()).stdout(Stdio::null()).spawn().unwrap());
        while text(&from, "Pair", "a").is_none_or(|number| number == "1") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let mut states = std::collections::BTreeSet::new();
        for _ in 0..8 {
            from.backup().to_file(shelf.path("a.tar")).unwrap();
            let store = restored(&shelf.path("a.tar")).unwrap();
            is_of_one_moment(&store);
            states.insert(text(&store, "Pair", "a").unwrap());
        }
        assert!(states.len() > 1, "nothing was written meanwhile");
    });
}

#[test]
fn an_archive_that_is_cut_off_anywhere_is_refused() {
    cut_off(7);
}

#[test]
#[ignore = "long"]
fn an_archive_that_is_cut_off_anywhere_is_refused_for_long() {
    cut_off(1);
}

/// Tries one of so many places.
fn cut_off(one_of: usize) {
    let shelf = Shelf::new();
    let tiny = Store::in_memory();
    put(&tiny, &notes(), &[("a", "Milk")]);
    link(&tiny, "work", &["a"]);
    for compressed in [false, true] {
        let backup = if compressed { tiny.backup().compress(3) } else { tiny.backup() };
        let mut bytes = Vec::new();
        backup.to_writer(&mut bytes).unwrap();
        assert_eq!(content(&restored(&shelf.put(&bytes)).unwrap()), content(&tiny));
        for length in (0..bytes.len()).step_by(one_of) {
            let path = shelf.put(&bytes[..length]);
            let kind = restored(&path).map_err(|error| error.kind()).err();
            assert_eq!(kind, Some(ErrorKind::Corrupt), "{length} of {} bytes", bytes.len());
        }
        bytes.push(0);
        assert_eq!(restored(&shelf.put(&bytes)).map_err(|error| error.kind()).err(), Some(ErrorKind::Corrupt));
    }
}

#[test]
fn a_byte_that_is_changed_anywhere_is_found_or_does_not_matter() {
    change_bytes(7);
}

#[test]
#[ignore = "long"]
fn a_byte_that_is_changed_anywhere_is_found_or_does_not_matter_for_long() {
    change_bytes(1);
}

/// Tries one of so many places.
fn change_bytes(one_of: usize) {
    let shelf = Shelf::new();
    let tiny = Store::in_memory();
    put(&tiny, &notes(), &[("a", "Milk")]);
    link(&tiny, "work", &["a"]);
    for compressed in [false, true] {
        let backup = if compressed { tiny.backup().compress(3) } else { tiny.backup() };
        let mut bytes = Vec::new();
        backup.to_writer(&mut bytes).unwrap();
        for at in (0..bytes.len()).step_by(one_of) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            match restored(&shelf.put(&bytes)) {
                // Where it is not compressed, every byte counts.
                Ok(store) => assert!(compressed && content(&store) == content(&tiny), "byte {at}"),
                Err(error) => {
                    let kinds = [ErrorKind::Corrupt, ErrorKind::UnsupportedFormat];
                    assert!(kinds.contains(&error.kind()), "byte {at}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn the_systems_tar_lists_and_extracts_it() {
    let (disk, shelf) = (OnDisk::new(), Shelf::new());
    let memory = small();
    memory.copy_to(&disk.store).run().unwrap();
    let aged = fs::File::options().write(true).open(disk.path("Note/a")).unwrap();
    aged.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    for (store, compress) in [(&memory, false), (&disk.store, false), (&disk.store, true)] {
        let path = shelf.path("a.tar");
        let backup = if compress { store.backup().compress(0) } else { store.backup() };
        backup.to_file(&path).unwrap();
        let tar = |arguments: &[&str]| {
            let done = Command::new("tar").args(arguments).arg(&path).output().unwrap();
            assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
            String::from_utf8(done.stdout).unwrap()
        };
        let Ok(_) = Command::new("tar").arg("--version").output() else { return };
        let listed = tar(&["-tv", "-f"]);
        assert!(listed.lines().next().unwrap().ends_with("sepia-backup.json"), "{listed}");
        assert!(listed.contains("objects/Board/work/a -> ../../Note/a"), "{listed}");
        assert!(listed.trim_end().ends_with("manifest.jsonl"), "{listed}");
        let into = tempfile::tempdir().unwrap();
        tar(&["-x", "-C", into.path().to_str().unwrap(), "-f"]);
        let extracted = Store::open(into.path().join("objects")).unwrap();
        assert_eq!(content(&extracted), content(store));
        assert_eq!(crate::support::snapshot(&into.path().join("objects")), disk.snapshot());
        if store.backend().root().is_some() {
            let seconds = |path: PathBuf| fs::metadata(path).unwrap().mtime();
            assert_eq!(seconds(into.path().join("objects/Note/a")), seconds(disk.path("Note/a")));
        }
    }
}

/// What was taken out of a container, or has become something else in it, once stood beside what took its place.
#[test]
fn the_systems_tar_extracts_a_chain() {
    let (store, shelf) = (Store::in_memory(), Shelf::new());
    let board = |entries: Vec<(&str, Entry)>| {
        let named = |entries: Vec<(&str, Entry)>| {
            Entries::new(entries.into_iter().map(|(name, entry)| (Name::of(name).unwrap(), entry)).collect()).unwrap()
        };
        let entries = named(entries.into_iter().chain([("data", Entry::Link(key("Note", "a")))]).collect());
        let mut batch = Batch::new();
        batch.declare(&Class::container("Board")).unwrap();
        let node = Node { data: b"{}\n".to_vec(), entries };
        batch.put(key("Board", "work"), Record::Container(node), Expect::Any);
        store.backend().commit(batch).unwrap();
    };
    let list = |ids: &[&str]| {
        let links = ids.iter().map(|name| (Name::of(name).unwrap(), Entry::Link(key("Note", &name[5..]))));
        Entry::Collection(Entries::new(links.collect()).unwrap())
    };
    put(&store, &notes(), &[("a", "a"), ("b", "b"), ("c", "c")]);
    board(vec![
        ("list", list(&["0000_a", "0001_b", "0002_c"])),
        ("gone", list(&["0000_a"])),
        ("turned", list(&["0000_a"])),
    ]);
    let names = ["1.tar", "2.tar"].map(|name| shelf.path(name));
    store.backup().to_file(&names[0]).unwrap();
    let first = Archive::open(&names[0]).unwrap();
    board(vec![("list", list(&["0000_b", "0001_a"])), ("turned", Entry::Link(key("Note", "a")))]);
    store.backup().since(&first.verify().unwrap()).to_file(&names[1]).unwrap();
    let into = tempfile::tempdir().unwrap();
    for name in &names {
        let mut tar = Command::new("tar");
        tar.args(["-x", "--recursive-unlink", "-C"]).arg(into.path()).arg("-f").arg(name);
        let Ok(done) = tar.output() else { return };
        assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    }
    let extracted = Store::open(into.path().join("objects")).unwrap();
    assert_eq!(content(&extracted), content(&store));
}

/// A nightly job gives the next archive the name of the one that is being restored.
#[test]
fn an_archive_whose_name_is_taken_is_restored_and_one_that_is_changed_is_not() {
    on_every_medium(|medium| {
        let (from, shelf) = (medium.make(), Shelf::new());
        many(&from, 2500, "old");
        let path = shelf.path("a.tar");
        for phase in ["verify", "compare", "restore"] {
            from.backup().to_file(&path).unwrap();
            let archive = Archive::open(&path).unwrap();
            let (to, before) = (medium.make(), content(&from));
            put(&from, &notes(), &[("zz", phase)]);
            let next = |progress: Progress| {
                if progress.phase == phase && progress.done == 0 {
                    from.backup().to_file(&path).unwrap();
                }
            };
            to.restore(&archive).on_progress(next).run().unwrap();
            assert_eq!(content(&to), before, "{phase}");
        }
        let archive = Archive::open(&path).unwrap();
        let to = medium.make();
        let cut = |progress: Progress| {
            if progress.phase == "compare" && progress.done == 0 {
                fs::File::options().write(true).open(&path).unwrap().set_len(2000 * 1024).unwrap();
            }
        };
        refused(
            to.restore(&archive).on_progress(cut).run(),
            ErrorKind::Corrupt,
            &["changed since it was opened", "a.tar"],
        );
        assert_eq!(content(&to), Default::default());
    });
}

#[test]
fn a_restoration_goes_on_where_it_was_interrupted() {
    on_some_pairs(interrupted);
}

#[test]
#[ignore = "long"]
fn a_restoration_goes_on_where_it_was_interrupted_for_long() {
    on_every_pair(interrupted);
}

fn interrupted(from: Medium, to: Medium) {
    let (from, shelf, to) = (from.make(), Shelf::new(), to.make());
    many(&from, 2500, "same");
    from.backup().to_file(shelf.path("a.tar")).unwrap();
    let archive = Archive::open(shelf.path("a.tar")).unwrap();
    let dies = |progress: Progress| assert!(progress.phase != "restore" || progress.done < 2304, "interrupted");
    let run = || to.restore(&archive).on_progress(dies).run();
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    let report = to.restore(&archive).run().unwrap();
    assert_eq!((report.added, report.equal), (500, 2000));
    assert_eq!(content(&to), content(&from));
}

/// Verifies the archive of the environment in little memory: a process of its own, which the next starts.
#[test]
#[cfg(target_os = "linux")]
#[ignore = "started by the next"]
fn verifier_of_a_large_object() {
    let Ok(path) = std::env::var("SEPIA_LARGE_BACKUP") else { return };
    assert_eq!(Archive::open(path).unwrap().verify().unwrap().records().len(), 1);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = most.trim().trim_end_matches("kB").trim().parse().unwrap();
    assert!(kilobytes < 48 << 10, "{kilobytes} kB");
}

/// Objects were once read whole before their hash was looked at.
#[test]
#[cfg(target_os = "linux")]
fn an_archive_is_verified_in_little_memory() {
    let (store, shelf) = (Store::in_memory(), Shelf::new());
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Blob", Format::Bytes)).unwrap();
    batch.put(key("Blob", "b"), Record::Leaf(vec![0; 80 << 20]), Expect::Any);
    store.backend().commit(batch).unwrap();
    store.backup().compress(1).to_file(shelf.path("a.tar")).unwrap();
    let mut verifier = Command::new(std::env::current_exe().unwrap());
    verifier.args(["--exact", "backup::verifier_of_a_large_object", "--ignored"]);
    let done = verifier.env("SEPIA_LARGE_BACKUP", shelf.path("a.tar")).output().unwrap();
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("1 passed"), "{done:?}");
}

#[test]
fn nothing_stands_behind_a_compressed_archive() {
    let (store, shelf) = (small(), Shelf::new());
    let mut bytes = Vec::new();
    store.backup().compress(3).to_writer(&mut bytes).unwrap();
    Archive::open(shelf.put(&bytes)).unwrap().verify().unwrap();
    // A frame that decoders skip, an empty one, and no frame at all.
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    let empty = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 1, 0, 0];
    for more in [&skipped[..], &empty, b"x"] {
        let path = shelf.put(&[&bytes, more].concat());
        refused(Archive::open(path).unwrap().verify(), ErrorKind::Corrupt, &["behind the archive"]);
    }
}

/// Once it had the mode of any new file, and so showed what the store does not.
#[test]
fn a_file_is_for_its_owner_alone_or_has_the_mode_of_that_which_it_replaces() {
    let (store, shelf) = (small(), Shelf::new());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let (archive, packed, export) = (shelf.path("a.tar"), shelf.path("a.tar.zst"), shelf.path("a.jsonl"));
    let write = || {
        store.backup().to_file(&archive).unwrap();
        store.backup().compress(1).to_file(&packed).unwrap();
        store.export().to_file(&export).unwrap();
    };
    write();
    for path in [&archive, &packed, &export] {
        assert_eq!(mode(path), 0o600, "{path:?}");
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    write();
    for path in [&archive, &packed, &export] {
        assert_eq!(mode(path), 0o640, "{path:?}");
    }
}

#[test]
fn only_a_file_is_replaced() {
    let (store, shelf) = (small(), Shelf::new());
    let (real, linked, lost, pipe) = (shelf.path("real"), shelf.path("link"), shelf.path("lost"), shelf.path("pipe"));
    fs::write(&real, "old").unwrap();
    symlink("real", &linked).unwrap();
    store.backup().to_file(&linked).unwrap();
    assert!(linked.is_symlink() && !real.is_symlink());
    Archive::open(&real).unwrap().verify().unwrap();
    store.export().to_file(&linked).unwrap();
    assert!(linked.is_symlink() && fs::read_to_string(&real).unwrap().starts_with(r#"{"sepia""#));
    symlink("nowhere", &lost).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [&lost, &pipe, &shelf.0.path().to_owned()] {
        refused(store.backup().to_file(path), ErrorKind::Io, &["begin to write"]);
        refused(store.export().to_file(path), ErrorKind::Io, &["begin to write"]);
    }
    assert!(lost.is_symlink() && fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn an_error_of_the_callers_writer_is_told_as_such() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let store = Store::in_memory();
    many(&store, 300, "x");
    refused(store.backup().to_writer(Full(200_000)), ErrorKind::Io, &["the backup cannot be written"]);
    refused(store.export().to_writer(Full(2000)), ErrorKind::Io, &["the export cannot be written"]);
}

/// Archives that were altered with care: with checksums that are right.
mod hostile {
    use super::*;

    /// Takes a backup apart, lets `change` at its blocks, puts it together again, and restores it onto a disk, of which
    /// nothing may change if it is refused.
    fn altered(store: &Store, change: impl Fn(&mut Vec<u8>)) -> sepia::Result<()> {
        let (shelf, outside) = (Shelf::new(), tempfile::tempdir().unwrap());
        let mut bytes = Vec::new();
        store.backup().to_writer(&mut bytes).unwrap();
        change(&mut bytes);
        let archive = shelf.put(&bytes);
        let to = Store::open(outside.path().join("a/b/c/store")).unwrap();
        let before = crate::support::snapshot(outside.path());
        let run = Archive::open(&archive).and_then(|archive| to.restore(&archive).run()).map(|_| ());
        match &run {
            Ok(()) => assert_eq!(content(&to), content(store)),
            Err(_) => assert_eq!(crate::support::snapshot(outside.path()), before),
        }
        run
    }

    /// Checks that an archive is refused, by what it says.
    #[track_caller]
    fn refused_by(run: sepia::Result<()>, why: &str) {
        let error = run.unwrap_err();
        let mut said = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            said.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        assert!(error.kind() == ErrorKind::Corrupt && said.contains(why), "{said:?}, not {why:?}");
    }

    /// Finds the header of an entry.
    fn find(bytes: &[u8], path: &str) -> usize {
        let is_it = |at: &usize| bytes[*at..].starts_with(path.as_bytes()) && bytes[*at + path.len()] == 0;
        (0..bytes.len()).step_by(512).find(is_it).unwrap()
    }

    fn put_text(bytes: &mut [u8], at: usize, field: usize, length: usize, text: &str) {
        let field = &mut bytes[at + field..at + field + length];
        field.fill(0);
        field[..text.len()].copy_from_slice(text.as_bytes());
        checksum(bytes, at);
    }

    fn checksum(bytes: &mut [u8], at: usize) {
        bytes[at + 148..at + 156].fill(b' ');
        let sum: u32 = bytes[at..at + 512].iter().map(|byte| u32::from(*byte)).sum();
        bytes[at + 148..at + 156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
    }

    const NAME: (usize, usize) = (0, 100);
    const SIZE: (usize, usize) = (124, 12);
    const TYPE: (usize, usize) = (156, 1);
    const TARGET: (usize, usize) = (157, 100);

    const ELSEWHERE: &str = "stands in the archive where";
    const OUTSIDE: &str = "is not in its directory";
    const KIND: &str = "is neither a file nor a directory nor a symlink";
    const FORM: &str = "has a header that sepia would not write";
    const LONG: &str = "a long name in the archive cannot be read";
    const CUT_OFF: &str = "is cut off";
    const LINK: &str = "is no object of this store";
    const UNNAMED: &str = "nothing in a store has such a name";

    #[test]
    fn what_leads_out_is_refused() {
        let store = Store::in_memory();
        put(&store, &notes(), &[("a", "Milk")]);
        link(&store, "work", &["a"]);
        let (leaf, linked, data) = ("objects/Note/a", "objects/Board/work/a", "objects/Board/work/data.json");
        altered(&store, |_| {}).unwrap();
        // Checksums that are made here are right.
        for entry in [leaf, linked, data, "objects/Board/work/", "manifest.jsonl"] {
            let again = |bytes: &mut Vec<u8>| {
                let at = find(bytes, entry);
                checksum(bytes, at);
            };
            altered(&store, again).unwrap();
        }
        for (entry, (field, length), text, why) in [
            (leaf, NAME, "/etc/passwd", ELSEWHERE),
            (leaf, NAME, "objects/Note/../../../x", ELSEWHERE),
            (leaf, NAME, "objects/Note/..", ELSEWHERE),
            (leaf, NAME, "objects/../x", ELSEWHERE),
            (leaf, NAME, "../x", ELSEWHERE),
            (leaf, NAME, "objects/.sepia/state", ELSEWHERE),
            (leaf, NAME, "objects/Board/work/a/x", OUTSIDE),
            (leaf, NAME, "objects/Board/work/data.json", "not where or what it should be"),
            (leaf, NAME, "objects/Note/b", ELSEWHERE),
            (leaf, TYPE, "1", KIND),
            (leaf, TYPE, "2", FORM),
            (leaf, TYPE, "3", KIND),
            (leaf, TYPE, "4", KIND),
            (leaf, TYPE, "5", FORM),
            (leaf, TYPE, "6", KIND),
            (leaf, TYPE, "7", KIND),
            (leaf, TYPE, "L", LONG),
            (leaf, TYPE, "K", LONG),
            (leaf, TYPE, "S", KIND),
            (leaf, TYPE, "x", KIND),
            (leaf, TYPE, "g", KIND),
            (leaf, TARGET, "/etc/passwd", FORM),
            (leaf, SIZE, "77777777777", CUT_OFF),
            (leaf, SIZE, "00000000003", "between two entries"),
            (leaf, SIZE, "-0000000001", "has no size"),
            (data, SIZE, "77777777777", CUT_OFF),
            (linked, TARGET, "/etc/passwd", LINK),
            (linked, TARGET, "../../../../etc/passwd", LINK),
            (linked, TARGET, "../../Note/..", LINK),
            (linked, TARGET, "../../.sepia/state", LINK),
            (linked, TARGET, "../../Note/b", "not the one that is listed"),
            (linked, TARGET, "", LINK),
            (linked, TYPE, "1", KIND),
            (linked, TYPE, "0", FORM),
            (linked, TYPE, "5", FORM),
            (linked, NAME, "objects/Board/work/../a", OUTSIDE),
            (linked, NAME, "objects/Board/work/", UNNAMED),
            (linked, NAME, "objects/Board/work/x/a", OUTSIDE),
            (linked, NAME, "objects/Board/work/.a", UNNAMED),
            (linked, NAME, "objects/Board/work//a", OUTSIDE),
            ("objects/Board/work/", NAME, "objects/Board/../", ELSEWHERE),
            ("objects/Board/work/", TYPE, "2", FORM),
            ("manifest.jsonl", SIZE, "77777777777", "of a size that it cannot have"),
            ("sepia-backup.json", SIZE, "77777777777", "larger than it can be"),
            ("objects/.sepia/format.json", SIZE, "77777777777", "larger than it can be"),
        ] {
            let refused = altered(&store, |bytes| {
                let at = find(bytes, entry);
                put_text(bytes, at, field, length, text);
            });
            refused_by(refused, why);
        }
    }

    #[test]
    fn entries_that_are_missing_or_moved_or_twice_are_refused() {
        let store = Store::in_memory();
        put(&store, &notes(), &[("a", "Milk"), ("b", "Bread")]);
        let block = 1024;
        for change in [
            // Missing, twice, exchanged.
            (|bytes: &mut Vec<u8>, a: usize, _: usize| drop(bytes.drain(a..a + 1024)))
                as fn(&mut Vec<u8>, usize, usize),
            |bytes, a, _| {
                let entry = bytes[a..a + 1024].to_vec();
                drop(bytes.splice(a..a, entry));
            },
            |bytes, a, b| (0..1024).for_each(|at| bytes.swap(a + at, b + at)),
            |bytes, a, _| drop(bytes.splice(a..a, [0; 1024])),
        ] {
            let kind = altered(&store, |bytes| {
                let (a, b) = (find(bytes, "objects/Note/a"), find(bytes, "objects/Note/b"));
                assert_eq!(a.abs_diff(b), block);
                change(bytes, a, b);
            });
            assert_eq!(kind.map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
        }
    }

    #[test]
    fn entries_of_a_container_that_are_exchanged_are_refused() {
        let store = Store::in_memory();
        link(&store, "work", &["a", "b"]);
        let kind = altered(&store, |bytes| {
            let (a, b) = (find(bytes, "objects/Board/work/a"), find(bytes, "objects/Board/work/b"));
            (0..512).for_each(|at| bytes.swap(a + at, b + at));
        });
        assert_eq!(kind.map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
    }

    #[test]
    fn a_large_thing_in_a_small_archive_needs_no_memory_before_it_is_refused() {
        let shelf = Shelf::new();
        // Claims four exabytes, and has nothing.
        let store = Store::in_memory();
        put(&store, &notes(), &[("a", "Milk")]);
        let mut bytes = Vec::new();
        store.backup().to_writer(&mut bytes).unwrap();
        let at = find(&bytes, "objects/Note/a");
        let size: Vec<u8> = [0x80, 0, 0, 0].into_iter().chain((1_u64 << 62).to_be_bytes()).collect();
        bytes[at + 124..at + 136].copy_from_slice(&size);
        checksum(&mut bytes, at);
        refused(restored(&shelf.put(&bytes)), ErrorKind::Corrupt, &[CUT_OFF]);
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let shelf = Shelf::new();
        for bytes in [&b""[..], b"hello", &[0; 512], &[0; 1024], &[0; 4096], &[0xff; 2048], b"\x28\xb5\x2f\xfd"] {
            let path = shelf.put(bytes);
            refused(Archive::open(&path), ErrorKind::Corrupt, &["put.tar"]);
        }
        refused(Archive::open(shelf.path("none.tar")), ErrorKind::Io, &["none.tar"]);
    }
}

#[test]
fn empty_stores_and_empty_classes_come_back() {
    on_every_medium(|medium| {
        let (store, shelf) = (medium.make(), Shelf::new());
        store.backup().to_file(shelf.path("a.tar")).unwrap();
        let restored = || {
            let to = medium.make();
            to.restore(&Archive::open(shelf.path("a.tar")).unwrap()).run().unwrap();
            content(&to)
        };
        assert_eq!(restored(), Default::default());
        let mut batch = Batch::new();
        batch.declare(&drafts()).unwrap();
        store.backend().commit(batch).unwrap();
        store.backup().to_file(shelf.path("a.tar")).unwrap();
        let (classes, records) = restored();
        assert_eq!((classes, records.len()), (vec![drafts()], 0));
    });
}

#[test]
fn a_store_that_can_only_be_read_is_backed_up() {
    let (disk, shelf) = (OnDisk::new(), Shelf::new());
    small().copy_to(&disk.store).run().unwrap();
    let before = crate::support::stamps(disk.directory.path());
    let reader = Store::builder().read_only().open(disk.directory.path()).unwrap();
    reader.backup().to_file(shelf.path("a.tar")).unwrap();
    assert_eq!(content(&restored(&shelf.path("a.tar")).unwrap()), content(&disk.store));
    assert_eq!(crate::support::stamps(disk.directory.path()), before);
}

/// Everything is as deep and as long as a store takes it, and some of it larger than a batch.
#[test]
fn the_largest_records_come_back() {
    on_some_pairs(largest_records);
}

#[test]
#[ignore = "long"]
fn the_largest_records_come_back_for_long() {
    on_every_pair(largest_records);
}

fn largest_records(from: Medium, to: Medium) {
    let (store, shelf) = (from.make(), Shelf::new());
    let name = |text: &str| Name::of(&text.repeat(200)).unwrap();
    let far = key(&"c".repeat(200), &"x".repeat(200));
    let mut entry = Entry::Link(far.clone());
    for _ in 0..400 {
        entry = Entry::Collection(Entries::new(vec![(name("n"), entry)]).unwrap());
    }
    let deep = Node { data: b"{}\n".to_vec(), entries: Entries::new(vec![(name("d"), entry)]).unwrap() };
    let mut batch = Batch::new();
    batch.declare(&Class::container("Board")).unwrap();
    batch.declare(&Class::serializable("Blob", Format::Bytes)).unwrap();
    batch.put(key("Board", "deep"), Record::Container(deep), Expect::Any);
    for number in 0..3_u8 {
        batch.put(key("Blob", &number.to_string()), Record::Leaf(vec![number; 5 << 20]), Expect::Any);
    }
    store.backend().commit(batch).unwrap();
    store.backup().compress(1).to_file(shelf.path("a.tar")).unwrap();
    let to = to.make();
    to.restore(&Archive::open(shelf.path("a.tar")).unwrap()).run().unwrap();
    assert!(content(&to) == content(&store));
}
