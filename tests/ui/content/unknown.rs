use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "yaml")]
struct Note {
    id: Id<Note>,
}

fn main() {}
