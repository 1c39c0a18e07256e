use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(default = 7)]
    size: u8,
}

fn main() {}
