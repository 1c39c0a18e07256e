use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(renam = "title")]
    name: String,
}

fn main() {}
