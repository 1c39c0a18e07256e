use sepia::Reference;

#[derive(Reference)]
enum Either {}

fn main() {}
