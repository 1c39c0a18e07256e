//! What is wrong, and mended: `verify`.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use snapbox::str;

use crate::support::{Ran, Sandbox, shows};

/// The name of the directory in the quarantine is a time.
fn timeless(ran: &Ran) -> String {
    const QUARANTINE: &str = ".sepia/quarantine/";
    let said = ran.to_string();
    let mut parts = said.split(QUARANTINE);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += QUARANTINE;
        text += "[TIME]";
        text += part.find('/').map_or(part, |at| &part[at..]);
    }
    text
}

#[test]
fn a_sound_store_is_sound() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("verify"),
        str![[r#"
8 records, 408 B: nothing is wrong

"#]],
    );
    shows(
        sandbox.sepia("verify --repair"),
        str![[r#"
8 records, 408 B: nothing is wrong

"#]],
    );
    assert_eq!(
        sandbox.sepia("verify --json").json(),
        [json!({"records": 8, "bytes": 408, "checked": 0, "unchecked": 0, "noted": 0, "clean": true, "problems": []})]
    );
}

#[test]
fn what_is_wrong_is_found_and_mended() {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path("data/Postit/review.0")).unwrap();
    sandbox.write("data/Theme/dark", "{\"colour\": ");
    sandbox.write("data/Board/home/stray", "mine");
    sandbox.write("data/notes.txt", "mine");
    symlink("/etc", sandbox.path("data/Photo/etc")).unwrap();
    shows(
        sandbox.sepia("verify"),
        str![[r#"
stale-hint  .sepia/latest/Postit/review: the hint of the newest generation says 0, and there is none
stray  Board/home/stray: this is neither a link nor a directory
dangling  Board/work/boards/0000_project_x/postits/0000_review.0: the link leads to Postit "review.0", which is not there
unreadable  Photo/etc: a symlink stands where a file or directory of its own should be
undecodable  Theme/dark: this is not a JSON object of fields: EOF while parsing a value at line 1 column 11
foreign  notes.txt: this is not Sepia's, and left alone
7 records, 327 B: 5 problems, 1 worth knowing
=> 1

"#]],
    );
    shows(
        sandbox.sepia("verify --quiet"),
        str![[r#"
stale-hint  .sepia/latest/Postit/review: the hint of the newest generation says 0, and there is none
stray  Board/home/stray: this is neither a link nor a directory
dangling  Board/work/boards/0000_project_x/postits/0000_review.0: the link leads to Postit "review.0", which is not there
unreadable  Photo/etc: a symlink stands where a file or directory of its own should be
undecodable  Theme/dark: this is not a JSON object of fields: EOF while parsing a value at line 1 column 11
7 records, 327 B: 5 problems, 1 worth knowing
=> 1

"#]],
    );
    let found = &sandbox.sepia("verify --json").json()[0];
    assert_eq!((&found["clean"], found["problems"].as_array().map(Vec::len)), (&json!(false), Some(6)));
    let dangling = found["problems"].as_array().unwrap().iter().find(|found| found["kind"] == "dangling").unwrap();
    assert_eq!((&dangling["severity"], &dangling["object"]), (&json!("problem"), &json!("Board/work")));

    shows(
        timeless(&sandbox.sepia("verify --repair")),
        str![[r#"
stale-hint  .sepia/latest/Postit/review: the hint of the newest generation says 0, and there is none
  mended: set right
stray  Board/home/stray: this is neither a link nor a directory
  mended: moved to .sepia/quarantine/[TIME]/Board/home/stray
dangling  Board/work/boards/0000_project_x/postits/0000_review.0: the link leads to Postit "review.0", which is not there
  mended: the link was removed, and the record as it was copied to .sepia/quarantine/[TIME]/Board/work
unreadable  Photo/etc: a symlink stands where a file or directory of its own should be
  mended: moved to .sepia/quarantine/[TIME]/Photo/etc
undecodable  Theme/dark: this is not a JSON object of fields: EOF while parsing a value at line 1 column 11
  mended: the whole record was moved to .sepia/quarantine/[TIME]/Theme/dark
foreign  notes.txt: this is not Sepia's, and left alone
6 records, 358 B: nothing is wrong, 5 mended, 1 worth knowing

"#]],
    );
    shows(
        sandbox.sepia("verify"),
        str![[r#"
foreign  notes.txt: this is not Sepia's, and left alone
6 records, 358 B: nothing is wrong, 1 worth knowing

"#]],
    );
    // Nothing is lost.
    assert_eq!(sandbox.read("data/notes.txt"), "mine");
    let kept = fs::read_dir(sandbox.path("data/.sepia/quarantine")).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().path()).collect();
    let read = |below: &str| kept.iter().find_map(|time| fs::read_to_string(time.join(below)).ok());
    assert_eq!(read("Theme/dark").as_deref(), Some("{\"colour\": "));
    assert_eq!(read("Board/home/stray").as_deref(), Some("mine"));
    assert!(read("Board/work/data.json").is_some());
    assert!(sandbox.sepia("show work").stdout().contains("0000_report -> "));
}

#[test]
fn a_field_that_dangles_is_removed_on_demand() {
    let sandbox = Sandbox::new();
    let next = sandbox.path("data/Board/home/next");
    fs::remove_file(&next).unwrap();
    symlink("../../Board/gone", &next).unwrap();
    shows(
        sandbox.sepia("verify --repair"),
        str![[r#"
dangling  Board/home/next: the link leads to Board "gone", which is not there
  not mended: only the program knows whether this field may be missing
8 records, 408 B: 1 problem
=> 1

"#]],
    );
    assert!(next.is_symlink());
    shows(
        sandbox.sepia("verify --remove-dangling"),
        str![[r#"
error: the following required arguments were not provided:
  --repair

Usage: sepia verify --repair --remove-dangling --store <PATH|URL>

For more information, try '--help'.
=> 2

"#]],
    );
    shows(
        timeless(&sandbox.sepia("verify --repair --remove-dangling")),
        str![[r#"
dangling  Board/home/next: the link leads to Board "gone", which is not there
  mended: the link was removed, and the record as it was copied to .sepia/quarantine/[TIME]/Board/home
8 records, 408 B: nothing is wrong, 1 mended

"#]],
    );
    assert!(!next.is_symlink());
    shows(
        sandbox.sepia("verify"),
        str![[r#"
8 records, 408 B: nothing is wrong

"#]],
    );
}

#[test]
fn what_the_disk_has_changed_is_found() {
    let sandbox = Sandbox::new();
    if sandbox.sepia("init data --checksums").code() != 0 {
        eprintln!("skipped: there are no extended attributes here");
        return;
    }
    shows(
        sandbox.sepia("verify"),
        str![[r#"
8 records, 408 B, 0 of 9 files have checksums: nothing is wrong

"#]],
    );
    shows(
        sandbox.sepia("verify --repair"),
        str![[r#"
8 records, 408 B, 9 of 9 files have checksums: nothing is wrong

"#]],
    );
    // A flipped bit leaves the time alone.
    let path = sandbox.path("data/Postit/review.0");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    sandbox.write("data/Postit/review.0", "Review the parsex");
    fs::File::open(&path).unwrap().set_modified(modified).unwrap();
    sandbox.write("data/Postit/report.1", "Edited");
    shows(
        sandbox.sepia("verify"),
        str![[r#"
edited  Postit/report.1: the file was edited since it was written
corrupted  Postit/review.0: the file does not hold what was written, and nobody has edited it since
8 records, 385 B, 9 of 9 files have checksums: 1 problem, 1 worth knowing
=> 1

"#]],
    );
}
