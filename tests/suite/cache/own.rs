//! What a store commits itself is seen by the next get, whether others are trusted or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sepia::record::Key;
use sepia::transfer::OnConflict;
use sepia::{Durability, Error, ErrorKind, Result, Store};

use super::{Board, Note, Speech, board, note, speak, text, tree, with_every_cache};
use crate::support::refused;

#[test]
fn saves_and_deletes_are_seen_at_once() {
    with_every_cache(|store| {
        store.save(&note("n", "1")).unwrap();
        assert_eq!(text(store, "n"), "1");
        let mut mine: Note = store.load("n").unwrap();
        mine.text = "2".to_owned();
        store.save(&mine).unwrap();
        assert_eq!(text(store, "n"), "2");
        store.overwrite(&note("n", "3")).unwrap();
        assert_eq!(text(store, "n"), "3");
        // Clones are the same store.
        store.with_durability(Durability::Buffered).overwrite(&note("n", "4")).unwrap();
        assert_eq!(text(store, "n"), "4");
        assert!(store.delete::<Note>("n").unwrap());
        refused(store.get::<Note>("n"), ErrorKind::NotFound, &["n"]);
        store.save(&note("n", "5")).unwrap();
        let _held = store.get::<Note>("n").unwrap();
        assert_eq!(text(store, "n"), "5");
        store.clear().unwrap();
        refused(store.get::<Note>("n"), ErrorKind::NotFound, &["n"]);
    });
}

#[test]
fn a_change_of_what_an_object_is_made_of_is_seen_in_it() {
    with_every_cache(|store| {
        store.save(&tree()).unwrap();
        let get = || store.get::<Board>("work").unwrap();
        let before = get();
        for (round, id) in ["a", "b", "c"].into_iter().enumerate() {
            store.overwrite(&note(id, "changed")).unwrap();
            let board = get();
            let texts = [&board.notes[0], &board.notes[1], &board.boards[0].notes[0]].map(|note| note.text.as_str());
            assert_eq!(texts.map(|text| text == "changed"), [true, round > 0, round > 1]);
        }
        assert_eq!(*before, tree());
        store.delete::<Note>("c").unwrap();
        refused(store.get::<Board>("work"), ErrorKind::Dangling, &["work", "c"]);
        store.save(&note("c", "back")).unwrap();
        assert_eq!(get().boards[0].notes[0].text, "back");
    });
}

#[test]
fn what_was_rewritten_equal_is_the_same_object() {
    with_every_cache(|store| {
        store.save(&tree()).unwrap();
        let held = store.get::<Board>("work").unwrap();
        store.delete::<Note>("a").unwrap();
        store.overwrite(&note("a", "1")).unwrap();
        store.overwrite(&tree()).unwrap();
        assert!(Arc::ptr_eq(&held, &store.get("work").unwrap()));
    });
}

#[test]
fn a_base_means_the_newest_generation() {
    with_every_cache(|store| {
        let words = |id: &str| store.get::<Speech>(id).map(|speech| speech.words);
        let mut speech = Speech { id: "s.0".into(), words: 0 };
        store.save(&speech).unwrap();
        let with_speech = Board { speech: Some(speech.clone()), ..board("b", &[]) };
        store.save(&with_speech).unwrap();
        assert_eq!((words("s").unwrap(), words("s.0").unwrap()), (0, 0));
        speech.words = 1;
        store.save_next(&mut speech).unwrap();
        assert_eq!((words("s").unwrap(), words("s.0").unwrap(), words("s.1").unwrap()), (1, 0, 1));
        speak(store, 2);
        assert_eq!((words("s").unwrap(), words("s.1").unwrap()), (2, 1));
        // A link to a generation is exact.
        assert_eq!(store.get::<Board>("b").unwrap().speech.as_ref().unwrap().words, 0);
        store.delete::<Speech>("s.2").unwrap();
        assert_eq!(words("s").unwrap(), 1);
        store.delete::<Speech>("s").unwrap();
        assert_eq!(words("s").map_err(|error| error.kind()), Err(ErrorKind::NotFound));
        assert_eq!(words("s.1").map_err(|error| error.kind()), Err(ErrorKind::NotFound));
        // A base can end like a generation.
        store.save(&Speech { id: "10.0.0.1.0".into(), words: 7 }).unwrap();
        assert_eq!(words("10.0.0.1").unwrap(), 7);
        store.save(&Speech { id: "10.0.0.1.1".into(), words: 8 }).unwrap();
        assert_eq!(words("10.0.0.1").unwrap(), 8);
        store.save(&Speech { id: "10.0.0.1".into(), words: 9 }).unwrap();
        assert_eq!(words("10.0.0.1").unwrap(), 9);
    });
}

#[test]
fn a_transaction_leaves_what_it_has_committed_and_nothing_else() {
    with_every_cache(|store| {
        store.save(&tree()).unwrap();
        let held = store.get::<Board>("work").unwrap();
        let change = |store: &Store, outcome: Result<()>| {
            store.transaction(|transaction| {
                transaction.overwrite(&note("a", "2"))?;
                assert_eq!(transaction.load::<Note>("a")?.text, "2");
                // Outside of it, nothing has happened.
                assert_eq!(store.get::<Note>("a")?.text, "1");
                assert!(Arc::ptr_eq(&held, &store.get("work")?));
                outcome
            })
        };
        let stop = Error::new(ErrorKind::Other, "stop");
        refused(change(store, Err(stop)), ErrorKind::Other, &["stop"]);
        assert!(Arc::ptr_eq(&held, &store.get("work").unwrap()));
        assert_eq!(text(store, "a"), "1");
        change(store, Ok(())).unwrap();
        assert_eq!(text(store, "a"), "2");
        assert_eq!(store.get::<Board>("work").unwrap().notes[0].text, "2");
        // One that is refused has changed nothing either.
        let held = store.get::<Note>("a").unwrap();
        let refusal = store.transaction(|transaction| {
            transaction.overwrite(&note("a", "3"))?;
            transaction.save(&note("", ""))
        });
        refused(refusal, ErrorKind::InvalidName, &[]);
        assert!(Arc::ptr_eq(&held, &store.get("a").unwrap()));
    });
}

#[test]
fn what_tools_write_is_seen_at_once() {
    with_every_cache(|store| {
        store.save(&tree()).unwrap();
        store.save(&note("loose", "1")).unwrap();
        let get_all = || (text(store, "loose"), store.get::<Board>("work").unwrap().notes[0].text.clone());
        assert_eq!(get_all(), ("1".to_owned(), "1".to_owned()));

        let from = Store::in_memory();
        from.save(&note("loose", "2")).unwrap();
        from.save(&note("a", "2")).unwrap();
        from.copy_to(store).on_conflict(OnConflict::Replace).run().unwrap();
        assert_eq!(get_all(), ("2".to_owned(), "2".to_owned()));

        from.overwrite(&note("a", "3")).unwrap();
        let mut lines = Vec::new();
        from.export().to_writer(&mut lines).unwrap();
        store.import().on_conflict(OnConflict::Replace).from_reader(&lines[..]).unwrap();
        assert_eq!(get_all(), ("2".to_owned(), "3".to_owned()));

        store.gc([Key::new("Board", "work").unwrap()]).grace(Duration::ZERO).run().unwrap();
        refused(store.get::<Note>("loose"), ErrorKind::NotFound, &["loose"]);
    });
}

/// What repair moves away is no commit, and is missed all the same.
#[test]
fn what_is_repaired_is_seen_at_once() {
    for options in [sepia::CacheOptions::new(super::BUDGET), super::trusting()] {
        let disk = crate::support::OnDisk::new();
        disk.store.save(&tree()).unwrap();
        disk.store.save(&note("moved", "1")).unwrap();
        let store = disk.store.with_cache(options);
        assert_eq!((text(&store, "moved"), store.get::<Board>("work").unwrap()), ("1".to_owned(), Arc::new(tree())));
        std::fs::remove_file(disk.path("Note/moved")).unwrap();
        std::os::unix::fs::symlink("a", disk.path("Note/moved")).unwrap();
        store.verify().repair().run().unwrap();
        refused(store.get::<Note>("moved"), ErrorKind::NotFound, &["moved"]);
        assert_eq!(*store.get::<Board>("work").unwrap(), tree());
    }
}

#[test]
fn whoever_asks_after_a_save_has_returned_sees_it() {
    const LAST: u64 = 150;
    with_every_cache(|store| {
        let store = store.with_durability(Durability::Buffered);
        let save = |number: u64| {
            store.overwrite(&note("n", &number.to_string())).unwrap();
            if number.is_multiple_of(3) {
                store.overwrite(&Board { title: number.to_string(), ..board("b", &[note("n", &number.to_string())]) })
            } else {
                Ok(())
            }
            .unwrap();
        };
        save(0);
        let saved = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for getter in 0..4 {
                let (saved, store) = (&saved, &store);
                scope.spawn(move || {
                    let mut seen = 0;
                    while seen < LAST {
                        let before = saved.load(Ordering::SeqCst);
                        let got = if getter % 2 == 0 {
                            text(store, "n").parse::<u64>().unwrap()
                        } else {
                            let board = store.get::<Board>("b").unwrap();
                            assert!(board.title.parse::<u64>().unwrap() >= before - before % 3);
                            board.notes[0].text.parse().unwrap()
                        };
                        assert!(got >= before, "{got} after {before} was saved");
                        seen = before;
                        if getter == 3 {
                            store.shrink_to(0);
                        }
                    }
                });
            }
            for number in 1..=LAST {
                save(number);
                saved.store(number, Ordering::SeqCst);
            }
        });
        assert_eq!(text(&store, "n"), LAST.to_string());
    });
}
