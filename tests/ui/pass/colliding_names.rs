//! Whatever the user has in scope, generated code means what it meant.
#![allow(dead_code, non_upper_case_globals, non_camel_case_types)]

use sepia::{Container, Id, Serializable, Store};

const writer: u8 = 0;
const reader: u8 = 0;
const object: u8 = 0;
const field0: u8 = 0;
static id: u8 = 0;
struct Writer;
struct Reader;
struct Entry;
struct Class;
struct Object;
mod core {}
mod sepia_core {}

#[derive(Container, Clone)]
struct Board {
    id: Id<Board>,
    self_: u8,
    writer: u8,
    reader: u8,
    object: u8,
    name: String,
    default: u8,
    field0: u8,
    __writer: u8,
    __field0: u8,
    boards: Vec<Board>,
}

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[sepia(default = defaults::reader)]
    reader: u8,
    writer: String,
}

mod defaults {
    pub fn reader() -> u8 {
        7
    }
}

/// Methods of the same names as those that generated code calls.
trait Same {
    fn write(&self) {}
    fn read(&self) {}
    fn side(&self) {}
    fn class(&self) {}
    fn with_class(&self) {}
    fn with_generations(&self) {}
    fn id(&self) {}
}
impl<T> Same for T {}

pub(super) fn main() {
    let store = Store::in_memory();
    let board = Board {
        id: "board".into(),
        self_: 1,
        writer: 2,
        reader: 3,
        object: 4,
        name: "name".into(),
        default: 5,
        field0: 6,
        __writer: 7,
        __field0: 8,
        boards: vec![],
    };
    store.save(&board).unwrap();
    let loaded: Board = store.load("board").unwrap();
    assert_eq!(
        (loaded.self_, loaded.writer, loaded.reader, loaded.object, loaded.default, loaded.field0),
        (1, 2, 3, 4, 5, 6)
    );
    assert_eq!((loaded.__writer, loaded.__field0, loaded.name.as_str()), (7, 8, "name"));
}
