use std::collections::BTreeSet;

use sepia::{Container, Id, Reference, Serializable};

#[derive(Serializable, PartialEq, Eq, PartialOrd, Ord)]
struct Note {
    id: Id<Note>,
}

#[derive(Reference, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Note(Note),
}

#[derive(Container)]
struct Board {
    id: Id<Board>,
    things: BTreeSet<Thing>,
}

fn main() {}
