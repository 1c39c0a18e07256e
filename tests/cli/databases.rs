//! Every command on a database: it says and does what it says and does on files.

use serde_json::Value;

use crate::support::{Ran, Sandbox};

/// The database that stands for the store `data`.
const DATABASE: &str = "sqlite:data.db";

impl Sandbox {
    /// The store `data`, and a database with the same objects.
    fn twice() -> Self {
        let sandbox = Self::new();
        let copied = sandbox.sepia(&format!("copy data {DATABASE}"));
        assert_eq!(copied.to_string(), "8 added, 0 replaced, 0 there already; 408 B written\n");
        sandbox
    }

    /// Runs a command on the store and on the database.
    fn both(&self, arguments: &str, editor: &str) -> [Ran; 2] {
        ["data", DATABASE].map(|store| {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            self.run(self.command(&arguments).env("SEPIA_STORE", store).env("EDITOR", editor))
        })
    }
}

/// What was said, but for when and where.
fn said(ran: &Ran) -> String {
    let lines = ran.to_string();
    let lines = lines.lines().map(|line| match line.split_once("  20") {
        // Both are copies of the same, made at different times.
        Some((before, after)) if after.len() > 17 => format!("{before}  (then){}", &after[17..]),
        _ => line.to_owned(),
    });
    let mut lines: Vec<_> = lines.collect();
    if lines.first().is_some_and(|line| line.starts_with(r#"{"sepia""#)) {
        // The records of an export come in no particular order.
        lines.sort();
    }
    lines.join("\n")
}

/// Runs a command on both, and checks that they say the same.
#[track_caller]
fn same(sandbox: &Sandbox, arguments: &str) -> String {
    same_with(sandbox, arguments, "false")
}

#[track_caller]
fn same_with(sandbox: &Sandbox, arguments: &str, editor: &str) -> String {
    let [files, database] = sandbox.both(arguments, editor);
    assert_eq!(said(&files), said(&database), "{arguments}");
    assert_eq!(files.code(), database.code(), "{arguments}");
    said(&database)
}

#[test]
fn looking_says_the_same() {
    let sandbox = Sandbox::twice();
    for arguments in [
        "ls",
        "ls --json",
        "ls Postit",
        "ls --long Postit",
        "show Board/work",
        "show report Postit/report.0 wall dark",
        "show Board/work/boards/0000_project_x --json",
        "show Theme/dark --raw",
        "tree Board/work",
        "tree --depth 1",
        "versions report",
        "diff report.0 report",
        "diff Board/home Board/work --json",
        "find Friday",
        "find project --ignore-case --json",
        "links Board/work",
        "backlinks review",
        "backlinks Board/home --json",
        "graph",
        "graph --reverse review --json",
        "verify",
        "gc Board/home --grace 0s --dry-run --list",
        "export",
    ] {
        assert!(!same(&sandbox, arguments).is_empty(), "{arguments}");
    }
    for arguments in ["show Board/none", "ls None", "find nothing", "links none", "rm --yes none", "ls Board Board"] {
        let [_, database] = sandbox.both(arguments, "false");
        assert_ne!(database.code(), 0, "{arguments}");
    }
    // The journal is one of files.
    let [files, database] = sandbox.both("stats --json", "false").map(|ran| ran.json().remove(0));
    let without = |mut stats: Value| {
        let journal = stats.as_object_mut().unwrap().remove("journal").unwrap();
        (journal.is_u64(), stats)
    };
    let (files, database) = (without(files), without(database));
    assert_eq!((files.0, database.0, files.1), (true, false, database.1));
}

#[test]
fn changing_does_the_same() {
    let sandbox = Sandbox::twice();
    for (arguments, editor) in [
        ("edit dark", "sed -i s/black/blue/"),
        ("edit report", "sed -i s/Friday/Monday/"),
        ("edit --in-place report.0", "sed -i s/Write/Draw/"),
        ("edit Board/work/boards/0000_project_x", "sed -i s/Project/Plan/"),
        ("edit Board/home --json", "true"),
        ("rm --yes review", ""),
        ("rm --yes --force review", ""),
        ("rm --yes Photo/wall", ""),
        ("verify", ""),
        ("verify --remove-dangling --quiet", ""),
        ("gc Board/home Theme --grace 0s --keep-generations 1 --list", ""),
        ("verify", ""),
    ] {
        let said = same_with(&sandbox, arguments, editor);
        assert!(!said.contains("cannot"), "{arguments}: {said}");
        same(&sandbox, "export");
    }
    assert!(same(&sandbox, "show dark").contains("blue"));
    for refused in sandbox.both("edit dark", "sed -i s/}//") {
        assert!(refused.code() == 2 && refused.stderr().contains("nothing was saved"), "{refused}");
    }
    same(&sandbox, "export");
}

#[test]
fn moving_between_files_and_databases() {
    let sandbox = Sandbox::twice();
    let export = same(&sandbox, "export");
    let holds = |store: &str| {
        assert_eq!(said(&sandbox.sepia(&format!("export -s {store}"))), export, "{store}");
        sandbox.sepia(&format!("verify -s {store}"))
    };
    assert_eq!(holds(DATABASE).to_string(), "8 records, 408 B: nothing is wrong\n");
    for copy in ["copy sqlite:data.db sqlite:other.db", "copy sqlite:other.db back"] {
        let copied = sandbox.sepia(copy).to_string();
        assert_eq!(copied, "8 added, 0 replaced, 0 there already; 408 B written\n", "{copy}");
    }
    for store in ["sqlite:other.db", "back", "file:back"] {
        holds(store);
    }
    // What is there already is not written again, and a conflict is one.
    let copy = |more: &str| sandbox.sepia(&format!("copy data sqlite:other.db {more}"));
    assert!(copy("").stdout().starts_with("0 added, 0 replaced, 8 there already"));
    sandbox.sepia("-s sqlite:other.db rm --yes dark");
    assert!(copy("--root Theme").stdout().starts_with("1 added"));
    sandbox.run(sandbox.command(&["-s", "sqlite:other.db", "edit", "dark"]).env("EDITOR", "sed -i s/black/blue/"));
    let refused = copy("");
    assert!(refused.code() == 2 && refused.stderr().contains("Theme"), "{refused}");
    assert!(copy("--on-conflict replace").stdout().starts_with("0 added, 1 replaced"));
    holds("sqlite:other.db");
    for (from, archive) in [("data", "files.tar"), (DATABASE, "database.tar")] {
        let made = sandbox.sepia(&format!("backup -s {from} {archive}"));
        assert_eq!(made.to_string(), "8 records, 408 B\n");
        let into = format!("sqlite:{archive}.db");
        let restored = sandbox.sepia(&format!("restore -s {into} {archive}"));
        assert_eq!(restored.to_string(), "8 added, 0 replaced, 0 there already; 408 B written\n");
        holds(&into);
        sandbox.sepia(&format!("restore -s {archive}.files {archive}"));
        holds(&format!("{archive}.files"));
    }
    sandbox.write("all.jsonl", sandbox.sepia(&format!("export -s {DATABASE}")).bytes());
    let imported = sandbox.sepia("import -s sqlite:imported.db all.jsonl");
    assert_eq!(imported.to_string(), "8 added, 0 replaced, 0 there already; 408 B written\n");
    holds("sqlite:imported.db");
}

#[test]
fn a_database_is_made_where_one_is_wanted() {
    let sandbox = Sandbox::empty();
    assert_eq!(sandbox.sepia("init sqlite:new.db").to_string(), "sqlite:new.db is a store now\n");
    assert_eq!(sandbox.sepia("init -s sqlite:new.db").to_string(), "sqlite:new.db is a store already\n");
    assert!(sandbox.path("new.db").is_file());
    // Whoever only looks makes none.
    for arguments in ["-s sqlite:none.db ls", "-s sqlite:none.db rm --yes x", "copy sqlite:none.db other"] {
        let ran = sandbox.sepia(arguments);
        assert_eq!(ran.code(), 2, "{ran}");
        assert!(ran.stderr().contains("none.db"), "{ran}");
        assert!(!sandbox.path("none.db").exists() && !sandbox.path("other").exists());
    }
    // What is something else is no store, and stays.
    sandbox.write("text", "not a database, and long enough not to be taken for one that is empty");
    let before = sandbox.read("text");
    for arguments in ["init sqlite:text", "-s sqlite:text ls", "copy sqlite:new.db sqlite:text"] {
        let ran = sandbox.sepia(arguments);
        assert_eq!(ran.code(), 2, "{ran}");
        assert!(ran.stderr().contains("text"), "{ran}");
        assert_eq!(sandbox.read("text"), before);
    }
    let ran = sandbox.sepia("-s mysql:x ls");
    assert!(ran.code() == 2 && ran.stderr().contains("sqlite:PATH"), "{ran}");
}
