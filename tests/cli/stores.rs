//! Which store is meant, and which object in it.

use std::fs;

use snapbox::str;

use crate::support::{Ran, Sandbox, Theme, shows};

impl Sandbox {
    /// Runs the command below the sandbox, with nothing that says which store is meant.
    fn at(&self, directory: &str, arguments: &[&str]) -> Ran {
        self.run(self.command(arguments).current_dir(self.path(directory)))
    }
}

#[test]
fn a_store_is_found_from_within() {
    let sandbox = Sandbox::new();
    let listed = sandbox.sepia("ls").stdout();
    for directory in ["data", "data/Board", "data/Board/work/boards/0000_project_x"] {
        assert_eq!(sandbox.at(directory, &["ls"]).stdout(), listed, "{directory}");
    }
    shows(
        sandbox.at("data/Board/work", &["show", "../home"]),
        str![[r#"
Board/home
  name: "Home"
  description: null
  tags: []
  next -> Board/work

"#]],
    );
    shows(
        sandbox.at("data/Postit", &["show", "./review.0"]),
        str![[r#"
Postit/review.0
Review the parser

"#]],
    );
    // The generation is no file of this name.
    shows(
        sandbox.at("data/Postit", &["show", "./review"]),
        str![[r#"
Postit/review.0
Review the parser

"#]],
    );
}

#[test]
fn a_store_is_found_by_the_path_of_an_object() {
    let sandbox = Sandbox::new();
    let shown = sandbox.sepia("show Board/work").stdout();
    let absolute = sandbox.path("data/Board/work");
    for path in ["data/Board/work", "./data/Board/work/", "data/Board/work/data.json", absolute.to_str().unwrap()] {
        assert_eq!(sandbox.at("", &["show", path]).stdout(), shown, "{path}");
    }
    assert_eq!(sandbox.at("data", &["show", "../data/Board/../Board/work"]).stdout(), shown);
    // Links lead where they lead.
    let through = sandbox.at("", &["show", "data/Board/work/boards/0000_project_x/postits/0000_review.0"]);
    assert_eq!(through.stdout(), "Postit/review.0\nReview the parser\n");
}

#[test]
fn a_store_is_named() {
    let sandbox = Sandbox::new();
    let listed = sandbox.sepia("ls").stdout();
    for store in ["data", "./data/", "file:data", "file:./data"] {
        assert_eq!(sandbox.at("", &["ls", "--store", store]).stdout(), listed, "{store}");
        assert_eq!(sandbox.at("", &["-s", store, "ls"]).stdout(), listed, "{store}");
    }
    // What is said beats what is set.
    fs::create_dir(sandbox.path("other")).unwrap();
    sandbox.at("", &["init", "other"]);
    let ran = sandbox.run(sandbox.command(&["ls", "-s", "data"]).env("SEPIA_STORE", "other"));
    assert_eq!(ran.stdout(), listed);
}

#[test]
fn what_is_no_store_is_told() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.at("", &["ls"]),
        str![[r#"
sepia: there is no store in [DIR] or above: name one with --store or SEPIA_STORE, or make one with `sepia init`
=> 2

"#]],
    );
    shows(
        sandbox.at("", &["ls", "-s", "nothing"]),
        str![[r#"
sepia: this is not a sepia store: there is no directory (at nothing)
=> 2

"#]],
    );
    shows(
        sandbox.at("", &["rm", "-s", "nothing", "a"]),
        str![[r#"
sepia: this is not a sepia store: there is no directory (at nothing)
=> 2

"#]],
    );
    assert!(!sandbox.path("nothing").exists());
    shows(
        sandbox.at("", &["ls", "-s", "data/Board"]),
        str![[r#"
sepia: this is not a sepia store: it has no .sepia/format.json, and nothing may be written (at data/Board)
=> 2

"#]],
    );
    shows(
        sandbox.at("", &["ls", "-s", "sqlite:data.db"]),
        str![[r#"
sepia: this is not a sepia store: there is no database, and nothing may be written (at data.db)
=> 2

"#]],
    );
    shows(
        sandbox.at("", &["ls", "-s", "mysql:data"]),
        str![[r#"
sepia: no store can be opened by the URL "mysql:data": use file:PATH, sqlite:PATH or memory:
=> 2

"#]],
    );
    shows(sandbox.at("", &["ls", "-s", "memory:"]), str![]);
    sandbox.write("data/.sepia/format.json", "{\"format\": 99, \"classes\": {}}");
    shows(
        sandbox.at("", &["ls", "-s", "data"]),
        str![[r#"
sepia: the store has format 99, and this version of sepia reads up to 1 (at data/.sepia/format.json)
=> 2

"#]],
    );
}

#[test]
fn an_id_alone_is_enough_if_one_class_has_it() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    store.save(&Theme { id: "work".into(), colour: "grey".to_owned(), size: 1 }).unwrap();
    shows(
        sandbox.sepia("show dark"),
        str![[r#"
Theme/dark
{
  "colour": "black",
  "size": 340282366920938463463374607431768211455
}

"#]],
    );
    shows(
        sandbox.sepia("show work"),
        str![[r#"
sepia: "work" may be any of Board/work, Theme/work
=> 2

"#]],
    );
    shows(
        sandbox.sepia("show work --class Theme"),
        str![[r#"
Theme/work
{
  "colour": "grey",
  "size": 1
}

"#]],
    );
    shows(
        sandbox.sepia("show nothing"),
        str![[r#"
sepia: no class has an object "nothing"
=> 2

"#]],
    );
    shows(
        sandbox.sepia("show Nothing/here"),
        str![[r#"
sepia: there is no class "Nothing" in data, and so no object Nothing/here
=> 2

"#]],
    );
    shows(
        sandbox.sepia("show Board/nothing"),
        str![[r#"
sepia: there is no object Board/nothing in data
=> 2

"#]],
    );
    shows(
        sandbox.sepia("show Board/work/nothing"),
        str![[r#"
sepia: there is no "nothing" in Board/work
=> 2

"#]],
    );
    shows(
        sandbox.sepia("show Board/"),
        str![[r#"
sepia: "Board/" names no object: write Class/id; `sepia ls Class` lists the objects of a class
=> 2

"#]],
    );
}

#[test]
fn looking_leaves_no_trace() {
    let sandbox = Sandbox::new();
    // Whoever opens this for writing has something to complete.
    sandbox.store().save(&Theme { id: "light".into(), colour: "white".to_owned(), size: 1 }).unwrap();
    fs::remove_file(sandbox.path("data/.sepia/state")).unwrap();
    let listing = || {
        let list = std::process::Command::new("ls").arg("-laR").arg(sandbox.path("data")).output().unwrap();
        String::from_utf8(list.stdout).unwrap()
    };
    let before = listing();
    for arguments in [
        "ls",
        "ls -l",
        "tree work",
        "show work",
        "versions report",
        "diff work home",
        "links work",
        "backlinks home",
        "find e",
        "graph",
        "stats",
        "rm dark --dry-run",
        "gc Board --dry-run",
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        for directory in ["", "data"] {
            let ran = match directory {
                "" => sandbox.at("", &[&["-s", "data"], &arguments[..]].concat()),
                within => sandbox.at(within, &arguments),
            };
            assert!(ran.code() < 2, "{arguments:?}: {ran}");
            assert_eq!(listing(), before, "{arguments:?}");
        }
    }
    assert_eq!(sandbox.sepia("rm dark --yes").code(), 0);
    assert_ne!(listing(), before);
}

#[test]
fn a_store_that_cannot_be_written_can_be_read() {
    let sandbox = Sandbox::new();
    let status = std::process::Command::new("chmod").args(["-R", "a-w"]).arg(sandbox.path("data")).status().unwrap();
    assert!(status.success());
    assert_eq!(sandbox.sepia("show dark").code(), 0);
    let status = std::process::Command::new("chmod").args(["-R", "u+w"]).arg(sandbox.path("data")).status().unwrap();
    assert!(status.success());
}
