//! What later versions and layers declare: it is kept, and whoever does not understand it is refused.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use sepia::backend::{Backend, Filesystem, OpenOptions, Sqlite};
use sepia::backup::Archive;
use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Key, Record};
use sepia::{ErrorKind, Store};

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::{AnyStore, MEDIA, Medium, OnDisk, refused};

/// Declares something more about a class, as a later version does.
fn declare(store: &AnyStore, class: &str, name: &str, value: &str) {
    let path = Path::new(store.place());
    if path.is_dir() {
        let file = path.join(".sepia/format.json");
        let mut list: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        list["classes"][class][name] = serde_json::from_str(value).unwrap();
        fs::write(file, serde_json::to_vec(&list).unwrap()).unwrap();
    } else {
        let more = format!("{{{name:?}: {value}}}");
        Connection::open(path).unwrap().execute("UPDATE class SET more = ?1 WHERE name = ?2", (more, class)).unwrap();
    }
}

/// Returns what is declared beyond what this version knows.
fn declared(store: &AnyStore, class: &str, name: &str) -> serde_json::Value {
    let path = Path::new(store.place());
    if path.is_dir() {
        let list: serde_json::Value =
            serde_json::from_slice(&fs::read(path.join(".sepia/format.json")).unwrap()).unwrap();
        return list["classes"][class][name].clone();
    }
    let sql = Connection::open(path).unwrap();
    let more: Option<String> =
        sql.query_row("SELECT more FROM class WHERE name = ?1", [class], |row| row.get(0)).unwrap();
    more.map_or(serde_json::Value::Null, |more| serde_json::from_str::<serde_json::Value>(&more).unwrap()[name].clone())
}

fn on_lasting_media(test: impl Fn(&AnyStore)) {
    for medium in MEDIA {
        let store = medium.make();
        if store.lasts() {
            test(&store);
        }
    }
}

#[test]
fn what_only_later_versions_know_is_kept() {
    on_lasting_media(|store| {
        store.save(&postit("note", "")).unwrap();
        declare(store, "Postit", "indexes", r#"{"text": 1.50, "a": [null]}"#);
        let same = serde_json::json!({"text": 1.50, "a": [null]});
        let again = store.reopen();
        // Another class, and the same one retired from elsewhere and declared again.
        again.save(&work_board()).unwrap();
        again.save(&postit("other", "")).unwrap();
        assert_eq!(declared(store, "Postit", "indexes"), same, "{}", store.url());
        // It goes where the class goes.
        for medium in [Medium::Files, Medium::Sqlite] {
            let copy = medium.make();
            again.copy_to(&copy).run().unwrap();
            assert_eq!(declared(&copy, "Postit", "indexes"), same, "{} to {}", store.url(), copy.url());
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("archive.tar");
        again.backup().to_file(&path).unwrap();
        let restored = Medium::Files.make();
        restored.restore(&Archive::open(&path).unwrap()).run().unwrap();
        assert_eq!(declared(&restored, "Postit", "indexes"), same);
    });
}

#[test]
fn what_only_later_versions_know_of_a_store_is_kept() {
    let disk = OnDisk::new();
    disk.store.save(&postit("note", "")).unwrap();
    let text = disk.text(".sepia/format.json");
    disk.write(".sepia/format.json", text.replacen('{', r#"{"later": {"x": [1.50]},"#, 1));
    let store = Store::builder().checksums().open(disk.path("")).unwrap();
    store.save(&work_board()).unwrap();
    drop(Store::builder().shared(sepia::Shared::Group).open(disk.path("")).unwrap());
    let text = disk.text(".sepia/format.json");
    for kept in ["\"checksums\"", "\"shared\": \"group\"", "\"Board\"", r#""later": {"x": [1.50]}"#] {
        assert!(text.contains(kept), "{text}");
    }
}

#[test]
fn a_class_that_requires_more_of_writers_is_only_read() {
    on_lasting_media(|store| {
        let board = work_board();
        store.save(&board).unwrap();
        declare(store, "Postit", "requires", r#"{"write": ["unique"]}"#);
        let again = store.reopen();
        let names = ["Postit", "unique", "writes", "reading only"];
        let loaded: Board = again.load("work_board").unwrap();
        assert_eq!(loaded, board);
        refused(again.save(&postit("new", "")), ErrorKind::UnsupportedFormat, &names);
        refused(again.delete::<Postit>("report_postit"), ErrorKind::UnsupportedFormat, &names);
        let key = Key::new("Postit", "raw").unwrap();
        let mut batch = Batch::new();
        batch.put(key, Record::Leaf(Vec::new()), Expect::Any);
        refused(again.backend().commit(batch), ErrorKind::UnsupportedFormat, &names);
        // Other classes are written.
        let mut loaded: Board = again.load("work_board").unwrap();
        loaded.name = "Renamed".to_owned();
        again.save(&loaded).unwrap();
    });
}

#[test]
fn a_class_that_requires_more_of_readers_is_not_read() {
    on_lasting_media(|store| {
        store.save(&postit("note", "")).unwrap();
        declare(store, "Postit", "requires", r#"{"read": ["compressed"]}"#);
        let again = store.reopen();
        let names = ["Postit", "compressed", "reads"];
        let key = Key::new("Postit", "note").unwrap();
        let backend = again.backend();
        refused(again.load::<Postit>("note"), ErrorKind::UnsupportedFormat, &names);
        refused(again.save(&postit("note", "x")), ErrorKind::UnsupportedFormat, &["Postit", "compressed"]);
        refused(backend.read(&key), ErrorKind::UnsupportedFormat, &names);
        refused(backend.contains(&key), ErrorKind::UnsupportedFormat, &names);
        refused(backend.links(&key), ErrorKind::UnsupportedFormat, &names);
        refused(backend.stat(&key), ErrorKind::UnsupportedFormat, &names);
        refused(backend.newest(&key), ErrorKind::UnsupportedFormat, &names);
        refused(again.ids::<Postit>(), ErrorKind::UnsupportedFormat, &names);
        refused(again.verify().repair().run(), ErrorKind::UnsupportedFormat, &names);
        // It can be told that it is there, and the rest is read.
        assert!(again.classes().unwrap().contains(&"Postit".to_owned()));
        again.save(&Plain { id: "plain".into() }).unwrap();
        assert!(again.exists::<Plain>("plain").unwrap());
    });
}

#[derive(sepia::Serializable, Debug)]
struct Plain {
    id: sepia::Id<Plain>,
}

#[test]
fn a_store_that_requires_more_is_opened_by_nobody_who_does_not_know_it() {
    on_lasting_media(|store| {
        store.save(&postit("note", "")).unwrap();
        for (requires, may_read) in [(r#"{"write": ["log"]}"#, true), (r#"{"read": ["log"]}"#, false)] {
            let path = Path::new(store.place());
            if path.is_dir() {
                let file = path.join(".sepia/format.json");
                let mut list: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
                list["requires"] = serde_json::from_str(requires).unwrap();
                fs::write(file, serde_json::to_vec(&list).unwrap()).unwrap();
            } else {
                let sql = Connection::open(path).unwrap();
                sql.execute("INSERT OR REPLACE INTO setting VALUES ('requires', ?1)", [requires]).unwrap();
            }
            let before = fs::metadata(path).unwrap().modified().unwrap();
            refused(
                Store::builder().open_url(store.url()),
                ErrorKind::UnsupportedFormat,
                &["the store requires", "log"],
            );
            let reader = Store::builder().read_only().open_url(store.url());
            if may_read {
                assert_eq!(reader.unwrap().load::<Postit>("note").unwrap(), postit("note", ""));
            } else {
                refused(reader, ErrorKind::UnsupportedFormat, &["the store requires", "log", "reads"]);
            }
            assert_eq!(fs::metadata(path).unwrap().modified().unwrap(), before);
        }
    });
}

/// A store that was made through a layer was opened without, and repaired: every record went into quarantine.
#[test]
fn a_store_is_opened_through_the_layers_that_it_was_made_with() {
    let directory = tempfile::tempdir().unwrap();
    let mut through = OpenOptions::default();
    through.layers = vec!["example.org/cipher 1".to_owned()];
    let plain = OpenOptions::default();
    type Open<'a> = &'a dyn Fn(&str, &OpenOptions) -> sepia::Result<Box<dyn Backend>>;
    let files: Open<'_> = &|name, options| Ok(Box::new(Filesystem::open(directory.path().join(name), options)?));
    let database: Open<'_> = &|name, options| Ok(Box::new(Sqlite::open(directory.path().join(name), options)?));
    for (open, name) in [(files, "store"), (database, "data.db")] {
        let key = Key::new("Note", "n").unwrap();
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Note", Format::Text)).unwrap();
        batch.put(key.clone(), Record::Leaf(b"sealed".to_vec()), Expect::Any);
        open(name, &through).unwrap().commit(batch).unwrap();
        let names = ["the store requires", "example.org/cipher 1"];
        for read_only in [false, true] {
            let mut options = plain.clone();
            options.read_only = read_only;
            refused(open(name, &options), ErrorKind::UnsupportedFormat, &names);
            let mut options = through.clone();
            options.read_only = read_only;
            assert!(open(name, &options).unwrap().read(&key).unwrap().is_some());
        }
        let mut more = through.clone();
        more.layers.push("another".to_owned());
        refused(open(name, &more), ErrorKind::UnsupportedFormat, &["made without the layer", "another"]);
        let other = format!("other {name}");
        drop(open(&other, &plain).unwrap());
        refused(open(&other, &through), ErrorKind::UnsupportedFormat, &["made without the layer"]);
    }
}
