use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "custom")]
struct Image {
    id: Id<Image>,
    bytes: Vec<u8>,
}

fn main() {}
