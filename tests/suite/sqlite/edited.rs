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
    assert_eq!(backend.read(&key("Many", "n.1")).unwrap(), Some(node(vec![("a", link()), ("b", link())])));
}
