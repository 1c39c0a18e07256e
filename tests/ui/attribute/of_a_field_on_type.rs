use sepia::{Container, Id};

#[derive(Container)]
#[sepia(skip)]
struct Board {
    id: Id<Board>,
}

fn main() {}
