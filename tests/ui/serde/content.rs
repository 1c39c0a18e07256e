use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(content = "c")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
