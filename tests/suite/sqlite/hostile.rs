//! Databases from strangers, and from bad disks: whatever is in them, opening and reading ends, and touches nothing else.

use std::os::unix::fs::MetadataExt;
use std::sync::mpsc;

use super::*;

/// No call on a small database takes longer, on a busy machine too.
const LONG: Duration = Duration::from_secs(20);

/// Runs something in a thread of its own, and has the test fail if it does not end.
#[track_caller]
pub(super) fn in_time<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(run()));
    ended.recv_timeout(LONG).expect("it ends")
}

/// Edits the schema itself, as no SQL statement would.
fn rewrite_schema(path: &Path, edit: &str) {
    let sql = sql(path);
    sql.execute_batch(&format!("PRAGMA writable_schema = ON; {edit}; PRAGMA writable_schema = OFF")).unwrap();
}

/// Closes the store, so that all of it is in the one file.
pub(super) fn closed(file: InFile) -> (PathBuf, TempDir) {
    let InFile { store, path, directory } = file;
    store.close().unwrap();
    (path, directory)
}

/// A view that never ends kept `verify` busy for ever, and with it the table everything else.
#[test]
fn what_only_has_the_name_of_a_table_is_refused() {
    const NEVER_ENDS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT i AS number, 'Leaf' AS class, 'id' || i AS id, NULL AS base, NULL AS generation, 'leaf' AS kind,
        0 AS created, 0 AS modified, NULL AS checksum, '' AS content FROM n";
    let view = format!("DROP TABLE object; CREATE VIEW object AS {NEVER_ENDS}");
    for (name, edit) in [
        ("object", view.as_str()),
        (
            "class",
            "DROP TABLE class; CREATE VIEW class AS SELECT 'A' AS name, 'container' AS kind, 0 AS content, 0 AS generations",
        ),
        ("entry", "DROP TABLE entry; CREATE TABLE entry (object, path, class, id, content)"),
        ("setting", "DROP TABLE setting"),
        ("generation", "DROP INDEX generation; CREATE INDEX generation ON object (class, base, id, generation)"),
        ("link", "DROP INDEX link"),
        ("objects", "DROP VIEW objects; CREATE VIEW objects AS SELECT 1"),
        ("change", "DROP TABLE change; CREATE VIRTUAL TABLE change USING fts5 (class, id)"),
        ("loud", "CREATE TRIGGER loud AFTER INSERT ON object BEGIN DELETE FROM entry; END"),
        ("one", "CREATE UNIQUE INDEX one ON entry (path, object)"),
        ("object_edited", "CREATE TRIGGER object_edited AFTER UPDATE ON object BEGIN DELETE FROM class; END"),
    ] {
        let file = InFile::new();
        file.store.save(&work_board()).unwrap();
        let (path, _directory) = closed(file);
        sql(&path).execute_batch(edit).unwrap();
        for builder in [Store::builder(), Store::builder().read_only()] {
            let path = path.clone();
            let opened = in_time(move || builder.sqlite(path));
            refused(opened, ErrorKind::Corrupt, &["data.db", &format!("\"{name}\"")]);
        }
    }
}

#[test]
fn what_others_have_beside_the_tables_is_left_to_them() {
    let file = InFile::new();
    file.store.save(&work_board()).unwrap();
    let (path, _directory) = closed(file);
    sql(&path)
        .execute_batch(
            "CREATE TABLE notes (text UNIQUE, at INTEGER);
            CREATE VIEW boards AS SELECT id FROM object WHERE class = 'Board';
            CREATE INDEX by_time ON object (modified);
            CREATE INDEX by_name ON object (json_extract(content, '$.name')) WHERE class = 'Board';
            CREATE TRIGGER noted AFTER INSERT ON notes BEGIN UPDATE notes SET at = 1; END;
            CREATE VIRTUAL TABLE texts USING fts5 (text);
            ALTER TABLE change RENAME TO changes;
            ALTER TABLE changes RENAME TO change;
            ANALYZE;",
        )
        .unwrap();
    let store = Store::sqlite(&path).unwrap();
    store.save(&postit("new", "x")).unwrap();
    assert_eq!(store.load::<Board>("work_board").unwrap(), work_board());
    let report = store.verify().run().unwrap();
    assert!(report.is_clean(), "{report:?}");
}

/// One made every commit, and `verify`, take seconds and as much memory as it liked.
#[test]
fn indexes_of_others_that_cost_without_bounds_are_refused() {
    for index in [
        "CREATE INDEX evil ON object (length(hex(zeroblob(400000000)))) WHERE id = 'zz'",
        "CREATE INDEX evil ON entry (path) WHERE path LIKE '%a%a%a%a%a%a%b'",
        "CREATE INDEX evil ON class (printf('%.400000000d', 1))",
    ] {
        let file = InFile::new();
        file.store.save(&postit("a", "x")).unwrap();
        let (path, _directory) = closed(file);
        sql(&path).execute_batch(index).unwrap();
        for builder in [Store::builder(), Store::builder().read_only()] {
            refused(builder.sqlite(&path), ErrorKind::Corrupt, &["data.db", "\"evil\"", "drop it"]);
        }
    }
}

#[test]
fn an_index_of_json_that_meets_a_text_is_told() {
    let file = InFile::new();
    file.store.save(&work_board()).unwrap();
    let (path, _directory) = closed(file);
    sql(&path).execute_batch("DELETE FROM object WHERE class != 'Board'").unwrap();
    sql(&path).execute_batch("CREATE INDEX name ON object (json_extract(content, '$.name'))").unwrap();
    let store = Store::sqlite(&path).unwrap();
    refused(store.save(&postit("note", "no JSON")), ErrorKind::Other, &["index", "another program", "WHERE class"]);
}

/// `verify` found nothing wrong with a database that nobody could write.
#[test]
fn settings_that_say_nothing_known_are_refused_by_readers_and_writers() {
    for (setting, value) in [("shared", "everyone"), ("checksums", "md5")] {
        let file = InFile::new();
        file.store.save(&postit("a", "x")).unwrap();
        let (path, _directory) = closed(file);
        sql(&path).execute("INSERT OR REPLACE INTO setting VALUES (?1, ?2)", (setting, value)).unwrap();
        refused(Store::builder().read_only().sqlite(&path), ErrorKind::Corrupt, &["data.db", setting, "setting"]);
        let saved = Store::sqlite(&path).and_then(|store| store.save(&postit("b", "y")));
        refused(saved, ErrorKind::Corrupt, &["data.db", setting, "setting"]);
    }
}

/// An index named a generation that no other finds, and looking for it went on for ever.
#[test]
fn a_generation_that_only_an_index_names_is_told_to_be_damage() {
    let file = InFile::new();
    file.store.save_all([counter("n.0", 0), counter("n.1", 1)]).unwrap();
    let (path, _directory) = closed(file);
    // The row is moved to another key, in every index but the one of generations.
    let sql_of = "SELECT sql FROM sqlite_schema WHERE name = 'generation'";
    let index = column(&sql(&path), sql_of).remove(0);
    rewrite_schema(&path, "UPDATE sqlite_schema SET sql = sql || ' AND 0' WHERE name = 'generation'");
    sql(&path).execute_batch("UPDATE object SET id = 'gone' WHERE id = 'n.1'").unwrap();
    rewrite_schema(&path, &format!("UPDATE sqlite_schema SET sql = '{index}' WHERE name = 'generation'"));
    let store = Store::sqlite(&path).unwrap();
    let told = ["Counter", "n.1", "not there", "verify"];
    let loads = store.clone();
    refused(in_time(move || loads.load::<Counter>("n")), ErrorKind::Corrupt, &told);
    let updates = store.clone();
    refused(in_time(move || updates.update::<Counter>("n", |_| Ok(()))), ErrorKind::Corrupt, &told);
    let report = store.verify().run().unwrap();
    assert!(report.problems.iter().any(|found| found.problem.path == "database"), "{report:?}");
    sql(&path).execute_batch("REINDEX").unwrap();
    assert!(store.verify().repair().run().unwrap().is_clean());
    assert_eq!(store.load::<Counter>("n").unwrap(), counter("n.0", 0));
}

/// A page that refers to one below it over and over, on several levels: to follow it takes longer than anybody lives.
#[test]
fn pages_that_lead_to_the_same_again_and_again_are_followed_for_a_bounded_time() {
    for table in ["object", "sqlite_autoindex_object_1", "generation", "entry", "link", "class", "change", "setting"] {
        let file = InFile::new();
        for number in 0..20 {
            let name = format!("{number:03}{}", "n".repeat(60));
            put(file.store.backend(), &key("Kept", &format!("{name}.1")), leaf("x")).unwrap();
            let links = node(vec![("to", Entry::Link(key("Leaf", &name))), ("other", Entry::Link(key("Leaf", "b")))]);
            put(file.store.backend(), &key("Node", &name), links).unwrap();
        }
        file.sql()
            .execute_batch("INSERT INTO setting VALUES ('x', 1); INSERT INTO change VALUES (1, 'A', 'b')")
            .unwrap();
        let (path, _directory) = closed(file);
        circle(&path, table);
        in_time(move || {
            let Ok(store) = Store::builder().read_only().sqlite(&path) else { return };
            let backend = store.backend();
            for class in ["Kept", "Node", "Leaf"] {
                let mut listed = 0_u64;
                let mut each = |_: &str| {
                    listed += 1;
                    ControlFlow::Continue(())
                };
                let _ = backend.ids(class, &mut each);
                assert!(listed < 100_000, "{listed} ids are listed");
                let _ = backend.generations(&key(class, "000"));
                let _ = backend.newest(&key(class, "000"));
                let _ = backend.read(&key(class, "000"));
                let _ = backend.links(&key(class, "000"));
                let _ = backend.stat(&key(class, "000"));
            }
            let _ = backend.backlinks(&[key("Leaf", "b")], &mut |_| ControlFlow::Continue(()));
            let _ = store.verify().run();
            drop(store);
            if let Ok(store) = Store::sqlite(&path) {
                let backend = store.backend();
                let _ = backend.track().map(drop);
                let _ = put(backend, &key("Node", "000"), node(vec![]));
                let _ = put(backend, &key("Leaf", "new"), leaf("x"));
                let _ = store.verify().repair().run();
                let _ = store.clear();
            }
        });
    }
}

/// Has the root of a table or index lead to one leaf on so many ways that nobody can follow them all.
fn circle(path: &Path, table: &str) {
    const LEVELS: usize = 6;
    let number = |query: &str| column(&sql(path), query).remove(0).parse::<usize>().unwrap();
    let root = number(&format!("SELECT CAST(rootpage AS TEXT) FROM sqlite_schema WHERE name = '{table}'"));
    let size = number("SELECT CAST(page_size AS TEXT) FROM pragma_page_size");
    let mut file = fs::read(path).unwrap();
    let mut leaf = root;
    loop {
        let page = &file[(leaf - 1) * size..leaf * size];
        let short = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
        let child = |at: usize| u32::from_be_bytes(page[at..at + 4].try_into().unwrap()) as usize;
        match page[0] {
            // On the way, the first child.
            2 | 5 => leaf = child(short(12)),
            _ => break,
        }
    }
    let page = &file[(leaf - 1) * size..leaf * size];
    let first = usize::from(u16::from_be_bytes([page[8], page[9]]));
    // Between the children of an index stands an entry, and between those of a table a number.
    let (kind, key) = match page[0] {
        10 => (2, page[first..first + 1 + usize::from(page[first])].to_vec()),
        13 => (5, vec![0x7f]),
        other => unreachable!("page of kind {other}"),
    };
    let pages = file.len() / size;
    let interior = |child: usize| {
        let mut page = vec![0; size];
        let cell = size - 4 - key.len();
        let cells = 600_u16;
        page[0] = kind;
        page[3..5].copy_from_slice(&cells.to_be_bytes());
        page[5..7].copy_from_slice(&(cell as u16).to_be_bytes());
        page[8..12].copy_from_slice(&(child as u32).to_be_bytes());
        for at in 0..usize::from(cells) {
            page[12 + 2 * at..14 + 2 * at].copy_from_slice(&(cell as u16).to_be_bytes());
        }
        page[cell..cell + 4].copy_from_slice(&(child as u32).to_be_bytes());
        page[cell + 4..].copy_from_slice(&key);
        page
    };
    for level in 0..LEVELS {
        file.extend(interior(if level == 0 { leaf } else { pages + level }));
    }
    // The root may be the leaf.
    let moved = file[(leaf - 1) * size..leaf * size].to_vec();
    if leaf == root {
        file.extend(moved);
        let below = interior(file.len() / size);
        file[pages * size..(pages + 1) * size].copy_from_slice(&below);
    }
    file[(root - 1) * size..root * size].copy_from_slice(&interior(pages + LEVELS));
    let count = (file.len() / size) as u32;
    file[28..32].copy_from_slice(&count.to_be_bytes());
    fs::write(path, file).unwrap();
}

/// What a file claims to hold costs nothing until it is read.
#[test]
fn a_database_that_is_mostly_a_hole_is_read_as_fast_as_any() {
    let file = InFile::new();
    file.store.save(&work_board()).unwrap();
    let (path, _directory) = closed(file);
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 34).unwrap();
    in_time(move || {
        for builder in [Store::builder(), Store::builder().read_only()] {
            let store = builder.sqlite(&path).unwrap();
            assert_eq!(store.load::<Board>("work_board").unwrap(), work_board());
            let _ = store.verify().run();
        }
        // So is a copy, which takes no room for what is not there.
        fs::hard_link(&path, path.with_file_name("other.db")).unwrap();
        assert_eq!(Store::sqlite(&path).unwrap().load::<Board>("work_board").unwrap(), work_board());
        let copy = fs::metadata(&path).unwrap();
        assert_eq!((copy.nlink(), copy.len()), (1, 1 << 34));
        assert!(copy.blocks() < 10_000, "{} blocks", copy.blocks());
    });
}

/// One row that could be no object's kept all the others from being listed.
#[test]
fn rows_that_can_be_no_objects_stop_nobody() {
    let file = InFile::new();
    let backend = file.backend();
    put(&backend, &key("Kept", "base.1"), leaf("x")).unwrap();
    put(&backend, &key("Node", "n"), node(vec![("to", Entry::Link(key("Leaf", "a")))])).unwrap();
    put(&backend, &key("Leaf", "a"), leaf("x")).unwrap();
    let sql = file.sql();
    let long = "z".repeat(300);
    sql.execute_batch(&format!(
        "PRAGMA ignore_check_constraints = 1;
        INSERT INTO object (class, id, base, generation, kind, created, modified, content) VALUES
            ('Kept', '{long}', 'base', 1000000, 'leaf', 0, 0, 'x'),
            ('Kept', '%', NULL, NULL, 'leaf', 0, 0, 'x'),
            ('Leaf', '', NULL, NULL, 'leaf', 0, 0, 'x'),
            ('Leaf', '{long}', NULL, NULL, 'leaf', 0, 0, 'x'),
            ('Leaf', CAST(x'ff' AS TEXT), NULL, NULL, 'leaf', 0, 0, 'x'),
            ('Leaf', 'container', NULL, NULL, 'container', 0, 0, '{{}}'),
            ('Leaf', 'number', NULL, NULL, 'leaf', 9223372036854775807, -9223372036854775808, 7),
            ('Node', 'leaf', NULL, NULL, 'leaf', 0, 0, 'x'),
            ('Node', 'neither', NULL, NULL, 'folder', 0, 0, 'x'),
            ('Other', 'x', NULL, NULL, 'leaf', 0, 0, 'x'),
            (CAST(x'ff' AS TEXT), 'x', NULL, NULL, 'leaf', 0, 0, 'x');
        INSERT INTO entry SELECT number, 'a', 'Leaf', 'a', NULL FROM object WHERE id = '';
        INSERT INTO entry SELECT number, 'b', 'Leaf', 'a', NULL FROM object WHERE class = CAST(x'ff' AS TEXT);
        INSERT INTO entry VALUES (9223372036854775807, 'a', 'Leaf', 'a', NULL), (-1, 'a', 'Leaf', 'a', NULL);
        INSERT INTO change VALUES (9223372036854775807, '', CAST(x'ff' AS TEXT));
        INSERT INTO follower VALUES (9223372036854775807);
        INSERT INTO quarantine (number, path) VALUES (9223372036854775806, 'x');"
    ))
    .unwrap();
    let listed = |class: &str| {
        let mut ids = Vec::new();
        let each = &mut |id: &str| {
            ids.push(id.to_owned());
            ControlFlow::Continue(())
        };
        backend.ids(class, each).unwrap();
        ids
    };
    assert_eq!(listed("Kept"), ["%", "base.1"]);
    assert_eq!(listed("Leaf"), ["a", "number"]);
    assert_eq!(listed("Node"), ["n"]);
    assert_eq!(backend.newest(&key("Kept", "base")).unwrap(), Some(key("Kept", "base.1")));
    assert_eq!(backend.generations(&key("Kept", "base")).unwrap(), [key("Kept", "base.1")]);
    for class in ["Kept", "Leaf", "Node"] {
        for id in listed(class) {
            assert!(backend.stat(&key(class, &id)).unwrap().is_some(), "{id}");
        }
    }
    let mut linking = Vec::new();
    let each = &mut |key: &Key| {
        linking.push(key.clone());
        ControlFlow::Continue(())
    };
    backend.backlinks(&[key("Leaf", "a")], each).unwrap();
    assert_eq!(linking, [key("Node", "n")]);
    let report = file.store.verify().run().unwrap();
    let told = |path: &str| report.problems.iter().any(|found| found.problem.path == path);
    for path in ["Leaf/", "Leaf/number", "Leaf/container", "Node/leaf", "Node/neither", "Other", "entry/-1"] {
        assert!(told(path), "{path} is not among {report:#?}");
    }
    let mut track = backend.track().unwrap();
    put(&backend, &key("Leaf", "new"), leaf("x")).unwrap();
    let changed = track.changed().unwrap();
    assert!(changed.is_none_or(|changed| changed.contains(&key("Leaf", "new"))));
    file.store.verify().repair().run().unwrap();
    assert_eq!(backend.read(&key("Leaf", "a")).unwrap(), Some(leaf("x")));
}

#[test]
fn what_stands_for_a_checksum_stops_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.db");
    let store = Store::builder().checksums().sqlite(&path).unwrap();
    store.save_all([postit("a", "x"), postit("b", "y")]).unwrap();
    sql(&path).execute_batch("UPDATE object SET checksum = CAST(x'ff' AS TEXT) WHERE id = 'a'").unwrap();
    let report = store.verify().run().unwrap();
    let told: Vec<_> = report.problems.iter().map(|found| (found.problem.kind, &*found.problem.path)).collect();
    assert_eq!(told, [(ProblemKind::Corrupted, "Postit/a")]);
    assert_eq!(report.checked, 2);
}
