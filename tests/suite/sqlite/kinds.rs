//! Rows of the other kind than their class: somebody else has put them there, and they are no objects.

use std::time::Instant;

use super::*;

const LEAF: &str = "INSERT INTO object (class, id, kind, created, modified, content, base, generation)
    VALUES (?1, ?2, 'leaf', 0, 0, '{}', ?3, ?4)";
const CONTAINER: &str = "INSERT INTO object (class, id, kind, created, modified, content, base, generation)
    VALUES (?1, ?2, 'container', 0, 0, '{}', ?3, ?4)";
const INDEX: &str = "object_container";

/// Board `work` of three postits, a counter with two generations, and, among each, rows of the other kind.
fn mixed() -> InFile {
    let file = InFile::new();
    file.store.save(&work_board()).unwrap();
    file.store.save_all([counter("n.0", 0), counter("n.1", 1)]).unwrap();
    file
}

fn spoil(sql: &Connection) {
    let none: (Option<&str>, Option<i64>) = (None, None);
    for id in ["a", "odd", "zz"] {
        sql.execute(LEAF, ("Board", id, none.0, none.1)).unwrap();
        sql.execute(CONTAINER, ("Postit", id, none.0, none.1)).unwrap();
    }
    sql.execute(CONTAINER, ("Counter", "n.7", "n", 7)).unwrap();
    sql.execute(CONTAINER, ("Counter", "m", "m", 0)).unwrap();
}

#[test]
fn rows_of_the_other_kind_than_their_class_are_not_listed_and_are_told() {
    let file = mixed();
    let before = content(&file.store);
    let listed = |store: &Store| {
        let ids = (store.ids::<Board>().unwrap(), store.ids::<Postit>().unwrap(), store.ids::<Counter>().unwrap());
        (ids, store.count::<Board>().unwrap(), store.count::<Postit>().unwrap(), store.count::<Counter>().unwrap())
    };
    let expected = listed(&file.store);
    spoil(&file.sql());
    let read_only = Store::builder().read_only().sqlite(&file.path).unwrap();
    for store in [&file.store, &file.reopen(), &read_only] {
        assert_eq!(listed(store), expected);
        assert_eq!(content(store), before);
        assert!(store.iter::<Board>().unwrap().all(|board| board.is_ok()));
        assert!(store.iter::<Postit>().unwrap().all(|postit| postit.is_ok()));
        assert_eq!(store.versions::<Counter>("n").unwrap(), ["n.0".into(), "n.1".into()]);
        assert_eq!(store.load::<Counter>("n").unwrap(), counter("n.1", 1));
        assert_eq!(store.backend().generations(&key("Counter", "m")).unwrap(), []);
        assert_eq!(store.backend().newest(&key("Counter", "m")).unwrap(), None);
        refused(store.load::<Board>("odd"), ErrorKind::Corrupt, &["Board/odd", "no object"]);
        refused(store.load::<Postit>("odd"), ErrorKind::Corrupt, &["Postit/odd", "no object"]);
        assert!(store.gc([sepia::Root::class("Board")]).dry_run().run().is_ok());
    }
    let copy = Store::in_memory();
    file.store.copy_to(&copy).run().unwrap();
    assert_eq!(content(&copy), before);
    let (mut lines, imported) = (Vec::new(), Store::in_memory());
    file.store.export().to_writer(&mut lines).unwrap();
    imported.import().from_reader(&*lines).unwrap();
    assert_eq!(content(&imported), before);
    let archive = file.directory.path().join("a.tar");
    file.store.backup().to_file(&archive).unwrap();
    sepia::backup::Archive::open(&archive).unwrap().verify().unwrap();
    // Named, and set aside by a repair.
    let report = file.store.verify().run().unwrap();
    let told: BTreeSet<_> = report.problems.iter().map(|found| (&*found.problem.path, found.problem.kind)).collect();
    let places =
        ["Board/a", "Board/odd", "Board/zz", "Counter/m", "Counter/n.7", "Postit/a", "Postit/odd", "Postit/zz"];
    assert_eq!(told, places.map(|place| (place, ProblemKind::Undecodable)).into(), "{report:#?}");
    assert!(file.store.verify().repair().run().unwrap().is_clean());
    assert_eq!(column(&file.sql(), "SELECT class FROM quarantine WHERE path = ''").len(), places.len());
    assert!(file.store.verify().run().unwrap().problems.is_empty());
    assert_eq!(content(&file.store), before);
}

/// Many at once, at the ends of the pages that are read.
#[test]
fn any_number_of_rows_of_the_other_kind_is_left_out() {
    let file = InFile::new();
    let backend = file.backend();
    put(&backend, &key("Leaf", "x"), leaf("1")).unwrap();
    let sql = file.sql();
    for (every, id) in [(2, "a"), (1024, "b"), (1, "c")] {
        let rows = format!(
            "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 4999)
            INSERT INTO object (class, id, kind, created, modified, content)
            SELECT 'Leaf', printf('{id}%05d', n), iif(n % {every} = 0, 'container', 'leaf'), 0, 0, '' FROM n"
        );
        sql.execute_batch(&rows).unwrap();
    }
    let expected = column(&sql, "SELECT id FROM object WHERE class = 'Leaf' AND kind = 'leaf' ORDER BY id");
    assert_eq!(expected.len(), 2500 + 4995 + 1);
    let mut listed = Vec::new();
    let each = &mut |id: &str| {
        listed.push(id.to_owned());
        ControlFlow::Continue(())
    };
    backend.ids("Leaf", each).unwrap();
    assert_eq!(listed, expected);
}

/// A store without the index is one of this version, listed right, and gets it from whoever opens it for writing.
#[test]
fn a_store_that_was_made_without_the_index_of_containers_is_read_and_gets_it() {
    let file = mixed();
    let (path, directory) = (file.path.clone(), &file.directory);
    let before = content(&file.store);
    spoil(&file.sql());
    drop(file.store);
    let sql = sql(&path);
    sql.execute_batch(&format!("DROP INDEX {INDEX}")).unwrap();
    let count = format!("SELECT name FROM sqlite_schema WHERE name = '{INDEX}'");
    let read_only = Store::builder().read_only().sqlite(&path).unwrap();
    assert_eq!(content(&read_only), before);
    assert!(column(&sql, &count).is_empty());
    drop(read_only);
    // Beside somebody who writes, opening does not fail for it.
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let opened = Store::builder().lock_timeout(Duration::from_millis(50)).sqlite(&path).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    sql.execute_batch("ROLLBACK").unwrap();
    assert_eq!(content(&opened), before);
    assert!(column(&sql, &count).is_empty());
    drop(opened);
    assert_eq!(content(&Store::sqlite(&path).unwrap()), before);
    assert_eq!(column(&sql, &count), [INDEX]);
    assert!(directory.path().exists());
    // What is not that index is refused.
    let other = format!("DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON object (id) WHERE kind = 'container';");
    sql.execute_batch(&other).unwrap();
    refused(Store::sqlite(&path), ErrorKind::Corrupt, &[INDEX, "is not what Sepia makes"]);
}

/// The plan of a listing, since reading the row of each id makes it several times as slow.
#[test]
fn ids_are_listed_from_indexes_alone() {
    let file = mixed();
    let plan = |query: &str| {
        let sql = file.sql();
        let mut statement = sql.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let rows = statement.query_map((), |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let of_containers = "SELECT id FROM object WHERE class = 'Board' AND kind = 'container'
        AND id > CAST(x'61' AS TEXT) ORDER BY id LIMIT 1024";
    let found = plan(of_containers);
    assert!(found.contains(&format!("INDEX {INDEX}")), "{found}");
}
