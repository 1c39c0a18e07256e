use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[sepia(rename = "title")]
    #[serde(rename = "label")]
    name: String,
}

fn main() {}
