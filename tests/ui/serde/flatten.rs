use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(flatten)]
    name: std::collections::BTreeMap<String, u8>,
}

fn main() {}
