use sepia::{Id, Serializable};

#[derive(Serializable)]
#[serde(rename_all_fields = "camelCase")]
struct Note {
    id: Id<Note>,
    name: String,
}

fn main() {}
