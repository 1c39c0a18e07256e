use sepia::{Container, Id};

#[derive(Container)]
struct Board<T: sepia::Object> {
    id: Id<Board<T>>,
    items: Vec<T>,
}

fn main() {}
