//! What others change is seen by the next get: other handles, other processes, and people with editors.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use sepia::record::Key;
use sepia::{CacheOptions, ErrorKind, Store};

use super::{BUDGET, Board, Note, Speech, board, note, speak, text, tree, trusting, with_another};
use crate::support::{OnDisk, on_every_backend, refused};

#[test]
fn what_another_handle_commits_is_seen() {
    with_another(|store, other| {
        other.save(&tree()).unwrap();
        assert_eq!(*store.get::<Board>("work").unwrap(), tree());
        other.overwrite(&note("a", "2")).unwrap();
        assert_eq!((text(store, "a").as_str(), store.get::<Board>("work").unwrap().notes[0].text.as_str()), ("2", "2"));
        other.overwrite(&Board { title: "2".to_owned(), ..tree() }).unwrap();
        assert_eq!(store.get::<Board>("work").unwrap().title, "2");
        other.delete::<Note>("b").unwrap();
        refused(store.get::<Board>("work"), ErrorKind::Dangling, &["b"]);
        refused(store.get::<Note>("b"), ErrorKind::NotFound, &["b"]);
        other.save(&Speech { id: "s.0".into(), words: 0 }).unwrap();
        assert_eq!(store.get::<Speech>("s").unwrap().words, 0);
        speak(other, 1);
        assert_eq!(store.get::<Speech>("s").unwrap().words, 1);
        other.clear().unwrap();
        refused(store.get::<Board>("work"), ErrorKind::NotFound, &[]);
    });
}

/// Waits until the files are old enough to be told by their times, and looks at them once more.
fn settle(store: &Store) -> Arc<Board> {
    std::thread::sleep(Duration::from_millis(70));
    let before = store.get::<Board>("work").unwrap();
    let key = Key::new("Board", "work").unwrap();
    let (_, seal) = store.backend().read_sealed(&key).unwrap();
    assert!(store.backend().is_intact(&mut [(&key, &seal)].into_iter()).unwrap(), "{seal:?}");
    before
}

/// Makes an edit right after an object was kept, and long after; and checks what is seen then.
fn edited(edit: impl Fn(&OnDisk), check: impl Fn(&Store)) {
    for is_settled in [false, true] {
        let disk = OnDisk::new();
        disk.store.save(&tree()).unwrap();
        let store = disk.reopen().with_cache(CacheOptions::new(BUDGET));
        let held = store.get::<Board>("work").unwrap();
        if is_settled {
            assert!(Arc::ptr_eq(&held, &settle(&store)));
        }
        assert_eq!(*held, tree());
        edit(&disk);
        check(&store);
        check(&store);
    }
}

#[test]
fn a_file_that_was_edited_in_place_to_equal_length_is_seen() {
    let check = |store: &Store| {
        assert_eq!(store.get::<Board>("work").unwrap().notes[0].text, "2");
        assert_eq!(text(store, "a"), "2");
    };
    edited(|disk| disk.write("Note/a", "2"), check);
    // With the time of its content set back, as some tools do.
    let edit = |disk: &OnDisk| {
        let path = disk.path("Note/a");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "2").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    };
    edited(edit, check);
    let edit = |disk: &OnDisk| {
        disk.write("Note/new", "2");
        fs::rename(disk.path("Note/new"), disk.path("Note/a")).unwrap();
    };
    edited(edit, check);
}

/// What is written within one tick of the clock has one time, and may have one length.
#[test]
fn an_edit_in_the_tick_in_which_a_file_was_read_is_seen() {
    let disk = OnDisk::new();
    disk.store.save(&note("a", "1")).unwrap();
    let store = disk.store.with_cache(CacheOptions::new(BUDGET));
    for round in 0..500 {
        let content = (round % 2).to_string();
        disk.write("Note/a", &content);
        assert_eq!(text(&store, "a"), content);
    }
}

#[test]
fn a_link_that_leads_elsewhere_now_is_seen() {
    let edit = |disk: &OnDisk| {
        fs::remove_file(disk.path("Board/work/notes/0000_a")).unwrap();
        symlink("../../../Note/b", disk.path("Board/work/notes/0000_a")).unwrap();
    };
    edited(edit, |store| assert_eq!(store.get::<Board>("work").unwrap().notes[0].id.as_str(), "b"));
    let edit = |disk: &OnDisk| {
        fs::remove_file(disk.path("Board/work/notes/0000_a")).unwrap();
        symlink("../../../Note/c", disk.path("Board/work/notes/0000_c")).unwrap();
    };
    edited(edit, |store| assert_eq!(store.get::<Board>("work").unwrap().notes[0].id.as_str(), "c"));
}

#[test]
fn what_comes_into_a_container_is_seen_and_what_goes() {
    edited(
        |disk| symlink("../../../Note/c", disk.path("Board/work/notes/0002_c")).unwrap(),
        |store| assert_eq!(store.get::<Board>("work").unwrap().notes.len(), 3),
    );
    edited(
        |disk| fs::remove_file(disk.path("Board/work/notes/0001_b")).unwrap(),
        |store| assert_eq!(store.get::<Board>("work").unwrap().notes.len(), 1),
    );
    edited(
        |disk| fs::remove_dir_all(disk.path("Board/work/boards")).unwrap(),
        |store| assert_eq!(store.get::<Board>("work").unwrap().boards, []),
    );
    edited(
        |disk| fs::remove_dir_all(disk.path("Board/work")).unwrap(),
        |store| drop(refused(store.get::<Board>("work"), ErrorKind::NotFound, &["work"])),
    );
    // Files that are not Sepia's: one that may not be there, and one that is no business of hers.
    edited(
        |disk| disk.write("Board/work/boards/0000_inner/notes/stray", ""),
        |store| drop(refused(store.get::<Board>("work"), ErrorKind::Corrupt, &["stray"])),
    );
    edited(
        |disk| disk.write("Board/work/notes/.directory", ""),
        |store| assert_eq!(*store.get::<Board>("work").unwrap(), tree()),
    );
}

#[test]
fn a_change_of_the_values_of_a_nested_container_is_seen() {
    let edit = |disk: &OnDisk| {
        let path = "Board/work/boards/0000_inner/data.json";
        disk.write(path, disk.text(path).replace("\"1\"", "\"2\""));
    };
    edited(edit, |store| assert_eq!(store.get::<Board>("work").unwrap().boards[0].title, "2"));
}

#[test]
fn a_child_that_is_gone_is_missed() {
    edited(
        |disk| fs::remove_file(disk.path("Note/c")).unwrap(),
        |store| drop(refused(store.get::<Board>("work"), ErrorKind::Dangling, &["Note", "c"])),
    );
}

/// The files are the same, and yet nothing may be read through a symlink.
#[test]
fn a_symlink_in_place_of_a_directory_is_seen() {
    for (class, below) in [("Note", "Note"), ("Board", "Board"), ("Board", "Board/work/boards")] {
        let edit = |disk: &OnDisk| {
            fs::rename(disk.path(below), disk.path("moved")).unwrap();
            symlink(disk.path("moved"), disk.path(below)).unwrap();
        };
        edited(edit, |store| drop(refused(store.get::<Board>("work"), ErrorKind::Corrupt, &[class])));
    }
}

/// An empty directory is no part of the record, and what comes into it is.
#[test]
fn what_comes_into_an_empty_directory_is_seen() {
    let disk = OnDisk::new();
    disk.store.save(&board("work", &[])).unwrap();
    disk.store.save(&note("a", "1")).unwrap();
    fs::create_dir(disk.path("Board/work/notes")).unwrap();
    let store = disk.store.with_cache(CacheOptions::new(BUDGET));
    assert_eq!(store.get::<Board>("work").unwrap().notes, []);
    assert_eq!(settle(&store).notes, []);
    symlink("../../../Note/a", disk.path("Board/work/notes/0000_a")).unwrap();
    assert_eq!(store.get::<Board>("work").unwrap().notes.len(), 1);
}

#[test]
fn what_cannot_be_read_is_an_error_until_it_is_mended() {
    let disk = OnDisk::new();
    disk.store.save(&Speech { id: "s.0".into(), words: 1 }).unwrap();
    let store = disk.store.with_cache(CacheOptions::new(BUDGET));
    let held = store.get::<Speech>("s").unwrap();
    let content = disk.text("Speech/s.0");
    for _ in 0..2 {
        disk.write("Speech/s.0", "{");
        for id in ["s", "s.0", "s"] {
            refused(store.get::<Speech>(id), ErrorKind::Corrupt, &["Speech", "s.0"]);
        }
        disk.write("Speech/s.0", &content);
        assert!(Arc::ptr_eq(&held, &store.get("s").unwrap()));
        std::thread::sleep(Duration::from_millis(70));
        assert!(Arc::ptr_eq(&held, &store.get("s").unwrap()));
    }
}

#[test]
fn who_is_trusted_is_not_looked_at() {
    on_every_backend(|other| {
        other.save(&tree()).unwrap();
        other.save(&Speech { id: "s.0".into(), words: 0 }).unwrap();
        let store = other.with_cache(trusting());
        let held = (store.get::<Board>("work").unwrap(), store.get::<Speech>("s").unwrap());
        other.overwrite(&note("a", "2")).unwrap();
        speak(other, 1);
        assert_eq!(*store.get::<Board>("work").unwrap(), tree());
        assert_eq!(store.get::<Speech>("s").unwrap().words, 0);
        assert_eq!(store.cache_stats().validations, 0);
        // An own commit on a part of it takes the trust away, and then everything is seen.
        store.overwrite(&note("c", "3")).unwrap();
        assert_eq!(store.get::<Board>("work").unwrap().notes[0].text, "2");
        // What is gone cannot be made up for.
        drop(held);
        store.shrink_to(0);
        other.delete::<Speech>("s").unwrap();
        refused(store.get::<Speech>("s"), ErrorKind::NotFound, &["s"]);
    });
}

/// Also of what is gone already, and not known to be.
#[test]
fn a_store_that_was_cleared_trusts_nobody_for_what_was_before() {
    on_every_backend(|other| {
        other.save(&note("n", "1")).unwrap();
        let store = other.with_cache(trusting());
        let _held = store.get::<Note>("n").unwrap();
        other.delete::<Note>("n").unwrap();
        assert_eq!(text(&store, "n"), "1");
        store.clear().unwrap();
        refused(store.get::<Note>("n"), ErrorKind::NotFound, &["n"]);
    });
}

#[test]
fn trust_ends() {
    on_every_backend(|other| {
        other.save(&note("n", "1")).unwrap();
        other.save(&Speech { id: "s.0".into(), words: 0 }).unwrap();
        let store = other.with_cache(CacheOptions::new(BUDGET).trust(Duration::from_millis(20)));
        assert_eq!((text(&store, "n").as_str(), store.get::<Speech>("s").unwrap().words), ("1", 0));
        other.overwrite(&note("n", "2")).unwrap();
        speak(other, 1);
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!((text(&store, "n").as_str(), store.get::<Speech>("s").unwrap().words), ("2", 1));
    });
}

/// The newest generation may go while the base is trusted.
#[test]
fn a_trusted_base_whose_generation_is_gone_is_looked_for() {
    on_every_backend(|other| {
        for words in 0..2 {
            other.save(&Speech { id: format!("s.{words}").into(), words }).unwrap();
        }
        let store = other.with_cache(trusting());
        assert_eq!(store.get::<Speech>("s").unwrap().words, 1);
        store.save(&note("n", "")).unwrap();
        other.delete::<Speech>("s.1").unwrap();
        // Only the speech goes, and what `s` means stays.
        store.overwrite(&Speech { id: "s.1".into(), words: 1 }).unwrap();
        other.delete::<Speech>("s.1").unwrap();
        assert_eq!(store.get::<Speech>("s").unwrap().words, 0);
        assert_eq!(store.get::<Note>("n").unwrap().text, "");
    });
}
