use sepia::{Container, Id};

#[derive(Container)]
#[sepia(colour = "red")]
struct Board {
    id: Id<Board>,
}

fn main() {}
