//! Objects remember what they are: what was changed elsewhere is never overwritten unseen.

#![deny(clippy::mutable_key_type)]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use sepia::record::Key;
use sepia::{Container, Error, ErrorKind, Id, Ref, Result, Serializable, Store};

use crate::support::{MEDIA, OnDisk, content, in_two_views, on_every_backend, refused, stamps};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Desk {
    id: Id<Desk>,
    height: f64,
    drawers: Vec<Desk>,
    notes: Vec<Note>,
    shared: Vec<Arc<Note>>,
    boxed: Option<Box<Note>>,
}

fn note(id: &str, text: &str) -> Note {
    Note { id: id.into(), text: text.to_owned() }
}

/// A desk with a note, a drawer, and a note in the drawer.
fn desk() -> Desk {
    let drawer = Desk { id: "drawer".into(), notes: vec![note("inner", "1")], ..Desk::default() };
    Desk { id: "desk".into(), height: 1.0, drawers: vec![drawer], notes: vec![note("outer", "1")], ..Desk::default() }
}

/// The same note, changed here.
fn edited(note: &Note) -> Note {
    Note { text: format!("{} and more", note.text), ..note.clone() }
}

/// Checks that an error is a conflict over exactly these objects.
#[track_caller]
fn conflict<T>(result: Result<T>, keys: &[(&str, &str)]) -> Error {
    let error = refused(result, ErrorKind::Conflict, &[]);
    let message = error.to_string();
    let named =
        error.conflicts().first().is_some_and(|key| message.contains(key.class()) && message.contains(key.id()));
    assert!(named, "{message}");
    let mut found = error.conflicts().to_vec();
    found.sort();
    let expected: Vec<_> = keys.iter().map(|(class, id)| Key::new(*class, *id).unwrap()).collect();
    assert_eq!(found, expected, "{error}");
    error
}

fn text(store: &Store, id: &str) -> String {
    store.load::<Note>(id).unwrap().text
}

#[test]
fn an_object_is_saved_and_changed_and_saved() {
    on_every_backend(|store| {
        let mut mine = note("n", "1");
        store.save(&mine).unwrap();
        store.save(&mine).unwrap();
        for round in 2..5 {
            mine.text = round.to_string();
            store.save(&mine).unwrap();
        }
        let mut loaded: Note = store.load("n").unwrap();
        assert_eq!(loaded, mine);
        loaded.text = "5".to_owned();
        store.save(&loaded).unwrap();
        loaded.text = "6".to_owned();
        store.save(&loaded).unwrap();
        assert_eq!(text(store, "n"), "6");
        // What was saved before is now changed elsewhere: saving it as it was leaves that alone.
        store.save(&mine).unwrap();
        assert_eq!(text(store, "n"), "6");
        conflict(store.save(&edited(&mine)), &[("Note", "n")]);
        assert_eq!(text(store, "n"), "6");
    });
}

#[test]
fn changed_through_another_handle_is_a_conflict_with_nothing_written() {
    in_two_views(|store, other| {
        store.save(&desk()).unwrap();
        let mut mine: Desk = store.load("desk").unwrap();
        let mut theirs: Desk = other.load("desk").unwrap();
        theirs.height = 2.0;
        other.save(&theirs).unwrap();
        let before = content(store);
        mine.notes[0].text = "mine".to_owned();
        mine.drawers[0].height = 3.0;
        mine.notes.push(note("new", "new"));
        conflict(store.save(&mine), &[("Desk", "desk")]);
        assert_eq!(content(store), before);
        // And again: a refused save has not made it remember anything.
        conflict(store.save(&mine), &[("Desk", "desk")]);
        conflict(other.save(&mine), &[("Desk", "desk")]);
        assert_eq!(content(store), before);
    });
}

#[test]
fn changed_by_hand_is_a_conflict_for_whoever_knew_it() {
    let disk = OnDisk::new();
    let mine = note("n", "1");
    disk.store.save(&mine).unwrap();
    let loaded: Note = disk.reopen().load("n").unwrap();
    disk.write("Note/n", "by hand");
    let before = disk.snapshot();
    for known in [&mine, &loaded] {
        for store in [disk.store.clone(), disk.reopen()] {
            conflict(store.save(&edited(known)), &[("Note", "n")]);
            // What nobody has changed here is left as the hand has made it.
            store.save(known).unwrap();
        }
    }
    assert_eq!(disk.snapshot(), before);
    // Changed back: as it was.
    disk.write("Note/n", "1");
    disk.store.save(&Note { text: "2".to_owned(), ..mine }).unwrap();
}

#[test]
fn every_part_of_a_container_counts() {
    type Edit<'a> = &'a dyn Fn(&OnDisk);
    let edits: [(&str, Edit<'_>); 6] = [
        ("a value", &|disk| {
            let json = disk.text("Desk/desk/data.json").replace("1.0", "1.5");
            disk.write("Desk/desk/data.json", json);
        }),
        ("a nested value", &|disk| {
            let path = "Desk/desk/drawers/0000_drawer/data.json";
            disk.write(path, disk.text(path).replace("0.0", "0.5"));
        }),
        ("a link removed", &|disk| fs::remove_file(disk.path("Desk/desk/notes/0000_outer")).unwrap()),
        ("a link in a drawer removed", &|disk| {
            fs::remove_file(disk.path("Desk/desk/drawers/0000_drawer/notes/0000_inner")).unwrap();
        }),
        ("a link added", &|disk| {
            std::os::unix::fs::symlink("../../../Note/inner", disk.path("Desk/desk/notes/0001_inner")).unwrap();
        }),
        ("a drawer removed", &|disk| fs::remove_dir_all(disk.path("Desk/desk/drawers/0000_drawer")).unwrap()),
    ];
    for (what, edit) in edits {
        let disk = OnDisk::new();
        let saved = desk();
        disk.store.save(&saved).unwrap();
        let loaded: Desk = disk.store.load("desk").unwrap();
        edit(&disk);
        let before = disk.snapshot();
        for known in [saved, loaded] {
            disk.store.save(&known).unwrap();
            let known = Desk { height: 2.0, ..known };
            let error = refused(disk.store.save(&known), ErrorKind::Conflict, &["Desk", "desk"]);
            assert_eq!(error.conflicts(), [Key::of(&known).unwrap()], "{what}");
        }
        assert_eq!(disk.snapshot(), before, "{what}");
    }
}

#[test]
fn what_hands_have_left_beside_an_object_is_no_change_of_it() {
    let disk = OnDisk::new();
    let mut mine = desk();
    disk.store.save(&mine).unwrap();
    disk.write("Desk/desk/.DS_Store", "x");
    disk.write("Desk/desk/drawers/.hidden", "x");
    disk.write("Desk/desk/notes.txt~", "x");
    mine.height = 2.0;
    disk.store.save(&mine).unwrap();
    let mut loaded: Desk = disk.reopen().load("desk").unwrap();
    disk.store.save(&loaded).unwrap();
    loaded.height = 3.0;
    disk.store.save(&loaded).unwrap();
    mine.height = 4.0;
    conflict(disk.store.save(&mine), &[("Desk", "desk")]);
}

#[test]
fn reformatted_by_hand_it_can_be_loaded_and_saved() {
    let disk = OnDisk::new();
    disk.store.save(&desk()).unwrap();
    disk.write("Desk/desk/data.json", "{\"height\":1e0}");
    fs::create_dir(disk.path("Desk/desk/shared")).unwrap();
    let mut loaded: Desk = disk.store.load("desk").unwrap();
    disk.store.save(&loaded).unwrap();
    loaded.height = 2.0;
    disk.store.save(&loaded).unwrap();
    assert_eq!(disk.reopen().load::<Desk>("desk").unwrap(), loaded);
}

#[test]
fn a_child_changed_by_hand_is_a_conflict_if_it_was_changed_here() {
    let disk = OnDisk::new();
    let saved = desk();
    disk.store.save(&saved).unwrap();
    let loaded: Desk = disk.store.load("desk").unwrap();
    disk.write("Note/inner", "by hand");
    let before = disk.snapshot();
    for known in [&saved, &loaded] {
        disk.store.save(known).unwrap();
        let mut changed = known.clone();
        changed.height = 2.0;
        changed.drawers[0].notes[0].text = "2".to_owned();
        conflict(disk.store.save(&changed), &[("Note", "inner")]);
    }
    assert_eq!(disk.snapshot(), before);
    disk.write("Note/outer", "by hand, too");
    disk.write("Desk/desk/data.json", "{\"height\": 7.0}");
    let before = disk.snapshot();
    let mut changed = loaded.clone();
    changed.height = 2.0;
    conflict(disk.store.save(&changed), &[("Desk", "desk")]);
    changed.drawers[0].notes[0].text = "2".to_owned();
    changed.notes[0].text = "2".to_owned();
    conflict(disk.store.save(&changed), &[("Desk", "desk"), ("Note", "inner"), ("Note", "outer")]);
    assert_eq!(disk.snapshot(), before);
    disk.write("Note/outer", "1");
    disk.write("Note/inner", "1");
    let Err(error) = disk.store.save(&changed) else { unreachable!("the desk is not as it was") };
    assert_eq!(error.conflicts(), [Key::of(&changed).unwrap()]);
}

#[test]
fn a_child_deleted_elsewhere_is_a_conflict() {
    on_every_backend(|store| {
        store.save(&desk()).unwrap();
        let mut mine: Desk = store.load("desk").unwrap();
        store.delete::<Note>("inner").unwrap();
        conflict(store.save(&mine), &[("Note", "inner")]);
        mine.height = 2.0;
        conflict(store.save(&mine), &[("Note", "inner")]);
        // Without it, or with a fresh one, it can be saved.
        mine.drawers[0].notes[0] = note("inner", "again");
        store.save(&mine).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), mine);
        store.delete::<Note>("outer").unwrap();
        mine.notes.clear();
        store.save(&mine).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), mine);
    });
}

#[test]
fn what_is_unchanged_is_not_written() {
    let disk = OnDisk::new();
    disk.store.save(&desk()).unwrap();
    let mut loaded: Desk = disk.reopen().load("desk").unwrap();
    // The same bytes, another file: writing it again would show.
    fs::copy(disk.path("Note/outer"), disk.path("Note/.copy")).unwrap();
    fs::rename(disk.path("Note/.copy"), disk.path("Note/outer")).unwrap();
    let before = stamps(disk.directory.path());
    disk.store.save(&loaded).unwrap();
    assert_eq!(stamps(disk.directory.path()), before);
    loaded.drawers[0].height = 5.0;
    disk.store.save(&loaded).unwrap();
    let after = stamps(disk.directory.path());
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, stamp)| before.get(*path) != Some(stamp) && !path.starts_with(".sepia"))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(changed, ["Desk/desk/drawers/0000_drawer", "Desk/desk/drawers/0000_drawer/data.json"]);
}

#[test]
fn both_sides_can_be_loaded_and_merged() {
    on_every_backend(|store| {
        store.save(&desk()).unwrap();
        let mut mine: Desk = store.load("desk").unwrap();
        let mut theirs: Desk = store.load("desk").unwrap();
        theirs.notes.push(note("theirs", "theirs"));
        theirs.notes[0].text = "theirs".to_owned();
        store.save(&theirs).unwrap();
        mine.notes.push(note("mine", "mine"));
        mine.drawers[0].notes[0].text = "mine".to_owned();
        mine.notes[0].text = "mine, too".to_owned();
        let error = conflict(store.save(&mine), &[("Desk", "desk"), ("Note", "outer")]);
        let mut merged = None;
        for key in error.conflicts() {
            match key.class() {
                "Desk" => merged = Some(store.load::<Desk>(key.id()).unwrap()),
                "Note" => assert_eq!(text(store, key.id()), "theirs"),
                other => unreachable!("{other}"),
            }
        }
        let mut merged = merged.unwrap();
        merged.notes.push(mine.notes.pop().unwrap());
        merged.drawers = mine.drawers;
        store.save(&merged).unwrap();
        let loaded: Desk = store.load("desk").unwrap();
        let texts: Vec<_> = loaded.notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(texts, ["theirs", "theirs", "mine"]);
        assert_eq!(loaded.drawers[0].notes[0].text, "mine");
    });
}

#[test]
fn a_fresh_object_is_saved_whatever_is_there() {
    on_every_backend(|store| {
        store.save(&desk()).unwrap();
        let known: Desk = store.load("desk").unwrap();
        let fresh = Desk { id: "desk".into(), notes: vec![note("outer", "fresh")], ..Desk::default() };
        store.save(&fresh).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), fresh);
        let changed = Desk { height: 5.0, notes: vec![edited(&known.notes[0])], ..known };
        conflict(store.save(&changed), &[("Desk", "desk"), ("Note", "outer")]);
        store.save(&fresh).unwrap();
    });
}

#[test]
fn overwriting_wins_over_anything() {
    on_every_backend(|store| {
        store.save(&desk()).unwrap();
        let mut mine: Desk = store.load("desk").unwrap();
        store.overwrite(&Desk { height: 9.0, ..desk() }).unwrap();
        store.overwrite(&note("inner", "theirs")).unwrap();
        store.delete::<Note>("outer").unwrap();
        mine.height = 2.0;
        store.overwrite(&mine).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), mine);
        // From now on, it is known as that.
        mine.height = 3.0;
        store.save(&mine).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), mine);
        store.delete::<Desk>("desk").unwrap();
        store.overwrite(&mine).unwrap();
        store.save(&mine).unwrap();
    });
    let disk = OnDisk::new();
    let mine = note("n", "1");
    disk.store.save(&mine).unwrap();
    disk.write("Note/n", "by hand");
    disk.store.overwrite(&mine).unwrap();
    assert_eq!(disk.text("Note/n"), "1");
}

#[test]
fn a_clone_remembers_by_itself() {
    on_every_backend(|store| {
        store.save(&note("n", "1")).unwrap();
        let mut mine: Note = store.load("n").unwrap();
        let mut clone = mine.clone();
        mine.text = "mine".to_owned();
        store.save(&mine).unwrap();
        clone.text = "clone".to_owned();
        conflict(store.save(&clone), &[("Note", "n")]);
        // A clone that was made of it as it is now knows it as it is now.
        let mut clone = mine.clone();
        clone.text = "clone".to_owned();
        store.save(&clone).unwrap();
        conflict(store.save(&edited(&mine)), &[("Note", "n")]);
        assert_eq!(text(store, "n"), "clone");
        // The clone of a fresh object is fresh, whatever became of the original.
        let fresh = note("m", "1");
        let copy = Note { text: "2".to_owned(), ..fresh.clone() };
        store.save(&fresh).unwrap();
        store.save(&copy).unwrap();
        conflict(store.save(&edited(&fresh)), &[("Note", "m")]);
    });
}

#[test]
fn it_remembers_wherever_it_goes() {
    on_every_backend(|store| {
        store.save(&note("n", "1")).unwrap();
        let mine: Note = store.load("n").unwrap();
        let other = store.clone();
        let back = std::thread::spawn(move || {
            let mine = Note { text: "2".to_owned(), ..mine };
            other.save(&mine).unwrap();
            mine
        });
        let mine = back.join().unwrap();
        store.save(&Note { text: "3".to_owned(), ..mine.clone() }).unwrap();
        conflict(store.save(&edited(&mine)), &[("Note", "n")]);

        // Boxed, shared, swapped, replaced, in a collection, and taken apart.
        let (mut a, mut b) = (note("a", "1"), note("b", "1"));
        store.save(&a).unwrap();
        store.save(&b).unwrap();
        let (old_a, old_b) = (a.clone(), b.clone());
        std::mem::swap(&mut a, &mut b);
        for swapped in [&mut a, &mut b] {
            swapped.text = "2".to_owned();
            store.save(swapped).unwrap();
        }
        conflict(store.save(&edited(&old_a)), &[("Note", "a")]);
        conflict(store.save(&edited(&old_b)), &[("Note", "b")]);
        let a = Arc::new(Box::new(vec![a]));
        store.save(&Note { text: "3".to_owned(), ..a[0].clone() }).unwrap();
        conflict(store.save(&edited(&a[0])), &[("Note", "b")]);
        conflict(store.save(&edited(&Arc::try_unwrap(a).unwrap().remove(0))), &[("Note", "b")]);
        let b = std::mem::replace(&mut b, note("c", "1"));
        let Note { id, .. } = b;
        store.save(&Note { id: id.clone(), text: "3".to_owned() }).unwrap();
        conflict(store.save(&Note { id, text: "4".to_owned() }), &[("Note", "a")]);
        let ids: HashMap<Id<Note>, u8> = HashMap::from([(store.load::<Note>("a").unwrap().id, 1)]);
        store.overwrite(&note("a", "5")).unwrap();
        let (id, _) = ids.into_iter().next().unwrap();
        conflict(store.save(&Note { id, text: "6".to_owned() }), &[("Note", "a")]);
    });
}

#[test]
fn each_store_is_remembered_by_itself() {
    let made = MEDIA.iter().chain(&MEDIA).map(|medium| medium.make()).collect::<Vec<_>>();
    let stores: Vec<&Store> = made.iter().map(|store| &**store).collect();
    let mut mine = desk();
    for round in 0_u8..3 {
        for store in &stores {
            mine.height = f64::from(round);
            mine.notes[0].text = format!("{round}");
            store.save(&mine).unwrap();
        }
    }
    for (number, store) in stores.iter().enumerate() {
        let mut mine = mine.clone();
        store.overwrite(&note("inner", "theirs")).unwrap();
        let known = std::mem::replace(&mut mine.drawers[0].notes[0].text, "mine".to_owned());
        conflict(store.save(&mine), &[("Note", "inner")]);
        mine.drawers[0].notes[0].text = known;
        for other in &stores[number + 1..] {
            other.save(&mine).unwrap();
        }
        store.overwrite(&mine).unwrap();
    }
    // Another handle to the same store is the same store.
    for store in &made {
        store.reopen().save(&mine).unwrap();
        let copy: Desk = store.load("desk").unwrap();
        // What was loaded from one store is new to another.
        on_every_backend(|other| {
            other.save(&Desk { height: 4.0, ..desk() }).unwrap();
            other.save(&copy).unwrap();
            assert_eq!(other.load::<Desk>("desk").unwrap(), copy);
        });
    }
}

#[test]
fn a_store_in_a_place_where_another_was_is_another() {
    let place = tempfile::tempdir().unwrap();
    let mine = note("n", "1");
    for round in 0..20 {
        let root = place.path().join("store");
        let store = Store::open(&root).unwrap();
        store.save(&mine).unwrap_or_else(|error| unreachable!("round {round}: {error}"));
        drop(store);
        fs::remove_dir_all(root).unwrap();
    }
}

#[test]
fn a_failed_save_changes_no_memory() {
    on_every_backend(|store| {
        let mut mine = desk();
        store.save(&mine).unwrap();
        mine.notes[0].text = "2".to_owned();
        mine.drawers[0].height = f64::NAN;
        refused(store.save(&mine), ErrorKind::InvalidValue, &["drawer", "height"]);
        refused(store.overwrite(&mine), ErrorKind::InvalidValue, &["drawer", "height"]);
        assert_eq!(text(store, "outer"), "1");
        mine.drawers[0].height = 2.0;
        store.save(&mine).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), mine);
        // A conflict over one object leaves all others as they were.
        store.overwrite(&note("inner", "theirs")).unwrap();
        mine.notes[0].text = "3".to_owned();
        mine.drawers[0].notes[0].text = "mine".to_owned();
        conflict(store.save(&mine), &[("Note", "inner")]);
        mine.drawers[0].notes[0] = store.load("inner").unwrap();
        store.save(&mine).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), mine);
    });
}

#[test]
fn a_failed_load_and_a_look_change_nothing_either() {
    let disk = OnDisk::new();
    let mut mine = desk();
    disk.store.save(&mine).unwrap();
    disk.write("Note/inner", "theirs");
    let _: Desk = disk.store.load("desk").unwrap();
    assert!(disk.store.exists::<Note>(&mine.drawers[0].notes[0].id).unwrap());
    let _: Note = disk.store.load(&mine.drawers[0].notes[0].id).unwrap();
    mine.drawers[0].notes[0].text = "mine".to_owned();
    conflict(disk.store.save(&mine), &[("Note", "inner")]);
}

#[test]
fn deleted_elsewhere_is_a_conflict_and_can_be_overwritten() {
    on_every_backend(|store| {
        let mine = note("n", "1");
        store.save(&mine).unwrap();
        assert!(store.delete::<Note>(&mine.id).unwrap());
        conflict(store.save(&mine), &[("Note", "n")]);
        assert!(!store.exists::<Note>("n").unwrap());
        store.overwrite(&mine).unwrap();
        store.save(&Note { text: "2".to_owned(), ..mine }).unwrap();
        let known: Note = store.load("n").unwrap();
        store.clear().unwrap();
        conflict(store.save(&known), &[("Note", "n")]);
    });
}

#[test]
fn one_object_held_twice_is_one() {
    on_every_backend(|store| {
        let shared = Arc::new(note("s", "1"));
        let mut mine = Desk {
            id: "d".into(),
            shared: vec![Arc::clone(&shared), Arc::clone(&shared)],
            boxed: Some(Box::new(note("s", "1"))),
            ..Desk::default()
        };
        store.save(&mine).unwrap();
        store.save(&mine).unwrap();
        store.save(&Note { text: "1".to_owned(), ..(*shared).clone() }).unwrap();
        let loaded: Desk = store.load("d").unwrap();
        assert!(Arc::ptr_eq(&loaded.shared[0], &loaded.shared[1]));
        // All of them know that they were saved: the box, too.
        store.overwrite(&note("s", "theirs")).unwrap();
        conflict(store.save(&edited(mine.boxed.as_ref().unwrap())), &[("Note", "s")]);
        conflict(store.save(&edited(&shared)), &[("Note", "s")]);
        store.save(&mine).unwrap();
        let other = Arc::new(edited(&shared));
        let changed = vec![Arc::clone(&other), other];
        let boxed = Some(Box::new(edited(&shared)));
        conflict(store.save(&Desk { shared: changed, boxed, ..mine.clone() }), &[("Note", "s")]);
        // Twice, with different content.
        mine.boxed = Some(Box::new(note("s", "2")));
        refused(store.save(&mine), ErrorKind::InvalidValue, &["Note", "s"]);
    });
}

#[test]
fn one_object_held_twice_in_different_ages_is_a_conflict() {
    on_every_backend(|store| {
        store.save(&note("n", "1")).unwrap();
        let old: Note = store.load("n").unwrap();
        let new = Note { text: "2".to_owned(), ..old.clone() };
        store.save(&new).unwrap();
        let back = Note { text: "2".to_owned(), ..old };
        let (old, new) = (Arc::new(back), Arc::new(new));
        for shared in [vec![Arc::clone(&old), Arc::clone(&new)], vec![new, old]] {
            let mine = Desk { id: "d".into(), shared, ..Desk::default() };
            conflict(store.save(&mine), &[("Note", "n")]);
            assert!(!store.exists::<Desk>("d").unwrap());
        }
        // One that knows it and one that is fresh are no trouble, in whichever order.
        for order in [0, 1] {
            let mut shared = vec![Arc::new(store.load::<Note>("n").unwrap()), Arc::new(note("n", "2"))];
            shared.rotate_left(order);
            store.save(&Desk { id: "d".into(), shared: shared.clone(), ..Desk::default() }).unwrap();
            let changed = shared.iter().map(|note| Note { text: "3".to_owned(), ..(**note).clone() }).map(Arc::new);
            store.save(&Desk { id: "e".into(), shared: changed.collect(), ..Desk::default() }).unwrap();
            store.overwrite(&note("n", "theirs")).unwrap();
            let changed = shared.iter().map(|note| Arc::new(edited(note))).collect();
            conflict(store.save(&Desk { id: "f".into(), shared: changed, ..Desk::default() }), &[("Note", "n")]);
            // The one that is fresh is to be written, and the one that knows it decides over what.
            let mut shared = vec![Arc::new(store.load::<Note>("n").unwrap()), Arc::new(note("n", "theirs"))];
            shared.rotate_left(order);
            store.overwrite(&note("n", "changed")).unwrap();
            conflict(store.save(&Desk { id: "f".into(), shared, ..Desk::default() }), &[("Note", "n")]);
            store.overwrite(&note("n", "2")).unwrap();
        }
        // As long as none of them was changed, they may be of different ages.
        let old: Note = store.load("n").unwrap();
        store.overwrite(&note("n", "between")).unwrap();
        store.overwrite(&note("n", "2")).unwrap();
        let shared = vec![Arc::new(old), Arc::new(store.load("n").unwrap())];
        store.overwrite(&note("n", "theirs")).unwrap();
        store.save(&Desk { id: "f".into(), shared, ..Desk::default() }).unwrap();
        assert_eq!(text(store, "n"), "theirs");
    });
}

#[test]
fn what_moves_between_containers_is_as_it_was_known() {
    on_every_backend(|store| {
        store.save(&desk()).unwrap();
        let mut mine: Desk = store.load("desk").unwrap();
        // A drawer becomes a desk of its own, with its note; a note moves into another.
        let drawer = mine.drawers.remove(0);
        store.save(&drawer).unwrap();
        store.save(&mine).unwrap();
        assert_eq!(store.load::<Desk>("drawer").unwrap(), drawer);
        let mut drawer: Desk = store.load("drawer").unwrap();
        drawer.notes.append(&mut mine.notes);
        store.overwrite(&note("outer", "theirs")).unwrap();
        drawer.notes[1].text = "mine".to_owned();
        conflict(store.save(&drawer), &[("Note", "outer")]);
        // And a desk becomes a drawer.
        drawer.notes.pop();
        mine.drawers.push(drawer);
        store.save(&mine).unwrap();
        assert_eq!(store.load::<Desk>("desk").unwrap(), mine);
    });
}

#[test]
fn an_id_is_what_it_says_and_nothing_else() {
    on_every_backend(|store| {
        let mut mine = note("n", "1");
        let fresh = mine.id.clone();
        store.save(&mine).unwrap();
        store.save(&note("other", "1")).unwrap();
        let loaded: Note = store.load("n").unwrap();
        mine.text = "2".to_owned();
        store.save(&mine).unwrap();
        let hasher = RandomState::new();
        for id in [&mine.id, &loaded.id] {
            assert_eq!((id, id.cmp(&fresh)), (&fresh, std::cmp::Ordering::Equal));
            assert_eq!(hasher.hash_one(id), hasher.hash_one(&fresh));
            assert_eq!((format!("{id:?} {id}"), format!("{id:>5}")), ("\"n\" n".to_owned(), "    n".to_owned()));
            let json = serde_json::to_string(id).unwrap();
            assert_eq!(json, "\"n\"");
            assert_eq!(&serde_json::from_str::<Id<Note>>(&json).unwrap(), id);
        }
        // They are keys.
        let mut map: HashMap<Id<Note>, &str> = HashMap::from([(fresh.clone(), "fresh"), (loaded.id.clone(), "loaded")]);
        assert_eq!(map.len(), 1);
        assert_eq!(map.insert(mine.id.clone(), "mine"), Some("loaded"));
        let set: BTreeSet<Id<Note>> = [&mine.id, &loaded.id, &fresh, &"other".into()].map(Id::clone).into();
        assert_eq!(set.len(), 2);
        let refs: HashSet<Ref<Note>> = [Ref::to(&mine), Ref::to(&loaded), Ref::new("n"), fresh.into()].into();
        assert_eq!(refs.len(), 1);
        // What came out of serde is fresh.
        let copy: Id<Note> = serde_json::from_str("\"n\"").unwrap();
        store.save(&Note { id: copy, text: "3".to_owned() }).unwrap();
        conflict(store.save(&edited(&mine)), &[("Note", "n")]);
    });
}
