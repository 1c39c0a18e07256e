use sepia::{Id, Serializable};

#[derive(Serializable, serde::Serialize, serde::Deserialize)]
struct Tag {
    id: Id<Tag>,
}

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    tags: Vec<Tag>,
}

fn main() {}
