use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(tag = "kind")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
