use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(into = "Other")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
