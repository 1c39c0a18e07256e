//! What other programs and hands leave in a store stops no command, and what is wrong on the way to one is said.

use std::fs;
use std::os::unix::fs::symlink;

use snapbox::str;

use crate::support::{Sandbox, shows};

/// `%` made all of these fail without a word of where it was.
#[test]
fn what_is_no_object_stops_no_command() {
    let sandbox = Sandbox::new();
    let listed = |class: &str| sandbox.sepia(&format!("ls {class}")).stdout();
    let (boards, themes, postits) = (listed("Board"), listed("Theme"), listed("Postit"));
    for class in ["Board", "Theme", "Postit"] {
        sandbox.write(&format!("data/{class}/%"), "no id");
        sandbox.write(&format!("data/{class}/{}", "x".repeat(201)), "no id");
    }
    sandbox.write("data/Board/file", "no board");
    fs::create_dir(sandbox.path("data/Theme/tree")).unwrap();
    sandbox.write("data/Theme/tree/data.json", "{}");
    sandbox.write("data/Theme/README.md", "# Themes\n");
    sandbox.write("data/Board/work/data.json.bak", "{}");
    sandbox.write("data/Board/work/data.sync-conflict-20260101-101112-ABCDEFG.json", "{}");
    assert_eq!(listed("Board"), boards);
    assert_eq!(listed("Theme").replace("Theme/README.md\n", ""), themes);
    assert_eq!(listed("Postit"), postits);
    let long = "x".repeat(201);
    let verified = sandbox.sepia("verify").to_string().replace(&long, "[LONG]");
    shows(
        verified,
        str![[r#"
foreign  Board/%: this is not Sepia's, and left alone
undecodable  Board/file: a file stands where a directory should be, so it is no object: move it away
foreign  Board/work/data.json.bak: this is not Sepia's, and left alone
conflict-copy  Board/work/data.sync-conflict-20260101-101112-ABCDEFG.json: by its name, a program that syncs has put this aside, as "data.json" was changed in two places at once: bring the two together, then remove this
foreign  Board/[LONG]: the name is too long for an id
foreign  Postit/%: this is not Sepia's, and left alone
foreign  Postit/[LONG]: the name is too long for an id
foreign  Theme/%: this is not Sepia's, and left alone
undecodable  Theme/README.md: this is not a JSON object of fields: expected value at line 1 column 1; every file in the directory of a class is an object: if this one is none, move it out of the directory
unlikely-id  Theme/README.md: by its name, this is another program's file, and it is an object as all files of a class are: move it away if it is none
undecodable  Theme/tree: a directory stands where a file should be, so it is no object: move it away
foreign  Theme/[LONG]: the name is too long for an id
9 records, 417 B: 3 problems, 9 worth knowing
=> 1

"#]],
    );
    assert_eq!(sandbox.sepia("verify --repair").code(), 0);
    shows(
        sandbox.sepia("backup a.tar"),
        str![[r#"
8 records, 408 B

"#]],
    );
    shows(
        sandbox.sepia("export a.jsonl"),
        str![[r#"
8 records

"#]],
    );
    shows(
        sandbox.sepia("gc Board Theme Photo Postit --grace 0s"),
        str![[r#"
              live      spared       swept       bytes
Board            2           0           0         0 B
Photo            1           0           0         0 B
Postit           4           0           0         0 B
Theme            1           0           0         0 B
swept 0 records, 0 B

"#]],
    );
    assert_eq!(sandbox.sepia("ls --long").code(), 0);
    assert_eq!(sandbox.sepia("stats").code(), 0);
    assert_eq!(sandbox.read("data/Board/%"), "no id");
}

#[test]
fn an_import_without_its_header_is_told_what_that_is() {
    let sandbox = Sandbox::new();
    sandbox.write("lines.jsonl", "{\"class\":\"Theme\",\"id\":\"a\",\"json\":{}}\n");
    shows(
        sandbox.sepia("import lines.jsonl"),
        str![[r#"
sepia: line 1 of the export is refused (at lines.jsonl): the first line of an export is its header, which names the classes, like {"sepia":{"format":1,"classes":{"Note":{"kind":"serializable","content":"json"}}}}, and this is none: there is no field "class"
=> 2

"#]],
    );
}

#[test]
fn a_store_that_is_a_symlink_to_nowhere_is_told_to_where() {
    let sandbox = Sandbox::empty();
    symlink("elsewhere/data", sandbox.path("data")).unwrap();
    for command in ["init data", "ls"] {
        shows(
            sandbox.sepia(command),
            str![[r#"
sepia: this is not a sepia store: it is a symlink that leads nowhere, to elsewhere/data (at data)
=> 2

"#]],
        );
    }
}
