use sepia::{Container, Id};

fn seven() -> i32 {
    7
}

#[derive(Container)]
struct Board {
    id: Id<Board>,
    #[sepia(default = seven)]
    size: u8,
}

fn main() {}
