use sepia::{Container, Id};

#[derive(Container)]
#[sepia(content = "custom")]
struct Board {
    id: Id<Board>,
    #[sepia(rename = "title")]
    name: String,
}

fn main() {}
