//! What looks after the tables.

use super::*;

#[test]
fn damage_is_told_and_no_other_record() {
    let file = InFile::new();
    for number in 0..2000 {
        file.store.with_durability(Durability::Buffered).save(&postit(&format!("p{number:04}"), "some text")).unwrap();
    }
    let InFile { store, path, directory } = file;
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    // Neither the header nor the tables of tables.
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let store = Store::sqlite(&path).unwrap();
    let mut wrong = 0;
    for number in 0..2000 {
        match store.load::<Postit>(format!("p{number:04}")) {
            Ok(postit) => assert_eq!(postit.text, "some text"),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound), "{error:?}");
                wrong += 1;
            }
        }
    }
    assert!(wrong > 0);
    let report = store.verify().run().unwrap();
    assert!(report.problems.iter().any(|found| found.problem.path == "database"), "{report:?}");
    drop(directory);
}

#[test]
fn what_was_set_aside_stays_if_the_lock_goes_without_a_batch() {
    let file = InFile::new();
    let (backend, other) = (file.backend(), file.backend());
    put(&backend, &key("Leaf", "a"), leaf("1")).unwrap();
    let kept = || column(&file.sql(), "SELECT content FROM quarantine ORDER BY number");
    let lock = backend.lock().unwrap();
    let place = backend.upkeep().set_aside(&key("Leaf", "a"), &leaf("first")).unwrap();
    assert_eq!(place, "quarantine/1/Leaf/a");
    drop(lock);
    assert_eq!(kept(), ["first"]);
    // Also if its batch is refused.
    let lock = backend.lock().unwrap();
    backend.upkeep().set_aside(&key("Leaf", "a"), &leaf("second")).unwrap();
    let mut batch = Batch::new();
    batch.put(key("Leaf", "a"), leaf("2"), Expect::Absent);
    refused(lock.commit(batch), ErrorKind::Conflict, &["Leaf"]);
    assert_eq!(kept(), ["first", "second"]);
    assert_eq!(backend.read(&key("Leaf", "a")).unwrap(), Some(leaf("1")));
    put(&other, &key("Leaf", "a"), leaf("3")).unwrap();
}

#[test]
fn what_the_medium_changed_is_told_from_what_was_edited() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    Store::sqlite(&path).unwrap().save(&postit("early", "x")).unwrap();
    let store = Store::builder().checksums().sqlite(&path).unwrap();
    store.save(&work_board()).unwrap();
    let mut changed = store.load::<Board>("work_board").unwrap();
    changed.name = "another".to_owned();
    changed.postits.clear();
    store.save(&changed).unwrap();
    let report = store.verify().run().unwrap();
    assert!(report.problems.is_empty() && report.unchecked == 1, "{report:?}");
    let records = content(&store).1.len() as u64;
    assert_eq!(report.checked, records - 1);
    let sql = sql(&path);
    // Whoever edits a record leaves it without a checksum.
    sql.execute_batch(
        "UPDATE object SET content = 'edited' WHERE id = 'report_postit';
        UPDATE entry SET content = '{}' WHERE content IS NOT NULL;",
    )
    .unwrap();
    let report = store.verify().run().unwrap();
    assert_eq!((report.checked, report.unchecked), (records - 3, 3), "{report:?}");
    let report = store.verify().repair().run().unwrap();
    assert_eq!(report.noted, 3, "{report:?}");
    // A medium leaves the checksum as it was.
    let triggers = column(&sql, "SELECT sql FROM sqlite_schema WHERE type = 'trigger'").join(";");
    sql.execute_batch(
        "DROP TRIGGER object_edited;
        UPDATE object SET content = 'rotten' WHERE id = 'report_postit';",
    )
    .unwrap();
    assert!(triggers.contains("entry_added"));
    let report = store.verify().run().unwrap();
    let told: Vec<_> = report.problems.iter().map(|found| (found.problem.kind, &*found.problem.path)).collect();
    assert_eq!(told, [(ProblemKind::Corrupted, "Postit/report_postit")]);
    assert!(store.verify().repair().run().unwrap().is_clean());
    assert_eq!(column(&sql, "SELECT content FROM quarantine WHERE id = 'report_postit'"), ["rotten"]);
    assert!(!store.exists::<Postit>("report_postit").unwrap());
    let without = InFile::new();
    let reader = Store::builder().read_only().checksums().sqlite(&without.path);
    refused(reader, ErrorKind::ReadOnly, &["data.db", "checksums"]);
}

#[test]
fn what_is_wrong_with_the_tables_is_found_and_mended() {
    let file = InFile::new();
    let backend = file.backend();
    for number in [0, 1, 2] {
        put(&backend, &key("Kept", &format!("n.{number}")), leaf("x")).unwrap();
    }
    put(&backend, &key("Leaf", "l"), leaf("x")).unwrap();
    put(&backend, &key("Node", "gone"), node(vec![("a", Entry::Link(key("Leaf", "l")))])).unwrap();
    let number = column(&file.sql(), "SELECT CAST(number AS TEXT) FROM object WHERE id = 'gone'").remove(0);
    file.sql()
        .execute_batch(
            "UPDATE object SET base = 'm' WHERE id = 'n.1';
            UPDATE object SET generation = 9 WHERE id = 'n.0';
            UPDATE object SET base = 'l', generation = 0 WHERE id = 'l';
            INSERT INTO entry SELECT number, 'x', 'Leaf', 'l', NULL FROM object WHERE id = 'l';
            CREATE TABLE notes (text);
            INSERT INTO object (class, id, kind, created, modified, content) VALUES
                ('Other', 'x', 'leaf', 0, 0, ''), ('Leaf', '', 'leaf', 0, 0, '');
            DELETE FROM object WHERE id = 'gone';",
        )
        .unwrap();
    // Nobody is led to another record by them.
    for base in ["m", "n"] {
        let newest = backend.newest(&key("Kept", base));
        refused(newest, ErrorKind::Corrupt, &["Kept", base, "base and generation"]);
    }
    let report = file.store.verify().run().unwrap();
    let told: BTreeSet<_> = report.problems.iter().map(|found| (&*found.problem.path, found.problem.kind)).collect();
    let orphan = format!("entry/{number}");
    let notices = [("Leaf/", ProblemKind::Foreign), ("Other", ProblemKind::Foreign), ("notes", ProblemKind::Foreign)];
    let mut expected = BTreeSet::from([
        ("Kept/n.0", ProblemKind::StaleHint),
        ("Kept/n.1", ProblemKind::StaleHint),
        ("Leaf/l", ProblemKind::StaleHint),
        ("Leaf/l", ProblemKind::Leftover),
        (&*orphan, ProblemKind::Leftover),
    ]);
    expected.extend(notices);
    assert_eq!(told, expected);
    let report = file.store.verify().repair().run().unwrap();
    assert!(report.is_clean(), "{report:?}");
    let report = file.store.verify().run().unwrap();
    let left: BTreeSet<_> = report.problems.iter().map(|found| (&*found.problem.path, found.problem.kind)).collect();
    assert_eq!(left, notices.into());
    assert_eq!(backend.newest(&key("Kept", "m")).unwrap(), None);
    assert_eq!(backend.newest(&key("Kept", "n")).unwrap(), Some(key("Kept", "n.2")));
    assert_eq!(column(&file.sql(), "SELECT path FROM quarantine ORDER BY path"), ["a", "x"]);
    // What has no id is not listed, and what is of no class neither.
    let mut ids = Vec::new();
    for class in ["Leaf", "Other"] {
        let each = &mut |id: &str| {
            ids.push(id.to_owned());
            ControlFlow::Continue(())
        };
        backend.ids(class, each).unwrap();
    }
    assert_eq!(ids, ["l"]);
}
