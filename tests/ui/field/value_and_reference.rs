use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(value, reference)]
    name: String,
}

fn main() {}
