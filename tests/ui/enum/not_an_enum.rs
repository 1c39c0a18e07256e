use sepia::Reference;

#[derive(Reference)]
struct Either {
    name: String,
}

fn main() {}
