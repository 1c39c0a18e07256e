//! The store that the Crystal original wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use sepia::{Container, ErrorKind, Id, Serializable, Store};

use crate::support::{refused, snapshot};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Postit {
    id: Id<Postit>,
    text: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Settings {
    id: Id<Settings>,
    theme: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Board {
    id: Id<Board>,
    name: String,
    description: Option<String>,
    created_at: jiff::Timestamp,
    is_public: bool,
    boards: Vec<Board>,
    postits: Vec<Postit>,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Profile {
    id: Id<Profile>,
    name: String,
    age: u8,
    active: bool,
    ratio: f64,
    tags: Vec<String>,
    metadata: BTreeMap<String, String>,
    pinned: BTreeMap<String, Postit>,
    settings: Settings,
}

fn postit(id: &str, text: &str) -> Postit {
    Postit { id: id.into(), text: text.to_owned() }
}

fn unpacked() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let tar = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/sepia-crystal-0.3.tar");
    let status = Command::new("tar").arg("-xf").arg(tar).arg("-C").arg(directory.path()).status().unwrap();
    assert!(status.success());
    directory
}

fn project_x() -> Board {
    Board {
        id: "project_x".into(),
        name: "Project X".to_owned(),
        description: Some("Tracking Project X progress".to_owned()),
        created_at: "2024-01-15T10:30:00Z".parse().unwrap(),
        is_public: false,
        boards: vec![],
        postits: vec![postit("code_review_postit", "Review the code")],
    }
}

#[test]
fn it_opens_and_holds_what_it_holds() {
    let directory = unpacked();
    let root = directory.path().join("store");
    refused(Store::open(&root), ErrorKind::NotAStore, &[root.to_str().unwrap(), "adopt_existing"]);
    let before = snapshot(&root);
    let check = |store: &Store| {
        assert_eq!(store.classes().unwrap(), ["Board", "Postit", "Profile", "Settings"]);
        let work = Board {
            id: "work_board".into(),
            name: "Work".to_owned(),
            description: Some("Work-related boards".to_owned()),
            boards: vec![project_x()],
            postits: vec![postit("report_postit", "Finish the report")],
            ..project_x()
        };
        assert_eq!(store.load::<Board>("work_board").unwrap(), work);
        // The original kept nested containers at the top as well.
        assert_eq!(store.load::<Board>("project_x").unwrap(), project_x());
        let alice = Profile {
            id: "alice_profile".into(),
            name: "Alice".to_owned(),
            age: 30,
            active: true,
            ratio: 0.5,
            tags: vec!["admin".to_owned(), "premium".to_owned()],
            metadata: [("theme".to_owned(), "dark".to_owned()), ("locale".to_owned(), "en_US".to_owned())].into(),
            pinned: [
                ("first".to_owned(), postit("report_postit", "Finish the report")),
                ("second".to_owned(), postit("code_review_postit", "Review the code")),
            ]
            .into(),
            settings: Settings { id: "default".into(), theme: "dark".to_owned() },
        };
        assert_eq!(store.load::<Profile>("alice_profile").unwrap(), alice);
        let base = "note-123e4567-e89b-12d3-a456-426614174000";
        assert_eq!(store.load::<Postit>(base).unwrap(), postit(&format!("{base}.2"), "v2"));
        for generation in 0..3 {
            let id = format!("{base}.{generation}");
            assert_eq!(store.load::<Postit>(&id).unwrap(), postit(&id, &format!("v{generation}")));
        }
        assert_eq!(store.count::<Postit>().unwrap(), 5);
    };
    check(&Store::builder().adopt_existing().read_only().open(&root).unwrap());
    assert!(!root.join(".sepia").exists(), "nothing is written for reading");
    check(&Store::builder().adopt_existing().open(&root).unwrap());
    assert_eq!(snapshot(&root), before, "nothing is moved or rewritten");
    // From now on it is a store like any other.
    check(&Store::open(&root).unwrap());
    let store = Store::open(&root).unwrap();
    let work: Board = store.load("work_board").unwrap();
    store.save(&work).unwrap();
    assert_eq!(store.load::<Board>("work_board").unwrap(), work);
    // What the declaration did not know, the first save has filled in.
    let declared = fs::read_to_string(root.join(".sepia/format.json")).unwrap();
    assert!(declared.contains("\"generations\": true") && declared.contains("\"content\": \"text\""), "{declared}");
}

#[test]
fn a_directory_that_is_no_class_is_not_adopted() {
    let directory = unpacked();
    let root = directory.path().join("store");
    fs::write(root.join("Board/loose.txt"), "x").unwrap();
    let place = root.join("Board");
    refused(Store::builder().adopt_existing().open(&root), ErrorKind::NotAStore, &[place.to_str().unwrap()]);
    assert!(!root.join(".sepia").exists());
}

#[test]
fn a_directory_without_objects_is_not_adopted_and_stays_foreign() {
    let directory = unpacked();
    let root = directory.path().join("store");
    for path in ["empty", "docs/chapters", "hidden/.git"] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    let store = Store::builder().adopt_existing().open(&root).unwrap();
    assert_eq!(store.classes().unwrap(), ["Board", "Postit", "Profile", "Settings"]);
    store.clear().unwrap();
    assert!(root.join("docs/chapters").is_dir() && root.join("empty").is_dir() && root.join("hidden/.git").is_dir());
}
