//! Stores that hands, other programs and dead writers have been at.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::symlink;

use sepia::backend::{Backend, OpenOptions};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Key, Record};
use sepia::{Container, ErrorKind, Fields, Id, Reader, Ref, Reference, Result, Serializable, Store, Writer};

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::{OnDisk, in_two_views, on_every_backend, on_every_medium, refused};

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Desk {
    id: Id<Desk>,
    drawers: Vec<Desk>,
    lamp: Option<Box<Desk>>,
    notes: Option<Vec<Postit>>,
    by_key: BTreeMap<String, Thing>,
    links: HashSet<Ref<Postit>>,
}

#[derive(Reference, Clone, Debug, PartialEq)]
enum Thing {
    Note(Postit),
    Desk(Box<Desk>),
}

fn desk(id: &str) -> Desk {
    Desk { id: id.into(), ..Desk::default() }
}

/// A backup by hard links gave the list of classes a second name; when another process replaced the
/// list, the old file had one name again, as when it was read. The class that the other process had
/// declared stayed unseen, and was lost from the list at the next declaration.
/// The symlink was moved away, and then every link to an object of the class was removed, as it led nowhere.
#[test]
fn a_class_that_a_symlink_leads_to_keeps_the_links_to_its_objects() {
    let disk = OnDisk::new();
    let board = work_board();
    disk.store.save(&board).unwrap();
    fs::rename(disk.path("Postit"), disk.path(".elsewhere")).unwrap();
    symlink(".elsewhere", disk.path("Postit")).unwrap();
    let report = disk.store.verify().repair().run().unwrap();
    let left: Vec<_> = report.problems.iter().filter_map(|found| found.refused.as_deref()).collect();
    assert!(left.len() == 1 && left[0].contains("where the symlink leads"), "{report:?}");
    fs::remove_file(disk.path("Postit")).unwrap();
    fs::rename(disk.path(".elsewhere"), disk.path("Postit")).unwrap();
    assert_eq!(disk.reopen().load::<Board>("work_board").unwrap(), board);
}

#[test]
fn what_stands_in_the_place_of_the_quarantine_is_named() {
    let disk = OnDisk::new();
    disk.store.save(&postit("a", "x")).unwrap();
    symlink("a", disk.path("Postit/broken")).unwrap();
    fs::create_dir(disk.path("elsewhere")).unwrap();
    symlink("../elsewhere", disk.path(".sepia/quarantine")).unwrap();
    let report = disk.store.verify().repair().run().unwrap();
    let refused: Vec<_> = report.problems.iter().filter_map(|found| found.refused.as_deref()).collect();
    assert!(!refused.is_empty(), "{report:?}");
    for words in refused {
        assert!(words.contains("no directory stands in its place") && words.contains("move it away"), "{words}");
    }
    assert_eq!(fs::read_dir(disk.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn a_class_is_seen_although_a_backup_holds_the_old_list_by_a_hard_link() {
    let disk = OnDisk::new();
    disk.store.save(&postit("p", "")).unwrap();
    fs::hard_link(disk.path(".sepia/format.json"), disk.directory.path().join(".backup")).unwrap();
    disk.reopen().save(&desk("d")).unwrap();
    assert_eq!(disk.store.ids::<Desk>().unwrap(), ["d".into()]);
    disk.store.save(&work_board()).unwrap();
    assert_eq!(disk.reopen().load::<Desk>("d").unwrap(), desk("d"));
}

/// Clearing listed the objects first and forgot the class afterwards, whatever had been saved in
/// between; that was then in a directory of no class, for good.
#[test]
fn clearing_beside_a_writer_orphans_nothing() {
    in_two_views(|store, other| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..200 {
                    other.save(&postit(&format!("{round}"), "")).unwrap();
                }
            });
            for _ in 0..50 {
                match store.clear() {
                    Ok(()) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
                }
            }
        });
        other.save(&postit("last", "")).unwrap();
        assert_eq!(other.load::<Postit>("last").unwrap().id, "last".into());
    });
}

/// A foreign file in a directory of a class kept the class from ever being declared again.
#[test]
fn a_cleared_store_takes_new_objects_whatever_was_left_behind() {
    let disk = OnDisk::new();
    disk.store.save(&postit("p", "")).unwrap();
    disk.store.save(&work_board()).unwrap();
    disk.write("Postit/.DS_Store", "");
    disk.write("Board/draft~", "");
    // What a writer that died while it deleted a container leaves.
    fs::create_dir_all(disk.path("Board/half/postits")).unwrap();
    symlink("../../../Postit/p", disk.path("Board/half/postits/0000_p")).unwrap();
    disk.store.clear().unwrap();
    assert!(!disk.path("Board/half").exists() && disk.path("Board/draft~").exists());
    disk.store.save(&work_board()).unwrap();
    assert_eq!(disk.reopen().load::<Board>("work_board").unwrap(), work_board());
}

/// A directory that could not be removed, because of an editor's or the system's own file in it, was
/// taken for an object without its values, or for an empty collection.
#[test]
fn foreign_files_keep_nothing_alive() {
    let disk = OnDisk::new();
    let full = Desk {
        drawers: vec![desk("a"), desk("b")],
        lamp: Some(Box::new(desk("c"))),
        notes: Some(vec![postit("p", "")]),
        ..desk("d")
    };
    disk.store.save(&full).unwrap();
    for below in ["drawers/0001_b/data.json~", "lamp/.DS_Store", "notes/.hidden"] {
        disk.write(&format!("Desk/d/{below}"), "foreign");
    }
    let less = Desk { drawers: vec![desk("a")], ..desk("d") };
    for _ in 0..2 {
        disk.store.save(&less).unwrap();
        assert_eq!(disk.store.load::<Desk>("d").unwrap(), less);
    }
    for state in [&full, &less, &full] {
        disk.store.overwrite(state).unwrap();
        assert_eq!(&disk.store.load::<Desk>("d").unwrap(), state);
    }
    assert_eq!(disk.text("Desk/d/notes/.hidden"), "foreign");
}

#[test]
fn what_is_in_the_way_is_refused_before_anything_is_written() {
    let disk = OnDisk::new();
    let with = |thing| Desk { by_key: [("k".to_owned(), thing)].into(), ..desk("d") };
    let nested = with(Thing::Desk(Box::new(desk("n"))));
    disk.store.save(&nested).unwrap();
    // A foreign file in a directory that must become a link.
    disk.write("Desk/d/by_key/k/.DS_Store", "foreign");
    let linked = with(Thing::Note(postit("p", "")));
    let before = disk.snapshot();
    let place = disk.path("Desk/d/by_key/k");
    refused(disk.store.save(&linked), ErrorKind::Corrupt, &["Desk", "d", place.to_str().unwrap()]);
    assert_eq!(disk.snapshot(), before);
    assert_eq!(disk.store.load::<Desk>("d").unwrap(), nested);
    fs::remove_file(disk.path("Desk/d/by_key/k/.DS_Store")).unwrap();
    disk.store.save(&linked).unwrap();
    assert_eq!(disk.store.load::<Desk>("d").unwrap(), linked);
    // A file with a proper name in a container that goes.
    disk.store.overwrite(&nested).unwrap();
    disk.write("Desk/d/by_key/k/README", "mine");
    let before = disk.snapshot();
    let place = disk.path("Desk/d/by_key/k/README");
    refused(disk.store.save(&desk("d")), ErrorKind::Corrupt, &["Desk", "d", place.to_str().unwrap()]);
    assert_eq!(disk.snapshot(), before);
}

#[test]
fn an_element_or_key_that_stands_twice_does_not_vanish() {
    let disk = OnDisk::new();
    disk.store.save(&Desk { links: [Ref::new("a")].into(), ..desk("d") }).unwrap();
    symlink("../../../Postit/a", disk.path("Desk/d/links/b")).unwrap();
    let place = disk.path("Desk/d/links/b");
    refused(disk.store.load::<Desk>("d"), ErrorKind::Corrupt, &["Desk", "links", place.to_str().unwrap()]);
    fs::remove_file(place).unwrap();
    assert_eq!(disk.store.load::<Desk>("d").unwrap().links.len(), 1);

    #[derive(Container, Debug, PartialEq)]
    struct Keyed {
        id: Id<Keyed>,
        by: BTreeMap<Untagged, Postit>,
    }
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }
    on_every_backend(|store| {
        let keyed = |key| Keyed { id: "k".into(), by: [(key, postit("p", ""))].into() };
        store.save(&keyed(Untagged::Text("5".to_owned()))).unwrap();
        refused(store.save(&keyed(Untagged::Number(5))), ErrorKind::InvalidValue, &["Keyed", "by", "5"]);
    });
}

#[test]
fn nested_containers_are_what_they_say_they_are() {
    let disk = OnDisk::new();
    let place = "Desk/d/drawers/0000_a/data.json";
    let full = Desk { drawers: vec![desk("a")], ..desk("d") };
    for (below, content, names) in [
        (place, "{\"sepia_class\": \"Board\"}", ["Board", "Desk"]),
        (place, "{\"sepia_shape\": {\"unheard\": null}}", ["unheard", "sepia"]),
        ("Desk/d/data.json", "{\"sepia_id\": \"other\"}", ["sepia_id", "d"]),
        ("Desk/d/data.json", "{\"sepia_class\": \"Desk\"}", ["sepia_class", "d"]),
        ("Desk/d/drawers/0001_a/data.json", "{}", ["twice", "a"]),
        ("Desk/d/drawers/0001_d/data.json", "{}", ["twice", "d"]),
    ] {
        disk.store.save(&desk("d")).unwrap();
        disk.store.overwrite(&full).unwrap();
        assert_eq!(disk.store.load::<Desk>("d").unwrap(), full);
        disk.write(below, content);
        refused(disk.store.load::<Desk>("d"), ErrorKind::Corrupt, &names);
        fs::remove_dir_all(disk.path("Desk/d")).unwrap();
    }
}

/// Who reads by hand may do without a field that is something else, but not without JSON.
#[test]
fn fields_read_by_hand_are_not_read_from_what_is_no_json() {
    #[derive(Container, Debug, PartialEq)]
    #[sepia(content = "custom")]
    struct Lenient {
        id: Id<Lenient>,
        a: u8,
        b: u8,
    }
    impl Fields for Lenient {
        fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()> {
            writer.value("a", &self.a).and_then(|()| writer.value("b", &self.b))
        }
        fn read_fields(id: Id<Self>, reader: &mut Reader<'_>) -> Result<Self> {
            Ok(Self { id, a: reader.value("a").unwrap_or(0), b: reader.value("b")? })
        }
    }
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    store.save(&Lenient { id: "l".into(), a: 1, b: 2 }).unwrap();
    let write = |text: &str| std::fs::write(root.path().join("Lenient/l/data.json"), text).unwrap();
    write("{\"a\": [1], \"b\": 2}");
    assert_eq!(store.load::<Lenient>("l").unwrap(), Lenient { id: "l".into(), a: 0, b: 2 });
    for text in ["{\"a\": [}, \"b\": 2}", "{\"a\": , \"b\": 2}", "{\"a\": \"\\x\", \"b\": 2}"] {
        write(text);
        refused(store.load::<Lenient>("l"), ErrorKind::Corrupt, &["Lenient", "data.json", "line 1 column"]);
    }
}

#[test]
fn fields_written_by_hand_cannot_write_what_cannot_be_read() {
    #[derive(Container, Debug, PartialEq)]
    #[sepia(content = "custom")]
    struct Custom {
        id: Id<Custom>,
        what: u8,
    }
    impl Fields for Custom {
        fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()> {
            match self.what {
                0 if writer.value("x", &vec![f64::NAN]).is_err() => writer.value("x", &0.5),
                1 => writer.value("x", &0.5).and_then(|()| writer.value("x", &0.5)),
                2 => writer.value("sepia_id", &0.5),
                3 => writer.reference("data", &postit("", "")).or_else(|_| writer.value("x", &0.5)),
                4 => writer.reference("a", &postit("p", "")).and_then(|()| writer.reference("a", &postit("p", ""))),
                _ => writer.reference("sepia_shape", &postit("p", "")),
            }
        }
        fn read_fields(id: Id<Self>, reader: &mut Reader<'_>) -> Result<Self> {
            assert_eq!(reader.value::<f64>("x")?, 0.5);
            Ok(Self { id, what: 0 })
        }
    }
    on_every_backend(|store| {
        for what in [0, 3] {
            store.save(&Custom { id: "c".into(), what }).unwrap();
            store.load::<Custom>("c").unwrap();
        }
        for (what, kind, name) in [
            (1, ErrorKind::InvalidValue, "x"),
            (2, ErrorKind::InvalidName, "sepia_id"),
            (4, ErrorKind::InvalidValue, "a"),
            (5, ErrorKind::InvalidName, "sepia_shape"),
        ] {
            refused(store.save(&Custom { id: "c".into(), what }), kind, &["Custom", "c", name]);
        }
    });
}

#[test]
fn a_broken_private_directory_is_corrupt_and_named() {
    for break_it in [
        |disk: &OnDisk| fs::create_dir(disk.path(".sepia/format.json")).unwrap(),
        |disk: &OnDisk| symlink("elsewhere", disk.path(".sepia/format.json")).unwrap(),
        |disk: &OnDisk| {
            assert!(
                std::process::Command::new("mkfifo").arg(disk.path(".sepia/format.json")).status().unwrap().success()
            );
        },
    ] {
        let disk = OnDisk::new();
        fs::remove_file(disk.path(".sepia/format.json")).unwrap();
        break_it(&disk);
        let place = disk.path(".sepia/format.json");
        refused(Store::open(disk.directory.path()), ErrorKind::Corrupt, &[place.to_str().unwrap()]);
    }
    // While the store is open.
    let disk = OnDisk::new();
    disk.store.save(&postit("p", "")).unwrap();
    fs::remove_dir_all(disk.path(".sepia")).unwrap();
    refused(disk.store.save(&desk("d")), ErrorKind::Corrupt, &[".sepia/journal"]);
    // In the corner for files that are being written.
    let disk = OnDisk::new();
    fs::create_dir_all(disk.path(".sepia/tmp/1/x")).unwrap();
    disk.write(".sepia/tmp/2", "");
    let store = disk.reopen();
    for text in ["1", "2", "3"] {
        store.save(&postit("p", text)).unwrap();
    }
    assert_eq!(store.load::<Postit>("p").unwrap().text, "3");
}

/// The directory of what is being made is kept open. It may go, or another may come in its place.
#[test]
fn what_is_being_made_finds_its_corner_again() {
    let disk = OnDisk::new();
    let save = |store: &Store, text: &str| {
        store.save(&postit("p", text)).unwrap();
        assert_eq!(fs::read_to_string(disk.path("Postit/p")).unwrap(), text);
    };
    let store = disk.store.with_durability(Durability::Buffered);
    save(&store, "1");
    save(&store, "2");
    fs::remove_dir_all(disk.path(".sepia/tmp")).unwrap();
    save(&store, "3");
    fs::rename(disk.path(".sepia/tmp"), disk.path(".sepia/old")).unwrap();
    fs::create_dir(disk.path(".sepia/tmp")).unwrap();
    save(&store, "4");
    fs::remove_dir_all(disk.path(".sepia/old")).unwrap();
    save(&store, "5");
    save(&disk.store, "6");
    assert_eq!(fs::read_dir(disk.path(".sepia/tmp")).unwrap().count(), 0);
}

#[test]
fn a_class_that_is_a_symlink_holds_nothing_that_exists() {
    let disk = OnDisk::new();
    disk.store.save(&postit("p", "")).unwrap();
    fs::rename(disk.path("Postit"), disk.path("elsewhere")).unwrap();
    symlink("elsewhere", disk.path("Postit")).unwrap();
    for id in ["p", "nothing"] {
        refused(disk.store.exists::<Postit>(id), ErrorKind::Corrupt, &["Postit", id, "symlink"]);
    }
}

#[test]
fn a_container_whose_marker_is_a_symlink_can_be_deleted() {
    let disk = OnDisk::new();
    disk.store.save(&work_board()).unwrap();
    fs::remove_file(disk.path("Board/work_board/data.json")).unwrap();
    symlink("elsewhere", disk.path("Board/work_board/data.json")).unwrap();
    refused(disk.store.load::<Board>("work_board"), ErrorKind::Corrupt, &["data.json"]);
    assert!(disk.store.delete::<Board>("work_board").unwrap());
    assert!(!disk.path("Board/work_board").exists());
}

#[test]
fn shapes_and_directories_deeper_than_any_record_are_refused() {
    let disk = OnDisk::new();
    disk.store.save(&desk("d")).unwrap();
    let deep = "/0".repeat(200_000);
    disk.write("Desk/d/data.json", format!("{{\"sepia_shape\": {{\"notes{deep}\": []}}}}"));
    refused(disk.store.load::<Desk>("d"), ErrorKind::Corrupt, &["Desk", "d", "sepia_shape"]);
    disk.write("Desk/d/data.json", format!("{{\"x\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000)));
    refused(disk.store.load::<Desk>("d"), ErrorKind::Corrupt, &["Desk", "d", "x"]);

    #[derive(Container, Clone, Debug, PartialEq)]
    struct Cube {
        id: Id<Cube>,
        cubes: Vec<Vec<Vec<Vec<Cube>>>>,
    }
    let cube = |levels: usize| {
        let mut cube = Cube { id: "0".into(), cubes: vec![] };
        for level in 1..levels {
            cube = Cube { id: format!("{level}").into(), cubes: vec![vec![vec![vec![cube]]]] };
        }
        cube
    };
    on_every_backend(|store| {
        store.save(&cube(81)).unwrap();
        assert_eq!(store.load::<Cube>("80").unwrap(), cube(81));
        refused(store.save(&cube(82)), ErrorKind::InvalidValue, &["Cube", "81", "400 levels"]);
    });
}

#[test]
fn a_timeout_without_end_is_no_panic() {
    on_every_medium(|medium| {
        let made = medium.make();
        let store = made.reopen_with(&Store::builder().lock_timeout(std::time::Duration::MAX));
        store.save(&postit("p", "")).unwrap();
    });
}

#[test]
fn both_spellings_of_generation_0_in_one_save() {
    #[derive(Serializable, Clone, Debug, PartialEq)]
    #[sepia(content = "text", generations)]
    struct Kept {
        id: Id<Kept>,
        text: String,
    }
    #[derive(Container, Debug, PartialEq)]
    struct Keeper {
        id: Id<Keeper>,
        kept: Vec<Kept>,
    }
    on_every_backend(|store| {
        let kept = |id: &str| Kept { id: id.into(), text: String::new() };
        let keeper = Keeper { id: "k".into(), kept: vec![kept("z"), kept("z.0")] };
        refused(store.save(&keeper), ErrorKind::InvalidValue, &["Kept", "z", "spellings"]);
    });
}

#[test]
fn backends_can_be_used_without_types() {
    let disk = OnDisk::new();
    let backend = sepia::backend::Filesystem::open(disk.directory.path(), &OpenOptions::default()).unwrap();
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Postit", Format::Text)).unwrap();
    batch.put(Key::new("Postit", "p").unwrap(), Record::Leaf(b"raw".to_vec()), Expect::Absent);
    backend.commit(batch).unwrap();
    assert_eq!(disk.store.load::<Postit>("p").unwrap().text, "raw");
}
