use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(bound = "")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
