use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    #[sepia(rename = "key")]
    id: Id<Board>,
}

fn main() {}
