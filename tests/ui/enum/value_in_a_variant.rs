use sepia::{Id, Reference, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
}

#[derive(Reference)]
enum Either {
    Note(Note),
    Text(String),
}

fn main() {}
