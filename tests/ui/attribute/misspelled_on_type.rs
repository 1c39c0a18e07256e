use sepia::{Container, Id};

#[derive(Container)]
#[sepia(generation)]
struct Board {
    id: Id<Board>,
}

fn main() {}
