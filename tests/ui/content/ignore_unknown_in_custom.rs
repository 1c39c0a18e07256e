use sepia::{Id, Serializable};

#[derive(Serializable)]
#[sepia(content = "custom", ignore_unknown)]
struct Image {
    id: Id<Image>,
}

fn main() {}
