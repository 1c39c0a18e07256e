//! Types and names that come out of the user's own macros.
#![allow(dead_code)]

use sepia::{Container, Content, Fields, Id, Reader, Reference, Result, Serializable, Writer};

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

macro_rules! custom {
    ($file:ident, $directory:ident) => {
        #[derive(Serializable)]
        #[sepia(content = "custom")]
        struct $file {
            id: Id<$file>,
        }

        impl Content for $file {
            fn to_sepia(&self) -> Result<Vec<u8>> {
                Ok(Vec::new())
            }

            fn from_sepia(id: Id<Self>, _: &[u8]) -> Result<Self> {
                Ok(Self { id })
            }
        }

        #[derive(Container)]
        #[sepia(content = "custom")]
        struct $directory {
            id: Id<$directory>,
        }

        impl Fields for $directory {
            fn write_fields(&self, _: &mut Writer<'_>) -> Result<()> {
                Ok(())
            }

            fn read_fields(id: Id<Self>, _: &mut Reader<'_>) -> Result<Self> {
                Ok(Self { id })
            }
        }
    };
}

custom!(File, Directory);

objects! {
    Note, Board, Either { text: String } "Text" Default::default;
    Other, Tree, Any { number: (u8, u8) } "Number" pair;
}

fn pair() -> (u8, u8) {
    (1, 2)
}

pub(super) fn main() {}
