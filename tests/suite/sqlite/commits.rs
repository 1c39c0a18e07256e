//! What a commit writes, and what is on the disk then.

use super::*;

#[test]
fn only_rows_that_differ_are_written() {
    let file = InFile::new();
    let backend = file.backend();
    let link = |id: &str| Entry::Link(key("Leaf", id));
    let board = key("Node", "n");
    put(&backend, &board, node(vec![("a", link("1")), ("b", link("2")), ("c", link("3"))])).unwrap();
    put(&backend, &key("Leaf", "l"), leaf("1")).unwrap();
    let sql = file.sql();
    sql.execute_batch(
        "CREATE TABLE log (what TEXT);
        CREATE TRIGGER a AFTER INSERT ON entry BEGIN INSERT INTO log VALUES ('+' || NEW.path); END;
        CREATE TRIGGER b AFTER DELETE ON entry BEGIN INSERT INTO log VALUES ('-' || OLD.path); END;
        CREATE TRIGGER c AFTER UPDATE ON object BEGIN INSERT INTO log VALUES ('=' || NEW.id); END;
        CREATE TRIGGER d AFTER INSERT ON object BEGIN INSERT INTO log VALUES ('!' || NEW.id); END;",
    )
    .unwrap();
    let told = || {
        let told = column(&sql, "SELECT what FROM log ORDER BY rowid");
        sql.execute("DELETE FROM log", ()).unwrap();
        told
    };
    put(&backend, &board, node(vec![("a", link("1")), ("b", link("2")), ("c", link("3"))])).unwrap();
    put(&backend, &key("Leaf", "l"), leaf("1")).unwrap();
    assert_eq!(told(), [""; 0]);
    put(&backend, &board, node(vec![("a", link("1")), ("bb", link("2")), ("c", link("4"))])).unwrap();
    assert_eq!(told(), ["-b", "+bb", "+c", "=n"]);
    put(&backend, &key("Leaf", "l"), leaf("2")).unwrap();
    assert_eq!(told(), ["=l"]);
}

#[test]
fn a_commit_that_fails_halfway_has_changed_nothing() {
    let file = InFile::new();
    let backend = file.backend();
    put(&backend, &key("Leaf", "a"), leaf("1")).unwrap();
    let refuse = "CREATE TRIGGER no BEFORE INSERT ON object WHEN NEW.id = 'z' BEGIN SELECT RAISE(ABORT, 'not z'); END";
    file.sql().execute_batch(refuse).unwrap();
    let batch = || {
        let mut batch = Batch::new();
        batch.declare(&Class::container("New")).unwrap();
        batch.put(key("Leaf", "a"), leaf("2"), Expect::Any);
        batch.put(key("New", "n"), node(vec![]), Expect::Any);
        batch.put(key("Leaf", "z"), leaf("2"), Expect::Any);
        batch
    };
    for locked in [false, true] {
        let failed = if locked { backend.lock().unwrap().commit(batch()) } else { backend.commit(batch()) };
        refused(failed, ErrorKind::Other, &["Leaf", "\"z\"", "data.db", "not z"]);
        assert_eq!(backend.read(&key("Leaf", "a")).unwrap(), Some(leaf("1")));
        assert!(!backend.contains(&key("New", "n")).unwrap());
        assert!(backend.classes().unwrap().iter().all(|class| class.name() != "New"));
        // Nor does the handle believe so.
        let mut undeclared = Batch::new();
        undeclared.put(key("New", "n"), node(vec![]), Expect::Any);
        refused(backend.commit(undeclared), ErrorKind::ClassClash, &["New"]);
    }
}

/// SQLite ends a whole transaction when a disk is full, say: then the lock is gone, and others may have written.
#[test]
fn a_lock_that_was_lost_commits_nothing() {
    let file = InFile::new();
    let (backend, other) = (file.backend(), file.backend());
    put(&backend, &key("Leaf", "a"), leaf("1")).unwrap();
    let undo = "CREATE TRIGGER no BEFORE INSERT ON quarantine BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    file.sql().execute_batch(undo).unwrap();
    let lock = backend.lock().unwrap();
    refused(backend.upkeep().set_aside(&key("Leaf", "a"), &leaf("1")), ErrorKind::Other, &["data.db", "full"]);
    put(&other, &key("Leaf", "a"), leaf("2")).unwrap();
    let mut batch = Batch::new();
    batch.put(key("Leaf", "a"), leaf("3"), Expect::Any);
    refused(lock.commit(batch), ErrorKind::Io, &["data.db", "undone"]);
    assert_eq!(backend.read(&key("Leaf", "a")).unwrap(), Some(leaf("2")));
    put(&backend, &key("Leaf", "a"), leaf("4")).unwrap();
    assert_eq!(other.read(&key("Leaf", "a")).unwrap(), Some(leaf("4")));
}

#[test]
fn a_commit_waits_for_the_disk_if_it_shall_whatever_the_lock_was_taken_for() {
    let file = InFile::new();
    let (backend, other) = (file.backend(), file.reopen());
    for durability in [Durability::Buffered, Durability::Sync, Durability::Buffered, Durability::Sync] {
        let lock = backend.lock().unwrap();
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Leaf", Format::Bytes)).unwrap();
        batch.set_durability(durability);
        batch.put(key("Leaf", "a"), leaf(format!("{durability:?}")), Expect::Any);
        lock.commit(batch).unwrap();
        let read = other.backend().read(&key("Leaf", "a")).unwrap();
        assert_eq!(read, Some(leaf(format!("{durability:?}"))));
    }
    other.close().unwrap();
    assert_eq!(fs::metadata(file.directory.path().join("data.db-wal")).unwrap().len(), 0);
}

/// SQLite waits for the disk when it has written something, so what changes nothing must write all the same.
#[test]
fn a_commit_that_waits_has_what_came_before_it_on_the_disk() {
    let file = InFile::new();
    let store = &file.store;
    let (waits, goes_on) = (&store.with_durability(Durability::Sync), &store.with_durability(Durability::Buffered));
    let object = postit("c", "1");
    waits.save(&object).unwrap();
    let written = || fs::metadata(file.directory.path().join("data.db-wal")).unwrap().len();
    let grows_by = |commit: &dyn Fn()| {
        let before = written();
        commit();
        written() - before
    };
    for equal in [&|| waits.save(&object).unwrap(), &|| waits.overwrite(&object).unwrap()] as [&dyn Fn(); 2] {
        assert_eq!(grows_by(equal), 0, "all of it was on the disk");
        goes_on.save(&postit("other", &written().to_string())).unwrap();
        assert_eq!(grows_by(&|| goes_on.save(&object).unwrap()), 0);
        assert!(grows_by(equal) > 0);
        assert_eq!(grows_by(equal), 0);
        // What others have written may not be on the disk, either.
        file.reopen().with_durability(Durability::Buffered).save(&postit("other", &written().to_string())).unwrap();
        assert!(grows_by(equal) > 0);
    }
    goes_on.save(&postit("other", &written().to_string())).unwrap();
    let in_one = || {
        let change = |transaction: &mut sepia::Transaction<'_>| {
            transaction.set_durability(Durability::Sync);
            transaction.overwrite(&object)
        };
        goes_on.transaction(change).unwrap();
    };
    assert!(grows_by(&in_one) > 0);
}
