//! Stores that are databases of SQLite: what others see in them, and what is in them that Sepia did not write.

mod edited;
mod lock;
mod opening;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use rustix::fs::Mode;
use sepia::backend::{Backend, OpenOptions, Sqlite};
use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{Durability, ErrorKind, Id, ProblemKind, Serializable, Store};
use tempfile::TempDir;

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::{content, refused};

/// A database in a directory of its own, which goes with it.
struct InFile {
    store: Store,
    path: PathBuf,
    directory: TempDir,
}

impl InFile {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        Self { store: Store::sqlite(&path).unwrap(), path, directory }
    }

    fn reopen(&self) -> Store {
        Store::sqlite(&self.path).unwrap()
    }

    fn backend(&self) -> Sqlite {
        Sqlite::open(&self.path, &OpenOptions::default()).unwrap()
    }

    /// As somebody else opens it.
    fn sql(&self) -> Connection {
        sql(&self.path)
    }
}

fn sql(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection
}

/// The first column of every row, as text.
fn column(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map((), |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    let text = |value| match value {
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    rows.map(|value| text(value.unwrap())).collect()
}

fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

fn put(backend: &dyn Backend, key: &Key, record: Record) -> sepia::Result<()> {
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Leaf", Format::Bytes)).unwrap();
    batch.declare(&Class::container("Node")).unwrap();
    batch.declare(&Class::serializable("Kept", Format::Bytes).with_generations()).unwrap();
    batch.set_durability(Durability::Buffered);
    batch.put(key.clone(), record, Expect::Any);
    backend.commit(batch)
}

fn leaf(content: impl AsRef<[u8]>) -> Record {
    Record::Leaf(content.as_ref().to_vec())
}

fn node(entries: Vec<(&str, Entry)>) -> Record {
    let entries = entries.into_iter().map(|(name, entry)| (Name::of(name).unwrap(), entry)).collect();
    Record::Container(Node { data: b"{}\n".to_vec(), entries: Entries::new(entries).unwrap() })
}

#[test]
fn the_tables_can_be_asked_in_sql() {
    let file = InFile::new();
    file.store.save(&work_board()).unwrap();
    file.store.save(&counter("n.0", 7)).unwrap();
    let sql = file.sql();
    assert_eq!(column(&sql, "SELECT name FROM class ORDER BY name"), ["Board", "Counter", "Postit"]);
    assert_eq!(
        column(&sql, "SELECT json_extract(content, '$.name') FROM object WHERE class = 'Board'"),
        [work_board().name]
    );
    assert_eq!(
        column(&sql, "SELECT json_extract(content, '$.count') FROM object WHERE class = 'Counter'"),
        ["Integer(7)"]
    );
    assert_eq!(column(&sql, "SELECT base || ' ' || generation FROM object WHERE class = 'Counter'"), ["n 0"]);
    let text = column(&sql, "SELECT content FROM object WHERE class = 'Postit' AND id = 'report_postit'");
    assert_eq!(text, [file.store.load::<Postit>("report_postit").unwrap().text]);
    assert_eq!(
        column(&sql, "SELECT id || ' ' || path FROM links WHERE target_class = 'Postit' ORDER BY 1"),
        ["work_board boards/0000_project_x/postits/0000_code_review_postit", "work_board postits/0000_report_postit"]
    );
    let nested = "SELECT json_valid(content) FROM entry WHERE path = 'boards/0000_project_x' AND class IS NULL";
    assert_eq!(column(&sql, nested), ["Integer(1)"]);
    let year = column(&sql, "SELECT DISTINCT substr(modified, 1, 2) FROM objects");
    assert_eq!(year, ["20"]);
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Counter {
    id: Id<Counter>,
    count: u64,
}

fn counter(id: &str, count: u64) -> Counter {
    Counter { id: id.into(), count }
}

#[test]
fn what_is_asked_often_is_indexed() {
    let file = InFile::new();
    let sql = file.sql();
    for (query, index) in [
        ("SELECT id FROM object WHERE class = ?1 AND id > ?2 ORDER BY id", "COVERING INDEX sqlite_autoindex_object_1"),
        ("SELECT kind, content FROM object WHERE class = ?1 AND id = ?2", "INDEX sqlite_autoindex_object_1"),
        (
            "SELECT id FROM object WHERE class = ?1 AND base = ?2 ORDER BY generation DESC, id DESC LIMIT 1",
            "COVERING INDEX generation",
        ),
        ("SELECT object FROM entry WHERE class = ?1 AND id = ?2", "COVERING INDEX link"),
        ("SELECT path FROM entry WHERE object = ?1 ORDER BY path", "PRIMARY KEY"),
    ] {
        let mut statement = sql.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let count = statement.parameter_count();
        let plan: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(vec!["x"; count]), |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let plan = plan.join("; ");
        assert!(plan.contains(index) && !plan.contains("SCAN") && !plan.contains("TEMP"), "{query}: {plan}");
    }
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
        let mut child = child("open_here", name);
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

const CHILD: &str = "SEPIA_TEST_SQLITE";

/// A test as a process of its own, which is told something.
fn child(test: &str, told: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("sqlite::{test}"), "--exact", "--ignored", "--nocapture"]);
    command.env(CHILD, told).stdout(Stdio::piped());
    command
}

#[test]
fn processes_that_make_a_store_at_once_all_have_it() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let path = directory.path().join(round.to_string());
        let children: Vec<Child> = (0..6).map(|_| child("make_and_count", &path).spawn().unwrap()).collect();
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

#[test]
fn who_waits_too_long_is_told_so_and_a_dead_holder_is_none() {
    let file = InFile::new();
    file.store.save(&postit("a", "1")).unwrap();
    let hasty = Store::builder().lock_timeout(Duration::from_millis(30)).sqlite(&file.path).unwrap();
    let mut holder = child("hold", &file.path).stdin(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.into_iter().any(|line| line.ends_with("held")), "the process has not begun");
    refused(hasty.save(&postit("a", "2")), ErrorKind::Locked, &["data.db", "30ms"]);
    refused(hasty.clone().close(), ErrorKind::Locked, &["data.db"]);
    // Readers do not wait, and do not see what is not committed.
    assert_eq!(hasty.load::<Postit>("a").unwrap().text, "1");
    holder.kill().unwrap();
    holder.wait().unwrap();
    hasty.overwrite(&postit("a", "2")).unwrap();
    assert_eq!(file.store.load::<Postit>("a").unwrap().text, "2");
    refused(hasty.load::<Postit>("held"), ErrorKind::NotFound, &["held"]);
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn hold() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let backend = Sqlite::open(path, &OpenOptions::default()).unwrap();
    let _lock = backend.lock().unwrap();
    // It has written something, too.
    backend.upkeep().set_aside(&key("Postit", "held"), &leaf("x")).unwrap();
    println!("held");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn generations_count_up_to_the_last() {
    let file = InFile::new();
    let backend = file.backend();
    let numbers = [0, 1, 9, 10, i64::MAX.unsigned_abs(), i64::MAX.unsigned_abs() + 1, u64::MAX / 10 * 9, u64::MAX];
    for number in numbers.iter().rev() {
        put(&backend, &key("Kept", &format!("n.{number}")), leaf("x")).unwrap();
        assert_eq!(backend.newest(&key("Kept", "n")).unwrap(), Some(key("Kept", &format!("n.{}", u64::MAX))));
    }
    let listed = backend.generations(&key("Kept", "n")).unwrap();
    assert_eq!(listed, numbers.map(|number| key("Kept", &format!("n.{number}"))));
    for (at, number) in numbers.iter().enumerate().skip(1).rev() {
        let mut batch = Batch::new();
        batch.delete(key("Kept", &format!("n.{number}")), Expect::LatestIs(*number));
        backend.commit(batch).unwrap();
        assert_eq!(backend.newest(&key("Kept", "n")).unwrap(), Some(key("Kept", &format!("n.{}", numbers[at - 1]))));
    }
}

#[test]
fn every_byte_comes_back() {
    let file = InFile::new();
    let backend = file.backend();
    let contents: [&[u8]; 6] = [b"", b"\0", b"text\0more", b"\xff\xfe", "é\u{1F600}".as_bytes(), b"a\xc3"];
    let ids = ["a\0b", "a\0", "a", "a\0c", "\u{feff}", "\0"];
    for (id, content) in ids.iter().zip(contents) {
        put(&backend, &key("Leaf", id), leaf(content)).unwrap();
        let inner = Entry::Container(Node { data: content.to_vec(), entries: Entries::default() });
        put(&backend, &key("Node", id), node(vec![(id, inner), ("to", Entry::Link(key("Leaf", id)))])).unwrap();
    }
    // What the shell of SQLite would cut off is no text.
    let types = "SELECT typeof(content) FROM object WHERE class = 'Leaf' ORDER BY number";
    assert_eq!(column(&file.sql(), types), ["text", "blob", "blob", "blob", "text", "blob"]);
    let other = file.backend();
    for (id, content) in ids.iter().zip(contents) {
        assert_eq!(other.read(&key("Leaf", id)).unwrap(), Some(leaf(content)));
        assert_eq!(other.stat(&key("Leaf", id)).unwrap().unwrap().bytes, content.len() as u64);
        assert_eq!(other.stat(&key("Node", id)).unwrap().unwrap().bytes, 3 + content.len() as u64);
        let inner = Entry::Container(Node { data: content.to_vec(), entries: Entries::default() });
        let expected = node(vec![(id, inner), ("to", Entry::Link(key("Leaf", id)))]);
        assert_eq!(other.read(&key("Node", id)).unwrap(), Some(expected));
        let mut who = Vec::new();
        let each = &mut |key: &Key| {
            who.push(key.clone());
            ControlFlow::Continue(())
        };
        other.backlinks(&[key("Leaf", id)], each).unwrap();
        assert_eq!(who, [key("Node", id)]);
    }
}

/// Some characters come before the one that stands between the names of a path.
#[test]
fn names_that_begin_alike_stay_apart() {
    let file = InFile::new();
    let backend = file.backend();
    let link = |id: &str| Entry::Link(key("Leaf", id));
    let names = ["a", "a b", "a-b", "a.b", "a!", "ab", "a0"];
    let list = |name: &str| {
        let Record::Container(node) = node(vec![(name, link(name)), ("a", link("a")), ("a-", link("a"))]) else {
            unreachable!("a node is made")
        };
        node
    };
    let forms = |turn: usize| {
        let form = |(at, name): (usize, &&'static str)| match (at + turn) % 4 {
            0 => (*name, link(name)),
            1 => (*name, Entry::Container(list("x"))),
            2 => (*name, Entry::Collection(list("y").entries)),
            _ => (*name, Entry::Collection(Entries::default())),
        };
        node(names.iter().enumerate().map(form).collect())
    };
    for turn in [0, 1, 2, 3, 3, 1, 0, 2] {
        put(&backend, &key("Node", "n"), forms(turn)).unwrap();
        assert_eq!(backend.read(&key("Node", "n")).unwrap(), Some(forms(turn)));
        let moment = backend.moment().unwrap();
        put(&backend, &key("Node", "n"), forms(turn)).unwrap();
        assert_eq!(backend.moment().unwrap(), moment, "what is equal was written");
    }
}

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
    // A leaf becomes a container, and the other way round.
    put(&backend, &key("Node", "new"), leaf("x")).unwrap();
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
        "INSERT INTO class VALUES ('', 'container', NULL, 0)",
        "UPDATE class SET name = CAST(X'ff' AS TEXT) WHERE name = 'Postit'",
        "DROP TABLE class",
    ] {
        let file = InFile::new();
        file.store.save(&work_board()).unwrap();
        let sql = file.sql();
        sql.execute_batch(&format!("PRAGMA ignore_check_constraints = 1; {change}")).unwrap();
        refused(file.reopen().classes(), ErrorKind::Corrupt, &["data.db", "class"]);
        refused(file.store.overwrite(&postit("a", "x")), ErrorKind::Corrupt, &["data.db"]);
        match file.store.backend().read(&key("Postit", "a")) {
            Ok(read) => assert_eq!(read, None, "{change}"),
            // Without the list, nobody knows what is declared.
            error => drop(refused(error, ErrorKind::Corrupt, &["data.db", "Postit"])),
        }
    }
}

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
fn who_follows_is_told_what_others_commit() {
    let file = InFile::new();
    let (backend, other) = (file.backend(), file.backend());
    put(&other, &key("Leaf", "before"), leaf("1")).unwrap();
    let mut track = backend.track().unwrap();
    let mut second = other.track().unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    put(&other, &key("Leaf", "a"), leaf("1")).unwrap();
    put(&backend, &key("Leaf", "b"), leaf("1")).unwrap();
    put(&other, &key("Leaf", "a"), leaf("1")).unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![key("Leaf", "a"), key("Leaf", "b")]));
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    assert_eq!(second.changed().unwrap(), Some(vec![key("Leaf", "a"), key("Leaf", "b")]));
    drop(second);
    put(&other, &key("Leaf", "c"), leaf("1")).unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![key("Leaf", "c")]));
    drop(track);
    // Nobody follows any more, and nothing is noted.
    put(&other, &key("Leaf", "d"), leaf("1")).unwrap();
    assert_eq!(column(&file.sql(), "SELECT id FROM change"), [""; 0]);
}

#[test]
fn who_was_killed_while_following_costs_no_more_than_so_much() {
    let file = InFile::new();
    let backend = file.backend();
    put(&backend, &key("Leaf", "a"), leaf("1")).unwrap();
    let sql = file.sql();
    sql.execute("INSERT INTO follower VALUES (1)", ()).unwrap();
    let mut track = backend.track().unwrap();
    put(&backend, &key("Leaf", "a"), leaf("2")).unwrap();
    sql.execute("UPDATE change SET number = 99999", ()).unwrap();
    put(&backend, &key("Leaf", "b"), leaf("2")).unwrap();
    assert_eq!(column(&sql, "SELECT number FROM change"), ["Integer(99999)", "Integer(100000)"]);
    put(&backend, &key("Leaf", "c"), leaf("2")).unwrap();
    assert_eq!(column(&sql, "SELECT number FROM change"), [""; 0]);
    put(&backend, &key("Leaf", "d"), leaf("2")).unwrap();
    assert_eq!(column(&sql, "SELECT number FROM follower"), [""; 0]);
    // Whoever lives is told that it was forgotten, and follows anew.
    assert_eq!(track.changed().unwrap(), None);
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    put(&backend, &key("Leaf", "e"), leaf("2")).unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![key("Leaf", "e")]));
}

#[test]
fn a_reader_keeps_writers_off_and_writes_nothing() {
    let file = InFile::new();
    let mut options = OpenOptions::default();
    options.lock_timeout = Duration::from_millis(30);
    let writer = Sqlite::open(&file.path, &options).unwrap();
    put(&writer, &key("Leaf", "a"), leaf("1")).unwrap();
    options.read_only = true;
    let reader = Sqlite::open(&file.path, &options).unwrap();
    let mut track = reader.track().unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    refused(put(&reader, &key("Leaf", "a"), leaf("2")), ErrorKind::ReadOnly, &["data.db"]);
    refused(reader.upkeep().set_aside(&key("Leaf", "a"), &leaf("2")), ErrorKind::ReadOnly, &["data.db"]);
    refused(reader.checkpoint(), ErrorKind::ReadOnly, &["data.db"]);
    let lock = reader.lock().unwrap();
    let moment = reader.moment().unwrap();
    refused(put(&writer, &key("Leaf", "a"), leaf("2")), ErrorKind::Locked, &["data.db", "30ms"]);
    assert_eq!(reader.read(&key("Leaf", "a")).unwrap(), Some(leaf("1")));
    assert_eq!(reader.moment().unwrap(), moment);
    refused(lock.commit(Batch::new()), ErrorKind::ReadOnly, &["data.db"]);
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    let held = writer.lock().unwrap();
    refused(reader.lock(), ErrorKind::Locked, &["data.db", "30ms"]);
    drop(held);
    put(&writer, &key("Leaf", "a"), leaf("2")).unwrap();
    assert_eq!(reader.read(&key("Leaf", "a")).unwrap(), Some(leaf("2")));
    assert_ne!(reader.moment().unwrap(), moment);
    assert_eq!(track.changed().unwrap(), None);
}

/// Somebody who may not write cannot keep writers off either.
#[test]
fn a_reader_who_may_not_write_sees_one_state_under_its_lock() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let file = InFile::new();
    put(&file.backend(), &key("Leaf", "a"), leaf("1")).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(file.directory.path(), 0o755);
    mode(&file.path, 0o644);
    // The program is copied to where anybody may run it.
    let program = file.directory.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["sqlite::look_on", "--exact", "--ignored", "--nocapture"]).env(CHILD, &file.path);
    let mut child = command.uid(65534).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("held")), "the process has not begun");
    put(&file.backend(), &key("Leaf", "a"), leaf("2")).unwrap();
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn look_on() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let mut options = OpenOptions::default();
    options.read_only = true;
    let reader = Sqlite::open(path, &options).unwrap();
    let lock = reader.lock().unwrap();
    let moment = reader.moment().unwrap();
    println!("held");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let (a, read) = (key("Leaf", "a"), |reader: &Sqlite| reader.read(&key("Leaf", "a")).unwrap());
    assert_eq!(read(&reader), Some(leaf("1")));
    assert_eq!(reader.moment().unwrap(), moment);
    // Other threads see what is, and no moment that it could be taken for.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            assert_eq!(read(&reader), Some(leaf("2")));
            assert_ne!(reader.moment().unwrap(), reader.moment().unwrap());
            let (_, seal) = reader.read_sealed(&a).unwrap();
            assert!(!reader.is_intact(&mut [(&a, &seal)].into_iter()).unwrap());
        });
        other.join().unwrap();
    });
    drop(lock);
    assert_eq!(read(&reader), Some(leaf("2")));
    assert_ne!(reader.moment().unwrap(), moment);
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

#[test]
fn ids_are_listed_while_others_come_and_go() {
    let file = InFile::new();
    let backend = file.backend();
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Leaf", Format::Bytes)).unwrap();
    for number in 0..5000 {
        batch.put(key("Leaf", &format!("{number:04}")), leaf("x"), Expect::Any);
    }
    backend.commit(batch).unwrap();
    let mut listed = Vec::new();
    let each = &mut |id: &str| {
        if listed.len() == 1500 {
            let mut batch = Batch::new();
            batch.delete(key("Leaf", "1600"), Expect::Present);
            batch.delete(key("Leaf", "4000"), Expect::Present);
            batch.put(key("Leaf", "4000 a"), leaf("x"), Expect::Absent);
            backend.commit(batch).unwrap();
        }
        listed.push(id.to_owned());
        ControlFlow::Continue(())
    };
    backend.ids("Leaf", each).unwrap();
    assert!(listed.is_sorted());
    let staying = (0..5000).map(|number| format!("{number:04}")).filter(|id| id != "1600" && id != "4000");
    let listed: BTreeSet<_> = listed.into_iter().collect();
    assert!(staying.into_iter().all(|id| listed.contains(&id)));
    assert!(!listed.contains("4000") && listed.contains("4000 a"));
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
