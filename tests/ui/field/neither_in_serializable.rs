use sepia::{Id, Serializable};

struct Opaque;

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    parts: Vec<Opaque>,
}

fn main() {}
