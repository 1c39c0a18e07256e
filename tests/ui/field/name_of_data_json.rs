use sepia::{Container, Id};

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(rename = "Data.JSON")]
    data: String,
}

fn main() {}
