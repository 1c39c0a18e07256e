use sepia::{Container, Id};

#[derive(Container)]
struct Board<const N: usize> {
    id: Id<Board<N>>,
}

fn main() {}
