use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(try_from = "Other")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
