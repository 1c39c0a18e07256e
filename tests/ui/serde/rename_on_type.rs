use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(rename = "Memo")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
