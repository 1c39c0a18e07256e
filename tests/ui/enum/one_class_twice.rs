use sepia::{Id, Reference, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
}

#[derive(Reference)]
enum Either {
    Note(Note),
    Boxed(Box<Note>),
}

fn main() {}
