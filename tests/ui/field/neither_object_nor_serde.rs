use sepia::{Container, Id};

struct Opaque;

#[derive(Container)]
struct Board {
    id: Id<Board>,
    parts: Vec<Opaque>,
}

fn main() {}
