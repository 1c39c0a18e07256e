//! Maps, named by key.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Item;
use super::shape::{collection, entries_of};
use crate::object::decode::{Decoder, Found};
use crate::object::encode::{Encoder, Hidden};
use crate::record::error::{Error, Quoted, Result};
use crate::record::json;
use crate::record::{Entry, Name};

/// `equal` tells whether two keys are the same to the map.
fn encode_map<'a, K: Serialize + DeserializeOwned + 'a, V: Item + 'a>(
    map: impl ExactSizeIterator<Item = (&'a K, &'a V)>,
    equal: fn(&K, &K) -> bool,
    encoder: &mut Encoder,
) -> Result<Entry> {
    let mut entries = Vec::with_capacity(map.len());
    for (key, value) in map {
        let text = json::to_key_text(key).map_err(json::JsonError::invalid)?;
        if !json::from_key_text::<K>(&text).is_ok_and(|back| equal(&back, key)) {
            let message = format!("the key that is written as {} would come back as another", Quoted(&text));
            return Err(Error::invalid_value(message));
        }
        let name = Name::of(&text)?;
        let entry = V::__encode(value, encoder, Hidden::ID).map_err(|error| error.inside(name.as_str()))?;
        entries.push((name, entry));
    }
    collection(entries)
}

/// `insert` returns whether the key is new.
fn decode_map<K: Serialize + DeserializeOwned, V: Item>(
    found: Found<'_>,
    decoder: &Decoder<'_>,
    mut insert: impl FnMut(K, V) -> bool,
) -> Result<()> {
    for (name, entry) in entries_of(found, decoder)? {
        let named = |error: Error| error.inside(name.as_str());
        let text = name.text();
        let key: K = json::from_key_text(&text).map_err(|error| named(error.corrupt()))?;
        if !json::to_key_text(&key).is_ok_and(|written| written == text) {
            decoder.set_vague();
        }
        let value = match V::__decode(Found { entry, shown: None }, decoder) {
            Ok(value) => value,
            Err(error) => return Err(named(error)),
        };
        if !insert(key, value) {
            return Err(named(Error::corrupt("the map has an equal key already")));
        }
    }
    Ok(())
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
        encode_map(map.iter(), K::eq, encoder)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        let mut map = Self::default();
        decode_map(found, decoder, |key, value| map.insert(key, value).is_none())?;
        Ok(map)
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
        encode_map(map.iter(), |a, b| a.cmp(b).is_eq(), encoder)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        let mut map = Self::default();
        decode_map(found, decoder, |key, value| map.insert(key, value).is_none())?;
        Ok(map)
    }

    fn __empty() -> Option<Self> {
        Some(Self::new())
    }
}
