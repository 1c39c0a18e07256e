use sepia::{Id, Reference, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
}

#[derive(Reference)]
enum Either {
    #[sepia(rename = "note")]
    Note(Note),
}

fn main() {}
