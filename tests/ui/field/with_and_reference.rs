use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(with = module, reference)]
    boards: Vec<Board>,
}

fn main() {}
