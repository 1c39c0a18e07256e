use sepia::{Container, Id};

#[derive(Container)]
struct Board(Id<Board>);

fn main() {}
