use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(skip = true)]
    name: String,
}

fn main() {}
