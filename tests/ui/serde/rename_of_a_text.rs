use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    #[serde(rename = "label")]
    name: String,
}

fn main() {}
