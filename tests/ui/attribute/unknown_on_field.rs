use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(flatten)]
    name: String,
}

fn main() {}
