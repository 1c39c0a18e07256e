use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(crate = "other::serde")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
