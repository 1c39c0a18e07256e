use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(skip_serializing)]
    name: String,
}

fn main() {}
