use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(alias = "label")]
    name: String,
}

fn main() {}
