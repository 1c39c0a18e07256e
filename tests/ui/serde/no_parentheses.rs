use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde = "skip"]
    name: String,
}

fn main() {}
