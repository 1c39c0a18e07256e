use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    sepia_id: Id<Board>,
}

fn main() {}
