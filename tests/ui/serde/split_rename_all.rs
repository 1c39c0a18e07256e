use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(rename_all(serialize = "camelCase"))]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
