//! Ids of classes that keep generations.

use sepia::{Container, ErrorKind, Id, Ref, Serializable};

use crate::support::{on_every_backend, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Desk {
    id: Id<Desk>,
    pinned: Vec<Note>,
    newest: Option<Ref<Note>>,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Host {
    id: Id<Host>,
    name: String,
}

fn note(id: impl Into<Id<Note>>, text: &str) -> Note {
    Note { id: id.into(), text: text.to_owned() }
}

#[test]
fn the_grammar() {
    let id = Id::<Note>::from("note-1.3");
    assert_eq!((id.base(), id.generation()), ("note-1", 3));
    assert_eq!(id.next().as_str(), "note-1.4");
    let base = Id::<Note>::from("note-1");
    assert_eq!((base.base(), base.generation(), base.next().as_str()), ("note-1", 0, "note-1.1"));
    assert_eq!(Id::<Note>::first("10.0.0.1").as_str(), "10.0.0.1.0");
    assert_eq!(Id::<Note>::first("10.0.0.1").base(), "10.0.0.1");
    let last = Id::<Note>::from(format!("n.{}", u64::MAX));
    assert_eq!(last.next(), last);
    let fresh = Id::<Note>::new();
    assert!(fresh.as_str().ends_with(".0") && fresh.generation() == 0);
    assert!(!Id::<Host>::new().as_str().contains('.'));
}

#[test]
fn a_base_means_the_newest_and_a_full_id_itself() {
    on_every_backend(|store| {
        for (id, text) in [("n.0", "v0"), ("n.2", "v2"), ("n.10", "v10"), ("n1.11", "other"), ("n.x.12", "other")] {
            store.save(&note(id, text)).unwrap();
        }
        assert_eq!(store.load::<Note>("n").unwrap(), note("n.10", "v10"));
        assert_eq!(store.load::<Note>("n.2").unwrap(), note("n.2", "v2"));
        assert_eq!(store.find::<Note>("n.1").unwrap(), None);
        assert!(store.exists::<Note>("n").unwrap() && store.exists::<Note>("n.0").unwrap());
        assert!(!store.exists::<Note>("n.1").unwrap() && !store.exists::<Note>("m").unwrap());
        assert_eq!(store.count::<Note>().unwrap(), 5);

        let desk = Desk {
            id: "d".into(),
            pinned: vec![store.load("n.2").unwrap()],
            newest: Some(Ref::latest(&note("n.2", ""))),
        };
        store.save(&desk).unwrap();
        store.save(&note("n.11", "v11")).unwrap();
        let desk: Desk = store.load("d").unwrap();
        assert_eq!(desk.pinned, [note("n.2", "v2")]);
        assert_eq!(desk.newest.unwrap().load(store).unwrap(), note("n.11", "v11"));

        assert!(store.delete::<Note>("n.11").unwrap());
        assert_eq!(store.load::<Note>("n").unwrap(), note("n.10", "v10"));
        assert!(store.delete::<Note>("n").unwrap());
        assert!(!store.delete::<Note>("n").unwrap());
        assert_eq!(store.ids::<Note>().unwrap(), ["n.x.12".into(), "n1.11".into()]);
    });
}

#[test]
fn an_id_without_a_generation_is_generation_0_in_one_spelling_only() {
    on_every_backend(|store| {
        store.save(&note("old", "v0")).unwrap();
        assert_eq!(store.load::<Note>("old.0").unwrap(), note("old", "v0"));
        assert!(store.exists::<Note>("old.0").unwrap());
        refused(store.save(&note("old.0", "other")), ErrorKind::Conflict, &["Note", "old"]);
        assert_eq!(store.load::<Note>("old").unwrap(), note("old", "v0"));
        store.save(&note("old", "v0 again")).unwrap();
        store.save(&note("old.1", "v1")).unwrap();
        assert_eq!(store.load::<Note>("old").unwrap(), note("old.1", "v1"));
        assert_eq!(store.load::<Note>("old.0").unwrap(), note("old", "v0 again"));

        // What is owned under the old spelling stays exactly that.
        let desk = Desk { id: "d".into(), pinned: vec![note("old", "v0 again")], newest: None };
        store.save(&desk).unwrap();
        assert_eq!(store.load::<Desk>("d").unwrap(), desk);

        store.save(&note("new.0", "v0")).unwrap();
        refused(store.save(&note("new", "other")), ErrorKind::Conflict, &["Note", "new.0"]);
        assert!(store.delete::<Note>("old.0").unwrap());
        assert_eq!(store.find::<Note>("old.0").unwrap(), None);
        assert_eq!(store.load::<Note>("old").unwrap().text, "v1");
    });
}

#[test]
fn without_generations_an_id_is_opaque() {
    on_every_backend(|store| {
        for id in ["10.0.0.1", "10.0.0", "10.0.0.0"] {
            store.save(&Host { id: id.into(), name: id.to_owned() }).unwrap();
        }
        assert_eq!(store.load::<Host>("10.0.0").unwrap().name, "10.0.0");
        assert!(!store.exists::<Host>("10.0").unwrap());
        assert!(store.delete::<Host>("10.0.0").unwrap());
        assert_eq!(store.count::<Host>().unwrap(), 2);
    });
}

/// An id like `10.0.0.1` was only ever taken for generation 1 of `10.0.0`, so the base of that name could not be asked
/// for, and `Ref::latest` led nowhere.
#[test]
fn a_base_that_ends_like_a_generation_means_the_newest_where_there_is_no_such_generation() {
    on_every_backend(|store| {
        let mut host = note(Id::first("10.0.0.1"), "first");
        store.save(&host).unwrap();
        host.text = "second".to_owned();
        store.save_next(&mut host).unwrap();
        assert_eq!(store.load::<Note>("10.0.0.1").unwrap(), host);
        assert_eq!(Ref::latest(&host).load(store).unwrap(), host);
        assert!(store.exists::<Note>("10.0.0.1").unwrap());
        assert_eq!(store.find::<Note>("10.0.0.2").unwrap(), None);
        // Where there is one, it is meant.
        store.save(&note("10.0.0.1", "generation 1 of 10.0.0")).unwrap();
        assert_eq!(store.load::<Note>("10.0.0.1").unwrap().text, "generation 1 of 10.0.0");
        assert!(store.delete::<Note>("10.0.0.1").unwrap());
        assert_eq!(store.load::<Note>("10.0.0.1").unwrap(), host);
        assert!(store.delete::<Note>("10.0.0.1").unwrap());
        assert_eq!(store.ids::<Note>().unwrap(), []);
    });
}
