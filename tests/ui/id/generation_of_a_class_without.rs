use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
}

fn main() {
    let id = Id::<Note>::new();
    let _ = id.next();
}
