use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(default)]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
