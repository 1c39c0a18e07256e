use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    sepia_class: String,
}

fn main() {}
