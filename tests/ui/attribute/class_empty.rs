use sepia::{Container, Id};

#[derive(Container)]
#[sepia(class = "")]
struct Board {
    id: Id<Board>,
}

fn main() {}
