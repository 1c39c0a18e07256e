//! What is exported is imported again, byte for byte, and what cannot be imported changes nothing.

use std::fs;
use std::panic::AssertUnwindSafe;

use proptest::prelude::*;
use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format, Kind};
use sepia::record::Record;
use sepia::transfer::OnConflict;
use sepia::{ErrorKind, Progress, Root, Store};

use crate::copy::{drafts, key, link, many, notes, put, text};
use crate::support::{
    MEDIA, Medium, OnDisk, beside_writers, content, is_of_one_moment, on_every_backend, on_every_medium, on_every_pair,
    on_some_pairs, refused,
};
use crate::trees::{Tree, tree};

fn exported(store: &Store) -> String {
    let mut lines = Vec::new();
    store.export().to_writer(&mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

fn imported(lines: &str) -> sepia::Result<Store> {
    let store = Store::in_memory();
    store.import().from_reader(lines.as_bytes())?;
    Ok(store)
}

/// Exports a tree from every medium, and imports it in another.
fn come_back(tree: &Tree) -> Result<(), TestCaseError> {
    for (medium, other) in MEDIA.iter().zip(MEDIA.iter().cycle().skip(1)) {
        let (store, back) = (medium.make(), other.make());
        store.save(tree).unwrap();
        let lines = exported(&store);
        // Made again from the tokens, without the text beside.
        for line in lines.lines().filter(|line| line.starts_with(r#"{"class":"Tree""#)) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            prop_assert!(line.get("data").is_some() && line.get("text").is_none());
        }
        back.import().from_reader(lines.as_bytes()).unwrap();
        prop_assert_eq!(content(&back), content(&store), "from {:?} to {:?}", medium, other);
        prop_assert_eq!(&back.load::<Tree>("root").unwrap(), tree);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_come_back_as_they_were(tree in tree()) {
        come_back(&tree)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "long"]
    fn trees_come_back_as_they_were_for_long(tree in tree()) {
        come_back(&tree)?;
    }

    #[test]
    fn a_leaf_of_any_content_comes_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        text in "[{}\\[\\]\":, 0-9a\n]{0,30}",
    ) {
        let mut batch = Batch::new();
        let formats = [Some(Format::Json), Some(Format::Text), Some(Format::Bytes), Some(Format::Custom), None];
        for (number, format) in formats.into_iter().enumerate() {
            let class = Class::declared(format!("C{number}"), Kind::Serializable(format), Some(false)).unwrap();
            batch.declare(&class).unwrap();
            batch.put(key(class.name(), "bytes"), Record::Leaf(bytes.clone()), Expect::Any);
            batch.put(key(class.name(), "text"), Record::Leaf(text.clone().into_bytes()), Expect::Any);
        }
        for medium in MEDIA {
            let (store, back) = (medium.make(), medium.make());
            store.backend().commit(batch.clone()).unwrap();
            back.import().from_reader(exported(&store).as_bytes()).unwrap();
            prop_assert_eq!(content(&back), content(&store), "{:?}", medium);
        }
    }
}

#[test]
fn what_was_formatted_by_hand_keeps_its_form() {
    let disk = OnDisk::new();
    link(&disk.store, "work", &["a"]);
    disk.write("Board/work/data.json", "{ \"price\": 1.50 }");
    let lines = exported(&disk.store);
    let line = lines.lines().nth(1).unwrap();
    let start = r#"{"class":"Board","id":"work","data":{"price":1.50},"text":"{ \"price\": 1.50 }","#;
    assert_eq!(line, format!(r#"{start}"entries":{{"a":{{"link":["Note","a"]}}}}}}"#));
    assert_eq!(content(&imported(&lines).unwrap()), content(&disk.store));
    // Without the text, it is as Sepia would write it, the number as it stands there.
    let plain = lines.replace(r#""text":"{ \"price\": 1.50 }","#, "");
    let Some(Record::Container(node)) = imported(&plain).unwrap().backend().read(&key("Board", "work")).unwrap() else {
        panic!("a board is a container")
    };
    assert_eq!(node.data, b"{\n  \"price\": 1.50\n}\n");
}

#[test]
fn an_export_to_a_file_replaces_it_when_it_is_complete() {
    let (disk, directory) = (OnDisk::new(), tempfile::tempdir().unwrap());
    put(&disk.store, &notes(), &[("a", "1")]);
    let path = directory.path().join("store.jsonl");
    let report = disk.store.export().to_file(&path).unwrap();
    assert_eq!((report.records, report.strays), (1, 0));
    let before = fs::read(&path).unwrap();
    assert_eq!(String::from_utf8_lossy(&before), exported(&disk.store));
    std::os::unix::fs::symlink("/etc/hostname", disk.path("Note/b")).unwrap();
    refused(disk.store.export().to_file(&path), ErrorKind::Corrupt, &["Note"]);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let back = Store::in_memory();
    assert_eq!(back.import().from_file(&path).unwrap().added, 1);
    refused(back.import().from_file(directory.path().join("no")), ErrorKind::Io, &["no"]);
}

#[test]
fn roots_are_exported_with_what_they_lead_to() {
    on_every_backend(|store| {
        put(store, &notes(), &[("a", "1"), ("b", "2")]);
        link(store, "work", &["a"]);
        let mut lines = Vec::new();
        store.export().roots([Root::class("Board")]).to_writer(&mut lines).unwrap();
        let back = imported(std::str::from_utf8(&lines).unwrap()).unwrap();
        assert_eq!(content(&back).1.keys().map(|key| key.path()).collect::<Vec<_>>(), ["Board/work", "Note/a"]);
    });
}

#[test]
fn conflicts_are_dealt_with_by_the_rule() {
    on_every_medium(|medium| {
        let from = medium.make();
        put(&from, &notes(), &[("other", "theirs"), ("new", "n")]);
        put(&from, &drafts(), &[("d.5", "x"), ("d.0", "theirs")]);
        let lines = exported(&from);
        let run = |rule: OnConflict| {
            let to = medium.make();
            put(&to, &notes(), &[("other", "mine")]);
            put(&to, &drafts(), &[("d.0", "mine"), ("d.4", "y")]);
            let before = content(&to);
            let run = to.import().on_conflict(rule).from_reader(lines.as_bytes());
            assert_eq!(run.is_err(), content(&to) == before);
            (run, [("Note", "other"), ("Draft", "d.0")].map(|(class, id)| text(&to, class, id).unwrap()).join(" "))
        };
        assert_eq!(refused(run(OnConflict::Fail).0, ErrorKind::Conflict, &[]).conflicts().len(), 2);
        for (rule, texts, numbers) in [
            (OnConflict::Keep, "mine mine", (2, 0, 0, 2)),
            (OnConflict::Replace, "theirs theirs", (2, 2, 0, 0)),
            (OnConflict::NewestGeneration, "mine theirs", (2, 1, 0, 1)),
        ] {
            let (report, found) = run(rule);
            let report = report.unwrap();
            assert_eq!(
                (&*found, (report.added, report.replaced, report.equal, report.kept)),
                (texts, numbers),
                "{rule:?}"
            );
        }
    });
}

#[test]
fn a_line_that_cannot_be_understood_is_named_and_nothing_is_written() {
    const HEADER: &str = r#"{"sepia":{"format":1,"classes":{"Note":{"kind":"serializable","content":"text"}}}}"#;
    const GOOD: &str = r#"{"class":"Note","id":"a","text":"Milk"}"#;
    assert!(imported(&format!("{HEADER}\n{GOOD}\n")).is_ok() && imported(&format!("{HEADER}\n{GOOD}")).is_ok());
    for (line, kind, names) in [
        ("", ErrorKind::Corrupt, "line 3"),
        ("{", ErrorKind::Corrupt, "line 3"),
        (r#"{"class":"Note","id":"b","text":"x"#, ErrorKind::Corrupt, "line 3"),
        (r#"{"class":"Note","id":"","text":"x"}"#, ErrorKind::Corrupt, "line 3"),
        (r#"{"class":"Note","id":"b","data":{},"entries":{"..":{"link":["..",""]}}}"#, ErrorKind::Corrupt, "line 3"),
        (GOOD, ErrorKind::Corrupt, "second time"),
        (r#"{"class":"Other","id":"b","text":"x"}"#, ErrorKind::ClassClash, "Other"),
    ] {
        on_every_backend(|store| {
            let run = store.import().from_reader(format!("{HEADER}\n{GOOD}\n{line}\n").as_bytes());
            refused(run, kind, &[names]);
            assert_eq!(content(store), Default::default());
        });
    }
    refused(imported(""), ErrorKind::Corrupt, &["line 1"]);
    refused(imported(r#"{"sepia":{"format":2}}"#), ErrorKind::UnsupportedFormat, &["line 1"]);
    let latin = [format!("{HEADER}\n").as_bytes(), b"\xff\n"].concat();
    refused(Store::in_memory().import().from_reader(&*latin), ErrorKind::Corrupt, &["line 2", "UTF-8"]);
    // A hostile name is a name like any other, and stays in its directory.
    let disk = OnDisk::new();
    let hostile = format!("{HEADER}\n{}\n", r#"{"class":"Note","id":"../../x","text":""}"#);
    disk.store.import().from_reader(hostile.as_bytes()).unwrap();
    assert!(disk.path("Note/%2E.%2F..%2Fx").is_file());
}

#[test]
fn an_export_beside_writers_is_of_one_moment() {
    on_every_backend(|from| {
        let ids: Vec<String> = (0..300).map(|number| format!("{number}")).collect();
        put(from, &notes(), &ids.iter().map(|id| (id.as_str(), id.as_str())).collect::<Vec<_>>());
        beside_writers(from, || {
            for _ in 0..6 {
                is_of_one_moment(&imported(&exported(from)).unwrap());
            }
        });
    });
}

#[test]
fn what_no_store_may_hold_is_not_imported() {
    let header = r#"{"sepia":{"format":1,"classes":{"Note":{"kind":"serializable","content":"text"},"Board":{"kind":"container"},"Draft":{"kind":"serializable","content":"text","generations":true}}}}"#;
    let good: String = (0..1500).map(|id| format!("{{\"class\":\"Note\",\"id\":\"{id}\",\"text\":\"x\"}}\n")).collect();
    let draft = r#"{"class":"Draft","id":"d","text":"x"}"#;
    for (bad, kind, id) in [
        (r#"{"class":"Board","id":"z","text":"x"}"#.to_owned(), ErrorKind::ClassClash, "z"),
        (r#"{"class":"Note","id":"z","data":{},"entries":{}}"#.to_owned(), ErrorKind::ClassClash, "z"),
        (format!("{draft}\n{}", draft.replace("\"d\"", "\"d.0\"")), ErrorKind::Conflict, "d.0"),
        (format!("{}\n{draft}", draft.replace("\"d\"", "\"d.0\"")), ErrorKind::Conflict, "d"),
        (format!("{draft}\n{draft}"), ErrorKind::Corrupt, "second time"),
    ] {
        for rule in [OnConflict::Fail, OnConflict::Keep, OnConflict::Replace, OnConflict::NewestGeneration] {
            let (disk, lines) = (OnDisk::new(), format!("{header}\n{good}{bad}\n"));
            let before = disk.snapshot();
            refused(disk.store.import().on_conflict(rule).from_reader(lines.as_bytes()), kind, &[id]);
            assert_eq!(disk.snapshot(), before);
        }
    }
    imported(&format!("{header}\n{good}{draft}\n")).unwrap();
}

#[test]
fn an_import_goes_on_where_it_was_interrupted() {
    on_some_pairs(interrupted);
}

#[test]
#[ignore = "long"]
fn an_import_goes_on_where_it_was_interrupted_for_long() {
    on_every_pair(interrupted);
}

fn interrupted(from: Medium, to: Medium) {
    let (from, to) = (from.make(), to.make());
    many(&from, 2500, "same");
    let lines = exported(&from);
    let dies = |progress: Progress| assert!(progress.phase != "import" || progress.done < 2304, "interrupted");
    let run = || to.import().on_progress(dies).from_reader(lines.as_bytes());
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    let report = to.import().from_reader(lines.as_bytes()).unwrap();
    assert_eq!((report.added, report.equal), (500, 2000));
    assert_eq!(content(&to), content(&from));
}
