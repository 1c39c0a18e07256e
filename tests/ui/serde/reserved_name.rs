use sepia::{Id, Serializable};

#[derive(Serializable)]
struct Note {
    id: Id<Note>,
    #[serde(rename = "sepia_name")]
    name: String,
}

fn main() {}
