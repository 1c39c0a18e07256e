use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(rename(serialize = "title", deserialize = "name"))]
    name: String,
}

fn main() {}
