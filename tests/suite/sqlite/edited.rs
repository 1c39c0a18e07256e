//! Rows that somebody else has written.

use super::*;

/// The row of a leaf, as whoever knows no better inserts it.
fn insert(sql: &Connection, class: &str, id: &str, content: &str) {
    const INSERT: &str = "INSERT INTO object (class, id, kind, created, modified, content)
        VALUES (?1, ?2, 'leaf', 0, 0, ?3)";
    sql.execute(INSERT, (class, id, content)).unwrap();
}

/// A generation whose row had neither base nor generation was not found as the newest, and the next save wrote its own
/// content over it.
#[test]
fn a_generation_that_was_inserted_is_never_overwritten() {
    let file = InFile::new();
    file.store.save_all([counter("n.0", 0), counter("n.1", 1)]).unwrap();
    insert(&file.sql(), "Counter", "n.2", r#"{"count": 222}"#);
    let told = ["data.db", "Counter/n.2", "base and generation", "verify --repair"];
    let updated = file.store.update("n", |counter: &mut Counter| {
        counter.count += 100;
        Ok(())
    });
    refused(updated, ErrorKind::Corrupt, &told);
    refused(file.store.overwrite(&counter("n.2", 7)), ErrorKind::Corrupt, &told);
    // Also if nothing would change.
    let same = leaf(r#"{"count": 222}"#);
    let mut batch = Batch::new();
    batch.put(key("Counter", "n.2"), same, Expect::Any);
    refused(file.store.backend().commit(batch), ErrorKind::Corrupt, &told);
    assert_eq!(file.store.load::<Counter>("n.2").unwrap().count, 222);
    assert!(file.store.verify().repair().run().unwrap().is_clean());
    assert_eq!(file.store.load::<Counter>("n").unwrap(), counter("n.2", 222));
    let next = file.store.update("n", |counter: &mut Counter| {
        counter.count += 1;
        Ok(())
    });
    assert_eq!(next.unwrap(), counter("n.3", 223));
}

#[test]
fn a_container_that_was_inserted_as_a_generation_is_left_as_it_is() {
    let file = InFile::new();
    let backend = file.backend();
    let put = |record: Record| {
        let mut batch = Batch::new();
        batch.declare(&Class::container("Many").with_generations()).unwrap();
        batch.put(key("Many", "n.1"), record, Expect::Any);
        backend.commit(batch)
    };
    let link = || Entry::Link(key("Leaf", "l"));
    put(node(vec![("a", link())])).unwrap();
    put(node(vec![("a", link()), ("b", link())])).unwrap();
    file.sql().execute("UPDATE object SET base = NULL, generation = NULL", ()).unwrap();
    refused(put(node(vec![])), ErrorKind::Corrupt, &["Many/n.1", "base and generation"]);
    // Of another kind, it cannot be read, and is no less somebody's.
    insert(&file.sql(), "Many", "n.2", "theirs");
    let mut batch = Batch::new();
    batch.put(key("Many", "n.2"), node(vec![]), Expect::Any);
    refused(backend.commit(batch), ErrorKind::Corrupt, &["Many/n.2", "base and generation"]);
    assert_eq!(backend.read(&key("Many", "n.1")).unwrap(), Some(node(vec![("a", link()), ("b", link())])));
}

/// They were read by key, though not listed, and the first save took them for its own.
#[test]
fn rows_of_an_undeclared_class_are_left_alone() {
    let file = InFile::new();
    put(&file.backend(), &key("Leaf", "l"), leaf("1")).unwrap();
    let sql = file.sql();
    insert(&sql, "Postit", "x", "theirs");
    sql.execute_batch(
        "INSERT INTO object (class, id, kind, created, modified, content)
            VALUES ('Theirs', 'x', 'container', 0, 0, '{}');
        INSERT INTO entry SELECT number, 'a', 'Leaf', 'l', NULL FROM object WHERE class = 'Theirs';",
    )
    .unwrap();
    let all = "SELECT class || id || base || generation || modified || checksum || content FROM object";
    let (before, backend) = (column(&sql, all), file.backend());
    for key in [key("Postit", "x"), key("Theirs", "x")] {
        assert!(!backend.contains(&key).unwrap());
        assert_eq!(backend.read(&key).unwrap(), None);
        assert_eq!(backend.read_sealed(&key).unwrap().0, None);
        assert_eq!(backend.stat(&key).unwrap(), None);
        assert_eq!(backend.links(&key).unwrap(), None);
        assert_eq!(backend.newest(&key).unwrap(), None);
        assert_eq!(backend.generations(&key).unwrap(), []);
        let mut batch = Batch::new();
        batch.delete(key, Expect::Absent);
        backend.commit(batch).unwrap();
    }
    let mut linking = Vec::new();
    let each = &mut |key: &Key| {
        linking.push(key.clone());
        ControlFlow::Continue(())
    };
    backend.backlinks(&[key("Leaf", "l")], each).unwrap();
    assert_eq!(linking, []);
    let told = ["Postit", "something that sepia did not make"];
    refused(file.store.save(&postit("x", "mine")), ErrorKind::ClassClash, &told);
    refused(file.store.save(&postit("y", "mine")), ErrorKind::ClassClash, &told);
    assert_eq!(column(&sql, all), before);
    sql.execute("DELETE FROM object WHERE class = 'Postit'", ()).unwrap();
    // What can be no object is in nobody's way.
    insert(&sql, "Postit", "", "theirs");
    file.store.save(&postit("x", "mine")).unwrap();
    assert_eq!(backend.read(&key("Postit", "x")).unwrap(), Some(leaf("mine")));
    // Whose class is taken back is foreign from then on, also to whoever knew it.
    let mut batch = Batch::new();
    batch.delete(key("Postit", "x"), Expect::Present);
    batch.retire("Postit");
    backend.commit(batch).unwrap();
    insert(&sql, "Postit", "x", "theirs");
    assert_eq!(backend.read(&key("Postit", "x")).unwrap(), None);
}

/// The empty path is that of the record in quarantine, and what stood for that of an entry could be another's.
#[test]
fn whatever_is_in_quarantine_there_is_room_for_more() {
    let file = InFile::new();
    let backend = file.backend();
    put(&backend, &key("Node", "n"), node(vec![])).unwrap();
    let sql = file.sql();
    for path in ["", "/", "//", "/a", "a"] {
        const INSERT: &str = "INSERT INTO entry SELECT number, ?1, 'Leaf', 'a', NULL FROM object WHERE id = 'n'";
        sql.execute(INSERT, [path]).unwrap();
    }
    sql.execute("INSERT INTO quarantine (number, path) VALUES (9223372036854775807, '')", ()).unwrap();
    assert!(file.store.verify().repair().run().unwrap().is_clean());
    assert_eq!(backend.read(&key("Node", "n")).unwrap(), None);
    let paths = column(&sql, "SELECT path FROM quarantine WHERE number = 1 ORDER BY path");
    assert_eq!(paths, ["", "/", "//", "///", "//a", "a"]);
    let place = backend.upkeep().set_aside(&key("Leaf", "z"), &leaf("1")).unwrap();
    assert_eq!(place, "quarantine/2/Leaf/z");
}

/// Each entry wrote the row of its object anew, with all of its content.
#[test]
fn a_checksum_is_forgotten_once_however_many_entries_change() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    let backend = {
        let mut options = OpenOptions::default();
        options.checksums = true;
        Sqlite::open(&path, &options).unwrap()
    };
    put(&backend, &key("Node", "n"), node(vec![("a", Entry::Link(key("Leaf", "a")))])).unwrap();
    let sql = sql(&path);
    let checksums = || column(&sql, "SELECT typeof(checksum) FROM object");
    sql.execute_batch(
        "CREATE TEMP TABLE written (number);
        CREATE TEMP TRIGGER note AFTER UPDATE ON main.object
        BEGIN INSERT INTO written VALUES (NEW.number); END;",
    )
    .unwrap();
    for (change, kept) in [
        ("INSERT INTO entry SELECT number, value, 'Leaf', 'x', NULL FROM object, json_each('[1, 2, 3, 4]')", "a"),
        ("UPDATE entry SET id = 'y'", "b"),
        ("DELETE FROM entry", "c"),
    ] {
        put(
            &backend,
            &key("Node", "n"),
            node(vec![("a", Entry::Link(key("Leaf", kept))), ("b", Entry::Link(key("Leaf", kept)))]),
        )
        .unwrap();
        assert_eq!(checksums(), ["text"], "{change}");
        sql.execute("DELETE FROM written", ()).unwrap();
        sql.execute_batch(change).unwrap();
        assert_eq!(checksums(), ["null"], "{change}");
        assert_eq!(column(&sql, "SELECT number FROM written").len(), 1, "{change}");
    }
}

#[test]
fn no_class_is_retired_with_a_record_far_down() {
    let file = InFile::new();
    let backend = file.backend();
    let ids: Vec<_> = (0..1500).map(|number| format!("{number:04}")).collect();
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Leaf", Format::Bytes)).unwrap();
    ids.iter().for_each(|id| batch.put(key("Leaf", id), leaf("x"), Expect::Absent));
    backend.commit(batch).unwrap();
    let retire = |deleted: &[String]| {
        let mut batch = Batch::new();
        batch.retire("Leaf");
        deleted.iter().for_each(|id| batch.delete(key("Leaf", id), Expect::Present));
        backend.commit(batch)
    };
    refused(retire(&ids[..1499]), ErrorKind::Conflict, &["Leaf"]);
    retire(&ids).unwrap();
    assert!(backend.classes().unwrap().is_empty());
}

#[test]
fn a_container_is_set_aside_with_all_that_is_in_it() {
    let file = InFile::new();
    let inner = node(vec![("deep", Entry::Link(key("Leaf", "b")))]);
    let Record::Container(inner) = inner else { unreachable!() };
    let record = node(vec![("a", Entry::Link(key("Leaf", "a"))), ("in", Entry::Container(inner))]);
    file.backend().upkeep().set_aside(&key("Node", "n"), &record).unwrap();
    let kept = "SELECT path || ' ' || coalesce(class || '/' || id, content) FROM quarantine ORDER BY path";
    assert_eq!(column(&file.sql(), kept), [" Node/n", "a Leaf/a", "in {}\n", "in/deep Leaf/b"]);
}

/// Otherwise, they would lead to generations where there are none.
#[test]
fn base_and_generation_are_forgotten_when_a_class_turns_out_to_keep_none() {
    let file = InFile::new();
    let backend = file.backend();
    let mut batch = Batch::new();
    let kind = sepia::class::Kind::Serializable(Some(Format::Bytes));
    batch.declare(&Class::declared("Late".to_owned(), kind, None).unwrap()).unwrap();
    batch.put(key("Late", "n.3"), leaf("x"), Expect::Absent);
    backend.commit(batch).unwrap();
    assert_eq!(column(&file.sql(), "SELECT base FROM object"), ["n"]);
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Late", Format::Bytes)).unwrap();
    backend.commit(batch).unwrap();
    assert_eq!(column(&file.sql(), "SELECT base FROM object"), ["Null"]);
    assert_eq!(backend.newest(&key("Late", "n")).unwrap(), None);
}

#[test]
fn rows_that_sepia_did_not_write_are_read_right_or_refused() {
    const ENTRY: &str = "INSERT INTO entry (object, path, class, id, content) SELECT number,";
    const OF_N: &str = "FROM object WHERE class = 'Node' AND id = 'n'";
    let entry = |rest: &str| format!("{ENTRY} {rest} {OF_N}");
    let deep = vec!["d"; 402].join("/");
    let hostile = [
        ("no name", entry("'', 'Leaf', 'x', NULL")),
        ("no name within", entry("'a//b', 'Leaf', 'x', NULL")),
        ("a name that leads out", entry("'../x', 'Leaf', 'x', NULL")),
        ("a name that is not canonical", entry("'a%2fb', 'Leaf', 'x', NULL")),
        ("the name of the values", entry("'data.json', 'Leaf', 'x', NULL")),
        ("a name that is too long", entry(&format!("'{}', 'Leaf', 'x', NULL", "x".repeat(256)))),
        ("a name that is no text", entry("CAST(X'ff' AS TEXT), 'Leaf', 'x', NULL")),
        ("a path through a link", entry("'to/x', 'Leaf', 'x', NULL")),
        ("a path that is too deep", entry(&format!("'{deep}', 'Leaf', 'x', NULL"))),
        ("a link to no class", entry("'z', '', 'x', NULL")),
        ("a link to no id", entry("'z', 'Leaf', '', NULL")),
        ("a link to an id that is too long", entry(&format!("'z', 'Leaf', '{}', NULL", "x".repeat(201)))),
        ("a link that is no text", entry("'z', 'Leaf', CAST(X'ff' AS TEXT), NULL")),
        ("values that are a number", entry("'z', NULL, NULL, 7")),
        ("a link with values", entry("'z', 'Leaf', 'x', '{}'")),
        ("half a link", entry("'z', 'Leaf', NULL, NULL")),
        ("the content is a number", "UPDATE object SET content = 3.5 WHERE id = 'n'".to_owned()),
        ("it is of no kind", "UPDATE object SET kind = 'folder' WHERE id = 'n'".to_owned()),
    ];
    for (what, statement) in hostile {
        let file = InFile::new();
        let backend = file.backend();
        let target = Entry::Link(key("Leaf", "x"));
        put(&backend, &key("Node", "n"), node(vec![("to", target.clone())])).unwrap();
        put(&backend, &key("Node", "other"), node(vec![("to", target)])).unwrap();
        put(&backend, &key("Leaf", "x"), leaf("x")).unwrap();
        let sql = file.sql();
        sql.pragma_update(None, "ignore_check_constraints", true).unwrap();
        assert_eq!(sql.execute(&statement, ()).unwrap(), 1, "{what}");
        let error = refused(backend.read(&key("Node", "n")), ErrorKind::Corrupt, &["Node", "\"n\"", "data.db/Node/n"]);
        assert!(std::error::Error::source(&error).is_none() || !error.to_string().is_empty());
        for id in ["n", "other"] {
            let _ = (backend.links(&key("Node", id)), backend.stat(&key("Node", id)));
            assert!(backend.contains(&key("Node", id)).unwrap(), "{what}");
        }
        assert!(backend.read(&key("Node", "other")).unwrap().is_some(), "{what}");
        // What nobody can read is told, and goes into quarantine as it is; what is put there again is as it was put.
        let told = |store: &Store, path: &str| {
            let report = store.verify().run().unwrap();
            report.problems.iter().any(|found| found.problem.path.starts_with(path) && found.problem.key.is_some())
        };
        assert!(told(&file.store, "Node/n"), "{what}");
        let rows = column(&sql, "SELECT count(*) FROM entry WHERE object = (SELECT number FROM object WHERE id = 'n')");
        file.store.verify().repair().run().unwrap();
        assert!(!told(&file.store, "Node/n"), "{what}");
        assert!(!backend.contains(&key("Node", "n")).unwrap(), "{what}");
        let kept = column(&sql, "SELECT count(*) FROM quarantine WHERE path <> ''");
        assert_eq!(kept, rows, "{what}");
        put(&backend, &key("Node", "n"), node(vec![])).unwrap();
        assert_eq!(backend.read(&key("Node", "n")).unwrap(), Some(node(vec![])), "{what}");
    }
}

#[test]
fn a_record_can_be_put_over_rows_that_cannot_be_read() {
    let file = InFile::new();
    let backend = file.backend();
    let fine = node(vec![("to", Entry::Link(key("Leaf", "x")))]);
    put(&backend, &key("Node", "n"), fine.clone()).unwrap();
    let sql = file.sql();
    sql.execute_batch(
        "PRAGMA ignore_check_constraints = 1;
        INSERT INTO entry SELECT number, CAST(X'ff' AS TEXT), 'A', NULL, NULL FROM object;
        INSERT INTO entry SELECT number, 'to/../x', NULL, NULL, 1 FROM object;
        UPDATE entry SET id = 'elsewhere' WHERE path = 'to';",
    )
    .unwrap();
    put(&backend, &key("Node", "n"), fine.clone()).unwrap();
    assert_eq!(backend.read(&key("Node", "n")).unwrap(), Some(fine.clone()));
    // Rows that were left behind under a number do not come to whoever gets it next.
    sql.execute_batch("DELETE FROM object; PRAGMA foreign_keys = 0").unwrap();
    put(&backend, &key("Node", "new"), node(vec![])).unwrap();
    assert_eq!(backend.read(&key("Node", "new")).unwrap(), Some(node(vec![])));
    // What was a leaf becomes a container.
    sql.execute_batch("UPDATE object SET kind = 'leaf', content = 'x'; DELETE FROM entry").unwrap();
    assert_eq!(backend.read(&key("Node", "new")).unwrap(), Some(leaf("x")));
    put(&backend, &key("Node", "new"), fine.clone()).unwrap();
    assert_eq!(backend.read(&key("Node", "new")).unwrap(), Some(fine));
}

#[test]
fn classes_that_are_none_are_refused() {
    for change in [
        "UPDATE class SET kind = 'folder'",
        "UPDATE class SET content = 'xml' WHERE kind = 'serializable'",
        "UPDATE class SET generations = 7",
        "INSERT INTO class (name, kind, content, generations) VALUES ('', 'container', NULL, 0)",
        "UPDATE class SET name = CAST(X'ff' AS TEXT) WHERE name = 'Postit'",
        "DROP TABLE class",
    ] {
        let file = InFile::new();
        file.store.save(&work_board()).unwrap();
        let sql = file.sql();
        sql.execute_batch(&format!("PRAGMA ignore_check_constraints = 1; {change}")).unwrap();
        // Without the table, the file is not opened at all.
        let classes = Store::sqlite(&file.path).and_then(|store| store.classes());
        refused(classes, ErrorKind::Corrupt, &["data.db", "class"]);
        refused(file.store.overwrite(&postit("a", "x")), ErrorKind::Corrupt, &["data.db"]);
        match file.store.backend().read(&key("Postit", "a")) {
            Ok(read) => assert_eq!(read, None, "{change}"),
            // Without the list, nobody knows what is declared.
            error => drop(refused(error, ErrorKind::Corrupt, &["data.db", "Postit"])),
        }
    }
}
