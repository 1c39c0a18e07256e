use sepia::Container;

#[derive(Container)]
struct Board;

fn main() {}
