use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
    more: String,
}

fn main() {}
