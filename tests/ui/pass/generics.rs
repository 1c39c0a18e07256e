//! A parameter's bounds say on which side the fields are that use it.
use std::collections::BTreeMap;
use std::fmt::Debug;

use sepia::{Container, Id, Object, Reference, Serializable, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Serializable, Debug, PartialEq)]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Debug, PartialEq)]
#[sepia(class = "Objects")]
struct Objects<T: Object = Note>
where
    T: Debug,
{
    id: Id<Self>,
    list: Vec<T>,
    map: BTreeMap<String, Box<T>>,
}

#[derive(Container, Debug, PartialEq)]
#[sepia(class = "Values")]
struct Values<T, const N: usize = 2>
where
    T: Serialize + DeserializeOwned,
{
    id: Id<Values<T, N>>,
    list: Vec<T>,
    pair: (T, u8),
    #[sepia(with = doubled, default = doubled::nothing)]
    doubled: Vec<T>,
    #[sepia(skip)]
    array: Skipped<N>,
}

#[derive(Debug, Default, PartialEq)]
struct Skipped<const N: usize>;

#[derive(Serializable, Debug, PartialEq)]
#[sepia(class = "Json", generations)]
struct Json<T: Serialize + DeserializeOwned> {
    id: Id<Json<T>>,
    value: Option<T>,
}

/// With `with`, field types are repeated in types of the generated code, where `Self` would be another.
#[derive(Container, Debug, PartialEq)]
#[sepia(class = "Linked")]
struct Linked<T: PartialEq<T>>
where
    Self: Sized,
    T: Serialize + DeserializeOwned,
{
    id: Id<Self>,
    #[sepia(with = doubled)]
    others: Vec<Id<Self>>,
    #[sepia(with = doubled, default)]
    items: Vec<<Self as Of>::Item>,
    item: T,
}

trait Of {
    type Item;
}
impl<T: PartialEq<T> + Serialize + DeserializeOwned> Of for Linked<T> {
    type Item = u8;
}

#[derive(Reference, Debug, PartialEq)]
enum Either<T: Object> {
    Note(Note),
    Other(Box<T>),
}

#[derive(Container, Debug, PartialEq)]
struct Holder {
    id: Id<Holder>,
    either: Vec<Either<Json<u8>>>,
}

mod doubled {
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        (list, list).serialize(serializer)
    }

    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        <(Vec<T>, Vec<T>)>::deserialize(deserializer).map(|(list, _)| list)
    }

    pub fn nothing<T>() -> Vec<T> {
        Vec::new()
    }
}

fn note(id: &str) -> Note {
    Note { id: id.into(), text: id.to_uppercase() }
}

pub(super) fn main() {
    let store = Store::in_memory();

    let map = BTreeMap::from([("x".to_owned(), Box::new(note("b")))]);
    let objects = Objects { id: "a".into(), list: vec![note("a")], map };
    store.save(&objects).unwrap();
    assert_eq!(store.load::<Objects>("a").unwrap(), objects);

    let values = Values::<u16> { id: "a".into(), list: vec![1], pair: (2, 3), doubled: vec![4], array: Skipped };
    store.save(&values).unwrap();
    assert_eq!(store.load::<Values<u16>>("a").unwrap(), values);

    let other = Either::Other(Box::new(Json { id: "j.0".into(), value: Some(7) }));
    let holder = Holder { id: "a".into(), either: vec![Either::Note(note("a")), other] };
    store.save(&holder).unwrap();
    assert_eq!(store.load::<Holder>("a").unwrap(), holder);

    let linked = Linked { id: "a".into(), others: vec!["b".into()], items: vec![7], item: 'x' };
    store.save(&linked).unwrap();
    assert_eq!(store.load::<Linked<char>>("a").unwrap(), linked);
}
