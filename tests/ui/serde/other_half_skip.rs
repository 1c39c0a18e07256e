use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(skip_deserializing)]
    name: String,
}

fn main() {}
