use sepia::{Id, Reference, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    name: String,
}

#[derive(Reference)]
enum Either {
    #[serde(rename = "note")]
    Note(Note),
}

fn main() {}
