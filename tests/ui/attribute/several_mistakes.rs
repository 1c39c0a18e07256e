use sepia::{Container, Id};

#[derive(Container)]
#[sepia(class = "", content = "text", colour)]
struct Board<'a> {
    #[sepia(rename = "key")]
    id: Id<Board<'a>>,
    #[sepia(value, reference)]
    name: &'a str,
    #[sepia(skip, with = module)]
    size: u8,
    sepia_shape: u8,
    #[sepia(rename)]
    tags: Vec<String>,
}

fn used_all_the_same(store: &sepia::Store, board: &Board<'static>) {
    let _ = store.save(board);
}

fn main() {}
