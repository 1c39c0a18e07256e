use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(skip, rename = "title")]
    name: String,
}

fn main() {}
