//! What stands in a store: `ls`, `tree`, `show`, `versions`, `diff`, `stats`.

use serde_json::json;
use snapbox::str;

use crate::support::{Sandbox, shows};

#[test]
fn classes_are_listed() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("ls"),
        str![[r#"
Board          2  container
Photo          1  bytes
Postit         4  text, generations
Theme          1  json

"#]],
    );
    shows(
        sandbox.sepia("ls -l"),
        str![[r#"
Board          2       225 B  container
Photo          1         6 B  bytes
Postit         4       102 B  text, generations
Theme          1        75 B  json

"#]],
    );
    assert_eq!(
        sandbox.sepia("ls --json").json()[2],
        json!({"class": "Postit", "kind": "serializable", "content": "text", "generations": true, "records": 4})
    );
    assert_eq!(sandbox.sepia("ls -l --json").json()[2]["bytes"], 102);
}

#[test]
fn objects_of_a_class_are_listed() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("ls Postit"),
        str![[r#"
Postit/report.0
Postit/report.1
Postit/report.2
Postit/review.0

"#]],
    );
    shows(
        sandbox.sepia("ls Postit --long"),
        str![[r#"
      17 B  2026-01-15 10:30:00  Postit/report.0
      29 B  2026-01-15 10:30:00  Postit/report.1
      39 B  2026-01-15 10:30:00  Postit/report.2
      17 B  2026-01-15 10:30:00  Postit/review.0

"#]],
    );
    shows(
        sandbox.sepia("ls ./data/Board/ -l"),
        str![[r#"
      58 B  2026-01-15 10:30:00  Board/home
     167 B  2026-01-15 10:30:00  Board/work

"#]],
    );
    assert_eq!(
        sandbox.sepia("ls Photo -l --json").json(),
        [
            json!({"object": "Photo/wall", "class": "Photo", "id": "wall", "bytes": 6, "modified": "2026-01-15T10:30:00Z"})
        ]
    );
    assert_eq!(
        sandbox.sepia("ls Photo --json").json(),
        [json!({"object": "Photo/wall", "class": "Photo", "id": "wall"})]
    );
    shows(
        sandbox.sepia("ls Nothing"),
        str![[r#"
sepia: there is no class "Nothing", only Board, Photo, Postit, Theme
=> 2

"#]],
    );
}

#[test]
fn generations_are_in_the_order_of_their_numbers() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    for _ in 3..12 {
        store
            .update("report", |postit: &mut crate::support::Postit| {
                postit.text.push('!');
                Ok(())
            })
            .unwrap();
    }
    let listed = sandbox.sepia("ls Postit").stdout();
    let ids: Vec<_> = listed.lines().collect();
    assert_eq!(ids[9..13], ["Postit/report.9", "Postit/report.10", "Postit/report.11", "Postit/review.0"]);
    assert_eq!(sandbox.sepia("versions report --json").json()[11]["generation"], 11);
}

#[test]
fn a_tree_is_drawn() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("tree Board/work"),
        str![[r#"
Board/work
├── boards
│   └── 0000_project_x
│       └── postits
│           └── 0000_review.0 -> Postit/review.0
├── next -> Board/home
│   └── next -> Board/work (cycle)
└── postits
    └── 0000_report -> Postit/report.2

"#]],
    );
    shows(
        sandbox.sepia("tree Board/work/boards"),
        str![[r#"
Board/work/boards
└── 0000_project_x
    └── postits
        └── 0000_review.0 -> Postit/review.0

"#]],
    );
    shows(
        sandbox.sepia("tree Board/work --depth 1"),
        str![[r#"
Board/work
├── boards (deeper)
├── next -> Board/home (deeper)
└── postits (deeper)

"#]],
    );
    shows(
        sandbox.sepia("tree Postit/report"),
        str![[r#"
Postit/report.2

"#]],
    );
    assert_eq!(
        sandbox.sepia("tree Board/home --depth 1 --json").json(),
        [json!({
            "object": "Board/home", "class": "Board", "id": "home",
            "children": [
                {"name": "next", "kind": "link", "object": "Board/work", "class": "Board", "id": "work", "note": "deeper"}
            ]
        })]
    );
}

#[test]
fn a_tree_shows_what_dangles_and_what_comes_again() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let mut both = crate::support::board("both", "Both");
    let mut inner = crate::support::board("inner", "Inner");
    inner.next = Some(sepia::Ref::new("work"));
    both.boards = vec![inner];
    both.next = Some(sepia::Ref::new("work"));
    both.postits = vec![sepia::Ref::new("gone.7")];
    store.save(&both).unwrap();
    shows(
        sandbox.sepia("tree both"),
        str![[r#"
Board/both
├── boards
│   └── 0000_inner
│       └── next -> Board/work
│           ├── boards
│           │   └── 0000_project_x
│           │       └── postits
│           │           └── 0000_review.0 -> Postit/review.0
│           ├── next -> Board/home
│           │   └── next -> Board/work (cycle)
│           └── postits
│               └── 0000_report -> Postit/report.2
├── next -> Board/work (above)
└── postits
    └── 0000_gone.7 -> Postit/gone.7 (dangling)

"#]],
    );
}

#[test]
fn objects_are_shown() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("show Board/work"),
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

"#]],
    );
    shows(
        sandbox.sepia("show report Postit/report.0"),
        str![[r#"
Postit/report.2
Write the report
by Friday
and send it

Postit/report.0
Write the report

"#]],
    );
    shows(
        sandbox.sepia("show Photo/wall"),
        str![[r#"
Photo/wall
00000000  89 50 4e 47 00 ff                                .PNG..

"#]],
    );
    shows(
        sandbox.sepia("show Board/work/boards/0000_project_x"),
        str![[r#"
Board/work/boards/0000_project_x
  name: "Project X"
  description: null
  tags: []
  postits
    0000_review.0 -> Postit/review.0

"#]],
    );
    shows(
        sandbox.sepia("show Board/work/postits/0000_report"),
        str![[r#"
Postit/report.2
Write the report
by Friday
and send it

"#]],
    );
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
}

#[test]
fn contents_are_written_byte_for_byte() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.sepia("show Photo/wall --raw").bytes(), [0x89, b'P', b'N', b'G', 0, 255]);
    assert_eq!(sandbox.sepia("show Postit/review -r").stdout(), "Review the parser");
    assert_eq!(sandbox.sepia("show Board/work -r").stdout(), sandbox.read("data/Board/work/data.json"));
    assert_eq!(
        sandbox.sepia("show Board/work/boards/0000_project_x -r").stdout(),
        sandbox.read("data/Board/work/boards/0000_project_x/data.json")
    );
    shows(
        sandbox.sepia("show Board/work/boards -r"),
        str![[r#"
sepia: Board/work/boards is a collection, which has no content
=> 2

"#]],
    );
}

#[test]
fn programs_get_what_is_shown() {
    let sandbox = Sandbox::new();
    assert_eq!(
        sandbox.sepia("show Photo/wall Postit/review --json").json(),
        [
            json!({"object": "Photo/wall", "class": "Photo", "id": "wall", "base64": "iVBORwD/"}),
            json!({"object": "Postit/review.0", "class": "Postit", "id": "review.0", "text": "Review the parser"})
        ]
    );
    shows(
        sandbox.sepia("show Board/work --json"),
        str![[r#"
{"object":"Board/work","class":"Board","id":"work","values":{"name":"Work","description":"What has to be done","tags":["daily","shared"]},"entries":{"boards":{"entries":{"0000_project_x":{"values":{"name":"Project X","description":null,"tags":[]},"entries":{"postits":{"entries":{"0000_review.0":{"class":"Postit","id":"review.0"}}}}}}},"next":{"class":"Board","id":"home"},"postits":{"entries":{"0000_report":{"class":"Postit","id":"report"}}}}}

"#]],
    );
    assert_eq!(
        sandbox.sepia("show Board/work/boards --json").json()[0]["entries"]["0000_project_x"]["values"]["name"],
        "Project X"
    );
    assert_eq!(sandbox.sepia("show Board/work/boards --json").json()[0]["within"], "boards");
}

#[test]
fn versions_are_listed() {
    let sandbox = Sandbox::new();
    let all = sandbox.sepia("versions report");
    shows(
        &all,
        str![[r#"
      17 B  2026-01-15 10:30:00  Postit/report.0
      29 B  2026-01-15 10:30:00  Postit/report.1
      39 B  2026-01-15 10:30:00  Postit/report.2

"#]],
    );
    assert_eq!(sandbox.sepia("versions Postit/report.1").stdout(), all.stdout());
    assert_eq!(
        sandbox.sepia("versions review --json").json(),
        [json!({"object": "Postit/review.0", "class": "Postit", "id": "review.0", "generation": 0, "bytes": 17,
            "modified": "2026-01-15T10:30:00Z"})]
    );
    shows(
        sandbox.sepia("versions Board/work"),
        str![[r#"
sepia: the class "Board" keeps no generations
=> 2

"#]],
    );
    shows(
        sandbox.sepia("versions Postit/nothing"),
        str![[r#"
sepia: there is no object Postit/nothing in data
=> 2

"#]],
    );
}

#[test]
fn texts_differ_line_by_line() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("diff report.1 report"),
        str![[r#"
--- Postit/report.1
+++ Postit/report.2
@@ -1,2 +1,3 @@
 Write the report
-by Thursday
+by Friday
+and send it
=> 1

"#]],
    );
    shows(
        sandbox.sepia("diff report review"),
        str![[r#"
--- Postit/report.2
+++ Postit/review.0
@@ -1,3 +1,2 @@
-Write the report
-by Friday
-and send it
+Review the parser
+(no line feed at the end)
=> 1

"#]],
    );
    let same = sandbox.sepia("diff report.2 report");
    assert_eq!((same.stdout().as_str(), same.code()), ("", 0));
    assert_eq!(
        sandbox.sepia("diff review.0 report.0 --json").json(),
        [json!({"field": "", "change": "changed", "from": "Review the parser", "to": "Write the report\n"})]
    );
    sandbox.write("data/Photo/other", [1, 255]);
    shows(
        sandbox.sepia("diff Photo/wall Photo/other"),
        str![[r#"
--- Photo/wall
+++ Photo/other
the contents are no text, and differ: 6 bytes, 2 bytes
=> 1

"#]],
    );
}

#[test]
fn containers_differ_field_by_field() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let mut work: crate::support::Board = store.load("work").unwrap();
    work.id = "later".into();
    work.name = "Work\nand more".to_owned();
    work.tags = (0..40).map(|number| format!("tag number {number}")).collect();
    work.boards[0].description = Some("New".to_owned());
    work.boards.insert(0, crate::support::board("first", "First"));
    work.postits.insert(0, sepia::Ref::new("review"));
    work.next = None;
    store.save(&work).unwrap();
    work.id = "last".into();
    work.tags[20] = "another".to_owned();
    store.save(&work).unwrap();
    shows(
        sandbox.sepia("diff work later"),
        str![[r#"
--- Board/work
+++ Board/later
@@ name -1 +1,2 @@
 Work
+and more
@@ tags -1 +1,42 @@
-["daily", "shared"]
+[
+  "tag number 0",
+  "tag number 1",
+  "tag number 2",
+  "tag number 3",
+  "tag number 4",
+  "tag number 5",
+  "tag number 6",
+  "tag number 7",
+  "tag number 8",
+  "tag number 9",
+  "tag number 10",
+  "tag number 11",
+  "tag number 12",
+  "tag number 13",
+  "tag number 14",
+  "tag number 15",
+  "tag number 16",
+  "tag number 17",
+  "tag number 18",
+  "tag number 19",
+  "tag number 20",
+  "tag number 21",
+  "tag number 22",
+  "tag number 23",
+  "tag number 24",
+  "tag number 25",
+  "tag number 26",
+  "tag number 27",
+  "tag number 28",
+  "tag number 29",
+  "tag number 30",
+  "tag number 31",
+  "tag number 32",
+  "tag number 33",
+  "tag number 34",
+  "tag number 35",
+  "tag number 36",
+  "tag number 37",
+  "tag number 38",
+  "tag number 39"
+]
@@ boards -1 +1,2 @@
+first
 project_x
@@ boards/project_x/description @@
-null
+"New"
@@ next @@
--> Board/home
@@ postits -1 +1,2 @@
+-> Postit/review
 -> Postit/report
@@ boards/first/name @@
+"First"
@@ boards/first/description @@
+null
@@ boards/first/tags @@
+[]
=> 1

"#]],
    );
    shows(
        sandbox.sepia("diff later last"),
        str![[r#"
--- Board/later
+++ Board/last
@@ tags -19,7 +19,7 @@
   "tag number 17",
   "tag number 18",
   "tag number 19",
-  "tag number 20",
+  "another",
   "tag number 21",
   "tag number 22",
   "tag number 23",
=> 1

"#]],
    );
    shows(
        sandbox.sepia("diff work later --json"),
        str![[r#"
{"field":"name","change":"changed","from":"Work","to":"Work\nand more"}
{"field":"tags","change":"changed","from":["daily","shared"],"to":["tag number 0","tag number 1","tag number 2","tag number 3","tag number 4","tag number 5","tag number 6","tag number 7","tag number 8","tag number 9","tag number 10","tag number 11","tag number 12","tag number 13","tag number 14","tag number 15","tag number 16","tag number 17","tag number 18","tag number 19","tag number 20","tag number 21","tag number 22","tag number 23","tag number 24","tag number 25","tag number 26","tag number 27","tag number 28","tag number 29","tag number 30","tag number 31","tag number 32","tag number 33","tag number 34","tag number 35","tag number 36","tag number 37","tag number 38","tag number 39"]}
{"field":"boards","change":"changed","from":["project_x"],"to":["first","project_x"]}
{"field":"boards/project_x/description","change":"changed","from":null,"to":"New"}
{"field":"next","change":"removed","from":"Board/home","to":null}
{"field":"postits","change":"changed","from":["-> Postit/report"],"to":["-> Postit/review","-> Postit/report"]}
{"field":"boards/first/name","change":"added","from":null,"to":"First"}
{"field":"boards/first/description","change":"added","from":null,"to":null}
{"field":"boards/first/tags","change":"added","from":null,"to":[]}
=> 1

"#]],
    );
    shows(
        sandbox.sepia("diff work report"),
        str![[r#"
--- Board/work
+++ Postit/report.2
@@ name @@
-"Work"
@@ description @@
-"What has to be done"
@@ tags @@
-["daily", "shared"]
@@ boards @@
-project_x
@@ boards/project_x/name @@
-"Project X"
@@ boards/project_x/description @@
-null
@@ boards/project_x/tags @@
-[]
@@ boards/project_x/postits @@
--> Postit/review.0
@@ next @@
--> Board/home
@@ postits @@
--> Postit/report
@@ -0,0 +1,3 @@
+Write the report
+by Friday
+and send it
=> 1

"#]],
    );
}

#[test]
fn what_only_looks_different_is_told() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("data/Board/copy")).unwrap();
    let data = sandbox.read("data/Board/home/data.json").replace("\n  ", "\n");
    sandbox.write("data/Board/copy/data.json", data);
    std::os::unix::fs::symlink("../../Board/work", sandbox.path("data/Board/copy/next")).unwrap();
    shows(
        sandbox.sepia("diff home copy"),
        str![[r#"
--- Board/home
+++ Board/copy
only the way in which they are written differs
=> 1

"#]],
    );
}

#[test]
fn a_store_is_counted() {
    let sandbox = Sandbox::new();
    let text = sandbox.sepia("stats --largest 2").stdout();
    let (text, journal) = text.split_once("\njournal ").unwrap();
    shows(
        text,
        str![[r#"
           objects     records       bytes
Board            2           2       225 B  ████████████████████████
Photo            1           1         6 B  █
Postit           2           4       102 B  ███████████
Theme            1           1        75 B  ████████
all              6           8       408 B

largest
     167 B  Board/work
      75 B  Theme/dark

"#]],
    );
    assert!(journal.ends_with(" bytes\n"), "{journal}");
    let all = &sandbox.sepia("stats --json").json()[0];
    assert_eq!((&all["objects"], &all["records"], &all["bytes"]), (&json!(6), &json!(8), &json!(408)));
    assert_eq!(all["classes"][2], json!({"class": "Postit", "objects": 2, "records": 4, "bytes": 102}));
    assert_eq!(all["largest"].as_array().unwrap().len(), 5);
    assert_eq!(all["largest"][0]["object"], "Board/work");
    assert!(all["journal"].is_u64());
}
