use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(deserialize_with = "module::read")]
    name: String,
}

fn main() {}
