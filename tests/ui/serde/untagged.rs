use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(untagged)]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
