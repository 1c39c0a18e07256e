//! What leads where: `links`, `backlinks`, `find`, `graph`.

use sepia::Ref;
use serde_json::json;
use snapbox::str;

use crate::support::{Sandbox, board, shows};

#[test]
fn links_are_listed() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("links work"),
        str![[r#"
boards/0000_project_x/postits/0000_review.0 -> Postit/review.0
next -> Board/home
postits/0000_report -> Postit/report

"#]],
    );
    shows(
        sandbox.sepia("links Board/work/boards"),
        str![[r#"
0000_project_x/postits/0000_review.0 -> Postit/review.0

"#]],
    );
    shows(
        sandbox.sepia("links review"),
        str![[r#"
=> 1

"#]],
    );
    let store = sandbox.store();
    let mut lost = board("lost", "Lost");
    lost.next = Some(Ref::new("nowhere"));
    store.save(&lost).unwrap();
    shows(
        sandbox.sepia("links lost"),
        str![[r#"
next -> Board/nowhere  (dangling)

"#]],
    );
    assert_eq!(
        sandbox.sepia("links lost --json").json(),
        [json!({"field": "next", "object": "Board/nowhere", "class": "Board", "id": "nowhere", "dangling": true})]
    );
}

#[test]
fn what_links_to_an_object_is_found() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("backlinks review"),
        str![[r#"
Board/work  boards/0000_project_x/postits/0000_review.0

"#]],
    );
    // The board leads to whatever is the newest.
    shows(
        sandbox.sepia("backlinks Postit/report.2"),
        str![[r#"
Board/work  postits/0000_report

"#]],
    );
    shows(
        sandbox.sepia("backlinks Postit/report"),
        str![[r#"
Board/work  postits/0000_report

"#]],
    );
    shows(
        sandbox.sepia("backlinks Postit/report.1"),
        str![[r#"
=> 1

"#]],
    );
    assert_eq!(
        sandbox.sepia("backlinks home --json").json(),
        [json!({"field": "next", "object": "Board/work", "class": "Board", "id": "work"})]
    );
    shows(
        sandbox.sepia("backlinks Board/nothing"),
        str![[r#"
sepia: there is no object Board/nothing in data
=> 2

"#]],
    );
}

#[test]
fn what_links_to_nothing_is_found() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.sepia("rm review --force --yes").code(), 0);
    shows(
        sandbox.sepia("backlinks Postit/review.0"),
        str![[r#"
Board/work  boards/0000_project_x/postits/0000_review.0

"#]],
    );
}

/// It was taken for a generation only, so such an object was neither shown nor found to be linked.
#[test]
fn a_base_that_ends_like_a_generation_is_found() {
    let sandbox = Sandbox::new();
    sandbox.write("data/Postit/10.0.0.1.0", "a host\n");
    std::os::unix::fs::symlink("../../../Postit/10.0.0.1", sandbox.path("data/Board/work/postits/0001_10.0.0.1"))
        .unwrap();
    shows(
        sandbox.sepia("show Postit/10.0.0.1"),
        str![[r#"
Postit/10.0.0.1.0
a host

"#]],
    );
    shows(
        sandbox.sepia("backlinks Postit/10.0.0.1.0"),
        str![[r#"
Board/work  postits/0001_10.0.0.1

"#]],
    );
    assert!(!sandbox.sepia("links work").stdout().contains("dangling"));
}

#[test]
fn texts_are_found_in_ids_values_and_contents() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("find report"),
        str![[r#"
Postit/report.0  id: report.0
Postit/report.0  1: Write the report
Postit/report.1  id: report.1
Postit/report.1  1: Write the report
Postit/report.2  id: report.2
Postit/report.2  1: Write the report

"#]],
    );
    shows(
        sandbox.sepia("find WORK"),
        str![[r#"
=> 1

"#]],
    );
    shows(
        sandbox.sepia("find WORK --ignore-case"),
        str![[r#"
Board/work  id: work
Board/work  name: Work

"#]],
    );
    shows(
        sandbox.sepia("find Project"),
        str![[r#"
Board/work  boards/0000_project_x/name: Project X

"#]],
    );
    shows(
        sandbox.sepia("find daily"),
        str![[r#"
Board/work  tags[0]: daily

"#]],
    );
    shows(
        sandbox.sepia("find e --ids"),
        str![[r#"
Board/home
Postit/report.0
Postit/report.1
Postit/report.2
Postit/review.0

"#]],
    );
    shows(
        sandbox.sepia("find e --list --class Postit"),
        str![[r#"
Postit/report.0
Postit/report.1
Postit/report.2
Postit/review.0

"#]],
    );
    shows(
        sandbox.sepia("find PNG"),
        str![[r#"
Photo/wall  1: �PNG\u{0}�

"#]],
    );
    assert_eq!(
        sandbox.sepia("find Friday --json").json(),
        [json!({"object": "Postit/report.2", "class": "Postit", "id": "report.2", "in": "content", "line": 2,
            "text": "by Friday"})]
    );
    assert_eq!(
        sandbox.sepia("find daily --json").json(),
        [json!({"object": "Board/work", "class": "Board", "id": "work", "in": "value", "field": "tags[0]",
            "text": "daily"})]
    );
}

#[test]
fn a_graph_is_drawn() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("graph work"),
        str![[r#"
digraph sepia {
  rankdir=LR
  node [shape=box, style=rounded]
  "Board/home" [label="home\nBoard"]
  "Board/work" [label="work\nBoard", penwidth=3]
  "Postit/report.2" [label="report.2\nPostit", shape=note, style=solid]
  "Postit/review.0" [label="review.0\nPostit", shape=note, style=solid]
  "Board/home" -> "Board/work"
  "Board/work" -> "Board/home"
  "Board/work" -> "Postit/report.2"
  "Board/work" -> "Postit/review.0"
}

"#]],
    );
    shows(
        sandbox.sepia("graph review --reverse"),
        str![[r#"
digraph sepia {
  rankdir=LR
  node [shape=box, style=rounded]
  "Board/home" [label="home\nBoard"]
  "Board/work" [label="work\nBoard"]
  "Postit/review.0" [label="review.0\nPostit", shape=note, style=solid, penwidth=3]
  "Board/home" -> "Board/work"
  "Board/work" -> "Board/home"
  "Board/work" -> "Postit/review.0"
}

"#]],
    );
    shows(
        sandbox.sepia("graph review --reverse --depth 0"),
        str![[r#"
digraph sepia {
  rankdir=LR
  node [shape=box, style=rounded]
  "Postit/review.0" [label="review.0\nPostit", shape=note, style=solid, penwidth=3]
}

"#]],
    );
    let all = sandbox.sepia("graph");
    assert_eq!(all.stdout().matches("label=").count(), 8, "{all}");
    assert_eq!(all.stdout().matches(" -> ").count(), 4, "{all}");
    assert_eq!(
        sandbox.sepia("graph home --depth 1 --json").json(),
        [json!({
            "nodes": [
                {"object": "Board/home", "class": "Board", "id": "home", "dangling": false},
                {"object": "Board/work", "class": "Board", "id": "work", "dangling": false}
            ],
            "edges": [{"from": "Board/home", "to": "Board/work"}],
            "complete": true
        })]
    );
}

#[test]
fn a_graph_that_is_too_large_says_so() {
    let sandbox = Sandbox::new();
    shows(
        sandbox.sepia("graph --limit 2"),
        str![[r#"
digraph sepia {
  rankdir=LR
  node [shape=box, style=rounded]
  "Board/home" [label="home\nBoard"]
  "Board/work" [label="work\nBoard"]
  "Board/home" -> "Board/work"
  "Board/work" -> "Board/home"
}
sepia: only 2 objects are drawn: see --limit

"#]],
    );
    assert_eq!(sandbox.sepia("graph --limit 2 --json").json()[0]["complete"], false);
}

#[test]
fn what_dangles_is_drawn() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.sepia("rm review --force --yes").code(), 0);
    let drawn = sandbox.sepia("graph work").stdout();
    assert!(drawn.contains("\"Postit/review.0\" [label=\"review.0\\nPostit\", style=dashed, color=red]"), "{drawn}");
    // Who would need what is gone?
    let drawn = sandbox.sepia("graph -r Postit/review.0").stdout();
    assert!(drawn.contains("\"Board/work\" -> \"Postit/review.0\""), "{drawn}");
    assert!(drawn.contains("style=dashed, color=red, penwidth=3"), "{drawn}");
}
