use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(getter = "Note::name")]
    name: String,
}

fn main() {}
