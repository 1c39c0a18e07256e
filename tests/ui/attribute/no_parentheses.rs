use sepia::{Container, Id};

#[derive(Container)]
#[sepia = "board"]
struct Board {
    id: Id<Board>,
}

fn main() {}
