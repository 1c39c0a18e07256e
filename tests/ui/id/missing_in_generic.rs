use sepia::Container;

#[derive(Container)]
#[sepia(class = "Board")]
struct Board<T: sepia::Object> {
    items: Vec<T>,
}

fn main() {}
