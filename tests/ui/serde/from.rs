use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(from = "Other")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
