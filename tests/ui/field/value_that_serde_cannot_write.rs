use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(value)]
    boards: Vec<Board>,
}

fn main() {}
