use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(bound = "")]
    name: String,
}

fn main() {}
