use sepia::{Container, Id};

#[derive(Container)]
struct Board<'a> {
    id: Id<Board<'a>>,
    name: &'a str,
}

fn main() {}
