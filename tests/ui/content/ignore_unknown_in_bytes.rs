use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "bytes", ignore_unknown)]
struct Image {
    id: Id<Image>,
    bytes: Vec<u8>,
}

fn main() {}
