use sepia::{Container, Id};

#[derive(Container)]
#[sepia(content = "custom")]
struct Board {
    id: Id<Board>,
    name: String,
}

fn main() {}
