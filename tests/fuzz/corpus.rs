//! The files that are changed. They are those of real stores: `corpus/{name}-{number}`, with `/` as `,`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sepia::Store;
use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};

use crate::machine;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus")
}

/// Returns all files of one kind.
pub fn all(name: &str) -> Vec<Vec<u8>> {
    let prefix = name.replace('/', ",") + "-";
    let mut paths: Vec<PathBuf> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no corpus of {name}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// How many stores there are to begin with.
pub const TEMPLATES: usize = 4;

/// Returns one of them: as left by a program that was killed, or closed; and with commits that waited for the disk, or
/// not.
pub fn template(number: usize) -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    static PATHS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| {
        let place = MADE.get_or_init(|| tempfile::tempdir().unwrap());
        (0..TEMPLATES).map(|number| make(&place.path().join(number.to_string()), number)).collect()
    });
    &paths[number]
}

fn make(place: &Path, number: usize) -> PathBuf {
    let (made, path) = (place.join("made"), place.join("store"));
    let durability = if number.is_multiple_of(2) { Durability::Sync } else { Durability::Buffered };
    let backend = Filesystem::open(&made, &OpenOptions::default()).unwrap();
    for round in 0..3 {
        let mut batch = Batch::new();
        batch.set_durability(durability);
        batch.declare(&Class::serializable("Note", Format::Text)).unwrap();
        batch.declare(&Class::serializable("Draft", Format::Text).with_generations()).unwrap();
        batch.declare(&Class::container("Board")).unwrap();
        let mut put = |class: &str, id: &str, record| batch.put(Key::new(class, id).unwrap(), record, Expect::Any);
        for id in ["a", "b", "c d", ".."] {
            put("Note", id, Record::Leaf(format!("{id} {round}").into_bytes()));
        }
        put("Draft", &format!("d.{round}"), Record::Leaf(format!("{round}").into_bytes()));
        put("Board", "work", board(round));
        backend.commit(batch).unwrap();
        if round == 1 {
            std::mem::forget(backend.track().unwrap());
            backend.checkpoint().unwrap();
        }
    }
    if number < 2 {
        backend.checkpoint().unwrap();
    }
    machine::copy(&made, &path);
    path
}

fn board(round: usize) -> Record {
    let entries = |list: Vec<(String, Entry)>| {
        Entries::new(list.into_iter().map(|(name, entry)| (Name::of(&name).unwrap(), entry)).collect()).unwrap()
    };
    let links = (0..3 + round).map(|n| (format!("{n:04}_a"), Entry::Link(Key::new("Note", "a").unwrap()))).collect();
    let inner = Node { data: b"{\n  \"sepia_id\": \"x\"\n}\n".to_vec(), entries: Entries::default() };
    Record::Container(Node {
        data: format!("{{\n  \"round\": {round}\n}}\n").into_bytes(),
        entries: entries(vec![
            ("notes".to_owned(), Entry::Collection(entries(links))),
            ("inner".to_owned(), Entry::Container(inner)),
            ("pinned".to_owned(), Entry::Link(Key::new("Note", "b").unwrap())),
        ]),
    })
}

#[test]
#[ignore = "writes the corpus anew"]
fn makes_the_corpus() {
    let _ = fs::remove_dir_all(directory());
    fs::create_dir_all(directory()).unwrap();
    for number in 0..TEMPLATES {
        let path = template(number);
        for name in ["journal", "state", "latest/Draft/d", "latest/.Draft", "followed", "format.json"] {
            if let Ok(mut bytes) = fs::read(path.join(".sepia").join(name)) {
                // A journal has room for more.
                let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                bytes.truncate(used.next_multiple_of(8).min(bytes.len()));
                // Half of the states without their long list of records, so that changes meet the numbers before it.
                if name == "state" && number >= 2 {
                    bytes.truncate(576);
                }
                if !bytes.is_empty() {
                    fs::write(directory().join(format!("{}-{number}", name.replace('/', ","))), bytes).unwrap();
                }
            }
        }
        let scratch = tempfile::tempdir().unwrap();
        machine::copy(path, &scratch.path().join("store"));
        let store = Store::open(scratch.path().join("store")).unwrap();
        store.backup().to_file(directory().join(format!("archive-{number}"))).unwrap();
        store.backup().compress(1).to_file(directory().join(format!("compressed-{number}"))).unwrap();
    }
}
