//! What goes from store to store, also by way of a file: `backup`, `restore`, `copy`.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;
use snapbox::str;

use crate::support::{Sandbox, Theme, shows};

impl Sandbox {
    /// All that a store holds, as programs see it.
    fn contents(&self, store: &str) -> String {
        let mut all = String::new();
        for class in self.sepia(&format!("-s {store} ls --json")).json() {
            let class = class["class"].as_str().unwrap().to_owned();
            for object in self.sepia(&format!("-s {store} ls {class}")).stdout().lines() {
                all += &self.sepia(&format!("-s {store} show {object} --json")).stdout();
            }
        }
        all
    }
}

#[test]
fn a_backup_restores_what_was_lost() {
    let sandbox = Sandbox::new();
    let contents = sandbox.contents("data");
    shows(
        sandbox.sepia("backup monday.tar"),
        str![[r#"
8 records, 408 B

"#]],
    );
    fs::remove_dir_all(sandbox.path("data")).unwrap();
    shows(
        sandbox.sepia("restore monday.tar"),
        str![[r#"
8 added, 0 replaced, 0 there already; 408 B written

"#]],
    );
    assert_eq!(sandbox.contents("data"), contents);
    shows(
        sandbox.sepia("restore monday.tar"),
        str![[r#"
0 added, 0 replaced, 8 there already; 0 B written

"#]],
    );
    shows(
        sandbox.sepia("restore monday.tar --list"),
        str![[r#"
      58 B  Board/home
     167 B  Board/work
       6 B  Photo/wall
      17 B  Postit/report.0
      29 B  Postit/report.1
      39 B  Postit/report.2
      17 B  Postit/review.0
      75 B  Theme/dark

"#]],
    );
    shows(
        sandbox.sepia("restore monday.tar --verify"),
        str![[r#"
monday.tar is intact: 8 records

"#]],
    );
    assert_eq!(
        sandbox.sepia("restore monday.tar --list --json").json()[2],
        json!({"object": "Photo/wall", "class": "Photo", "id": "wall", "kind": "leaf", "bytes": 6, "included": true})
    );
    assert_eq!(
        sandbox.sepia("backup again.tar --json").json(),
        [json!({"records": 8, "included": 8, "bytes": 408, "strays": 0, "hidden": 0})]
    );
}

#[test]
fn a_backup_of_roots_has_what_they_lead_to() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("backup boards.tar --root Board/home --root Theme"),
        str![[r#"
7 records, 402 B

"#]],
    );
    let listed = sandbox.sepia("restore boards.tar --list --json").json();
    let listed: Vec<_> = listed.iter().map(|line| line["object"].as_str().unwrap()).collect();
    assert!(listed.contains(&"Theme/dark") && listed.contains(&"Postit/report.0"), "{listed:?}");
    assert!(!listed.contains(&"Photo/wall"), "{listed:?}");
    shows(
        sandbox.sepia("backup none.tar --root Board/nothing"),
        str![[r#"
sepia: a root is not in the store (class "Board", id "nothing")
=> 2

"#]],
    );
    assert!(!sandbox.path("none.tar").exists());
}

#[test]
fn what_has_not_changed_is_not_backed_up_again() {
    let sandbox = Sandbox::new();
    sandbox.sepia("backup monday.tar");
    sandbox.store().save(&Theme { id: "light".into(), colour: "white".to_owned(), size: 1 }).unwrap();
    shows(
        sandbox.sepia("backup tuesday.tar --since monday.tar"),
        str![[r#"
9 records, 37 B in the 1 that are new or changed

"#]],
    );
    sandbox.sepia("rm Photo/wall --yes");
    sandbox.sepia("backup wednesday.tar --since tuesday.tar");
    let contents = sandbox.contents("data");
    shows(
        sandbox.sepia("-s new restore wednesday.tar"),
        str![[r#"
sepia: the backup is relative to an earlier one: 8 of its objects, this one among them, are in none of the archives that were given (class "Board", id "home")
=> 2

"#]],
    );
    let mut damaged = fs::read(sandbox.path("monday.tar")).unwrap();
    *damaged.iter_mut().rfind(|byte| **byte == b'W').unwrap() = b'V';
    sandbox.write("damaged.tar", damaged);
    assert_eq!(sandbox.sepia("-s new restore damaged.tar").code(), 2);
    // Neither has made a store.
    assert!(!sandbox.path("new").exists());
    // In the order of a shell's `*.tar`, or any other.
    shows(
        sandbox.sepia("-s new restore monday.tar tuesday.tar wednesday.tar"),
        str![[r#"
8 added, 0 replaced, 0 there already; 439 B written

"#]],
    );
    assert_eq!(sandbox.contents("new"), contents);
    sandbox.sepia("backup other.tar");
    shows(
        sandbox.sepia("-s new restore monday.tar other.tar"),
        str![[r#"
sepia: none of monday.tar, other.tar was made since the others: name one backup, and those that it was made since
=> 2

"#]],
    );
    shows(
        sandbox.sepia("restore tuesday.tar --list"),
        str![[r#"
      58 B  Board/home  (in an earlier one)
     167 B  Board/work  (in an earlier one)
       6 B  Photo/wall  (in an earlier one)
      17 B  Postit/report.0  (in an earlier one)
      29 B  Postit/report.1  (in an earlier one)
      39 B  Postit/report.2  (in an earlier one)
      17 B  Postit/review.0  (in an earlier one)
      75 B  Theme/dark  (in an earlier one)
      37 B  Theme/light

"#]],
    );
}

#[test]
fn a_damaged_backup_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.sepia("backup good.tar");
    let mut bytes = fs::read(sandbox.path("good.tar")).unwrap();
    bytes.truncate(bytes.len() / 2);
    sandbox.write("bad.tar", &bytes);
    shows(
        sandbox.sepia("restore --verify good.tar bad.tar"),
        str![[r#"
good.tar is intact: 8 records
sepia: the archive is cut off (at bad.tar)
=> 1

"#]],
    );
    assert_eq!(
        sandbox.sepia("restore --verify bad.tar --json").json(),
        [json!({"file": "bad.tar", "intact": false, "records": null})]
    );
    shows(
        sandbox.sepia("-s new restore bad.tar"),
        str![[r#"
sepia: the archive is cut off (at bad.tar)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("restore --verify nothing.tar"),
        str![[r#"
sepia: cannot open the archive (at nothing.tar): No such file or directory (os error 2)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("restore"),
        str![[r#"
error: the following required arguments were not provided:
  <FILE>...

Usage: sepia restore --store <PATH|URL> <FILE>...

For more information, try '--help'.
=> 2

"#]],
    );
}

#[test]
fn a_backup_goes_through_a_pipe_and_is_a_tar() {
    let sandbox = Sandbox::new();
    let mut backup = sandbox.command(&["-s", "data", "backup", "-"]);
    let mut backup = backup.stdout(Stdio::piped()).spawn().unwrap();
    fs::create_dir(sandbox.path("out")).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["x", "-C"]).arg(sandbox.path("out")).stdin(backup.stdout.take().unwrap());
    assert!(tar.status().unwrap().success() && backup.wait().unwrap().success());
    assert_eq!(sandbox.contents("out/objects"), sandbox.contents("data"));
}

#[test]
fn a_compressed_backup_is_a_backup() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.sepia("backup a.tar.zst --zstd").code(), 0);
    assert_eq!(sandbox.sepia("backup b.tar.zst --zstd=19").code(), 0);
    assert_eq!(sandbox.sepia("backup plain.tar").code(), 0);
    let size = |name: &str| fs::metadata(sandbox.path(name)).unwrap().len();
    assert!(size("a.tar.zst") < size("plain.tar") && size("b.tar.zst") < size("plain.tar"));
    sandbox.sepia("-s new restore b.tar.zst");
    assert_eq!(sandbox.contents("new"), sandbox.contents("data"));
    assert_eq!(sandbox.sepia("backup c.tar.zst --zstd=50").code(), 2);
}

#[test]
fn a_store_is_copied() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("copy data other"),
        str![[r#"
8 added, 0 replaced, 0 there already; 408 B written

"#]],
    );
    assert_eq!(sandbox.contents("other"), sandbox.contents("data"));
    assert_eq!(
        sandbox.sepia("copy data other --json").json(),
        [json!({"added": 0, "replaced": 0, "equal": 8, "kept": 0, "bytes": 0, "strays": 0})]
    );
    shows(
        sandbox.sepia("copy data part --root Theme"),
        str![[r#"
1 added, 0 replaced, 0 there already; 75 B written

"#]],
    );
    shows(
        sandbox.sepia("copy data ./data"),
        str![[r#"
sepia: a store cannot be copied into itself
=> 2

"#]],
    );
    shows(
        sandbox.sepia("copy nothing other"),
        str![[r#"
sepia: this is not a sepia store: there is no directory (at nothing)
=> 2

"#]],
    );
    assert!(!sandbox.path("nothing").exists());
}

#[test]
fn conflicts_are_decided_by_a_rule() {
    let sandbox = Sandbox::new();
    sandbox.sepia("copy data other");
    sandbox.write("other/Theme/dark", "{}");
    sandbox.write("other/Photo/wall", "x");
    sandbox.write("other/Postit/report.2", "theirs");
    sandbox.write("other/Postit/report.3", "theirs");
    shows(
        sandbox.sepia("copy data other"),
        str![[r#"
sepia: the object is stored already, with another content (class "Photo", id "wall"); so it is with 2 others: Postit/report.2, Theme/dark
=> 2

"#]],
    );
    shows(
        sandbox.sepia("copy data other --on-conflict keep"),
        str![[r#"
0 added, 0 replaced, 5 there already, 3 kept that differ; 0 B written

"#]],
    );
    shows(
        sandbox.sepia("copy other data --on-conflict newest"),
        str![[r#"
1 added, 1 replaced, 5 there already, 2 kept that differ; 12 B written

"#]],
    );
    assert_eq!(sandbox.read("data/Postit/report.2"), "theirs");
    shows(
        sandbox.sepia("copy data other --on-conflict replace"),
        str![[r#"
0 added, 2 replaced, 7 there already; 81 B written

"#]],
    );
    assert_eq!(sandbox.contents("other"), sandbox.contents("data"));
    shows(
        sandbox.sepia("copy data other --on-conflict never"),
        str![[r#"
error: invalid value 'never' for '--on-conflict <RULE>'
  [possible values: fail, keep, replace, newest]

  tip: a similar value exists: 'newest'

For more information, try '--help'.
=> 2

"#]],
    );
}

#[test]
fn an_export_is_read_by_other_programs_and_back() {
    let sandbox = Sandbox::new();
    let lines = sandbox.sepia("export");
    assert_eq!(lines.json().len(), 9, "{lines}");
    assert_eq!(lines.json()[0]["sepia"]["format"], 1);
    shows(
        sandbox.sepia("export all.jsonl"),
        str![[r#"
8 records

"#]],
    );
    assert_eq!(sandbox.read("all.jsonl").lines().count(), 9);
    assert_eq!(sandbox.sepia("export all.jsonl --json").json(), [json!({"records": 8, "strays": 0})]);
    shows(
        sandbox.sepia("export --root Theme"),
        str![[r#"
{"sepia":{"format":1,"classes":{"Board":{"kind":"container"},"Photo":{"content":"bytes","kind":"serializable"},"Postit":{"content":"text","generations":true,"kind":"serializable"},"Theme":{"content":"json","kind":"serializable"}}}}
{"class":"Theme","id":"dark","json":{"colour":"black","size":340282366920938463463374607431768211455}}

"#]],
    );
    shows(
        sandbox.sepia("-s new import all.jsonl"),
        str![[r#"
8 added, 0 replaced, 0 there already; 408 B written

"#]],
    );
    assert_eq!(sandbox.contents("new"), sandbox.contents("data"));
    let piped = sandbox.run(&mut sandbox.shell("\"$SEPIA\" -s data export | \"$SEPIA\" -s piped import --json"));
    assert_eq!(piped.json(), [json!({"added": 8, "replaced": 0, "equal": 0, "kept": 0, "bytes": 408, "strays": 0})]);
    sandbox.write("bad.jsonl", sandbox.read("all.jsonl").replace("\"base64\":\"", "\"base64\":\"!"));
    shows(
        sandbox.sepia("-s other import bad.jsonl"),
        str![[r#"
sepia: line 4 of the export is refused (at bad.jsonl): this is no Base64: Invalid symbol 33, offset 0.
=> 2

"#]],
    );
    shows(
        sandbox.sepia("import nothing.jsonl"),
        str![[r#"
sepia: cannot open the export (at nothing.jsonl): No such file or directory (os error 2)
=> 2

"#]],
    );
}
