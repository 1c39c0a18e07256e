//! Types and names that come out of the user's own macros.
#![allow(dead_code)]

use sepia::{Container, Id, Reference, Serializable};

macro_rules! objects {
    ($($note:ident, $board:ident, $either:ident { $field:ident: $ty:ty } $class:literal $default:path;)*) => {$(
        #[derive(Serializable)]
        #[sepia(class = $class, generations)]
        struct $note {
            id: Id<$note>,
            #[sepia(default = $default)]
            $field: $ty,
            fixed: $ty,
        }

        #[derive(Reference)]
        enum $either {
            Note($note),
            Board($board),
        }

        #[derive(Container)]
        struct $board {
            id: Id<Self>,
            list: Vec<$either>,
            pair: Option<($ty, $ty)>,
        }
    )*};
}

objects! {
    Note, Board, Either { text: String } "Text" Default::default;
    Other, Tree, Any { number: (u8, u8) } "Number" pair;
}

fn pair() -> (u8, u8) {
    (1, 2)
}

fn main() {}
