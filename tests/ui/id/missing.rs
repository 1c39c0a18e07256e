use sepia::Container;

#[derive(Container)]
struct Board {
    name: String,
}

fn main() {}
