//! The boards of the README: the code there, and the picture of what it makes.

use std::fs;

use sepia::{Container, Id, Serializable};

use crate::support::{Found, OnDisk, on_every_backend};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
pub struct Postit {
    pub id: Id<Postit>,
    pub text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
pub struct Board {
    pub id: Id<Board>,
    pub name: String,
    pub description: Option<String>,
    pub created_at: jiff::Timestamp,
    pub boards: Vec<Board>,
    pub postits: Vec<Postit>,
}

pub fn postit(id: &str, text: &str) -> Postit {
    Postit { id: id.into(), text: text.to_owned() }
}

pub fn work_board() -> Board {
    let created_at = "2024-01-15T10:30:00Z".parse().unwrap();
    Board {
        id: "work_board".into(),
        name: "Work".to_owned(),
        description: None,
        created_at,
        boards: vec![Board {
            id: "project_x".into(),
            name: "Project X".to_owned(),
            description: Some("Tracking".to_owned()),
            created_at,
            boards: vec![],
            postits: vec![postit("code_review_postit", "Review the code")],
        }],
        postits: vec![postit("report_postit", "Finish the report")],
    }
}

#[test]
fn a_board_comes_back() {
    on_every_backend(|store| {
        let board = work_board();
        store.save(&board).unwrap();
        assert_eq!(store.load::<Board>("work_board").unwrap(), board);
        assert_eq!(store.load::<Postit>("report_postit").unwrap(), board.postits[0]);
        // A nested container lives only inside its parent.
        assert_eq!(store.find::<Board>("project_x").unwrap(), None);
        assert_eq!(store.ids::<Board>().unwrap(), ["work_board".into()]);
        assert_eq!(store.count::<Postit>().unwrap(), 2);
        assert_eq!(store.classes().unwrap(), ["Board", "Postit"]);
    });
}

#[test]
fn every_byte_of_the_tree_is_as_documented() {
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    let link = |target: &str| Found::Link(target.to_owned());
    let file = |content: &str| Found::File(content.as_bytes().to_vec());
    let expected = [
        ("Board", Found::Directory),
        ("Board/work_board", Found::Directory),
        ("Board/work_board/boards", Found::Directory),
        ("Board/work_board/boards/0000_project_x", Found::Directory),
        (
            "Board/work_board/boards/0000_project_x/data.json",
            file(
                "{\n  \"name\": \"Project X\",\n  \"description\": \"Tracking\",\n  \
                 \"created_at\": \"2024-01-15T10:30:00Z\"\n}\n",
            ),
        ),
        ("Board/work_board/boards/0000_project_x/postits", Found::Directory),
        (
            "Board/work_board/boards/0000_project_x/postits/0000_code_review_postit",
            link("../../../../../Postit/code_review_postit"),
        ),
        (
            "Board/work_board/data.json",
            file("{\n  \"name\": \"Work\",\n  \"description\": null,\n  \"created_at\": \"2024-01-15T10:30:00Z\"\n}\n"),
        ),
        ("Board/work_board/postits", Found::Directory),
        ("Board/work_board/postits/0000_report_postit", link("../../../Postit/report_postit")),
        ("Postit", Found::Directory),
        ("Postit/code_review_postit", file("Review the code")),
        ("Postit/report_postit", file("Finish the report")),
    ];
    let expected = expected.into_iter().map(|(path, found)| (path.to_owned(), found)).collect();
    assert_eq!(disk.snapshot(), expected);
    // The links work for any program.
    assert_eq!(disk.text("Board/work_board/postits/0000_report_postit"), "Finish the report");
}

#[path = "../../examples/support/tree.rs"]
mod tree;

#[test]
fn the_picture_in_the_readme_is_what_is_on_disk() {
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    let drawn = tree::draw(disk.directory.path()).unwrap();
    let (_, drawn) = drawn.split_once('\n').unwrap();
    let picture = include_str!("../../README.md").split_once("_data\n").unwrap().1.split_once("```").unwrap().0;
    assert_eq!(drawn, picture);
}

#[test]
fn edits_by_hand_are_loaded() {
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    disk.write("Postit/report_postit", "Done!");
    fs::remove_file(disk.path("Board/work_board/boards/0000_project_x/postits/0000_code_review_postit")).unwrap();
    let json = disk.text("Board/work_board/data.json").replace("\"Work\"", "\"Play\"");
    disk.write("Board/work_board/data.json", json);
    let board: Board = disk.store.load("work_board").unwrap();
    assert_eq!(board.name, "Play");
    assert_eq!(board.postits[0].text, "Done!");
    assert_eq!(board.boards[0].postits, []);
}

#[test]
fn what_was_removed_stays_removed_and_what_is_foreign_stays() {
    let disk = OnDisk::new();
    let mut board = work_board();
    disk.store.save(&board).unwrap();
    disk.write("Board/work_board/.DS_Store", "x");
    disk.write("Board/work_board/postits/.hidden", "x");
    disk.write("Board/work_board/notes.txt~", "x");
    disk.write("README.md", "x");
    board.postits.clear();
    board.boards.clear();
    disk.store.save(&board).unwrap();
    assert_eq!(disk.store.load::<Board>("work_board").unwrap(), board);
    let left: Vec<_> = disk.snapshot().into_keys().filter(|path| path.starts_with("Board/")).collect();
    let expected = [
        "Board/work_board",
        "Board/work_board/.DS_Store",
        "Board/work_board/data.json",
        "Board/work_board/notes.txt~",
        "Board/work_board/postits",
        "Board/work_board/postits/.hidden",
    ];
    assert_eq!(left, expected);
    assert!(disk.store.delete::<Board>("work_board").unwrap());
    assert!(!disk.store.delete::<Board>("work_board").unwrap());
    assert_eq!(disk.store.find::<Board>("work_board").unwrap(), None);
    assert_eq!(disk.store.ids::<Board>().unwrap(), []);
    disk.store.clear().unwrap();
    assert_eq!(disk.store.classes().unwrap(), Vec::<String>::new());
    let left: Vec<_> = disk.snapshot().into_keys().collect();
    assert!(left.contains(&"Board/work_board/postits/.hidden".to_owned()) && left.contains(&"README.md".to_owned()));
    assert!(!left.iter().any(|path| path.starts_with("Postit")), "{left:?}");
}

#[test]
fn the_same_fresh_id_is_never_made_twice_and_ids_sort_by_time() {
    let ids: Vec<Id<Postit>> = (0..1000).map(|_| Id::new()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(ids[0].as_str().starts_with("postit-") && ids[0].as_str().len() == "postit-".len() + 36);
    assert_ne!(Id::<Board>::default(), Id::default());
}
