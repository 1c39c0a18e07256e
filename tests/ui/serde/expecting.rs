use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(expecting = "a note")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
