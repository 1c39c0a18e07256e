//! Copies are exact, of one moment, and by the rule.

use std::collections::BTreeSet;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use proptest::prelude::*;
use sepia::backup::Archive;
use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format, Kind};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::transfer::OnConflict;
use sepia::{Durability, ErrorKind, Progress, Root, Store};

use crate::support::{
    MEDIA, Medium, OnDisk, beside_writers, content, is_of_one_moment, on_every_backend, on_every_medium, on_every_pair,
    on_some_pairs, refused,
};
use crate::trees::{Tree, tree};

/// Puts texts into a class, with generations or without.
pub fn put(store: &Store, class: &Class, texts: &[(&str, &str)]) {
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch.declare(class).unwrap();
    for (id, text) in texts {
        batch.put(key(class.name(), id), Record::Leaf(text.as_bytes().to_vec()), Expect::Any);
    }
    store.backend().commit(batch).unwrap();
}

/// Puts as many notes, of one text.
pub fn many(store: &Store, number: usize, text: &str) {
    let ids: Vec<String> = (0..number).map(|id| format!("{id:05}")).collect();
    put(store, &notes(), &ids.iter().map(|id| (id.as_str(), text)).collect::<Vec<_>>());
}

/// Puts a container with links to notes.
pub fn link(store: &Store, id: &str, to: &[&str]) {
    let link = |id: &&str| (Name::of(id).unwrap(), Entry::Link(key("Note", id)));
    let entries = Entries::new(to.iter().map(link).collect()).unwrap();
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch.declare(&Class::container("Board")).unwrap();
    batch.put(key("Board", id), Record::Container(Node { data: b"{}\n".to_vec(), entries }), Expect::Any);
    store.backend().commit(batch).unwrap();
}

pub fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

pub fn notes() -> Class {
    Class::serializable("Note", Format::Text)
}

pub fn drafts() -> Class {
    Class::serializable("Draft", Format::Text).with_generations()
}

pub fn text(store: &Store, class: &str, id: &str) -> Option<String> {
    store.backend().read(&key(class, id)).unwrap().map(|record| match record {
        Record::Leaf(content) => String::from_utf8(content).unwrap(),
        Record::Container(_) => panic!("this is no leaf"),
    })
}

/// Copies a tree from every medium to every one, and back.
fn arrives(tree: &Tree) -> Result<(), TestCaseError> {
    for from in MEDIA {
        let first = from.make();
        first.save(tree).unwrap();
        for to in MEDIA {
            let (second, back) = (to.make(), from.make());
            first.copy_to(&second).run().unwrap();
            prop_assert_eq!(content(&first), content(&second), "from {:?} to {:?}", from, to);
            second.reopen().copy_to(&back).run().unwrap();
            prop_assert_eq!(content(&first), content(&back), "from {:?} to {:?}", to, from);
            prop_assert_eq!(&back.load::<Tree>("root").unwrap(), tree);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_arrive_as_they_were(tree in tree()) {
        arrives(&tree)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "long"]
    fn trees_arrive_as_they_were_for_long(tree in tree()) {
        arrives(&tree)?;
    }
}

#[test]
fn what_is_there_already_is_not_written_again() {
    on_every_pair(|from, to| {
        let (from, to) = (from.make(), to.make());
        put(&from, &notes(), &[("a", "1"), ("b", "22")]);
        let report = from.copy_to(&to).run().unwrap();
        assert_eq!((report.added, report.equal, report.bytes), (2, 0, 3));
        put(&from, &notes(), &[("c", "")]);
        let before = to.backend().stat(&key("Note", "a")).unwrap();
        let report = from.copy_to(&to).run().unwrap();
        assert_eq!((report.added, report.equal, report.replaced, report.kept, report.bytes), (1, 2, 0, 0, 0));
        assert_eq!(to.backend().stat(&key("Note", "a")).unwrap(), before);
        assert_eq!(content(&to), content(&from));
    });
}

/// The target as it was, and what each rule makes of it.
#[test]
fn conflicts_are_dealt_with_by_the_rule() {
    on_every_pair(conflicts);
}

fn conflicts(from: Medium, to: Medium) {
    let copied = |rule: OnConflict| {
        let (from, to) = (from.make(), to.make());
        put(&from, &notes(), &[("same", "s"), ("new", "n"), ("other", "theirs")]);
        put(&from, &drafts(), &[("ahead.0", "theirs"), ("ahead.1", "x"), ("ahead.2", "y"), ("behind.0", "theirs")]);
        put(&from, &drafts(), &[("level.0", "theirs"), ("level.1", "x"), ("twin", "theirs"), ("twin.1", "x")]);
        put(&to, &notes(), &[("same", "s"), ("mine", "m"), ("other", "mine")]);
        put(&to, &drafts(), &[("ahead.0", "mine"), ("ahead.1", "x"), ("behind.0", "mine"), ("behind.1", "y")]);
        put(&to, &drafts(), &[("level.0", "mine"), ("level.1", "x"), ("twin.0", "mine")]);
        let before = content(&to);
        let run = from.copy_to(&to).on_conflict(rule).run();
        if run.is_err() {
            assert_eq!(content(&to), before);
        }
        let texts: Vec<_> = [("Note", "other"), ("Draft", "ahead.0"), ("Draft", "behind.0"), ("Draft", "level.0")]
            .map(|(class, id)| text(&to, class, id).unwrap())
            .into();
        let twins = (text(&to, "Draft", "twin"), text(&to, "Draft", "twin.0"));
        (run, texts.join(" "), (twins.0.unwrap_or_default(), twins.1.unwrap_or_default()), to)
    };
    let twins = |bare: &str, zero: &str| (bare.to_owned(), zero.to_owned());

    let (run, ..) = copied(OnConflict::Fail);
    let error = refused(run, ErrorKind::Conflict, &["another content"]);
    let mut conflicts: Vec<_> = error.conflicts().iter().map(|key| key.id()).collect();
    conflicts.sort_unstable();
    assert_eq!(conflicts, ["ahead.0", "behind.0", "level.0", "other", "twin.0"]);

    let (run, texts, twin, to) = copied(OnConflict::Keep);
    assert_eq!((&*texts, twin), ("mine mine mine mine", twins("", "mine")));
    let report = run.unwrap();
    assert_eq!((report.added, report.replaced, report.equal, report.kept), (3, 0, 3, 5));
    assert_eq!((text(&to, "Note", "new").as_deref(), text(&to, "Note", "mine").as_deref()), (Some("n"), Some("m")));

    let (run, texts, twin, _) = copied(OnConflict::Replace);
    assert_eq!((&*texts, twin), ("theirs theirs theirs theirs", twins("theirs", "")));
    let report = run.unwrap();
    assert_eq!((report.added, report.replaced, report.equal, report.kept), (3, 5, 3, 0));

    let (run, texts, twin, to) = copied(OnConflict::NewestGeneration);
    assert_eq!((&*texts, twin), ("mine theirs mine mine", twins("theirs", "")));
    let report = run.unwrap();
    assert_eq!((report.added, report.replaced, report.equal, report.kept), (3, 2, 3, 3));
    assert_eq!(text(&to, "Draft", "ahead.2").as_deref(), Some("y"));
    assert_eq!(text(&to, "Draft", "behind.1").as_deref(), Some("y"));
}

#[test]
fn all_conflicts_are_found_before_the_first_of_many_batches() {
    on_every_pair(|from, to| {
        let (from, to) = (from.make(), to.make());
        let ids: Vec<String> = (0..2500).map(|number| format!("{number}")).collect();
        put(&from, &notes(), &ids.iter().map(|id| (id.as_str(), "theirs")).collect::<Vec<_>>());
        put(&to, &notes(), &[("0", "mine"), ("1", "theirs"), ("999", "mine")]);
        let before = content(&to);
        let error = refused(from.copy_to(&to).run(), ErrorKind::Conflict, &[]);
        let found = BTreeSet::from_iter(error.conflicts().to_vec());
        assert_eq!(found, BTreeSet::from([key("Note", "0"), key("Note", "999")]));
        assert_eq!(content(&to), before);
    });
}

#[test]
fn a_class_of_another_kind_is_refused_before_anything_is_written() {
    on_every_pair(|from, to| {
        for roots in [None, Some(Root::class("Note"))] {
            let (from, to) = (from.make(), to.make());
            put(&from, &Class::serializable("Aaa", Format::Text), &[("a", "1")]);
            put(&from, &notes(), &[("a", "1")]);
            put(&to, &Class::serializable("Note", Format::Bytes), &[("b", "1")]);
            let before = content(&to);
            let mut copy = from.copy_to(&to).on_conflict(OnConflict::Replace);
            if let Some(root) = roots {
                copy = copy.roots([root]);
            }
            refused(copy.run(), ErrorKind::ClassClash, &["Note"]);
            assert_eq!(content(&to), before);
        }
    });
}

/// Generations were once replaced while they were compared, before it was known whether all classes fit.
#[test]
fn a_class_of_another_kind_is_refused_before_a_newer_generation_replaces_any() {
    on_every_pair(|from, to| {
        let (from, to) = (from.make(), to.make());
        put(&from, &drafts(), &[("d.0", "theirs"), ("d.5", "x")]);
        put(&from, &notes(), &[("a", "1")]);
        put(&to, &drafts(), &[("d.0", "mine")]);
        put(&to, &Class::serializable("Note", Format::Bytes), &[("b", "1")]);
        let before = content(&to);
        let copy = from.copy_to(&to).roots([Root::class("Draft"), Root::class("Note")]);
        refused(copy.on_conflict(OnConflict::NewestGeneration).run(), ErrorKind::ClassClash, &["Note"]);
        assert_eq!(content(&to), before);
        // What does not come need not fit.
        from.copy_to(&to).roots([Root::class("Draft")]).on_conflict(OnConflict::NewestGeneration).run().unwrap();
        assert_eq!(text(&to, "Draft", "d.0").as_deref(), Some("theirs"));
    });
}

/// A store that was adopted may not know yet that a class has generations.
#[test]
fn generations_are_told_by_the_class_as_both_stores_know_it() {
    on_every_pair(|from, target| {
        let unknown = Class::declared("Draft".to_owned(), Kind::Serializable(Some(Format::Text)), None).unwrap();
        let (from, directory) = (from.make(), tempfile::tempdir().unwrap());
        put(&from, &unknown, &[("d.0", "theirs"), ("d.5", "x")]);
        let archive = directory.path().join("a.tar");
        from.backup().to_file(&archive).unwrap();
        let archive = Archive::open(&archive).unwrap();
        let mut lines = Vec::new();
        from.export().to_writer(&mut lines).unwrap();
        let rule = OnConflict::NewestGeneration;
        let copy = |to: &Store| from.copy_to(to).on_conflict(rule).run();
        let restore = |to: &Store| to.restore(&archive).on_conflict(rule).run();
        let import = |to: &Store| to.import().on_conflict(rule).from_reader(&*lines);
        for (way, run) in
            [("copy", &copy as &dyn Fn(&Store) -> sepia::Result<_>), ("restore", &restore), ("import", &import)]
        {
            let to = target.make();
            put(&to, &drafts(), &[("d.0", "mine"), ("d.4", "y")]);
            assert_eq!(run(&to).unwrap().replaced, 1, "{way}");
            assert_eq!(text(&to, "Draft", "d.0").as_deref(), Some("theirs"), "{way}");
        }
        // The other spelling of a generation 0 is replaced, whichever way it comes.
        for (way, run) in [
            ("copy", &(|to: &Store| from.copy_to(to).on_conflict(OnConflict::Replace).run()) as &dyn Fn(&Store) -> _),
            ("restore", &|to: &Store| to.restore(&archive).on_conflict(OnConflict::Replace).run()),
            ("import", &|to: &Store| to.import().on_conflict(OnConflict::Replace).from_reader(&*lines)),
        ] {
            let to = target.make();
            put(&to, &drafts(), &[("d", "mine")]);
            assert_eq!(run(&to).unwrap().replaced, 1, "{way}");
            assert_eq!(
                (text(&to, "Draft", "d"), text(&to, "Draft", "d.0")),
                (None, Some("theirs".to_owned())),
                "{way}"
            );
        }
        // Nor does the source know that these are the same.
        put(&from, &unknown, &[("d", "twin")]);
        let to = target.make();
        put(&to, &drafts(), &[("e.0", "mine")]);
        let before = content(&to);
        refused(from.copy_to(&to).on_conflict(OnConflict::Replace).run(), ErrorKind::Conflict, &["both spellings"]);
        assert_eq!(content(&to), before);
    });
}

#[test]
fn what_no_store_may_hold_is_not_copied() {
    let (from, to, shelf) = (OnDisk::new(), Store::in_memory(), tempfile::tempdir().unwrap());
    link(&from.store, "work", &["a"]);
    many(&from.store, 10, "x");
    put(&from.store, &drafts(), &[("d.0", "0")]);
    from.write("Draft/d", "by hand");
    for rule in [OnConflict::Fail, OnConflict::Keep, OnConflict::Replace, OnConflict::NewestGeneration] {
        refused(from.store.copy_to(&to).on_conflict(rule).run(), ErrorKind::Conflict, &["d"]);
        assert_eq!(content(&to), Default::default());
    }
    // A backup of it could not be restored.
    refused(from.store.backup().to_file(shelf.path().join("a.tar")), ErrorKind::Corrupt, &[]);
    assert_eq!(fs::read_dir(shelf.path()).unwrap().count(), 0);
}

#[test]
fn a_store_is_not_copied_into_itself() {
    on_every_medium(|medium| {
        let store = medium.make();
        refused(store.copy_to(&store.reopen()).run(), ErrorKind::InvalidValue, &["itself"]);
    });
}

#[test]
fn roots_bring_what_they_lead_to() {
    on_every_pair(|from, target| {
        let (from, to) = (from.make(), target.make());
        put(&from, &notes(), &[("a", "1"), ("b", "2"), ("c", "3")]);
        put(&from, &drafts(), &[("d.0", "0"), ("d.1", "1"), ("e.0", "0")]);
        link(&from, "work", &["a", "b"]);
        link(&from, "home", &["c"]);
        from.copy_to(&to).roots([key("Board", "work"), key("Draft", "d")]).run().unwrap();
        let paths: Vec<_> = content(&to).1.keys().map(Key::path).collect();
        assert_eq!(paths, ["Board/work", "Draft/d.0", "Draft/d.1", "Note/a", "Note/b"]);
        let none = target.make();
        from.copy_to(&none).roots([] as [Root; 0]).run().unwrap();
        assert_eq!(content(&none), Default::default());
    });
}

#[test]
fn a_copy_goes_on_where_it_was_interrupted() {
    on_some_pairs(interrupted);
}

#[test]
#[ignore = "long"]
fn a_copy_goes_on_where_it_was_interrupted_for_long() {
    on_every_pair(interrupted);
}

fn interrupted(from: Medium, to: Medium) {
    let (from, to) = (from.make(), to.make());
    many(&from, 2500, "same");
    let copy = || from.copy_to(&to).on_conflict(OnConflict::Keep);
    let dies = |progress: Progress| assert!(progress.phase != "copy" || progress.done < 2304, "interrupted");
    std::panic::catch_unwind(AssertUnwindSafe(|| copy().on_progress(dies).run())).unwrap_err();
    let report = copy().run().unwrap();
    assert_eq!((report.added, report.equal), (500, 2000));
    assert_eq!(content(&from), content(&to));
}

#[test]
fn what_cannot_be_read_is_found_before_anything_is_written() {
    let (from, to) = (OnDisk::new(), Store::in_memory());
    many(&from.store, 2500, "same");
    put(&from.store, &Class::serializable("Zebra", Format::Text), &[("z", "z")]);
    fs::remove_file(from.path("Zebra/z")).unwrap();
    std::os::unix::fs::symlink("elsewhere", from.path("Zebra/z")).unwrap();
    refused(from.store.copy_to(&to).run(), ErrorKind::Corrupt, &["Zebra"]);
    assert_eq!(content(&to), Default::default());
}

/// Writes while a copy is read were once followed in the target step by step: an object that had replaced another and
/// was deleted in the source then was deleted in the target, and what it had replaced was lost.
#[test]
fn what_is_deleted_while_it_is_copied_replaces_nothing() {
    on_every_medium(|medium| {
        let deletion = |from: &Store| {
            let mut batch = Batch::new();
            for (key, _) in content(from).1 {
                batch.delete(key, Expect::Any);
            }
            from.backend().commit(batch).unwrap();
        };
        for phase in ["read", "compare", "copy"] {
            let (from, to) = (medium.make(), medium.make());
            many(&from, 2500, "theirs");
            many(&to, 2500, "mine");
            let mut deleted = false;
            let copy = from.copy_to(&to).on_conflict(OnConflict::Replace).on_progress(|progress| {
                if progress.phase == phase && progress.done > 2000 && !deleted {
                    deleted = true;
                    deletion(&from);
                }
            });
            let report = copy.run().unwrap();
            assert!(deleted, "{phase}");
            let records = content(&to).1;
            let (text, replaced) = if phase == "read" { ("mine", 0) } else { ("theirs", 2500) };
            assert_eq!((records.len(), report.replaced), (2500, replaced), "{phase}");
            assert!(records.values().all(|record| *record == Record::Leaf(text.as_bytes().to_vec())), "{phase}");
        }
    });
}

#[test]
fn files_that_are_not_sepias_stay_behind_and_are_counted() {
    let (from, to) = (OnDisk::new(), Store::in_memory());
    link(&from.store, "work", &[]);
    from.write("Board/work/notes.txt", "by hand");
    let report = from.store.copy_to(&to).run().unwrap();
    assert_eq!((report.added, report.strays), (1, 1));
    assert_eq!(to.backend().read(&key("Board", "work")).unwrap().map(|record| record.bytes()), Some(3));
}

/// Those of an object that was read twice were counted twice.
#[test]
fn files_that_are_not_sepias_are_counted_once_per_object() {
    let (from, to) = (OnDisk::new(), Store::in_memory());
    many(&from.store, 300, "x");
    link(&from.store, "work", &[]);
    from.write("Board/work/notes.txt", "by hand");
    let (other, mut changed) = (from.reopen(), false);
    let copy = from.store.copy_to(&to).on_progress(|progress| {
        if progress.phase == "read" && progress.done >= 256 && !changed {
            changed = true;
            fs::remove_file(from.path("Board/work/notes.txt")).unwrap();
            link(&other, "work", &["00001"]);
            from.write("Board/work/notes.txt", "by hand");
        }
    });
    let report = copy.run().unwrap();
    assert!(changed);
    assert_eq!((report.added, report.strays), (301, 1));
    assert_eq!(content(&to).1.len(), 301);
}

/// So much is written while it is read that the journal does not tell what has changed, and what was handed on is lost.
/// Everything was once read again under the lock.
#[test]
fn what_is_read_a_second_time_keeps_nobody_off() {
    let (from, to) = (OnDisk::new(), Store::in_memory());
    many(&from.store, 1500, "x");
    let blobs = Class::serializable("Blob", Format::Bytes);
    let other = Store::builder().lock_timeout(Duration::from_millis(50)).open(from.directory.path()).unwrap();
    let write = |id: &str, length: usize| {
        let (other, key, blobs) = (other.clone(), key("Blob", id), blobs.clone());
        // The lock is its thread's.
        std::thread::spawn(move || {
            let mut batch = Batch::new();
            batch.set_durability(Durability::Buffered);
            batch.declare(&blobs).unwrap();
            batch.put(key, Record::Leaf(vec![length as u8; length]), Expect::Any);
            other.backend().commit(batch).map_err(|error| error.kind())
        })
        .join()
        .unwrap()
    };
    let (mut again, mut read) = (0, 0);
    let copy = from.store.copy_to(&to).on_progress(|progress| {
        read = progress.done;
        if progress.phase != "read" || progress.done == 0 {
            return;
        }
        if again == 0 {
            for number in 0..10 {
                write("large", (4 << 20) + number).unwrap();
            }
            fs::remove_file(from.path(".sepia/followed")).unwrap();
        }
        again += 1;
        assert_eq!(write("small", again), Ok(()), "after {read} records");
    });
    copy.run().unwrap();
    // The second time is over 1500.
    assert!(again > 1500 * 2 / 256, "{again}");
    assert_eq!(content(&to).1.len(), 1502);
}

#[test]
fn a_copy_beside_writers_is_of_one_moment() {
    on_every_backend(|from| {
        let ids: Vec<String> = (0..300).map(|number| format!("{number}")).collect();
        put(from, &notes(), &ids.iter().map(|id| (id.as_str(), id.as_str())).collect::<Vec<_>>());
        beside_writers(from, || {
            for round in 0..20 {
                let to = MEDIA[round / 2 % MEDIA.len()].make();
                let mut copy = from.copy_to(&to);
                if round % 2 == 1 {
                    copy = copy.roots(["Pair", "Note", "Fresh"].map(Root::class));
                }
                copy.run().unwrap();
                is_of_one_moment(&to);
            }
        });
    });
}
