//! Histories: saving, updating and pruning generations.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use sepia::{Container, Durability, Error, ErrorKind, Generations, Id, Ref, Result, Serializable, Store};

use crate::support::{OnDisk, in_two_views, on_every_backend, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Speech {
    id: Id<Speech>,
    text: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
#[sepia(generations)]
struct Plan {
    id: Id<Plan>,
    count: u64,
    lines: Vec<String>,
    parts: Vec<Part>,
    notes: Vec<Note>,
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Part {
    id: Id<Part>,
    name: String,
}

fn speech(id: impl Into<Id<Speech>>, text: &str) -> Speech {
    Speech { id: id.into(), text: text.to_owned() }
}

fn plan(id: &str) -> Plan {
    Plan { id: id.into(), ..Plan::default() }
}

fn ids<T: Generations>(store: &Store, base: &str) -> Vec<String> {
    store.versions::<T>(base).unwrap().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn conflict<T>(result: Result<T>, names: &[&str]) {
    refused(result, ErrorKind::Conflict, names);
}

#[test]
fn each_save_makes_the_next_generation() {
    on_every_backend(|store| {
        let mut speech = speech("s.0", "0");
        store.save(&speech).unwrap();
        let mut stale = speech.clone();
        for generation in 1..13 {
            speech.text = generation.to_string();
            store.save_next(&mut speech).unwrap();
            assert_eq!(speech.id.as_str(), format!("s.{generation}"));
        }
        assert_eq!(store.load::<Speech>("s").unwrap(), speech);
        let expected: Vec<_> = (0..13).map(|generation| format!("s.{generation}")).collect();
        for id in ["s", "s.0", "s.5", "s.99"] {
            assert_eq!(ids::<Speech>(store, id), expected);
        }
        assert_eq!(ids::<Speech>(store, "t"), [""; 0]);
        assert!(store.is_stale(&stale).unwrap() && !store.is_stale(&speech).unwrap());
        assert_eq!(store.load::<Speech>("s.0").unwrap(), stale);
        stale.text = "mine".to_owned();
        conflict(store.save_next(&mut stale), &["Speech", "s"]);
        assert_eq!(stale.id.as_str(), "s.0");
        assert_eq!(ids::<Speech>(store, "s"), expected);
        // One that is stored nowhere is not the newest, and neither is one that is ahead.
        conflict(store.save_next(&mut Speech { id: "t.0".into(), ..stale.clone() }), &["Speech", "t"]);
        conflict(store.save_next(&mut Speech { id: "s.40".into(), ..stale.clone() }), &["Speech", "s"]);
        // A generation can be corrected in place by whoever knows it.
        store.save(&stale).unwrap();
        assert_eq!(store.load::<Speech>("s.0").unwrap().text, "mine");
        // After that, whoever knew it as it was is refused, though it is the newest.
        let mut known: Speech = store.load("s").unwrap();
        store.overwrite(&Speech { text: "theirs".to_owned(), ..known.clone() }).unwrap();
        conflict(store.save_next(&mut known), &["Speech", "s.12"]);
        assert_eq!(known.id.as_str(), "s.12");
    });
}

#[test]
fn containers_keep_generations_too() {
    on_every_backend(|store| {
        let mut plan = plan("p.0");
        plan.parts.push(Part { id: "part".into(), name: "0".to_owned() });
        plan.notes.push(Note { id: "n".into(), text: "0".to_owned() });
        store.save(&plan).unwrap();
        let before = plan.clone();
        let mut stale = plan.clone();
        plan.count = 1;
        plan.parts[0].name = "1".to_owned();
        store.save_next(&mut plan).unwrap();
        assert_eq!(plan.id.as_str(), "p.1");
        // What is nested belongs to the generation, and what is linked is shared.
        assert_eq!(store.load::<Plan>("p.0").unwrap(), before);
        assert_eq!(store.load::<Plan>("p").unwrap(), plan);
        plan.notes[0].text = "2".to_owned();
        store.save_next(&mut plan).unwrap();
        assert_eq!(store.load::<Plan>("p.0").unwrap().notes[0].text, "2");
        // Its note was changed elsewhere only, so that is no matter, unless it is changed here, too.
        let error = refused(store.save_next(&mut stale), ErrorKind::Conflict, &[]);
        assert!(error.conflicts().iter().all(|key| key.class() == "Plan"));
        stale.notes[0].text = "mine".to_owned();
        let error = refused(store.save_next(&mut stale), ErrorKind::Conflict, &[]);
        assert!(["Plan", "Note"].iter().all(|class| error.conflicts().iter().any(|key| key.class() == *class)));
        assert_eq!((stale.id.as_str(), ids::<Plan>(store, "p").len()), ("p.0", 3));
        // A child that was changed here and elsewhere.
        store.overwrite(&Note { id: "n".into(), text: "theirs".to_owned() }).unwrap();
        plan.notes[0].text = "mine".to_owned();
        conflict(store.save_next(&mut plan), &["Note", "n"]);
        assert_eq!((plan.id.as_str(), ids::<Plan>(store, "p").len()), ("p.2", 3));
        plan.notes[0] = store.load("n").unwrap();
        store.save_next(&mut plan).unwrap();
        assert_eq!(store.load::<Plan>("p").unwrap(), plan);
    });
}

#[test]
fn a_name_without_a_generation_is_followed_by_generation_1() {
    on_every_backend(|store| {
        let mut old = speech("old", "0");
        store.save(&old).unwrap();
        conflict(store.save(&speech("old.0", "0")), &["Speech", "old"]);
        let mut other = store.load::<Speech>("old.0").unwrap();
        assert_eq!(other.id.as_str(), "old");
        store.save_next(&mut old).unwrap();
        assert_eq!(ids::<Speech>(store, "old"), ["old", "old.1"]);
        assert!(store.is_stale(&other).unwrap() && !store.is_stale(&old).unwrap());
        conflict(store.save_next(&mut other), &["Speech"]);
        conflict(store.save(&speech("old.0", "0")), &["Speech", "old"]);
        conflict(store.overwrite(&speech("old.0", "0")), &["Speech", "old"]);
        assert_eq!(
            store
                .update("old", |speech: &mut Speech| {
                    speech.text = "2".to_owned();
                    Ok(())
                })
                .unwrap()
                .id,
            "old.2".into()
        );
        store.delete::<Speech>("old.0").unwrap();
        assert_eq!(ids::<Speech>(store, "old"), ["old.1", "old.2"]);
        // Neither spelling comes back below what is newer.
        for id in ["old", "old.0"] {
            conflict(store.save(&speech(id, "0")), &["Speech", "old"]);
            conflict(store.overwrite(&speech(id, "0")), &["Speech", "old"]);
        }
    });
}

#[test]
fn the_spelling_of_generation_0_changes_in_one_transaction() {
    on_every_backend(|store| {
        for (from, to) in [("old", "old.0"), ("old.0", "old")] {
            store.overwrite(&speech(from, "0")).unwrap();
            let changed = store.transaction(|tx| {
                conflict(tx.save(&speech(to, "1")), &["Speech", "old"]);
                tx.delete::<Speech>(from)?;
                tx.save(&speech(to, "1"))?;
                conflict(tx.save(&speech(from, "2")), &["Speech", "old"]);
                tx.load::<Speech>("old")
            });
            assert_eq!(changed.unwrap(), speech(to, "1"));
            assert_eq!(ids::<Speech>(store, "old"), [to]);
            assert_eq!(store.load::<Speech>("old").unwrap(), speech(to, "1"));
        }
        store.update("old", |_: &mut Speech| Ok(())).unwrap();
        // All of it is replaced by one that begins anew.
        let anew = store.transaction(|tx| {
            tx.delete::<Speech>("old")?;
            tx.save(&speech("old.0", "anew"))
        });
        anew.unwrap();
        assert_eq!(ids::<Speech>(store, "old"), ["old.0"]);
        assert_eq!(store.load::<Speech>("old").unwrap(), speech("old.0", "anew"));
    });
}

#[test]
fn a_base_that_ends_like_a_generation() {
    on_every_backend(|store| {
        let mut host = speech(Id::first("10.0.0.1"), "0");
        store.save(&host).unwrap();
        store.save_next(&mut host).unwrap();
        assert_eq!(host.id.as_str(), "10.0.0.1.1");
        assert_eq!(ids::<Speech>(store, "10.0.0.1.0"), ["10.0.0.1.0", "10.0.0.1.1"]);
        let updated = store
            .update(&host.id, |speech: &mut Speech| {
                speech.text = "2".to_owned();
                Ok(())
            })
            .unwrap();
        assert_eq!(updated.id.as_str(), "10.0.0.1.2");
        let updated = store.transaction(|tx| tx.update(&host.id, |_: &mut Speech| Ok(()))).unwrap();
        assert_eq!(updated.id.as_str(), "10.0.0.1.3");
        let mut mine = speech(host.id.clone(), "mine");
        let merged = store.update_with_merge(&host, &mut mine, |_, mine, theirs| {
            assert_eq!(theirs.id.as_str(), "10.0.0.1.3");
            Ok(mine.clone())
        });
        merged.unwrap();
        assert_eq!(mine.id.as_str(), "10.0.0.1.4");
        assert!(store.is_stale(&host).unwrap());
    });
}

#[test]
fn a_pruned_generation_is_never_made_again_below_the_newest() {
    on_every_backend(|store| {
        let mut speech = speech("s.0", "0");
        store.save(&speech).unwrap();
        let mut held = vec![speech.clone()];
        for _ in 0..5 {
            store.save_next(&mut speech).unwrap();
            held.push(speech.clone());
        }
        for gone in ["s.0", "s.2", "s.3"] {
            assert!(store.delete::<Speech>(gone).unwrap());
        }
        assert_eq!(ids::<Speech>(store, "s"), ["s.1", "s.4", "s.5"]);
        for generation in [0, 2, 3] {
            let mut fresh = self::speech(format!("s.{generation}"), "again");
            conflict(store.save(&fresh), &["Speech", "s"]);
            conflict(store.overwrite(&fresh), &["Speech", "s"]);
            conflict(store.save_next(&mut fresh), &["Speech", "s"]);
            conflict(store.save(&held[generation]), &["Speech", "s"]);
            conflict(store.overwrite(&held[generation]), &["Speech", "s"]);
            conflict(store.save_next(&mut held[generation]), &["Speech", "s"]);
            conflict(store.transaction(|tx| tx.overwrite(&fresh)), &["Speech", "s"]);
        }
        // What is there can be changed, and what is ahead can be made.
        store.overwrite(&self::speech("s.1", "changed")).unwrap();
        store.save(&self::speech("s.9", "ahead")).unwrap();
        conflict(store.save(&self::speech("s.8", "behind")), &["Speech", "s"]);
        conflict(store.save_next(&mut speech), &["Speech", "s"]);
        assert_eq!(ids::<Speech>(store, "s"), ["s.1", "s.4", "s.5", "s.9"]);
        assert_eq!(store.update("s", |_: &mut Speech| Ok(())).unwrap().id.as_str(), "s.10");
    });
}

#[test]
fn the_newest_is_deleted_and_the_history_goes_on() {
    on_every_backend(|store| {
        let mut speech = speech("s.0", "0");
        store.save(&speech).unwrap();
        for text in ["1", "2", "3"] {
            speech.text = text.to_owned();
            store.save_next(&mut speech).unwrap();
        }
        assert!(store.delete::<Speech>("s.3").unwrap());
        assert_eq!(store.load::<Speech>("s").unwrap().id.as_str(), "s.2");
        conflict(store.save_next(&mut speech), &["Speech", "s"]);
        assert_eq!(speech.id.as_str(), "s.3");
        let mut newest: Speech = store.load("s").unwrap();
        assert!(!store.is_stale(&newest).unwrap());
        newest.text = "3 again".to_owned();
        store.save_next(&mut newest).unwrap();
        assert_eq!(newest.id.as_str(), "s.3");
        // Whoever held the generation that was deleted is refused.
        conflict(store.save(&Speech { text: "mine".to_owned(), ..speech.clone() }), &["Speech", "s.3"]);
        conflict(store.save_next(&mut speech), &["Speech", "s.3"]);
        assert_eq!(store.load::<Speech>("s").unwrap().text, "3 again");
        // Within one transaction.
        let done = store.transaction(|tx| {
            tx.delete::<Speech>("s.3")?;
            tx.delete::<Speech>("s.2")?;
            assert_eq!(tx.load::<Speech>("s")?.id.as_str(), "s.1");
            let mut newest: Speech = tx.load("s.1")?;
            tx.save_next(&mut newest)?;
            assert_eq!(newest.id.as_str(), "s.2");
            tx.save_next(&mut newest)
        });
        done.unwrap();
        assert_eq!(ids::<Speech>(store, "s"), ["s.0", "s.1", "s.2", "s.3"]);
        assert_eq!(store.load::<Speech>("s").unwrap().text, "1");
        // All of them go, and it begins anew.
        assert!(store.delete::<Speech>("s").unwrap());
        refused(store.update("s", |_: &mut Speech| Ok(())), ErrorKind::NotFound, &["Speech", "s"]);
        store.save(&self::speech("s.0", "anew")).unwrap();
        assert_eq!(ids::<Speech>(store, "s"), ["s.0"]);
    });
}

#[test]
fn behind_the_last_generation_there_is_none() {
    on_every_backend(|store| {
        let last = format!("s.{}", u64::MAX);
        let mut speech = speech(format!("s.{}", u64::MAX - 1), "0");
        store.save(&speech).unwrap();
        store.save_next(&mut speech).unwrap();
        assert_eq!(speech.id.as_str(), last);
        refused(store.save_next(&mut speech), ErrorKind::InvalidName, &["Speech", &last]);
        refused(store.transaction(|tx| tx.save_next(&mut speech)), ErrorKind::InvalidName, &["Speech", &last]);
        refused(store.update("s", |_: &mut Speech| Ok(())), ErrorKind::InvalidName, &["Speech", &last]);
        assert_eq!(speech.id.as_str(), last);
        assert_eq!(store.load::<Speech>("s").unwrap(), speech);
        // It remembers what it is, id and all.
        speech.text = "1".to_owned();
        store.save(&speech).unwrap();
        // One more is no generation: it is a name like any other.
        store.save(&self::speech("s.18446744073709551616", "name")).unwrap();
        assert_eq!(ids::<Speech>(store, "s").len(), 2);
    });
}

#[test]
fn a_failed_save_gives_the_id_and_its_memory_back() {
    #[derive(Serializable, Clone, Debug, PartialEq)]
    #[sepia(generations)]
    struct Number {
        id: Id<Number>,
        value: f64,
    }
    on_every_backend(|store| {
        let mut number = Number { id: "n.0".into(), value: 0.0 };
        store.save(&number).unwrap();
        number.value = f64::NAN;
        refused(store.save_next(&mut number), ErrorKind::InvalidValue, &["Number", "value"]);
        assert_eq!(number.id.as_str(), "n.0");
        let inside = store.transaction(|tx| {
            refused(tx.save_next(&mut number), ErrorKind::InvalidValue, &["Number", "value"]);
            assert_eq!(number.id.as_str(), "n.0");
            number.value = 1.0;
            tx.save_next(&mut number)
        });
        inside.unwrap();
        assert_eq!((number.id.as_str(), ids::<Number>(store, "n").len()), ("n.1", 2));
        store.overwrite(&Number { value: 9.0, ..number.clone() }).unwrap();
        conflict(store.save_next(&mut number), &["Number", "n.1"]);
        number.value = 2.0;
        conflict(store.save(&number), &["Number", "n.1"]);
        assert_eq!(number.id.as_str(), "n.1");
    });
}

#[test]
fn a_generation_that_was_rolled_back_overwrites_none() {
    on_every_backend(|store| {
        let mut mine = speech("s.0", "0");
        store.save(&mine).unwrap();
        let failed = store.transaction(|tx| {
            mine.text = "mine".to_owned();
            tx.save_next(&mut mine)?;
            Err::<(), _>(Error::new(ErrorKind::Other, "enough"))
        });
        failed.unwrap_err();
        let theirs = store
            .update("s", |speech: &mut Speech| {
                speech.text = "theirs".to_owned();
                Ok(())
            })
            .unwrap();
        assert_eq!((mine.id.as_str(), theirs.id.as_str()), ("s.1", "s.1"));
        conflict(store.save(&mine), &["Speech", "s.1"]);
        assert_eq!(store.load::<Speech>("s").unwrap(), theirs);
    });
}

/// Updates one object from several threads, each by one of the stores, and checks that each update made a
/// generation.
fn update_from_threads(stores: &[&Store]) {
    const THREADS: usize = 4;
    const EACH: usize = 50;
    stores[0].save(&plan("p.0")).unwrap();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let store = stores[thread % stores.len()];
                scope.spawn(move || {
                    let update = |round| {
                        store.update("p", |plan: &mut Plan| {
                            plan.count += 1;
                            plan.lines.push(format!("{thread}-{round}"));
                            Ok(())
                        })
                    };
                    (0..EACH).map(|round| update(round).unwrap().id).collect::<Vec<_>>()
                })
            })
            .collect();
        let made: Vec<Id<Plan>> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let expected: BTreeSet<_> =
            (1..=THREADS * EACH).map(|generation| Id::from(format!("p.{generation}"))).collect();
        assert_eq!((made.len(), made.into_iter().collect::<BTreeSet<_>>()), (THREADS * EACH, expected));
    });
    for store in stores {
        assert_eq!(store.count::<Plan>().unwrap(), THREADS as u64 * EACH as u64 + 1);
        let newest: Plan = store.load("p").unwrap();
        assert_eq!(newest.count, THREADS as u64 * EACH as u64);
        assert_eq!(newest.lines.iter().collect::<BTreeSet<_>>().len(), THREADS * EACH);
        // Each holds one line more than the one before.
        let lines = |generation| store.load::<Plan>(format!("p.{generation}")).unwrap().lines;
        assert!((0..THREADS * EACH).all(|before| lines(before + 1).starts_with(&lines(before))));
    }
}

#[test]
fn every_update_of_several_threads_makes_a_generation() {
    let buffered = |store: &Store| store.with_durability(Durability::Buffered);
    on_every_backend(|store| update_from_threads(&[&buffered(store)]));
    in_two_views(|store, other| update_from_threads(&[&buffered(store), &buffered(other)]));
}

#[test]
fn an_update_that_fails_changes_nothing() {
    on_every_backend(|store| {
        store.save(&speech("s.0", "0")).unwrap();
        let mut runs = 0;
        let failed = store.update("s", |speech: &mut Speech| {
            runs += 1;
            speech.text = "1".to_owned();
            Err(Error::new(ErrorKind::Conflict, "mine"))
        });
        refused(failed, ErrorKind::Conflict, &["mine"]);
        assert_eq!((runs, ids::<Speech>(store, "s").len()), (1, 1));
        refused(store.update("t", |_: &mut Speech| Ok(())), ErrorKind::NotFound, &["Speech", "t"]);
        // Disturbed in each run, it keeps others off in the end.
        let mut runs = 0;
        let updated = store.update("s.0", |speech: &mut Speech| {
            runs += 1;
            let disturbed = store.update("s", |_: &mut Speech| Ok(()));
            if let Err(error) = disturbed {
                assert_eq!(error.kind(), ErrorKind::Locked);
            }
            speech.text = format!("{runs}");
            Ok(())
        });
        let updated = updated.unwrap();
        assert_eq!(updated.text, format!("{runs}"));
        assert_eq!(store.load::<Speech>("s").unwrap(), updated);
        assert_eq!(ids::<Speech>(store, "s").len() as u64, updated.id.generation() + 1);
    });
}

#[test]
fn merging_with_what_others_have_made() {
    on_every_backend(|store| {
        let mut base = plan("p.0");
        base.lines.push("base".to_owned());
        store.save(&base).unwrap();
        let merge = |base: &Plan, mine: &Plan, mut theirs: Plan| -> Result<Plan> {
            let new = mine.lines.iter().filter(|line| !base.lines.contains(line));
            theirs.lines.extend(new.cloned());
            Ok(theirs)
        };
        let theirs = |line: &str| {
            store
                .update("p", |plan: &mut Plan| {
                    plan.lines.push(line.to_owned());
                    Ok(())
                })
                .unwrap();
        };
        // Nobody has interfered.
        let mut mine: Plan = store.load("p").unwrap();
        mine.lines.push("1".to_owned());
        store.update_with_merge(&base, &mut mine, |_, _, _| unreachable!("nothing to merge")).unwrap();
        let saved = mine;
        assert_eq!((saved.id.as_str(), saved.lines.join(" ")), ("p.1", "base 1".to_owned()));
        assert_eq!(store.load::<Plan>("p").unwrap(), saved);
        // Once.
        let base = saved;
        theirs("theirs 1");
        let mut mine = base.clone();
        mine.lines.push("2".to_owned());
        let mut runs = 0;
        let mut saved = mine.clone();
        let merged = store.update_with_merge(&base, &mut saved, |known, own, theirs| {
            runs += 1;
            assert_eq!((known, own), (&base, &mine));
            assert_eq!(theirs.id.as_str(), "p.2");
            merge(known, own, theirs)
        });
        merged.unwrap();
        assert_eq!((runs, saved.id.as_str()), (1, "p.3"));
        assert_eq!(saved.lines.join(", "), "base, 1, theirs 1, 2");
        assert_eq!(store.load::<Plan>("p").unwrap(), saved);
        // What was returned can be saved on.
        let mut next = saved.clone();
        store.save_next(&mut next).unwrap();
        // Twice, and again and again, until they are kept off.
        for interferences in [2, 30] {
            let base: Plan = store.load("p").unwrap();
            let mut mine = base.clone();
            mine.lines.push(format!("mine {interferences}"));
            theirs("first");
            let mut runs = 0;
            let merged = store.update_with_merge(&base, &mut mine, |base, mine, theirs| {
                runs += 1;
                if runs < interferences {
                    let interfered = store.update("p", |plan: &mut Plan| {
                        plan.lines.push(format!("{runs}"));
                        Ok(())
                    });
                    if let Err(error) = interfered {
                        assert_eq!(error.kind(), ErrorKind::Locked);
                    }
                }
                merge(base, mine, theirs)
            });
            merged.unwrap();
            let saved = mine;
            let before: Plan = store.load(format!("p.{}", saved.id.generation() - 1)).unwrap();
            assert!(saved.lines.starts_with(&before.lines));
            assert_eq!(saved.lines.last(), Some(&format!("mine {interferences}")));
            assert_eq!(store.load::<Plan>("p").unwrap(), saved);
        }
        assert_eq!(ids::<Plan>(store, "p").len() as u64, store.load::<Plan>("p").unwrap().id.generation() + 1);
        // A merge that fails.
        let newest: Plan = store.load("p").unwrap();
        let mut mine = Plan { lines: vec!["dear".to_owned()], ..base.clone() };
        let before = mine.clone();
        let failed = store.update_with_merge(&base, &mut mine, |_, _, _| Err(Error::new(ErrorKind::Other, "no way")));
        refused(failed, ErrorKind::Other, &["no way"]);
        assert_eq!(mine, before, "what was written is not lost");
        assert_eq!(store.load::<Plan>("p").unwrap(), newest);
        // What does not belong together, and what is gone.
        let failed = store.update_with_merge(&base, &mut plan("q.0"), |_, _, _| unreachable!("they are strangers"));
        refused(failed, ErrorKind::InvalidValue, &["Plan", "q.0"]);
        store.delete::<Plan>("p").unwrap();
        let failed = store.update_with_merge(&base, &mut mine, |_, _, _| unreachable!("there is nothing"));
        refused(failed, ErrorKind::NotFound, &["Plan", "p"]);
    });
}

#[test]
fn a_base_that_was_edited_by_hand_is_merged() {
    let disk = OnDisk::new();
    let base = speech("s.0", "base");
    disk.store.save(&base).unwrap();
    disk.write("Speech/s.0", "by hand");
    let mut mine = Speech { text: "mine".to_owned(), ..base.clone() };
    let saved = disk.store.update_with_merge(&base, &mut mine, |base, mine, theirs| {
        assert_eq!(base.text, "base");
        Ok(Speech { text: format!("{} {}", mine.text, theirs.text), ..theirs })
    });
    saved.unwrap();
    assert_eq!(mine, speech("s.1", "mine by hand"));
}

#[test]
fn hints_may_be_lost_or_wrong_at_any_time() {
    let disk = OnDisk::new();
    let buffered = disk.store.with_durability(Durability::Buffered);
    let mut speech = speech("s.0", "0");
    buffered.save(&speech).unwrap();
    let hint = disk.path(".sepia/latest/Speech/s");
    let wrong = ["0\n", "1\n", "99999\n", "18446744073709551615\n", "", "x", "7", "-1\n", " 3\n", "3\n4\n", "\u{fffd}"];
    type Spoil<'a> = &'a dyn Fn(usize);
    let spoils: [Spoil<'_>; 5] = [
        &|_| drop(fs::remove_file(&hint)),
        &|round| disk.write(".sepia/latest/Speech/s", wrong[round % wrong.len()]),
        &|_| drop(fs::remove_dir_all(disk.path(".sepia/latest"))),
        &|_| drop(fs::remove_file(disk.path(".sepia/latest/Speech/.all"))),
        &|_| {
            drop(fs::remove_file(&hint));
            drop(fs::create_dir_all(&hint));
        },
    ];
    for round in 0..wrong.len() * 3 {
        for spoil in spoils {
            if hint.is_dir() {
                fs::remove_dir_all(&hint).unwrap();
            }
            spoil(round);
            let other = disk.reopen();
            for store in [&buffered, &other] {
                assert_eq!(store.load::<Speech>("s").unwrap().id, speech.id);
                assert!(!store.is_stale(&speech).unwrap());
            }
            spoil(round + 1);
            if hint.is_dir() {
                // Nobody but a hand makes a directory there.
                fs::remove_dir_all(&hint).unwrap();
            }
            let before = speech.id.generation();
            speech.text = format!("{before}");
            let store = if round % 2 == 0 { &buffered } else { &other };
            store.save_next(&mut speech).unwrap_or_else(|error| unreachable!("round {round}, {before}: {error}"));
            assert_eq!(speech.id.generation(), before + 1);
            conflict(store.save_next(&mut self::speech(format!("s.{before}"), "stale")), &["Speech", "s"]);
        }
    }
    assert_eq!(ids::<Speech>(&disk.store, "s").len() as u64, speech.id.generation() + 1);
}

#[test]
fn generations_that_hands_have_made_or_taken_away_are_seen() {
    let disk = OnDisk::new();
    let mut mine = speech("s.0", "0");
    disk.store.save(&mine).unwrap();
    disk.store.save_next(&mut mine).unwrap();
    // The one after the newest, which is what hints can see of hands.
    disk.write("Speech/s.2", "by hand");
    assert_eq!(disk.store.load::<Speech>("s").unwrap(), speech("s.2", "by hand"));
    conflict(disk.store.save_next(&mut mine), &["Speech", "s"]);
    let mut newest: Speech = disk.store.load("s").unwrap();
    disk.store.save_next(&mut newest).unwrap();
    fs::remove_file(disk.path("Speech/s.3")).unwrap();
    fs::remove_file(disk.path("Speech/s.2")).unwrap();
    conflict(disk.store.save_next(&mut newest), &["Speech", "s"]);
    assert_eq!(disk.store.load::<Speech>("s").unwrap(), mine);
    disk.store.save_next(&mut mine).unwrap();
    assert_eq!(ids::<Speech>(&disk.store, "s"), ["s.0", "s.1", "s.2"]);
}

#[test]
fn a_long_history_and_what_is_left_of_it() {
    const LENGTH: usize = 2000;
    in_two_views(|store, other| {
        let store = store.with_durability(Durability::Buffered);
        let made = store.transaction(|tx| {
            let mut speech = speech("s.0", "0");
            tx.save(&speech)?;
            for generation in 1..LENGTH / 2 {
                speech.text = generation.to_string();
                tx.save_next(&mut speech)?;
            }
            Ok(speech)
        });
        let mut speech = made.unwrap();
        for generation in LENGTH / 2..LENGTH {
            speech.text = generation.to_string();
            store.save_next(&mut speech).unwrap();
        }
        let link = Ref::latest(&self::speech("s.3", ""));
        assert_eq!(link.load(&store).unwrap(), speech);
        assert_eq!(ids::<Speech>(&store, "s").len(), LENGTH);
        // All but each hundredth and the newest go.
        let pruned = store.transaction(|tx| {
            for id in tx.versions::<Speech>("s")? {
                if id.generation() % 100 != 0 && id.generation() + 1 < LENGTH as u64 {
                    tx.delete::<Speech>(id)?;
                }
            }
            tx.count::<Speech>()
        });
        assert_eq!(pruned.unwrap(), LENGTH as u64 / 100 + 1);
        let versions = store.versions::<Speech>("s").unwrap();
        assert_eq!(versions.len(), LENGTH / 100 + 1);
        assert!(versions.is_sorted_by_key(Id::generation));
        store.save_next(&mut speech).unwrap();
        assert_eq!(link.load(&store).unwrap().id.as_str(), format!("s.{LENGTH}"));
        conflict(store.save(&self::speech("s.50", "again")), &["Speech", "s"]);
        assert_eq!(other.load::<Speech>("s").unwrap().id.as_str(), format!("s.{LENGTH}"));
    });
}

#[test]
fn a_link_to_the_newest_follows_it() {
    on_every_backend(|store| {
        let mut speech = speech("s.0", "0");
        let link = Ref::latest(&speech);
        refused(link.load(store), ErrorKind::Dangling, &["Speech", "s"]);
        store.save(&speech).unwrap();
        let exact = Ref::to(&speech);
        for _ in 0..3 {
            store.save_next(&mut speech).unwrap();
            assert_eq!(link.load(store).unwrap(), speech);
            assert_eq!(exact.load(store).unwrap().id.as_str(), "s.0");
        }
        store.delete::<Speech>(&speech.id).unwrap();
        assert_eq!(link.load(store).unwrap().id.as_str(), "s.2");
        assert_eq!(store.snapshot(|snapshot| link.load(snapshot)).unwrap().id.as_str(), "s.2");
    });
}

/// The hint of one object is gone, and no other: it took the oldest generation for the newest, and a pruned one was
/// made again.
#[test]
fn one_hint_may_be_lost() {
    let disk = OnDisk::new();
    let mut mine = speech(Id::first("s"), "v");
    disk.store.save(&mine).unwrap();
    disk.store.save(&speech(Id::first("other"), "v")).unwrap();
    for _ in 0..5 {
        disk.store.save_next(&mut mine).unwrap();
    }
    disk.store.delete::<Speech>("s.1").unwrap();
    for _ in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::remove_file(disk.path(".sepia/latest/Speech/s")).unwrap();
        assert_eq!(disk.store.load::<Speech>("s").unwrap().id, "s.5".into());
        assert_eq!(disk.reopen().load::<Speech>("s").unwrap().id, "s.5".into());
        conflict(disk.store.save(&speech("s.1", "again")), &["s.1"]);
        disk.store.delete::<Speech>("s.0").unwrap();
        conflict(disk.store.save(&speech("s.0", "again")), &["s.0"]);
    }
    assert_eq!(disk.store.update::<Speech>("s", |_| Ok(())).unwrap().id, "s.6".into());
}

/// The generations were looked up before the lock was taken, and those that came meanwhile stayed.
#[test]
fn a_base_is_deleted_with_all_its_generations_while_others_update() {
    on_every_backend(|store| {
        for round in 0..20 {
            let base = format!("s{round}");
            store.save(&speech(Id::first(&base), "v")).unwrap();
            thread::scope(|scope| {
                let writer = scope.spawn(|| while store.update::<Speech>(base.as_str(), |_| Ok(())).is_ok() {});
                assert!(store.delete::<Speech>(base.as_str()).unwrap());
                writer.join().unwrap();
            });
            assert_eq!(ids::<Speech>(store, &base), [""; 0]);
        }
    });
}

#[test]
fn an_update_goes_on_one_history() {
    on_every_backend(|store| {
        store.save(&speech(Id::first("s"), "v")).unwrap();
        store.save(&speech(Id::first("t"), "v")).unwrap();
        let astray = |speech: &mut Speech| {
            speech.id = Id::first("t");
            Ok(())
        };
        refused(store.update::<Speech>("s", astray), ErrorKind::InvalidValue, &["s.0", "another id"]);
        let inside = store.transaction(|transaction| transaction.update::<Speech>("s", astray));
        refused(inside, ErrorKind::InvalidValue, &["s.0"]);
        assert_eq!((ids::<Speech>(store, "s"), ids::<Speech>(store, "t")), (vec!["s.0".into()], vec!["t.0".into()]));
    });
}
