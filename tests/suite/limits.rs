//! How large a record can be: said when it is saved, before anything is written, in every medium, and for whatever comes
//! from elsewhere.

use std::fs;

use sepia::backup::Archive;
use sepia::{Container, ErrorKind, Id, Ref, Store};

use crate::boards::{Postit, postit};
use crate::support::{directory, refused};

const MOST: u64 = 1000;

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Pile {
    id: Id<Pile>,
    text: String,
    notes: Vec<Ref<Postit>>,
    inner: Vec<Pile>,
}

#[test]
fn what_is_larger_than_a_record_can_be_is_refused_before_anything_is_written() {
    let scratch = directory();
    let urls = [
        scratch.path().join("files").to_str().unwrap().to_owned(),
        format!("sqlite:{}", scratch.path().join("data.db").to_str().unwrap()),
        "memory:".to_owned(),
    ];
    for url in urls {
        let store = Store::builder().max_record_size(MOST).open_url(&url).unwrap();
        let most = MOST as usize;
        store.save(&postit("p", &"x".repeat(most))).unwrap();
        assert_eq!(store.load::<Postit>("p").unwrap().text.len(), most);
        let words = ["1001", "1000", "max_record_size", "Postit", "p"];
        refused(store.save(&postit("p", &"y".repeat(most + 1))), ErrorKind::InvalidValue, &words);
        refused(store.save(&postit("new", &"y".repeat(most + 1))), ErrorKind::InvalidValue, &["1001", "new"]);
        let pile = |notes: usize| Pile {
            id: "pile".into(),
            notes: (0..notes).map(|_| Ref::new("p")).collect(),
            inner: vec![Pile { id: "inner".into(), text: "x".repeat(100), ..Pile::default() }],
            ..Pile::default()
        };
        store.save(&pile(2)).unwrap();
        // Beside what fits, nothing is saved either.
        let both = store.transaction(|transaction| {
            transaction.save(&postit("beside", ""))?;
            transaction.save(&pile(20))
        });
        refused(both, ErrorKind::InvalidValue, &["1000", "Pile", "pile"]);
        assert!(!store.exists::<Postit>("beside").unwrap() && !store.exists::<Postit>("new").unwrap());
        assert_eq!(store.load::<Pile>("pile").unwrap(), pile(2), "{url}");
        assert_eq!(store.load::<Postit>("p").unwrap().text, "x".repeat(most), "{url}");
    }
}

#[test]
fn what_comes_from_elsewhere_is_no_larger_either() {
    let scratch = directory();
    let large = Store::open(scratch.path().join("large")).unwrap();
    large.save(&postit("small", "text")).unwrap();
    large.save(&postit("large", &"x".repeat(5000))).unwrap();
    let small = Store::builder().max_record_size(MOST).open(scratch.path().join("small")).unwrap();
    let (archive, lines) = (scratch.path().join("backup.tar"), scratch.path().join("lines"));
    large.backup().to_file(&archive).unwrap();
    large.export().to_file(&lines).unwrap();
    let archive = Archive::open(&archive).unwrap();
    refused(small.restore(&archive).run().map(drop), ErrorKind::InvalidValue, &["5000", "1000", "large"]);
    assert_eq!(small.count::<Postit>().unwrap(), 0);
    assert!(small.import().from_file(&lines).is_err());
    // One line without an end is not read to its end.
    let mut endless = fs::read_to_string(&lines).unwrap().lines().next().unwrap().to_owned();
    endless.push('\n');
    endless.push_str(&"x".repeat(80 << 20));
    fs::write(&lines, endless).unwrap();
    refused(small.import().from_file(&lines).map(drop), ErrorKind::Corrupt, &["line 2", "bytes"]);
    large.copy_to(&small).run().map(drop).unwrap_err();
}

/// A database was read without this limit.
#[test]
fn what_is_larger_than_a_record_can_be_is_not_loaded() {
    let scratch = directory();
    for url in [
        scratch.path().join("files").to_str().unwrap().to_owned(),
        format!("sqlite:{}", scratch.path().join("data.db").to_str().unwrap()),
    ] {
        let large = Store::builder().open_url(&url).unwrap();
        large.save(&postit("large", &"x".repeat(MOST as usize + 1))).unwrap();
        large.save(&postit("fits", &"x".repeat(MOST as usize))).unwrap();
        let links = (0..20).map(|_| Ref::new("fits")).collect();
        large.save(&Pile { id: "pile".into(), notes: links, ..Pile::default() }).unwrap();
        large.close().unwrap();
        for builder in [Store::builder(), Store::builder().read_only()] {
            let store = builder.max_record_size(MOST).open_url(&url).unwrap();
            let words = ["1000", "max_record_size", "large"];
            refused(store.load::<Postit>("large"), ErrorKind::Corrupt, &words);
            refused(store.load::<Pile>("pile"), ErrorKind::Corrupt, &["1000", "max_record_size", "pile"]);
            assert_eq!(store.load::<Postit>("fits").unwrap().text.len(), MOST as usize);
        }
    }
}
