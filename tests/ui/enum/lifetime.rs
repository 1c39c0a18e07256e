use sepia::{Id, Reference, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
}

#[derive(Reference)]
enum Either<'a> {
    Note(&'a Note),
}

fn main() {}
