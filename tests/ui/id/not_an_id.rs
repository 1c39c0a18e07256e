use sepia::Container;

#[derive(Container)]
struct Board {
    id: String,
}

fn main() {}
