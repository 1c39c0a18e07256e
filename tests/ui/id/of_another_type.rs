use sepia::{Container, Id};

#[derive(Container)]
struct Other {
    id: Id<Other>,
}

#[derive(Container)]
struct Board {
    id: Id<Other>,
}

fn main() {}
