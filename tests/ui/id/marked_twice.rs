use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    #[sepia(id)]
    key: Id<Board>,
    #[sepia(id)]
    other: Id<Board>,
}

fn main() {}
