use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(remote = "other::Note")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
