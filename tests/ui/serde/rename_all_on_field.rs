use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(rename_all = "camelCase")]
    name: String,
}

fn main() {}
