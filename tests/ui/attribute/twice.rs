use sepia::{Container, Id};

#[derive(Container)]
#[sepia(class = "A")]
#[sepia(class = "B")]
struct Board {
    id: Id<Board>,
}

fn main() {}
