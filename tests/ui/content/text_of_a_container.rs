use sepia::{Container, Id};

#[derive(Container)]
#[sepia(content = "text")]
struct Board {
    id: Id<Board>,
    text: String,
}

fn main() {}
