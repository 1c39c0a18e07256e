use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "bytes")]
struct Image {
    id: Id<Image>,
    bytes: u32,
}

fn main() {}
