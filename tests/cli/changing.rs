//! What changes a store (for `set` and `put`, see `documents`): `edit`, `rm`, `gc`, `init`, `adopt`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use snapbox::str;

use crate::support::{Postit, Ran, Sandbox, shows};

impl Sandbox {
    /// Runs `sepia edit` with a shell script as the editor; `$1` is the file.
    fn edit(&self, script: &str, arguments: &[&str]) -> Ran {
        self.write("editor", format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path("editor"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut all = vec!["--store", "data", "edit"];
        all.extend(arguments);
        self.run(self.command(&all).env("EDITOR", self.path("editor")))
    }

    /// The drafts that have been kept.
    fn drafts(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut drafts: Vec<_> = names.filter(|name| name.starts_with("sepia-")).collect();
        drafts.sort();
        drafts
    }

    /// Where the draft is that a message says was kept.
    fn kept(&self, ran: &Ran) -> String {
        let [draft] = &self.drafts()[..] else { panic!("{:?}", self.drafts()) };
        assert!(ran.stderr().contains(draft), "{ran}");
        self.read(draft)
    }
}

#[test]
fn a_content_is_edited() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.edit("sed -i s/black/blue/ \"$1\"", &["Theme/dark"]),
        str![[r#"
saved Theme/dark

"#]],
    );
    assert!(sandbox.read("data/Theme/dark").contains("blue"));
    // Editors of another kind replace the file.
    shows(
        sandbox.edit("sed s/blue/green/ \"$1\" > new && mv new \"$1\"", &["dark", "--json"]),
        str![[r#"
{"object":"Theme/dark","class":"Theme","id":"dark","changed":true}

"#]],
    );
    assert!(sandbox.read("data/Theme/dark").contains("green"));
    assert_eq!(sandbox.drafts(), [""; 0]);
}

#[test]
fn what_was_not_changed_is_not_saved() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.edit("true", &["Postit/report"]),
        str![[r#"
not changed: Postit/report.2

"#]],
    );
    shows(
        sandbox.edit("exit 3", &["Postit/report"]),
        str![[r#"
sepia: the editor [DIR]/editor failed (exit status: 3): nothing was saved
=> 2

"#]],
    );
    assert_eq!(sandbox.sepia("versions report").stdout().lines().count(), 3);
    assert_eq!(sandbox.drafts(), [""; 0]);
}

#[test]
fn an_edited_generation_becomes_the_next() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.edit("echo Done > \"$1\"", &["report"]),
        str![[r#"
saved Postit/report.3

"#]],
    );
    assert_eq!(sandbox.read("data/Postit/report.3"), "Done\n");
    assert!(sandbox.read("data/Postit/report.2").contains("Friday"));
    shows(
        sandbox.edit("echo Done > \"$1\"", &["report.1"]),
        str![[r#"
sepia: Postit/report.1 is not the newest generation, and history stays as it is: --in-place changes it all the same
=> 2

"#]],
    );
    shows(
        sandbox.edit("echo Never > \"$1\"", &["report.1", "--in-place"]),
        str![[r#"
saved Postit/report.1

"#]],
    );
    assert_eq!(sandbox.read("data/Postit/report.1"), "Never\n");
    assert_eq!(sandbox.store().load::<Postit>("report").unwrap().id.as_str(), "report.3");
}

#[test]
fn values_are_edited_also_of_what_is_nested() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.edit("sed -i 's/\"Work\"/\"Play\"/' \"$1\"", &["Board/work"]),
        str![[r#"
saved Board/work

"#]],
    );
    let nested = "data/Board/work/boards/0000_project_x";
    shows(
        sandbox.edit("sed -i 's/Project X/Project Y/' \"$1\"", &[nested]),
        str![[r#"
saved Board/work

"#]],
    );
    let board: crate::support::Board = sandbox.store().load("work").unwrap();
    assert_eq!((board.name.as_str(), board.boards[0].name.as_str()), ("Play", "Project Y"));
    assert_eq!(board.postits.len(), 1);
}

#[test]
fn what_cannot_be_saved_is_kept() {
    for (script, object) in [
        ("echo '{' > \"$1\"", "Board/work"),
        ("echo '[]' > \"$1\"", "Theme/dark"),
        ("echo '{\"name\": 1, \"name\": 2}' > \"$1\"", "Board/work"),
        ("echo '{\"sepia_shape\": {\"boards\": []}}' > \"$1\"", "Board/work"),
        // No program could load these.
        ("echo '{\"next\": 1}' > \"$1\"", "Board/work"),
        (
            "{ printf '{\"a\":'; printf '[%.0s' $(seq 127); printf ']%.0s' $(seq 127); echo '}'; } > \"$1\"",
            "Theme/dark",
        ),
        ("printf '\\377' > \"$1\"", "Postit/review"),
        ("echo half > \"$1\"; exit 1", "Postit/review"),
    ] {
        let sandbox = Sandbox::new();
        let before = sandbox.sepia("show -r Board/work Theme/dark Postit/review").stdout();
        let ran = sandbox.edit(script, &[object]);
        assert_eq!(ran.code(), 2, "{ran}");
        assert_eq!(sandbox.drafts().len(), 1, "{ran}");
        assert!(ran.stderr().contains(&sandbox.drafts()[0]), "{ran}");
        assert_eq!(sandbox.sepia("show -r Board/work Theme/dark Postit/review").stdout(), before);
    }
}

#[test]
fn what_is_broken_in_two_places_is_mended_one_by_one() {
    let sandbox = Sandbox::new();
    let nested = "Board/work/boards/0000_project_x";
    for broken in ["Board/work", nested] {
        sandbox.write(&format!("data/{broken}/data.json"), "{\"name\": ");
    }
    for broken in ["Board/work", nested] {
        let values = "{\\\"name\\\": \\\"mended\\\", \\\"description\\\": null, \\\"tags\\\": []}";
        let ran = sandbox.edit(&format!("echo \"{values}\" > \"$1\""), &[broken]);
        assert_eq!(ran.code(), 0, "{ran}");
    }
    let board: crate::support::Board = sandbox.store().load("work").unwrap();
    assert_eq!((board.name.as_str(), board.boards[0].name.as_str()), ("mended", "mended"));
}

#[test]
fn a_refusal_says_why() {
    let sandbox = Sandbox::new();
    let ran = sandbox.edit("echo '{\"name\": 1, \"name\": 2}' > \"$1\"", &["Board/work"]);
    shows(
        ran.to_string().replace(&sandbox.drafts()[0], "[DRAFT]"),
        str![[r#"
sepia: the field "name" stands there twice: nothing was saved, the text is in [DIR]/[DRAFT]
=> 2

"#]],
    );
    fs::remove_file(sandbox.path(&sandbox.drafts()[0])).unwrap();
    let ran = sandbox.edit("echo '{\"sepia_shape\": {\"boards\": []}}' > \"$1\"", &["Board/work"]);
    shows(
        ran.to_string().replace(&sandbox.drafts()[0], "[DRAFT]"),
        str![[r#"
sepia: sepia_shape says where references belong, and has to stay as it was: nothing was saved, the text is in [DIR]/[DRAFT]
=> 2

"#]],
    );
    assert_eq!(sandbox.kept(&ran), "{\"sepia_shape\": {\"boards\": []}}\n");
}

#[test]
fn nobody_elses_change_is_lost() {
    let sandbox = Sandbox::new();
    let script = "echo theirs > data/Theme/dark; echo '{\"colour\": \"mine\", \"size\": 1}' > \"$1\"";
    let ran = sandbox.edit(script, &["Theme/dark"]);
    shows(
        ran.to_string().replace(&sandbox.drafts()[0], "[DRAFT]"),
        str![[r#"
sepia: the object was changed elsewhere since it was loaded or saved here (class "Theme", id "dark"): nothing was saved, the text is in [DIR]/[DRAFT]
=> 2

"#]],
    );
    assert_eq!(sandbox.read("data/Theme/dark"), "theirs\n");
    assert_eq!(sandbox.kept(&ran), "{\"colour\": \"mine\", \"size\": 1}\n");
}

#[test]
fn a_generation_that_somebody_else_made_is_not_hidden() {
    let sandbox = Sandbox::new();
    let ran = sandbox.edit("echo theirs > data/Postit/report.3; echo mine > \"$1\"", &["report"]);
    assert_eq!((ran.code(), sandbox.kept(&ran).as_str()), (2, "mine\n"), "{ran}");
    assert_eq!(sandbox.read("data/Postit/report.3"), "theirs\n");
}

#[test]
fn the_editor_is_a_command_with_arguments() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["-s", "data", "edit", "review"]);
    let ran = sandbox.run(command.env("EDITOR", "false").env("VISUAL", "sed -i -e 's/parser/printer/'"));
    assert_eq!(ran.code(), 0, "{ran}");
    assert_eq!(sandbox.read("data/Postit/review.1"), "Review the printer");
}

#[test]
fn objects_are_deleted() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("rm Photo/wall dark --dry-run"),
        str![[r#"
would delete Photo/wall
would delete Theme/dark

"#]],
    );
    assert!(sandbox.path("data/Photo/wall").exists());
    shows(
        sandbox.sepia("rm Photo/wall dark --yes"),
        str![[r#"
deleted Photo/wall
deleted Theme/dark

"#]],
    );
    assert!(!sandbox.path("data/Photo/wall").exists() && !sandbox.path("data/Theme/dark").exists());
    shows(
        sandbox.sepia("rm Photo/wall --yes"),
        str![[r#"
sepia: there is no object Photo/wall in data
=> 2

"#]],
    );
}

#[test]
fn nothing_is_deleted_unasked() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("rm Photo/wall"),
        str![[r#"
sepia: nobody is there to be asked: nothing was deleted; --yes deletes without asking
=> 2

"#]],
    );
    assert!(sandbox.path("data/Photo/wall").exists());
}

#[test]
fn what_is_linked_to_is_not_deleted() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("rm review dark --yes"),
        str![[r#"
sepia: 1 link would lead nowhere (Board/work/boards/0000_project_x/postits/0000_review.0 -> Postit/review.0): nothing was deleted; --force deletes it all the same
=> 2

"#]],
    );
    assert!(sandbox.path("data/Theme/dark").exists());
    // The newest generation is what the board leads to, the others are not.
    shows(
        sandbox.sepia("rm report.2 --yes"),
        str![[r#"
deleted Postit/report.2

"#]],
    );
    shows(
        sandbox.sepia("rm report.0 --yes"),
        str![[r#"
deleted Postit/report.0

"#]],
    );
    // What goes together does not miss each other.
    shows(
        sandbox.sepia("rm home work --yes"),
        str![[r#"
deleted Board/home
deleted Board/work

"#]],
    );
    shows(
        sandbox.sepia("rm report --yes --json"),
        str![[r#"
{"object":"Postit/report.1","class":"Postit","id":"report.1"}

"#]],
    );
}

#[test]
fn parts_of_objects_are_not_deleted() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("rm Board/work/boards --yes"),
        str![[r#"
sepia: Board/work/boards is a part of Board/work, not an object of its own
=> 2

"#]],
    );
}

#[test]
fn garbage_is_collected() {
    let sandbox = Sandbox::new();
    sandbox.sepia("rm work home --yes");
    sandbox.set_times();
    shows(
        sandbox.sepia("gc Theme Postit/report --dry-run --list --grace 0s"),
        str![[r#"
              live      spared       swept       bytes
Board            0           0           0         0 B
Photo            0           0           1         6 B
Postit           3           0           1        17 B
Theme            1           0           0         0 B
Photo/wall
Postit/review.0
would sweep 2 records, 23 B

"#]],
    );
    assert!(sandbox.path("data/Photo/wall").exists());
    shows(
        sandbox.sepia("gc Theme Postit/report --keep-generations 1 --grace 0s"),
        str![[r#"
              live      spared       swept       bytes
Board            0           0           0         0 B
Photo            0           0           1         6 B
Postit           1           0           3        63 B
Theme            1           0           0         0 B
swept 4 records, 69 B

"#]],
    );
    assert_eq!(sandbox.sepia("find e --ids").stdout(), "Postit/report.2\n");
    shows(
        sandbox.sepia("gc"),
        str![[r#"
error: the following required arguments were not provided:
  <ROOT>...

Usage: sepia gc --store <PATH|URL> <ROOT>...

For more information, try '--help'.
=> 2

"#]],
    );
    shows(
        sandbox.sepia("gc Nothing/here"),
        str![[r#"
sepia: a root is not in the store (class "Nothing", id "here")
=> 2

"#]],
    );
    let swept = &sandbox.sepia("gc --everything --json --list --grace 0s").json()[0];
    assert_eq!((&swept["live"], &swept["swept"], &swept["dry_run"]), (&json!(0), &json!(2), &json!(false)));
    assert_eq!(swept["list"][0]["object"], "Postit/report.2");
}

#[test]
fn what_is_young_is_not_collected() {
    let sandbox = Sandbox::new();
    sandbox.sepia("rm work home --yes");
    let left = |arguments: &str| sandbox.sepia(arguments).json()[0]["classes"][1]["live"].clone();
    assert_eq!(left("gc Theme --dry-run --json"), 1);
    assert_eq!(left("gc Theme --dry-run --json --grace 0s --older-than 1w"), 1);
    assert_eq!(left("gc Theme --dry-run --json --grace 0s"), 0);
    shows(
        sandbox.sepia("gc Theme --grace soon"),
        str![[r#"
error: invalid value 'soon' for '--grace <AGE>': write it like 2d, 1h or 30m

For more information, try '--help'.
=> 2

"#]],
    );
}

#[test]
fn dangling_links_are_reported() {
    let sandbox = Sandbox::new();
    sandbox.sepia("rm review --yes --force");
    let ran = sandbox.sepia("gc Board");
    assert_eq!(ran.code(), 1);
    assert!(ran.stdout().contains("dangling Board/work -> Postit/review.0\n"), "{ran}");
}

#[test]
fn a_store_is_made() {
    let sandbox = Sandbox::empty();
    shows(
        sandbox.sepia("init data"),
        str![[r#"
data is a store now

"#]],
    );
    shows(
        sandbox.sepia("init data"),
        str![[r#"
data is a store already

"#]],
    );
    assert_eq!(sandbox.sepia("init other --json").json(), [json!({"store": "other", "made": true})]);
    shows(sandbox.sepia("ls"), str![]);
    fs::create_dir(sandbox.path("full")).unwrap();
    sandbox.write("full/file", "");
    shows(
        sandbox.sepia("init full"),
        str![[r#"
sepia: full is not empty: `sepia adopt` takes what is there for the objects of a store
=> 2

"#]],
    );
}

#[test]
fn a_directory_is_adopted() {
    let sandbox = Sandbox::new();
    fs::remove_dir_all(sandbox.path("data/.sepia")).unwrap();
    shows(
        sandbox.sepia("ls"),
        str![[r#"
sepia: this is not a sepia store: it has no .sepia/format.json, and nothing may be written (at data)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("adopt data"),
        str![[r#"
data is a store now
  Board: container
  Photo: serializable
  Postit: serializable
  Theme: serializable

"#]],
    );
    shows(
        sandbox.sepia("adopt data --json"),
        str![[r#"
{"store":"data","adopted":false,"classes":[{"class":"Board","kind":"container"},{"class":"Photo","kind":"serializable"},{"class":"Postit","kind":"serializable"},{"class":"Theme","kind":"serializable"}]}

"#]],
    );
    shows(
        sandbox.sepia("adopt nothing"),
        str![[r#"
sepia: there is no directory nothing
=> 2

"#]],
    );
    shows(
        sandbox.sepia("ls"),
        str![[r#"
Board          2  container
Photo          1  serializable
Postit         4  serializable
Theme          1  serializable

"#]],
    );
    // Whether it keeps generations is not known, so both are tried.
    shows(
        sandbox.sepia("show review"),
        str![[r#"
Postit/review.0
Review the parser

"#]],
    );
}
