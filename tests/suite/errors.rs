//! What is wrong on the disk is told by its kind, its object, its field and its place.

use std::fs;
use std::os::unix::fs::symlink;

use sepia::{Container, ErrorKind, Id, Ref, Serializable};

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::{OnDisk, on_every_backend, refused};

fn boards() -> OnDisk {
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    disk
}

/// The link of the nested board, replaced by one to `target`.
fn relinked(target: &str) -> OnDisk {
    let disk = boards();
    let link = disk.path("Board/work_board/boards/0000_project_x/postits/0000_code_review_postit");
    fs::remove_file(&link).unwrap();
    symlink(target, &link).unwrap();
    disk
}

const INNER: &str = "Board/work_board/boards/0000_project_x";

#[test]
fn dangling_links() {
    let disk = boards();
    fs::remove_file(disk.path("Postit/code_review_postit")).unwrap();
    let place = disk.path(INNER).join("postits/0000_code_review_postit");
    let names = ["Board", "project_x", "postits", "code_review_postit", place.to_str().unwrap()];
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Dangling, &names);
    on_every_backend(|store| {
        store.save(&work_board()).unwrap();
        store.delete::<Postit>("report_postit").unwrap();
        let names = ["work_board", "postits", "report_postit", "Board/work_board/postits/0000_report_postit"];
        refused(store.load::<Board>("work_board"), ErrorKind::Dangling, &names);
    });
}

#[test]
fn links_that_leave_the_store_are_not_followed() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret").unwrap();
    for target in [
        secret.path().to_str().unwrap(),
        "/etc/hostname",
        "../../../../../../../../../../../../etc/hostname",
        "../../../../../.sepia/format.json",
        "../../../../../Postit/../Postit/report_postit",
        "../../../../../Postit/report_postit/",
        "../../../../Postit/report_postit",
        "report_postit",
        "../../../../../Board/work_board/data.json",
    ] {
        let disk = relinked(target);
        let place = disk.path(INNER).join("postits/0000_code_review_postit");
        let error = disk.store.load::<Board>("work_board");
        refused(error, ErrorKind::Corrupt, &["Board", "work_board", place.to_str().unwrap()]);
    }
    let disk = relinked("../../../../../Board/work_board");
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &["project_x", "postits", "Postit"]);
}

#[test]
fn a_symlink_in_place_of_a_file_or_directory_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("report_postit"), "secret").unwrap();
    fs::create_dir_all(outside.path().join("work_board")).unwrap();
    fs::write(outside.path().join("work_board/data.json"), "{}").unwrap();

    let disk = boards();
    fs::rename(disk.path("Postit"), disk.path("Postit.moved")).unwrap();
    symlink(outside.path(), disk.path("Postit")).unwrap();
    let place = disk.path("Postit/report_postit");
    let names = ["Postit", "report_postit", place.to_str().unwrap(), "symlink"];
    refused(disk.store.load::<Postit>("report_postit"), ErrorKind::Corrupt, &names);
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &["Postit", "symlink"]);
    refused(disk.store.ids::<Postit>(), ErrorKind::Corrupt, &["Postit", "symlink"]);
    refused(disk.store.save(&postit("report_postit", "overwritten")), ErrorKind::Corrupt, &["Postit", "symlink"]);
    refused(disk.store.save(&postit("fresh", "made")), ErrorKind::Corrupt, &["Postit", "symlink"]);
    refused(disk.store.delete::<Postit>("report_postit"), ErrorKind::Corrupt, &["Postit", "symlink"]);
    assert_eq!(fs::read_to_string(outside.path().join("report_postit")).unwrap(), "secret");

    let disk = boards();
    fs::rename(disk.path("Board/work_board"), disk.path("Board/elsewhere")).unwrap();
    symlink(outside.path().join("work_board"), disk.path("Board/work_board")).unwrap();
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &["Board", "work_board", "symlink"]);
    refused(disk.store.save(&work_board()), ErrorKind::Corrupt, &["Board", "work_board", "symlink"]);

    let disk = boards();
    let data = disk.path(INNER).join("data.json");
    fs::remove_file(&data).unwrap();
    symlink(outside.path().join("work_board/data.json"), &data).unwrap();
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &["work_board", data.to_str().unwrap()]);
}

#[test]
fn a_file_where_a_directory_should_be_and_the_other_way_round() {
    let disk = boards();
    fs::remove_dir_all(disk.path("Board/work_board")).unwrap();
    disk.write("Board/work_board", "x");
    let place = disk.path("Board/work_board");
    let names = ["Board", "work_board", "file stands where a directory", place.to_str().unwrap()];
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &names);
    refused(disk.store.save(&work_board()), ErrorKind::Corrupt, &names);

    let disk = boards();
    fs::remove_file(disk.path("Postit/report_postit")).unwrap();
    disk.write("Postit/report_postit/data.json", "{}");
    let place = disk.path("Postit/report_postit");
    let names = ["Postit", "report_postit", "directory stands where a file", place.to_str().unwrap()];
    refused(disk.store.load::<Postit>("report_postit"), ErrorKind::Corrupt, &names);
    refused(disk.store.save(&postit("report_postit", "")), ErrorKind::Corrupt, &names);

    let disk = boards();
    fs::remove_dir_all(disk.path("Postit")).unwrap();
    disk.write("Postit", "x");
    refused(disk.store.load::<Postit>("report_postit"), ErrorKind::Corrupt, &["Postit", "report_postit"]);
    refused(disk.store.ids::<Postit>(), ErrorKind::Corrupt, &["Postit"]);

    let disk = boards();
    fs::remove_dir_all(disk.path("Board/work_board/postits")).unwrap();
    disk.write("Board/work_board/postits", "x");
    let place = disk.path("Board/work_board/postits");
    let names = ["Board", "work_board", "postits", place.to_str().unwrap()];
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &names);
    refused(disk.store.save(&work_board()), ErrorKind::Corrupt, &names);
    assert_eq!(disk.text("Board/work_board/postits"), "x");

    let disk = boards();
    disk.write("Board/work_board/postits/0001_notes", "x");
    let place = disk.path("Board/work_board/postits/0001_notes");
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &["postits", place.to_str().unwrap()]);
}

#[test]
fn a_pipe_does_not_hold_a_load_up() {
    let disk = boards();
    let place = disk.path("Postit/report_postit");
    fs::remove_file(&place).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&place).status().unwrap();
    assert!(made.success());
    let names = ["Postit", "report_postit", place.to_str().unwrap()];
    refused(disk.store.load::<Postit>("report_postit"), ErrorKind::Corrupt, &names);
}

#[test]
fn truncated_and_edited_values() {
    let place = format!("{INNER}/data.json");
    let whole = boards().text(&place);
    for cut in 0..whole.trim_end().len() {
        let disk = boards();
        disk.write(&place, &whole[..cut]);
        let place = disk.path(&place);
        let names = ["Board", "project_x", place.to_str().unwrap()];
        refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &names);
    }
    for (from, to, field) in [
        ("\"Project X\"", "null", "name"),
        ("\"Project X\"", "[\"Project X\"]", "name"),
        ("\"2024-01-15T10:30:00Z\"", "\"yesterday\"", "created_at"),
        ("\"name\"", "\"nmae\"", "name"),
        ("\"name\"", "\"sepia_nmae\"", "name"),
        ("{", "{ \"name\": \"twice\",", "name"),
        ("}", ", \"sepia_id\": 7}", ""),
        ("}", ", \"sepia_shape\": {\"postits\": 7}}", ""),
        ("}", ", \"sepia_shape\": {\"../x\": []}}", "../x"),
        ("}", ", \"sepia_shape\": {\"unheard\": []}}", "unheard"),
        ("}", ", \"sepia_shape\": {\"postits/0000_code_review_postit\": []}}", "postits"),
        ("}", ", \"surplus\": 1}", "surplus"),
        ("}", "} trailing", ""),
    ] {
        let disk = boards();
        disk.write(&place, whole.replacen(from, to, 1));
        let names = ["Board", "project_x", field, disk.directory.path().to_str().unwrap()];
        refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &names);
    }
    let disk = boards();
    fs::remove_file(disk.path(&place)).unwrap();
    let names = ["Board", "work_board", "boards", INNER, "data.json"];
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &names);
    // Of a top-level container, the marker is what makes it one.
    fs::remove_file(disk.path("Board/work_board/data.json")).unwrap();
    assert_eq!(disk.store.find::<Board>("work_board").unwrap(), None);
    assert_eq!(disk.store.ids::<Board>().unwrap(), []);
    disk.store.save(&work_board()).unwrap();
    assert_eq!(disk.store.load::<Board>("work_board").unwrap(), work_board());
}

#[test]
fn text_that_is_not_utf_8() {
    let disk = boards();
    disk.write("Postit/report_postit", b"caf\xe9");
    let place = disk.path("Postit/report_postit");
    let names = ["Postit", "report_postit", "UTF-8", place.to_str().unwrap()];
    refused(disk.store.load::<Postit>("report_postit"), ErrorKind::Corrupt, &names);
}

#[test]
fn entries_that_belong_to_nothing_and_names_that_are_none() {
    for (made, named) in [
        ("Board/work_board/unheard/0000_x", "unheard"),
        ("Board/work_board/postits/x", "x"),
        ("Board/work_board/postits/01_x", "01_x"),
        ("Board/work_board/postits/-001_x", "-001_x"),
        ("Board/work_board/postits/0000", "0000"),
        ("Board/work_board/postits/000000_x", "000000_x"),
    ] {
        let disk = boards();
        fs::create_dir_all(disk.path(made).parent().unwrap()).unwrap();
        symlink("../../../Postit/report_postit", disk.path(made)).unwrap();
        refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &["Board", "work_board", named]);
    }
    // Gaps and more digits than needed are no matter.
    let disk = boards();
    symlink("../../../Postit/code_review_postit", disk.path("Board/work_board/postits/00012_whatever")).unwrap();
    symlink("../../../Postit/report_postit", disk.path("Board/work_board/postits/0002_x")).unwrap();
    let board: Board = disk.store.load("work_board").unwrap();
    let ids: Vec<_> = board.postits.iter().map(|postit| postit.id.as_str()).collect();
    assert_eq!(ids, ["report_postit", "report_postit", "code_review_postit"]);
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Nest {
    id: Id<Nest>,
    inner: Option<Box<Nest>>,
}

fn nest(levels: usize) -> Nest {
    let mut nest = Nest { id: "0".into(), inner: None };
    for level in 1..levels {
        nest = Nest { id: format!("{level}").into(), inner: Some(Box::new(nest)) };
    }
    nest
}

#[test]
fn a_hundred_and_twenty_eight_levels_and_no_more() {
    on_every_backend(|store| {
        store.save(&nest(128)).unwrap();
        assert_eq!(store.load::<Nest>("127").unwrap(), nest(128));
        refused(store.save(&nest(129)), ErrorKind::InvalidValue, &["Nest", "128 levels", "inner"]);
        refused(store.save(&nest(200)), ErrorKind::InvalidValue, &["Nest", "128 levels"]);
        assert!(!store.exists::<Nest>("199").unwrap());
    });
    let disk = OnDisk::new();
    disk.store.save(&nest(1)).unwrap();
    for levels in [200, 1000] {
        let mut place = disk.path("Nest/deep");
        for level in 0..levels {
            // Beyond the longest path that a call takes, the test would have to walk.
            if place.as_os_str().len() > 3800 {
                break;
            }
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("data.json"), format!("{{\"sepia_id\": \"{level}\"}}")).unwrap();
            place.push("inner");
        }
        refused(disk.store.load::<Nest>("deep"), ErrorKind::Corrupt, &["Nest", "inner", "levels"]);
        // What no record can hold is deleted all the same.
        assert!(disk.store.delete::<Nest>("deep").unwrap());
        assert!(!disk.path("Nest/deep").exists());
    }
}

#[test]
fn two_types_of_one_class() {
    #[derive(Serializable, Debug)]
    #[sepia(class = "Nest")]
    struct Other {
        id: Id<Other>,
    }
    on_every_backend(|store| {
        store.save(&nest(1)).unwrap();
        let names = ["Nest", "Other", "class = "];
        refused(store.save(&Other { id: "x".into() }), ErrorKind::ClassClash, &names);
        refused(store.load::<Other>("0"), ErrorKind::ClassClash, &names);
        refused(store.ids::<Other>(), ErrorKind::ClassClash, &names);
        let link = Ref::<Other>::new("0");
        refused(link.load(store), ErrorKind::ClassClash, &names);
    });
}

#[test]
fn what_is_absent_is_none_and_not_found() {
    on_every_backend(|store| {
        for _ in 0..2 {
            assert_eq!(store.find::<Board>("nothing").unwrap(), None);
            assert!(!store.exists::<Board>("nothing").unwrap() && !store.delete::<Board>("nothing").unwrap());
            refused(store.load::<Board>("nothing"), ErrorKind::NotFound, &["Board", "nothing"]);
            store.save(&work_board()).unwrap();
        }
    });
}
