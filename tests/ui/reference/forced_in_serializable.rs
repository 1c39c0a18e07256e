use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[sepia(reference)]
    notes: Vec<Note>,
}

fn main() {}
