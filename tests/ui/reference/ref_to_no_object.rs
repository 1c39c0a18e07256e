use sepia::{Container, Id, Ref};

struct Plain;

#[derive(Container)]
struct Board {
    id: Id<Board>,
    plain: Vec<Ref<Plain>>,
}

fn main() {}
