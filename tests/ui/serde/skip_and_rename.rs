use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(skip, rename = "title")]
    name: String,
}

fn main() {}
