//! Stores that are databases of SQLite: what others see in them, and what is in them that Sepia did not write.

mod beside;
mod commits;
mod edited;
mod hostile;
mod kinds;
mod lock;
mod opening;
mod sharing;
mod upkeep;

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
use sepia::{Durability, ErrorKind, Id, ProblemKind, Serializable, Shared, Store};
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

const CHILD: &str = "SEPIA_TEST_SQLITE";

/// A test as a process of its own, which is told something.
fn child(test: &str, told: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("sqlite::{test}"), "--exact", "--ignored", "--nocapture"]);
    command.env(CHILD, told).stdout(Stdio::piped());
    command
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
