//! Several changes as one.

use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sepia::record::Key;
use sepia::{Container, Durability, Error, ErrorKind, Id, Ref, Result, Serializable, Store, Transaction};

use crate::support::{
    AnyStore, Medium, OnDisk, content, in_two_views, on_every_backend, on_every_medium, refused, stamps,
};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Speech {
    id: Id<Speech>,
    text: String,
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Desk {
    id: Id<Desk>,
    count: u64,
    notes: Vec<Note>,
    links: Vec<Ref<Note>>,
}

fn note(id: &str, text: &str) -> Note {
    Note { id: id.into(), text: text.to_owned() }
}

fn speech(id: &str, text: &str) -> Speech {
    Speech { id: id.into(), text: text.to_owned() }
}

fn text(store: &Store, id: &str) -> String {
    store.load::<Note>(id).unwrap().text
}

/// The error with which a test rolls back.
fn enough() -> Error {
    Error::new(ErrorKind::Other, "enough")
}

/// Runs a transaction, and rolls it back.
fn roll_back(store: &Store, change: impl FnOnce(&mut Transaction<'_>)) {
    let result = store.transaction(|tx| {
        change(tx);
        Err::<(), _>(enough())
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Other);
}

#[track_caller]
fn conflict<T>(result: Result<T>, class: &str, id: &str) {
    let error = refused(result, ErrorKind::Conflict, &[class, id]);
    assert_eq!(error.conflicts(), [Key::new(class, id).unwrap()]);
}

#[test]
fn its_own_changes_are_seen_inside_and_by_nobody_else_before_it_commits() {
    in_two_views(|store, other| {
        store.save(&note("old", "1")).unwrap();
        store.save(&note("gone", "1")).unwrap();
        store.save(&speech("s.0", "0")).unwrap();
        store.save(&speech("t.0", "0")).unwrap();
        let outside = || {
            assert_eq!(text(other, "old"), "1");
            assert!(other.exists::<Note>("gone").unwrap() && !other.exists::<Note>("new").unwrap());
            assert_eq!(other.find::<Note>("new").unwrap(), None);
            assert_eq!(other.ids::<Note>().unwrap(), ["gone".into(), "old".into()]);
            assert_eq!((other.count::<Note>().unwrap(), other.count::<Desk>().unwrap()), (2, 0));
            assert_eq!(other.classes().unwrap(), ["Note", "Speech"]);
            assert_eq!(other.versions::<Speech>("s").unwrap(), ["s.0".into()]);
            assert_eq!(other.load::<Speech>("s").unwrap().text, "0");
            assert_eq!(refused(Ref::<Note>::new("new").load(other), ErrorKind::Dangling, &[]).conflicts(), []);
        };
        let result = store.transaction(|tx| {
            let mut old: Note = tx.load("old")?;
            old.text = "2".to_owned();
            tx.save(&old)?;
            assert!(tx.delete::<Note>("gone")? && !tx.delete::<Note>("gone")?);
            let desk =
                Desk { id: "d".into(), notes: vec![note("new", "1")], links: vec![Ref::to(&old)], ..Desk::default() };
            tx.save(&desk)?;
            let mut next: Speech = tx.load("s")?;
            next.text = "1".to_owned();
            tx.save_next(&mut next)?;
            tx.update("s", |speech: &mut Speech| {
                assert_eq!(speech.text, "1");
                speech.text = "2".to_owned();
                Ok(())
            })?;
            assert!(tx.delete::<Speech>("t")?);

            // All of it in every kind of look.
            assert_eq!(tx.load::<Note>("old")?.text, "2");
            assert_eq!(tx.find::<Note>("gone")?, None);
            assert!(!tx.exists::<Note>("gone")? && tx.exists::<Note>("new")?);
            assert_eq!(tx.ids::<Note>()?, ["new".into(), "old".into()]);
            assert_eq!((tx.count::<Note>()?, tx.count::<Desk>()?, tx.count::<Speech>()?), (2, 1, 3));
            let loaded: Desk = tx.load("d")?;
            assert_eq!(loaded, desk);
            assert_eq!(loaded.links[0].load(tx)?.text, "2");
            assert_eq!(Ref::<Note>::new("new").load(tx)?.text, "1");
            refused(Ref::<Note>::new("gone").load(tx), ErrorKind::Dangling, &["Note", "gone"]);
            refused(tx.load::<Note>("gone"), ErrorKind::NotFound, &["Note", "gone"]);
            assert_eq!(tx.versions::<Speech>("s")?, ["s.0".into(), "s.1".into(), "s.2".into()]);
            assert_eq!(
                (tx.load::<Speech>("s")?.text, tx.load::<Speech>("s.1")?.text),
                ("2".to_owned(), "1".to_owned())
            );
            assert_eq!(Ref::latest(&speech("s.0", "")).load(tx)?.text, "2");
            assert!(tx.is_stale(&next)? && tx.find::<Speech>("t")?.is_none() && tx.versions::<Speech>("t")?.is_empty());
            // None of it outside, be it in this thread or in another.
            outside();
            thread::scope(|scope| scope.spawn(outside).join().unwrap());
            assert_eq!(text(store, "old"), "1");
            Ok(desk)
        });
        let desk = result.unwrap();
        for store in [store, other] {
            assert_eq!(store.load::<Desk>("d").unwrap(), desk);
            assert_eq!(text(store, "old"), "2");
            assert_eq!(store.ids::<Note>().unwrap(), ["new".into(), "old".into()]);
            assert_eq!(store.load::<Speech>("s").unwrap(), speech("s.2", "2"));
            assert_eq!(store.ids::<Speech>().unwrap(), ["s.0".into(), "s.1".into(), "s.2".into()]);
            assert_eq!(store.classes().unwrap(), ["Desk", "Note", "Speech"]);
        }
    });
}

#[test]
fn an_error_and_a_panic_roll_back() {
    in_two_views(|store, other| {
        store.save(&note("n", "1")).unwrap();
        let before = content(store);
        let change = |tx: &mut Transaction<'_>| {
            tx.overwrite(&note("n", "2")).unwrap();
            tx.save(&Desk { id: "d".into(), notes: vec![note("m", "1")], ..Desk::default() }).unwrap();
            tx.delete::<Note>("n").unwrap();
            tx.save(&speech("s.0", "0")).unwrap();
        };
        roll_back(store, change);
        assert_eq!(content(store), before);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.transaction(|tx| -> Result<()> {
                change(tx);
                std::panic::resume_unwind(Box::new("enough"))
            })
        }));
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"enough"));
        // The store works, here and elsewhere, and knows nothing of the classes.
        for store in [store, other] {
            assert_eq!(content(store), before);
            assert_eq!(store.classes().unwrap(), ["Note"]);
            assert_eq!((store.count::<Desk>().unwrap(), store.versions::<Speech>("s").unwrap()), (0, vec![]));
        }
        for store in [store, other] {
            store.overwrite(&note("n", "3")).unwrap();
            assert_eq!(store.transaction(|tx| tx.load::<Note>("n")).unwrap().text, "3");
        }
    });
}

/// Not even a directory is made for what is rolled back.
#[test]
fn what_is_rolled_back_leaves_no_files() {
    let disk = OnDisk::new();
    disk.store.save(&note("n", "1")).unwrap();
    let before = disk.snapshot();
    roll_back(&disk.store, |tx| tx.save(&Desk { notes: vec![note("m", "1")], ..Desk::default() }).unwrap());
    assert_eq!(disk.snapshot(), before);
}

#[test]
fn a_class_that_was_rolled_back_is_free() {
    #[derive(Container, Debug)]
    #[sepia(class = "Note")]
    struct Other {
        id: Id<Other>,
    }
    on_every_medium(|medium| {
        let store = medium.make();
        roll_back(&store, |tx| {
            tx.save(&note("n", "1")).unwrap();
            tx.load::<Note>("n").unwrap();
        });
        let other = store.reopen();
        if !store.lasts() {
            // Its only handle has seen the class as that of another type.
            return;
        }
        other.save(&Other { id: "o".into() }).unwrap();
        refused(store.find::<Note>("o"), ErrorKind::ClassClash, &["Note"]);
        refused(store.save(&note("n", "1")), ErrorKind::ClassClash, &["Note"]);
        // Within a transaction, the save itself is refused, and the rest can go on.
        let saved = store.transaction(|tx| {
            refused(tx.save(&note("n", "1")), ErrorKind::ClassClash, &["Note"]);
            tx.save(&speech("s.0", "0"))
        });
        saved.unwrap();
        assert_eq!(store.reopen().ids::<Speech>().unwrap(), ["s.0".into()]);
    });
}

#[test]
fn what_was_saved_is_remembered_if_it_commits() {
    on_every_backend(|store| {
        let mut mine = note("n", "1");
        store.save(&mine).unwrap();
        mine.text = "2".to_owned();
        let mut fresh = note("fresh", "1");
        let clones = store.transaction(|tx| {
            tx.save(&mine)?;
            tx.save(&fresh)?;
            mine.text = "3".to_owned();
            tx.save(&mine)?;
            Ok((mine.clone(), fresh.clone()))
        });
        let (clone, fresh_clone) = clones.unwrap();
        for known in [&mut mine, &mut fresh] {
            store.save(known).unwrap();
            known.text = "4".to_owned();
            store.save(known).unwrap();
        }
        // The clones, too, were saved, and not since.
        conflict(store.save(&Note { text: "5".to_owned(), ..clone }), "Note", "n");
        conflict(store.save(&Note { text: "5".to_owned(), ..fresh_clone }), "Note", "fresh");
    });
}

#[test]
fn what_was_rolled_back_is_remembered_as_it_was() {
    on_every_backend(|store| {
        let mut mine = note("n", "1");
        store.save(&mine).unwrap();
        mine.text = "2".to_owned();
        let mut clone = None;
        roll_back(store, |tx| {
            tx.save(&mine).unwrap();
            clone = Some(mine.clone());
        });
        let clone = clone.unwrap();
        store.save(&clone).unwrap();
        conflict(store.save(&mine), "Note", "n");
        assert_eq!(text(store, "n"), "2");
        // The same after a panic.
        let mut known: Note = store.load("n").unwrap();
        known.text = "3".to_owned();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.transaction(|tx| -> Result<()> {
                tx.save(&known)?;
                std::panic::resume_unwind(Box::new(()))
            })
        }));
        assert!(panicked.is_err());
        store.save(&known).unwrap();
    });
}

#[test]
fn what_was_loaded_in_a_transaction_is_remembered_whatever_becomes_of_it() {
    on_every_backend(|store| {
        store.save(&note("n", "1")).unwrap();
        let mut kept = None;
        roll_back(store, |tx| kept = Some(tx.load::<Note>("n").unwrap()));
        let kept = kept.unwrap();
        store.overwrite(&note("n", "theirs")).unwrap();
        conflict(store.save(&Note { text: "mine".to_owned(), ..kept }), "Note", "n");
        // What was loaded as this transaction had made it never was.
        let mut kept = None;
        roll_back(store, |tx| {
            tx.overwrite(&note("n", "2")).unwrap();
            tx.save(&note("new", "1")).unwrap();
            kept = Some((tx.load::<Note>("n").unwrap(), tx.load::<Note>("new").unwrap()));
        });
        let (known, new) = kept.unwrap();
        conflict(store.save(&known), "Note", "n");
        conflict(store.save(&new), "Note", "new");
        // And if it commits, it is.
        let committed = store.transaction(|tx| {
            let before: Note = tx.load("n")?;
            tx.overwrite(&note("n", "3"))?;
            Ok((before, tx.load::<Note>("n")?))
        });
        let (before, known) = committed.unwrap();
        conflict(store.save(&Note { text: "mine".to_owned(), ..before }), "Note", "n");
        store.save(&Note { text: "4".to_owned(), ..known }).unwrap();
    });
}

#[test]
fn a_stale_object_is_a_conflict_inside_and_the_rest_goes_on() {
    on_every_backend(|store| {
        let mut stale = note("n", "1");
        store.save(&stale).unwrap();
        store.save(&Note { text: "2".to_owned(), ..stale.clone() }).unwrap();
        stale.text = "stale".to_owned();
        let saved = store.transaction(|tx| {
            conflict(tx.save(&stale), "Note", "n");
            let desk = Desk { id: "d".into(), notes: vec![note("m", "1"), stale.clone()], ..Desk::default() };
            conflict(tx.save(&desk), "Note", "n");
            assert!(!tx.exists::<Desk>("d")? && !tx.exists::<Note>("m")?);
            tx.save(&note("other", "1"))?;
            // One that was stale by what the transaction has done itself.
            let loaded: Note = tx.load("n")?;
            tx.save(&Note { text: "3".to_owned(), ..loaded.clone() })?;
            conflict(tx.save(&Note { text: "4".to_owned(), ..loaded.clone() }), "Note", "n");
            // As it is, it is nothing to be saved.
            tx.save(&loaded)?;
            assert_eq!(tx.load::<Note>("n")?.text, "3");
            tx.overwrite(&loaded)
        });
        saved.unwrap();
        assert_eq!((text(store, "n"), text(store, "other")), ("2".to_owned(), "1".to_owned()));
        assert_eq!((store.exists::<Desk>("d").unwrap(), store.exists::<Note>("m").unwrap()), (false, false));
    });
}

#[test]
fn deleting_and_saving_in_one() {
    on_every_backend(|store| {
        let mine = note("n", "1");
        store.save(&mine).unwrap();
        let done = store.transaction(|tx| {
            tx.delete::<Note>("n")?;
            conflict(tx.save(&mine), "Note", "n");
            tx.overwrite(&Note { text: "2".to_owned(), ..mine.clone() })?;
            assert_eq!(tx.load::<Note>("n")?.text, "2");
            // Saved and deleted: it never was.
            tx.save(&note("m", "1"))?;
            assert!(tx.delete::<Note>("m")?);
            tx.delete::<Note>("gone")?;
            tx.save(&note("gone", "fresh"))?;
            tx.save(&note("back", "1"))?;
            tx.delete::<Note>("back")?;
            tx.save(&note("back", "2"))
        });
        done.unwrap();
        assert_eq!(store.ids::<Note>().unwrap(), ["back".into(), "gone".into(), "n".into()]);
        assert_eq!((text(store, "n"), text(store, "back")), ("2".to_owned(), "2".to_owned()));
        conflict(store.save(&Note { text: "3".to_owned(), ..mine }), "Note", "n");
        // An unchanged object that was saved, and then deleted.
        let known: Note = store.load("n").unwrap();
        let done = store.transaction(|tx| {
            tx.save(&known)?;
            tx.delete::<Note>("n")
        });
        assert!(done.unwrap());
        assert!(!store.exists::<Note>("n").unwrap());
        conflict(store.save(&known), "Note", "n");
    });
}

#[test]
fn an_edit_by_hand_during_a_transaction_is_a_conflict_with_nothing_written() {
    let disk = OnDisk::new();
    let mut mine = note("n", "1");
    disk.store.save(&mine).unwrap();
    mine.text = "2".to_owned();
    let result = disk.store.transaction(|tx| {
        tx.save(&mine)?;
        tx.save(&note("other", "1"))?;
        disk.write("Note/n", "by hand");
        Ok(())
    });
    conflict(result, "Note", "n");
    assert_eq!(disk.text("Note/n"), "by hand");
    assert!(!disk.store.exists::<Note>("other").unwrap());
    conflict(disk.store.save(&mine), "Note", "n");
}

#[test]
fn an_edit_by_hand_of_what_a_transaction_saves_unchanged_stays_and_a_removal_is_a_conflict() {
    let disk = OnDisk::new();
    let mine = note("n", "1");
    disk.store.save(&mine).unwrap();
    let save = |id: &str, edit: &dyn Fn()| {
        disk.store.transaction(|tx| {
            tx.save(&mine)?;
            tx.save(&note(id, "1"))?;
            edit();
            Ok(())
        })
    };
    save("other", &|| disk.write("Note/n", "by hand")).unwrap();
    assert_eq!((disk.text("Note/n"), disk.text("Note/other")), ("by hand".to_owned(), "1".to_owned()));
    conflict(save("another", &|| std::fs::remove_file(disk.path("Note/n")).unwrap()), "Note", "n");
    assert!(!disk.store.exists::<Note>("another").unwrap());
}

#[test]
fn the_stores_own_writes_are_locked_at_once_inside() {
    on_every_backend(|store| {
        let mut next = speech("s.0", "0");
        store.save(&next).unwrap();
        store.save(&note("n", "1")).unwrap();
        let start = Instant::now();
        let committed = store.transaction(|tx| {
            let say = |result: Result<()>| drop(refused(result, ErrorKind::Locked, &["transaction"]));
            say(store.save(&note("x", "1")));
            say(store.overwrite(&note("x", "1")));
            say(store.clone().save(&note("x", "1")));
            say(store.delete::<Note>("n").map(drop));
            say(store.clear());
            say(store.save_next(&mut next));
            say(store.update("s", |_: &mut Speech| Ok(())).map(drop));
            say(store.transaction(|_| Ok(())));
            say(store.with_durability(Durability::Buffered).transaction(|inner| inner.save(&note("x", "1"))));
            // Reading is free, and what failed has spoilt nothing.
            assert_eq!(store.snapshot(|snapshot| snapshot.load::<Note>("n"))?.text, "1");
            tx.save(&note("y", "1"))
        });
        committed.unwrap();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert_eq!(next.id.as_str(), "s.0");
        assert_eq!(store.ids::<Note>().unwrap(), ["n".into(), "y".into()]);
        store.save_next(&mut next).unwrap();
    });
}

#[test]
fn other_threads_wait_and_get_through() {
    in_two_views(|store, other| {
        let (begun, begins) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                let done = store.transaction(|tx| {
                    tx.save(&note("n", "1"))?;
                    begun.send(()).unwrap();
                    thread::sleep(Duration::from_millis(50));
                    tx.save(&note("m", "1"))
                });
                done.unwrap();
            });
            begins.recv().unwrap();
            for (id, store) in [("a", store), ("b", other)] {
                scope.spawn(move || {
                    store.save(&note(id, "1")).unwrap();
                    // Whoever got through came after.
                    assert_eq!(store.count::<Note>().unwrap().min(3), 3);
                });
            }
            scope.spawn(|| other.transaction(|tx| tx.load::<Note>("m")).unwrap());
        });
        assert_eq!(store.count::<Note>().unwrap(), 4);
    });
}

#[test]
fn whoever_waits_too_long_is_told_for_whom() {
    on_every_medium(|medium| {
        let store = medium.make();
        if !store.lasts() {
            // How long it waits cannot be chosen.
            return;
        }
        let hurried = store.reopen_with(&Store::builder().lock_timeout(Duration::from_millis(50)));
        let done = hurried.transaction(|tx| {
            tx.save(&note("n", "1"))?;
            thread::scope(|scope| {
                let hurried = &hurried;
                let waiting = [
                    scope.spawn(move || hurried.save(&note("n", "2"))),
                    scope.spawn(move || hurried.transaction(|tx| tx.save(&note("n", "2")))),
                    scope.spawn(move || hurried.clear()),
                ];
                for waiting in waiting {
                    refused(waiting.join().unwrap(), ErrorKind::Locked, &["another thread", "50ms"]);
                }
            });
            Ok(())
        });
        done.unwrap();
        assert_eq!(text(&hurried, "n"), "1");

        let mut process = Holder::of(&store);
        for refused_one in [hurried.save(&note("n", "2")), hurried.transaction(|tx| tx.save(&note("n", "2")))] {
            let error = refused(refused_one, ErrorKind::Locked, &["50ms"]);
            let name = format!("process {}", process.child.id());
            assert!(medium != Medium::Files || error.to_string().contains(&name), "{error}");
        }
        // It is not seen before it commits, and its lock dies with it.
        assert_eq!(hurried.find::<Note>("held").unwrap(), None);
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        hurried.overwrite(&note("n", "3")).unwrap();
        assert_eq!(store.reopen().ids::<Note>().unwrap(), ["n".into()]);
    });
}

#[test]
fn a_process_that_waits_gets_through() {
    on_every_medium(|medium| {
        let store = medium.make();
        if !store.lasts() {
            return;
        }
        let mut process = Holder::of(&store);
        let other = store.reopen();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| other.save(&note("n", "1")));
            thread::sleep(Duration::from_millis(30));
            drop(process.child.stdin.take());
            waiting.join().unwrap().unwrap();
            assert!(process.child.wait().unwrap().success());
        });
        assert_eq!(store.ids::<Note>().unwrap(), ["held".into(), "n".into()]);
    });
}

/// A process that holds a store in a transaction, until its standard input ends.
struct Holder {
    child: Child,
}

impl Holder {
    fn of(store: &AnyStore) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["transactions::hold_a_store", "--exact", "--ignored", "--nocapture"])
            .env("SEPIA_TEST_HOLD", store.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let held = said.map_while(Result::ok).any(|line| line.ends_with("held"));
        assert!(held, "the process has not begun its transaction");
        Self { child }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn hold_a_store() {
    let Ok(url) = std::env::var("SEPIA_TEST_HOLD") else { return };
    let held = Store::builder().open_url(&url).unwrap().transaction(|tx| {
        tx.save(&note("held", "1"))?;
        println!("held");
        std::io::stdin().lines().count();
        Ok(())
    });
    held.unwrap();
}

#[test]
fn errors_of_ones_own() {
    #[derive(Debug)]
    enum Mine {
        Store(Error),
        TooMany(u64),
    }
    impl From<Error> for Mine {
        fn from(error: Error) -> Self {
            Self::Store(error)
        }
    }
    on_every_backend(|store| {
        store.save(&note("n", "1")).unwrap();
        let result: Result<(), Mine> = store.try_transaction(|tx| {
            tx.save(&note("m", "1"))?;
            Err(Mine::TooMany(tx.count::<Note>()?))
        });
        assert!(matches!(result, Err(Mine::TooMany(2))));
        let result = store.try_transaction(|tx| Ok::<_, Mine>(tx.load::<Note>("m")?));
        assert!(matches!(result, Err(Mine::Store(error)) if error.kind() == ErrorKind::NotFound));
        let result: Result<u64, Mine> = store.try_transaction(|tx| {
            tx.save(&note("m", "1"))?;
            Ok(tx.count::<Note>()?)
        });
        assert_eq!(result.unwrap(), 2);
        // What does not commit is an error of the store.
        let result: Result<(), Mine> = store.try_transaction(|_| store.try_transaction(|_| Ok(())));
        assert!(matches!(result, Err(Mine::Store(error)) if error.kind() == ErrorKind::Locked));
        assert_eq!(store.count::<Note>().unwrap(), 2);
    });
}

#[test]
fn in_a_store_for_reading_a_transaction_can_read() {
    on_every_medium(|medium| {
        let made = medium.make();
        if !made.lasts() {
            return;
        }
        made.save(&note("n", "1")).unwrap();
        let reader = made.reopen_with(&Store::builder().read_only());
        assert_eq!(reader.transaction(|tx| tx.load::<Note>("n")).unwrap(), note("n", "1"));
        refused(reader.transaction(|tx| tx.overwrite(&note("n", "2"))), ErrorKind::ReadOnly, &[]);
        assert_eq!(text(&made, "n"), "1");
    });
}

#[test]
fn one_that_changes_nothing_writes_nothing() {
    let disk = OnDisk::new();
    disk.store.save(&note("n", "1")).unwrap();
    let known: Note = disk.store.load("n").unwrap();
    let before = stamps(disk.directory.path());
    disk.store.transaction(|_| Ok(())).unwrap();
    let found = disk.store.transaction(|tx| {
        tx.save(&known)?;
        tx.overwrite(&known)?;
        tx.delete::<Note>("nothing")?;
        tx.load::<Note>("n")
    });
    assert_eq!(found.unwrap(), known);
    roll_back(&disk.store, |tx| tx.overwrite(&note("n", "2")).unwrap());
    let mut after = stamps(disk.directory.path());
    let mut before = before;
    // The state says who wrote last.
    for stamps in [&mut before, &mut after] {
        stamps.remove(".sepia/state");
    }
    assert_eq!(after, before);
    assert_eq!(disk.text("Note/n"), "1");
}

#[test]
fn durability_is_chosen_for_the_store_or_the_transaction() {
    on_every_medium(|medium| {
        let store = medium.make();
        let buffered = store.reopen_with(&Store::builder().durability(Durability::Buffered));
        for (number, view) in [&store, &buffered, &store.with_durability(Durability::Buffered)].iter().enumerate() {
            for durability in [None, Some(Durability::Sync), Some(Durability::Buffered)] {
                let id = format!("{number}-{durability:?}");
                let done = view.transaction(|tx| {
                    if let Some(durability) = durability {
                        tx.set_durability(durability);
                    }
                    tx.save(&note(&id, "1"))
                });
                done.unwrap();
                assert_eq!(text(&store.reopen(), &id), "1");
            }
        }
    });
}

#[test]
fn many_objects_in_one() {
    on_every_backend(|store| {
        let added = store.transaction(|tx| {
            for number in 0..300 {
                tx.save(&note(&format!("{number}"), "1"))?;
            }
            for number in (0..300).step_by(3) {
                tx.delete::<Note>(format!("{number}"))?;
            }
            for number in (0..300).step_by(5) {
                tx.overwrite(&note(&format!("{number}"), "2"))?;
            }
            tx.count::<Note>()
        });
        assert_eq!(added.unwrap(), 220);
        assert_eq!(store.count::<Note>().unwrap(), 220);
        let twos = (0..300).filter_map(|number| store.find::<Note>(format!("{number}")).unwrap());
        assert_eq!(twos.filter(|note| note.text == "2").count(), 60);
    });
}

/// Two threads add to one container: each by its own handle, where there are two.
fn add_from_two_threads(store: &Store, other: &Store, add: impl Fn(&Store, String) + Sync) {
    const EACH: usize = 80;
    store.save(&Desk { id: "d".into(), ..Desk::default() }).unwrap();
    thread::scope(|scope| {
        for (number, store) in [store, other].into_iter().enumerate() {
            let add = &add;
            scope.spawn(move || (0..EACH).for_each(|round| add(store, format!("{number}-{round}"))));
        }
    });
    let desk: Desk = other.load("d").unwrap();
    let mut ids: Vec<_> = desk.links.iter().map(|link| link.id().as_str().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), desk.links.len(), desk.count), (2 * EACH, 2 * EACH, 2 * EACH as u64));
}

fn add(desk: &mut Desk, id: String) {
    desk.count += 1;
    desk.links.push(Ref::new(id));
}

/// One handle to a store, and two; nobody cuts the power here.
fn with_two_writers(test: impl Fn(&Store, &Store)) {
    let buffered = |store: &Store| store.with_durability(Durability::Buffered);
    in_two_views(|store, other| test(&buffered(store), &buffered(other)));
    on_every_backend(|store| test(&buffered(store), &buffered(store)));
}

#[test]
fn no_addition_is_lost_by_transactions() {
    with_two_writers(|store, other| {
        add_from_two_threads(store, other, |store, id| {
            let added = store.transaction(|tx| {
                let mut desk: Desk = tx.load("d")?;
                add(&mut desk, id);
                tx.save(&desk)
            });
            added.unwrap();
        });
    });
}

#[test]
fn no_addition_is_lost_by_saving_again_after_conflicts() {
    with_two_writers(|store, other| {
        add_from_two_threads(store, other, |store, id| {
            loop {
                let mut desk: Desk = store.load("d").unwrap();
                add(&mut desk, id.clone());
                match store.save(&desk) {
                    Ok(()) => break,
                    Err(error) => conflict(Err::<(), _>(error), "Desk", "d"),
                }
            }
        });
    });
}
