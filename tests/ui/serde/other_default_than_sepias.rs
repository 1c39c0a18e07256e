use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[sepia(default = String::new)]
    #[serde(default)]
    name: String,
}

fn main() {}
