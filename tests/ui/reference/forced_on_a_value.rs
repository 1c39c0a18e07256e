use sepia::{Container, Id, Serializable};

#[derive(Serializable, serde::Serialize, serde::Deserialize)]
struct Note {
    id: Id<Note>,
}

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(reference)]
    name: String,
}

fn main() {}
