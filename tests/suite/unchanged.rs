//! A save writes only what changed.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::boards::{postit, work_board};
use crate::support::{OnDisk, stamps};

#[test]
fn saving_again_changes_nothing() {
    let disk = OnDisk::new();
    let board = work_board();
    disk.store.save(&board).unwrap();
    let before = stamps(disk.directory.path());
    disk.store.save(&board).unwrap();
    disk.reopen().save(&board).unwrap();
    let loaded: crate::boards::Board = disk.reopen().load("work_board").unwrap();
    disk.store.save(&loaded).unwrap();
    assert_eq!(stamps(disk.directory.path()), before);
}

#[test]
fn one_change_writes_one_file() {
    let disk = OnDisk::new();
    let mut board = work_board();
    disk.store.save(&board).unwrap();
    let before = stamps(disk.directory.path());
    board.boards[0].postits[0].text = "Reviewed".to_owned();
    disk.store.save(&board).unwrap();
    let mut after = stamps(disk.directory.path());
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, stamp)| before.get(*path) != Some(stamp) && !path.starts_with(".sepia"))
        .map(|(path, _)| path.clone())
        .collect();
    // The file was replaced, so the directory that names it changed too.
    assert_eq!(changed, ["Postit", "Postit/code_review_postit"]);
    after.retain(|path, _| path.starts_with(".sepia/"));
    assert_eq!(
        after.into_keys().collect::<Vec<_>>(),
        [".gitignore", "format.json", "journal", "state", "tmp"].map(|name| format!(".sepia/{name}"))
    );
}

#[test]
fn appending_to_a_list_touches_no_other_element() {
    let disk = OnDisk::new();
    let mut board = work_board();
    disk.store.save(&board).unwrap();
    let before = stamps(disk.directory.path());
    board.postits.push(postit("new", "new"));
    disk.store.save(&board).unwrap();
    let after = stamps(disk.directory.path());
    for (path, stamp) in &before {
        let unchanged = path.contains("0000_") || path.ends_with("data.json") || path.starts_with("Postit/");
        assert!(!unchanged || after.get(path) == Some(stamp), "{path}");
    }
}

#[test]
fn permissions_of_files_that_are_there_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let disk = OnDisk::new();
    let mut note = postit("p", "1");
    disk.store.save(&note).unwrap();
    fs::set_permissions(disk.path("Postit/p"), fs::Permissions::from_mode(0o640)).unwrap();
    note.text = "2".to_owned();
    disk.store.save(&note).unwrap();
    assert_eq!(fs::metadata(disk.path("Postit/p")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(disk.text("Postit/p"), "2");
}
