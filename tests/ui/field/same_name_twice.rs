use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    title: String,
    #[sepia(rename = "title")]
    name: String,
}

fn main() {}
