use sepia::{Id, Reference, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    name: String,
}

#[derive(Reference)]
#[serde(rename_all = "camelCase")]
enum Either {
    Note(Note),
}

fn main() {}
