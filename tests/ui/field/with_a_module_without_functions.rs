use sepia::{Container, Id};

mod hex {}

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(with = hex)]
    colour: u32,
}

fn main() {}
