use sepia::Container;

#[derive(Container)]
union Board {
    a: u8,
    b: u8,
}

fn main() {}
