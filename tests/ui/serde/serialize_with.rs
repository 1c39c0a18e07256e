use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(serialize_with = "module::write")]
    name: String,
}

fn main() {}
