use sepia::Container;

#[derive(Container)]
enum Board {
    A,
    B,
}

fn main() {}
