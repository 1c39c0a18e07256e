use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    #[sepia(rename = "body")]
    text: String,
}

fn main() {}
