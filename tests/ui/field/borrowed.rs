use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    name: &'static str,
}

fn main() {}
