use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(rename = 1)]
    name: String,
}

fn main() {}
