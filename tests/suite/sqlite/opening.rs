//! Opening databases that are not as Sepia would have them, and what happens to an open one.

use super::*;

/// SQLite takes bytes for text in the encoding of the database: in another than UTF-8, most of a class was not listed,
/// and what was removed from a container stayed.
#[test]
fn a_database_in_another_encoding_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let empty = "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (x); DROP TABLE t";
    sql(&place("empty")).execute_batch(empty).unwrap();
    sql(&place("store")).execute_batch(&format!("{empty}; PRAGMA application_id = 0x53657069")).unwrap();
    sql(&place("store")).pragma_update(None, "user_version", 1).unwrap();
    for builder in [Store::builder(), Store::builder().read_only()] {
        refused(builder.sqlite(place("empty")), ErrorKind::NotAStore, &["empty", "UTF-16le", "UTF-8"]);
        refused(builder.sqlite(place("store")), ErrorKind::Corrupt, &["store", "UTF-16le", "UTF-8"]);
    }
}

/// The log of a database is beside the file itself, not beside a link to it.
#[test]
fn a_log_is_not_missed_behind_a_link() {
    let file = InFile::new();
    file.store.save(&postit("a", "old")).unwrap();
    file.store.backend().checkpoint().unwrap();
    file.store.save(&postit("a", "new")).unwrap();
    // As a writer leaves it that is killed.
    let killed = tempfile::tempdir().unwrap();
    for name in ["data.db", "data.db-wal"] {
        fs::copy(file.directory.path().join(name), killed.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", killed.path().join("data.db-shm")).unwrap();
    let link = file.directory.path().join("link.db");
    std::os::unix::fs::symlink(killed.path().join("data.db"), &link).unwrap();
    refused(Store::builder().read_only().sqlite(link), ErrorKind::Io, &["link.db"]);
}

/// SQLite went on writing to the file that was there, of which nothing is left when it is closed.
#[test]
fn nothing_is_committed_to_a_file_that_was_replaced() {
    let file = InFile::new();
    file.store.save(&postit("a", "old")).unwrap();
    let reader = Store::builder().read_only().sqlite(&file.path).unwrap();
    let other = InFile::new();
    other.store.save(&postit("a", "other")).unwrap();
    let InFile { store, path, directory: _directory } = other;
    store.close().unwrap();
    for replaced in [true, false] {
        if replaced {
            fs::rename(&path, &file.path).unwrap();
        } else {
            fs::remove_file(&file.path).unwrap();
        }
        let told = ["data.db", "replaced or removed"];
        refused(file.store.save(&postit("b", "lost")), ErrorKind::Io, &told);
        refused(file.store.transaction(|tx| tx.save(&postit("b", "lost"))), ErrorKind::Io, &told);
        let backend = file.store.backend();
        refused(backend.upkeep().set_aside(&key("Leaf", "a"), &leaf("lost")), ErrorKind::Io, &told);
        refused(backend.checkpoint(), ErrorKind::Io, &told);
        refused(reader.backend().lock(), ErrorKind::Io, &told);
        // Connections that are open read the file that was there; others are not opened.
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            let many: Vec<_> = (0..4).map(|_| scope.spawn(|| file.store.find::<Postit>("a"))).collect();
            seen.extend(many.into_iter().map(|one| one.join().unwrap()));
        });
        for read in seen {
            match read {
                Ok(found) => assert_eq!(found.unwrap().text, "old"),
                error => drop(refused(error, ErrorKind::Io, &told)),
            }
        }
    }
    refused(file.store.close(), ErrorKind::Io, &["data.db", "replaced or removed"]);
}

/// It was read as one that nobody changes, by somebody who could not write it: stale, and half there, once others did.
#[test]
fn a_database_is_not_read_where_others_can_change_it_unseen() {
    let file = InFile::new();
    file.store.save(&postit("a", "x")).unwrap();
    let InFile { store, path, directory } = file;
    store.close().unwrap();
    // SQLite follows no link there, as where nothing can be made.
    std::os::unix::fs::symlink("nowhere", directory.path().join("data.db-shm")).unwrap();
    refused(Store::builder().read_only().sqlite(&path), ErrorKind::Io, &["data.db", "-shm", "writer"]);
}

#[test]
fn who_takes_a_database_for_a_directory_is_told_how_to_open_it() {
    let file = InFile::new();
    let told = ["data.db", "not a directory", "sqlite:", "Store::sqlite"];
    refused(Store::open(&file.path), ErrorKind::NotAStore, &told);
    refused(Store::builder().open_url(file.path.to_str().unwrap()), ErrorKind::NotAStore, &told);
    // The case of a scheme means nothing.
    let store = Store::builder().open_url(&format!("SQLite:{}", file.path.display())).unwrap();
    assert_eq!(store.backend().identity(), file.store.backend().identity());
}

#[test]
fn a_path_that_can_be_no_files_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    for (name, why) in [("new.db/", "directory"), ("a\0b", "zero byte")] {
        for builder in [Store::builder(), Store::builder().read_only()] {
            refused(builder.sqlite(directory.path().join(name)), ErrorKind::InvalidValue, &[name, why]);
        }
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_store_is_not_made_one() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::write(
        place("text"),
        "no database, but long enough to be taken for the header of one, which has 100 bytes at least",
    )
    .unwrap();
    sql(&place("foreign")).execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").unwrap();
    sql(&place("marked")).execute_batch("PRAGMA application_id = 77; VACUUM").unwrap();
    sql(&place("used")).execute_batch("PRAGMA user_version = 3; VACUUM").unwrap();
    fs::create_dir(place("directory")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, place("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .unwrap();
    for name in ["text", "foreign", "marked", "used", "directory", "pipe"] {
        let before = (name != "pipe").then(|| fs::read(place(name)).ok());
        for builder in [Store::builder(), Store::builder().read_only()] {
            refused(builder.sqlite(place(name)), ErrorKind::NotAStore, &[name]);
        }
        assert!(before.is_none_or(|before| fs::read(place(name)).ok() == before), "{name} was changed");
    }
    refused(Store::sqlite(""), ErrorKind::NotAStore, &["empty"]);
    refused(Store::builder().read_only().sqlite(place("missing")), ErrorKind::NotAStore, &["missing"]);
    fs::write(place("nothing"), "").unwrap();
    refused(Store::builder().read_only().sqlite(place("nothing")), ErrorKind::NotAStore, &["nothing"]);
    refused(Store::sqlite(place("no/where")), ErrorKind::Io, &["no/where"]);
    assert!(!place("missing").exists() && !place("no").exists());
    // What is empty becomes one.
    Store::sqlite(place("nothing")).unwrap().save(&postit("a", "x")).unwrap();
    assert_eq!(Store::sqlite(place("nothing")).unwrap().load::<Postit>("a").unwrap().text, "x");
}

/// Without a log, readers would have to wait for writers.
#[test]
fn the_log_is_on_whoever_has_switched_it_off() {
    let file = InFile::new();
    file.store.save(&postit("a", "x")).unwrap();
    let InFile { store, path, directory: _directory } = file;
    drop(store);
    let mode = |query: &str| column(&sql(&path), query).remove(0);
    assert_eq!(mode("PRAGMA journal_mode = DELETE"), "delete");
    let reader = Store::builder().read_only().sqlite(&path).unwrap();
    assert_eq!(reader.load::<Postit>("a").unwrap().text, "x");
    drop(reader);
    drop(Store::sqlite(&path).unwrap());
    assert_eq!(mode("PRAGMA journal_mode"), "wal");
}

#[test]
fn a_newer_version_is_refused() {
    let file = InFile::new();
    file.store.save(&postit("a", "x")).unwrap();
    file.sql().pragma_update(None, "user_version", 2).unwrap();
    for builder in [Store::builder(), Store::builder().read_only()] {
        refused(builder.sqlite(&file.path), ErrorKind::UnsupportedFormat, &["data.db", "version 2", "up to 1"]);
    }
}

#[test]
fn a_store_waits_for_ever_if_it_shall() {
    let file = InFile::new();
    let patient = Store::builder().lock_timeout(Duration::MAX).sqlite(&file.path).unwrap();
    let held = file.store.backend().lock().unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| patient.save(&postit("a", "x")));
        std::thread::sleep(Duration::from_millis(20));
        drop(held);
        waits.join().unwrap().unwrap();
    });
    assert!(file.store.exists::<Postit>("a").unwrap());
}

#[test]
fn a_path_is_that_of_a_file_whatever_it_looks_like() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a?mode=memory", "b#c", "d%41", "e f", "file:x", ":memory:", "ü'\"\\;--"] {
        let path = directory.path().join(name);
        Store::sqlite(&path).unwrap().save(&postit("a", name)).unwrap();
        assert!(path.is_file(), "{name}");
        let reader = Store::builder().read_only().sqlite(&path).unwrap();
        assert_eq!(reader.load::<Postit>("a").unwrap().text, name);
    }
    assert!(!directory.path().join("dA").exists());
}

#[test]
fn a_relative_path_is_one_too() {
    let directory = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory", "plain"] {
        let mut child = child("opening::open_here", name);
        child.current_dir(directory.path());
        assert!(child.status().unwrap().success());
        assert!(directory.path().join(name).is_file(), "{name}");
    }
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn open_here() {
    let Ok(path) = std::env::var(CHILD) else { return };
    Store::sqlite(path).unwrap().save(&postit("a", "x")).unwrap();
}

#[test]
fn processes_that_make_a_store_at_once_all_have_it() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let path = directory.path().join(round.to_string());
        let children: Vec<Child> = (0..6).map(|_| child("opening::make_and_count", &path).spawn().unwrap()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let latest: Counter = Store::sqlite(&path).unwrap().load("shared").unwrap();
        assert_eq!(latest.count, 6 * 20);
    }
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn make_and_count() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = Store::builder().lock_timeout(Duration::from_secs(60)).sqlite(path).unwrap();
    store
        .transaction(|tx| match tx.find::<Counter>("shared")? {
            None => tx.save(&counter("shared.0", 0)),
            Some(_) => Ok(()),
        })
        .unwrap();
    for _ in 0..20 {
        store
            .update::<Counter>("shared", |counter| {
                counter.count += 1;
                Ok(())
            })
            .unwrap();
    }
}
