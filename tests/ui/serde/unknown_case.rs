use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(rename_all = "Camel")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
