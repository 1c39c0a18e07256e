use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "text")]
#[serde(rename_all = "camelCase")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
