//! What hand-written fields do not ask for is an error, unless the type ignores it.

use sepia::{Container, ErrorKind, Fields, Id, Reader, Result, Store, Writer};

#[derive(Container)]
#[sepia(content = "custom")]
struct Strict {
    id: Id<Strict>,
}

#[derive(Container)]
#[sepia(content = "custom", ignore_unknown)]
struct Lenient {
    id: Id<Lenient>,
}

impl Fields for Strict {
    fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.value("old", &7)
    }

    fn read_fields(id: Id<Self>, _: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { id })
    }
}

impl Fields for Lenient {
    fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.value("old", &7)
    }

    fn read_fields(id: Id<Self>, _: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { id })
    }
}

pub(super) fn main() {
    let store = Store::in_memory();
    store.save(&Strict { id: "a".into() }).unwrap();
    store.save(&Lenient { id: "a".into() }).unwrap();
    assert_eq!(store.load::<Strict>("a").err().map(|error| error.kind()), Some(ErrorKind::Corrupt));
    store.load::<Lenient>("a").unwrap();
}
