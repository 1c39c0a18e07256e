use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(serde = "ignored")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
