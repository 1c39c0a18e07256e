use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: u32,
}

fn main() {}
