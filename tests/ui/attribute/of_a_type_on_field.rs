use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(class = "Name")]
    name: String,
}

fn main() {}
