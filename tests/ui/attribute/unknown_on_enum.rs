use sepia::{Id, Reference, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
}

#[derive(Reference)]
#[sepia(class = "Either")]
enum Either {
    Note(Note),
}

fn main() {}
