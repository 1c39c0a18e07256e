use sepia::{Container, Id};

#[derive(Container)]
#[sepia(class = Board)]
struct Board {
    id: Id<Board>,
}

fn main() {}
