use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(skip_serializing)]
    name: String,
}

fn main() {}
