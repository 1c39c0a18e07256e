use sepia::{Container, Id};

#[derive(Container)]
#[sepia(class = "Board")]
struct Board<T> {
    id: Id<Board<T>>,
    item: T,
}

fn main() {}
