use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    #[serde(rename = "_id")]
    id: Id<Note>,
    name: String,
}

fn main() {}
