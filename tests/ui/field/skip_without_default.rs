use sepia::{Container, Id};

struct Handle;

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(skip)]
    handle: Handle,
}

fn main() {}
