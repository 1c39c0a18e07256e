use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(ignore_unknown)]
#[serde(deny_unknown_fields)]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
