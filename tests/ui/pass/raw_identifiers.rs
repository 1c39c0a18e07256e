//! On disk, a raw identifier is called what it is called without `r#`.
use sepia::{Container, Id, Reference, Serializable, Store};

#[derive(Serializable)]
#[allow(non_camel_case_types)]
struct r#type {
    id: Id<r#type>,
    r#fn: u8,
    #[sepia(default = r#mod::r#match)]
    r#struct: u8,
}

mod r#mod {
    pub fn r#match() -> u8 {
        7
    }
}

#[derive(Reference)]
enum Either {
    #[allow(non_camel_case_types, dead_code)]
    r#type(r#type),
}

#[derive(Container)]
struct Board {
    #[sepia(id)]
    r#use: Id<Board>,
    r#as: Vec<Either>,
}

pub(super) fn main() {
    let store = Store::in_memory();
    let r#as = vec![Either::r#type(r#type { id: "a".into(), r#fn: 1, r#struct: 2 })];
    store.save(&Board { r#use: "board".into(), r#as }).unwrap();
    assert_eq!(store.load::<Board>("board").unwrap().r#as.len(), 1);
    let loaded: r#type = store.load("a").unwrap();
    assert_eq!((loaded.r#fn, loaded.r#struct), (1, 2));
    assert_eq!(loaded.id.as_str(), "a");
    assert_eq!(store.classes().unwrap(), ["Board", "type"]);
}
