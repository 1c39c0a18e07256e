use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    #[sepia(skip)]
    text: String,
}

fn main() {}
