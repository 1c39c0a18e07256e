use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(transparent)]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
