//! Maps, named by key.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Item;
use super::shape::{collection, entries_of};
use crate::decode::{Decoder, Found};
use crate::encode::{Encoder, Hidden};
use crate::error::Result;
use crate::json;
use crate::record::{Entry, Name};

fn encode_map<'a, K: Serialize + 'a, V: Item + 'a>(
    map: impl ExactSizeIterator<Item = (&'a K, &'a V)>,
    encoder: &mut Encoder,
) -> Result<Entry> {
    let mut entries = Vec::with_capacity(map.len());
    for (key, value) in map {
        let text = json::to_key_text(key).map_err(json::JsonError::invalid)?;
        let name = Name::of(&text)?;
        let entry = V::__encode(value, encoder, Hidden::ID).map_err(|error| error.inside(name.as_str()))?;
        entries.push((name, entry));
    }
    collection(entries)
}

fn decode_map<K: DeserializeOwned, V: Item, M: FromIterator<(K, V)>>(
    found: Found<'_>,
    decoder: &Decoder<'_>,
) -> Result<M> {
    entries_of(found)?
        .into_iter()
        .map(|(name, entry)| {
            let key = json::from_key_text(&name.text()).map_err(json::JsonError::corrupt);
            key.and_then(|key| Ok((key, V::__decode(Found { entry, shown: None }, decoder)?)))
                .map_err(|error| error.inside(name.as_str()))
        })
        .collect()
}

impl<K, V, S> Item for HashMap<K, V, S>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Item,
    S: BuildHasher + Default,
{
    fn __shown(_: &Self) -> Option<&str> {
        None
    }

    fn __encode(map: &Self, encoder: &mut Encoder, _: Hidden) -> Result<Entry> {
        encode_map(map.iter(), encoder)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        decode_map(found, decoder)
    }

    fn __empty() -> Option<Self> {
        Some(Self::default())
    }
}

impl<K: Serialize + DeserializeOwned + Ord, V: Item> Item for BTreeMap<K, V> {
    fn __shown(_: &Self) -> Option<&str> {
        None
    }

    fn __encode(map: &Self, encoder: &mut Encoder, _: Hidden) -> Result<Entry> {
        encode_map(map.iter(), encoder)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        decode_map(found, decoder)
    }

    fn __empty() -> Option<Self> {
        Some(Self::new())
    }
}
