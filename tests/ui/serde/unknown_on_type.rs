use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(deny_unknown = true)]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
