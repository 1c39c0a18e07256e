use sepia::{Container, Id, Serializable};

#[derive(Serializable, serde::Serialize, serde::Deserialize)]
struct Note {
    id: Id<Note>,
}

#[derive(Container)]
struct Board {
    id: Id<Board>,
    pairs: Vec<(i32, Note)>,
}

fn main() {}
