//! Types of other modules, private ones, and types inside of functions.
#![deny(warnings)]
#![allow(dead_code, unreachable_pub)]

mod notes {
    use sepia::{Id, Serializable};

    #[derive(Serializable)]
    #[sepia(content = "text")]
    pub struct Note {
        pub(super) id: Id<Self>,
        text: super::Text,
    }

    impl Note {
        pub fn new(id: &str, text: &str) -> Self {
            Self { id: id.into(), text: text.to_owned() }
        }
    }
}

type Text = String;
type Notes = Vec<notes::Note>;

pub(super) fn main() {
    #[derive(sepia::Container)]
    struct Board {
        id: sepia::Id<Board>,
        notes: Notes,
        first: Option<Box<notes::Note>>,
    }

    let store = sepia::Store::in_memory();
    let notes = vec![notes::Note::new("n", "text")];
    store.save(&Board { id: "b".into(), notes, first: None }).unwrap();
    let board: Board = store.load("b").unwrap();
    assert_eq!(board.notes[0].id.as_str(), "n");
    assert!(board.first.is_none());
}
