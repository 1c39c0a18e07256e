//! Names and contents that would like to do something to a terminal, and stores that are broken.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use sepia::Id;
use snapbox::str;

use crate::support::{Sandbox, Theme, board, shows};

/// Clears the screen and sets a title, in the control characters of both ranges.
const ESCAPES: &str = "\u{1b}[2J\u{9b}2J\u{1b}]0;owned\u{7}\u{7f}\r\n";

/// Every id that is hard on a command line, and its path.
const IDS: [(&str, &str); 9] = [
    ("a/b", "Theme/a%2Fb"),
    ("../../etc/passwd", "Theme/%2E.%2F..%2Fetc%2Fpasswd"),
    ("line\nfeed", "Theme/line%0Afeed"),
    ("\u{1b}[31mred", "Theme/%1B[31mred"),
    ("100%", "Theme/100%25"),
    ("--force", "Theme/--force"),
    (" a b ", "Theme/ a b "),
    ("\"quoted\" & <b>", "Theme/\"quoted\" & <b>"),
    ("data.json", "Theme/%64ata.json"),
];

fn is_tame(text: &str) -> bool {
    !text.contains(|character: char| character.is_control() && character != '\n')
}

impl Sandbox {
    fn hostile() -> Self {
        let sandbox = Self::new();
        let store = sandbox.store();
        for (id, _) in IDS {
            store.save(&Theme { id: Id::from(id), colour: ESCAPES.to_owned(), size: 1 }).unwrap();
        }
        let mut odd = board(&format!("odd{ESCAPES}"), ESCAPES);
        odd.tags = vec![ESCAPES.to_owned()];
        odd.next = Some(sepia::Ref::new(format!("gone{ESCAPES}").as_str()));
        odd.boards = vec![board(&format!("nested{ESCAPES}"), "x")];
        store.save(&odd).unwrap();
        fs::write(sandbox.path("data/Photo/escapes"), format!("{ESCAPES}\nsecond {ESCAPES}")).unwrap();
        sandbox
    }
}

#[test]
fn every_id_is_found_by_its_path_and_by_itself() {
    let sandbox = Sandbox::hostile();
    let listed = sandbox.sepia("ls Theme").stdout();
    for (id, path) in IDS {
        assert!(listed.lines().any(|line| line == path), "{path:?} in {listed}");
        let by_path = sandbox.run(&mut sandbox.command(&["-s", "data", "show", "--", path]));
        assert_eq!((by_path.code(), by_path.stdout().lines().next()), (0, Some(path)), "{by_path}");
        let by_id = sandbox.run(&mut sandbox.command(&["-s", "data", "show", "--class=Theme", "--", id]));
        assert_eq!(by_id.stdout(), by_path.stdout(), "{by_id}");
        let name = path.strip_prefix("Theme/").unwrap();
        let alone = sandbox.run(&mut sandbox.command(&["-s", "data", "show", "--", name]));
        assert_eq!(alone.stdout(), by_path.stdout(), "{alone}");
        let file = format!("data/{path}");
        let by_file = sandbox.run(&mut sandbox.command(&["show", "--", &file]));
        assert_eq!(by_file.stdout(), by_path.stdout(), "{by_file}");
        let json = sandbox.run(&mut sandbox.command(&["-s", "data", "show", "--json", "--", path])).json();
        assert_eq!(json[0]["id"], id);
    }
}

#[test]
fn no_control_character_reaches_the_terminal() {
    let sandbox = Sandbox::hostile();
    let odd = sandbox.sepia("find odd --ids").stdout();
    let odd = odd.trim_end();
    for arguments in [
        &["ls"][..],
        &["ls", "-l", "Board"],
        &["ls", "Theme"],
        &["tree", odd],
        &["show", odd],
        &["show", "Photo/escapes"],
        &["links", odd],
        &["find", "owned"],
        &["find", "\u{1b}"],
        &["graph"],
        &["stats"],
        &["diff", odd, "Board/home"],
        &["diff", "Photo/escapes", "Photo/wall"],
        &["diff", "Photo/escapes", "Postit/review"],
        &["gc", "Postit", "-n", "--list", "--grace", "0s"],
        &["gc", "Board", "-n"],
        &["show", ESCAPES],
        &["ls", ESCAPES],
        &["ls", "-s", ESCAPES],
        &["show", "-c", ESCAPES, ESCAPES],
        &["versions", "-c", "Postit", ESCAPES],
    ] {
        for form in [&[][..], &["--json"]] {
            let all = [&["-s", "data"][..], arguments, form].concat();
            let all = if arguments.contains(&"-s") { [arguments, form].concat() } else { all };
            let ran = sandbox.run(&mut sandbox.command(&all));
            assert!(is_tame(&ran.stdout()) && is_tame(&ran.stderr()), "{all:?}: {ran}");
            assert!(!(ran.stdout().is_empty() && ran.stderr().is_empty()), "{all:?}");
            if form == ["--json"] && ran.code() < 2 {
                assert!(!ran.json().is_empty(), "{all:?}");
            }
        }
    }
    // Byte for byte is what was asked for.
    let raw = sandbox.sepia("show Photo/escapes --raw");
    assert_eq!(raw.bytes(), sandbox.read("data/Photo/escapes").as_bytes());
}

#[test]
fn large_values_are_cut_where_they_are_found_and_whole_where_they_are_shown() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let colour = format!("{}needle{}", "é".repeat(33_000), "é".repeat(33_000));
    store.save(&Theme { id: "large".into(), colour: colour.clone(), size: 1 }).unwrap();
    store.save(&board("large", &colour)).unwrap();
    let found = sandbox.sepia("find needle");
    assert_eq!(found.stdout().lines().count(), 2, "{found}");
    assert!(found.stdout().len() < 1000, "{found}");
    assert!(sandbox.sepia("show Board/large").stdout().contains(&colour));
    assert_eq!(sandbox.sepia("show Board/large --json").json()[0]["values"]["name"], colour);
    assert_eq!(sandbox.sepia("diff Board/large Board/home").code(), 1);
}

#[test]
fn a_graph_stays_a_graph() {
    let sandbox = Sandbox::hostile();
    let graph = sandbox.sepia("graph").stdout();
    for line in graph.lines().filter(|line| line.starts_with("  \"")) {
        // Outside of quotes there is only the language's own.
        let mut quoted = false;
        let mut characters = line.trim().chars();
        let mut outside = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' => quoted = !quoted,
                '\\' if quoted => drop(characters.next()),
                _ if !quoted => outside.push(character),
                _ => {}
            }
        }
        assert!(!quoted, "{line}");
        let known = |c: char| c.is_ascii_alphanumeric() || " []=,->".contains(c);
        assert!(outside.chars().all(known), "{outside:?} in {line}");
    }
    assert!(graph.contains("label=\"\\\"quoted\\\" &amp; <b>\\nTheme\""), "{graph}");
}

#[test]
fn what_is_broken_is_told_and_the_rest_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("data/Board/home/data.json", "{\"name\": ");
    shows(
        sandbox.sepia("show home"),
        str![[r#"
Board/home
  data.json is broken: EOF while parsing a value at line 1 column 9
  {"name": 
  next -> Board/work

"#]],
    );
    assert_eq!(sandbox.sepia("show home --json").json()[0]["values"], serde_json::Value::Null);
    shows(
        sandbox.sepia("find name --list"),
        str![[r#"
Board/home

"#]],
    );
    shows(
        sandbox.sepia("diff home work --json"),
        str![[r#"
{"field":"data.json","change":"removed","from":"{\"name\": ","to":null}
{"field":"next","change":"changed","from":"Board/work","to":"Board/home"}
{"field":"name","change":"added","from":null,"to":"Work"}
{"field":"description","change":"added","from":null,"to":"What has to be done"}
{"field":"tags","change":"added","from":null,"to":["daily","shared"]}
{"field":"boards","change":"added","from":null,"to":["project_x"]}
{"field":"boards/project_x/name","change":"added","from":null,"to":"Project X"}
{"field":"boards/project_x/description","change":"added","from":null,"to":null}
{"field":"boards/project_x/tags","change":"added","from":null,"to":[]}
{"field":"boards/project_x/postits","change":"added","from":null,"to":["-> Postit/review.0"]}
{"field":"postits","change":"added","from":null,"to":["-> Postit/report"]}
=> 1

"#]],
    );
    fs::remove_file(sandbox.path("data/Board/work/next")).unwrap();
    symlink("/etc/passwd", sandbox.path("data/Board/work/next")).unwrap();
    shows(
        sandbox.sepia("show work"),
        str![[r#"
sepia: the link leads to "/etc/passwd", which is no object of this store (class "Board", id "work", at data/Board/work/next)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("tree home"),
        str![[r#"
Board/home
└── next -> Board/work (unreadable)
sepia: the link leads to "/etc/passwd", which is no object of this store (class "Board", id "work", at data/Board/work/next)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("graph home"),
        str![[r#"
digraph sepia {
  rankdir=LR
  node [shape=box, style=rounded]
  "Board/home" [label="home\nBoard", penwidth=3]
  "Board/work" [label="work\nBoard"]
  "Board/home" -> "Board/work"
}
sepia: the link leads to "/etc/passwd", which is no object of this store (class "Board", id "work", at data/Board/work/next)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("backlinks Postit/review"),
        str![[r#"
sepia: the link leads to "/etc/passwd", which is no object of this store (class "Board", id "work", at data/Board/work/next)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("find Home"),
        str![[r#"
sepia: the link leads to "/etc/passwd", which is no object of this store (class "Board", id "work", at data/Board/work/next)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("rm review --yes"),
        str![[r#"
sepia: the link leads to "/etc/passwd", which is no object of this store (class "Board", id "work", at data/Board/work/next)
=> 2

"#]],
    );
}

#[test]
fn files_that_are_not_sepias_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("data/Board/work/postits/notes.txt", "mine");
    sandbox.write("data/Board/work/.hidden", "mine");
    shows(
        sandbox.sepia("show work"),
        str![[r#"
Board/work
  name: "Work"
  description: "What has to be done"
  tags: ["daily", "shared"]
  boards
    0000_project_x
      name: "Project X"
      description: null
      tags: []
      postits
        0000_review.0 -> Postit/review.0
  next -> Board/home
  postits
    0000_report -> Postit/report
    notes.txt  (a file that is not Sepia's)

"#]],
    );
    shows(
        sandbox.sepia("tree work"),
        str![[r#"
Board/work
├── boards
│   └── 0000_project_x
│       └── postits
│           └── 0000_review.0 -> Postit/review.0
├── next -> Board/home
│   └── next -> Board/work (cycle)
└── postits
    ├── 0000_report -> Postit/report.2
    └── notes.txt (a file that is not Sepia's)

"#]],
    );
    shows(
        sandbox.sepia("show Board/work/postits/notes.txt"),
        str![[r#"
sepia: Board/work/postits/notes.txt is a file that is not Sepia's
=> 2

"#]],
    );
}

#[test]
fn whoever_reads_only_the_beginning_is_not_scolded() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    store
        .transaction(|transaction| {
            (0..5000).try_for_each(|number| {
                let id = Id::from(format!("theme-{number}").as_str());
                transaction.save(&Theme { id, colour: "grey".to_owned(), size: 1 })
            })
        })
        .unwrap();
    for arguments in [&["ls", "Theme"][..], &["export"], &["backup", "-"]] {
        let mut command = sandbox.command(&[&["-s", "data"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn colours_are_for_terminals() {
    let sandbox = Sandbox::new();
    for arguments in ["ls", "tree work", "show work", "find e", "stats", "diff review report", "links work", "--help"] {
        assert!(!sandbox.sepia(arguments).stdout().contains('\u{1b}'), "{arguments}");
        if arguments != "--help" {
            let coloured = sandbox.sepia(&format!("--color always {arguments}")).stdout();
            assert!(coloured.contains("\u{1b}["), "{arguments}: {coloured}");
        }
    }
    let mut command = sandbox.command(&["ls", "-s", "data"]);
    assert!(sandbox.run(command.env("CLICOLOR_FORCE", "1")).stdout().contains("\u{1b}["));
    assert!(!sandbox.run(command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE")).stdout().contains('\u{1b}'));
}
