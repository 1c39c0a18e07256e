//! Boxes, shared pointers, lists and sets.

use std::any::Any;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::Item;
use crate::object::OfClass;
use crate::object::decode::{Decoder, Found, stray};
use crate::object::encode::{Encoder, Hidden};
use crate::record::error::{Error, Quoted, Result};
use crate::record::{Entries, Entry, Name};

impl<T: Item> Item for Box<T> {
    fn __shown(item: &Self) -> Option<&str> {
        T::__shown(item)
    }

    fn __encode(item: &Self, encoder: &mut Encoder, hidden: Hidden) -> Result<Entry> {
        T::__encode(item, encoder, hidden)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        T::__decode(found, decoder).map(Box::new)
    }

    fn __empty() -> Option<Self> {
        T::__empty().map(Box::new)
    }
}

#[diagnostic::do_not_recommend]
impl<T: OfClass> OfClass for Box<T> {
    const __CLASS: &'static str = T::__CLASS;
}

impl<T: Item + Any + Send + Sync> Item for Arc<T> {
    fn __shown(item: &Self) -> Option<&str> {
        T::__shown(item)
    }

    fn __encode(item: &Self, encoder: &mut Encoder, hidden: Hidden) -> Result<Entry> {
        T::__encode(item, encoder, hidden)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        decoder.shared(found, |found| T::__decode(found, decoder))
    }

    fn __empty() -> Option<Self> {
        T::__empty().map(Arc::new)
    }
}

#[diagnostic::do_not_recommend]
impl<T: OfClass + Any + Send + Sync> OfClass for Arc<T> {
    const __CLASS: &'static str = T::__CLASS;
}

macro_rules! list {
    ($($list:ident),*) => {$(
        impl<T: Item> Item for $list<T> {
            fn __shown(_: &Self) -> Option<&str> {
                None
            }

            fn __encode(list: &Self, encoder: &mut Encoder, _: Hidden) -> Result<Entry> {
                encode_list(list.iter(), encoder)
            }

            fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
                decode_list(found, decoder)
            }

            fn __empty() -> Option<Self> {
                Some(Self::new())
            }
        }
    )*};
}
list!(Vec, VecDeque);

fn encode_list<'a, T: Item + 'a>(items: impl ExactSizeIterator<Item = &'a T>, encoder: &mut Encoder) -> Result<Entry> {
    let mut entries = Vec::with_capacity(items.len());
    for (index, item) in items.enumerate() {
        let named = |error: Error| error.inside(Name::indexed(index, T::__shown(item)).as_str());
        let entry = T::__encode(item, encoder, Hidden::NOTHING).map_err(named)?;
        entries.push((Name::indexed(index, T::__shown(item)), entry));
    }
    collection(entries)
}

fn decode_list<T: Item, L: From<Vec<T>>>(found: Found<'_>, decoder: &Decoder<'_>) -> Result<L> {
    let elements = in_order(entries_of(found, decoder)?)?;
    // Not `collect`: its adapters would hold the element several times on the stack, at each level.
    let mut items = Vec::with_capacity(elements.len());
    for (name, entry) in elements {
        let text = name.text();
        let shown = text.split_once('_').map(|(_, id)| id);
        match T::__decode(Found { entry, shown }, decoder) {
            Ok(item) => {
                if shown != T::__shown(&item) || !is_index(&text, items.len()) {
                    decoder.set_vague();
                }
                items.push(item);
            }
            Err(error) => return Err(error.inside(name.as_str())),
        }
    }
    Ok(items.into())
}

/// Sorts the elements of a list by their indices. Up to four digits, they mostly are.
fn in_order(entries: Entries) -> Result<Vec<(Name, Entry)>> {
    let mut elements: Vec<_> = entries.into_iter().collect();
    let (mut is_sorted, mut last) = (true, None);
    for (name, _) in &elements {
        let index = Some(index(name).ok_or_else(|| {
            let message = "the name of an element of a list is its index, `_` and its id, like 0007_note";
            Error::corrupt(message).inside(name.as_str())
        })?);
        is_sorted &= last < index;
        last = index;
    }
    if !is_sorted {
        elements.sort_by_cached_key(|(name, _)| index(name));
        if let Some(twice) = elements.windows(2).find(|pair| index(&pair[0].0) == index(&pair[1].0)) {
            let message = format!("the element {} has the same index", Quoted(twice[0].0.as_str()));
            return Err(Error::corrupt(message).inside(twice[1].0.as_str()));
        }
    }
    Ok(elements)
}

fn index(name: &Name) -> Option<usize> {
    let digits = name.as_str().split_once('_').map_or(name.as_str(), |(digits, _)| digits);
    if digits.len() < 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Whether the name of an element begins as that of the element of this index does.
fn is_index(text: &str, index: usize) -> bool {
    let digits = text.split_once('_').map_or(text, |(digits, _)| digits);
    // Four digits, or as many as it takes.
    (digits.len() == 4 || digits.len() > 4 && !digits.starts_with('0')) && digits.parse() == Ok(index)
}

/// Sets are named by id.
fn encode_set<'a, T: OfClass + 'a>(
    items: impl ExactSizeIterator<Item = &'a T>,
    encoder: &mut Encoder,
) -> Result<Entry> {
    let mut entries = Vec::with_capacity(items.len());
    for item in items {
        let name = Name::of_id(T::__shown(item).unwrap_or_default());
        let entry = T::__encode(item, encoder, Hidden::NOTHING).map_err(|error| error.inside(name.as_str()))?;
        entries.push((name, entry));
    }
    collection(entries)
}

/// `insert` returns whether the element is new.
fn decode_set<T: OfClass>(found: Found<'_>, decoder: &Decoder<'_>, mut insert: impl FnMut(T) -> bool) -> Result<()> {
    for (name, entry) in entries_of(found, decoder)? {
        let text = name.text();
        let item = match T::__decode(Found { entry, shown: Some(&text) }, decoder) {
            Ok(item) => item,
            Err(error) => return Err(error.inside(name.as_str())),
        };
        if T::__shown(&item) != Some(&*text) {
            return Err(Error::corrupt("the element has another id than its name says").inside(name.as_str()));
        }
        if !insert(item) {
            return Err(Error::corrupt("the set has an equal element already").inside(name.as_str()));
        }
    }
    Ok(())
}

impl<T: OfClass + Eq + Hash, S: BuildHasher + Default> Item for HashSet<T, S> {
    fn __shown(_: &Self) -> Option<&str> {
        None
    }

    fn __encode(set: &Self, encoder: &mut Encoder, _: Hidden) -> Result<Entry> {
        encode_set(set.iter(), encoder)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        let mut set = Self::default();
        decode_set(found, decoder, |item| set.insert(item))?;
        Ok(set)
    }

    fn __empty() -> Option<Self> {
        Some(Self::default())
    }
}

impl<T: OfClass + Ord> Item for BTreeSet<T> {
    fn __shown(_: &Self) -> Option<&str> {
        None
    }

    fn __encode(set: &Self, encoder: &mut Encoder, _: Hidden) -> Result<Entry> {
        encode_set(set.iter(), encoder)
    }

    fn __decode(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Self> {
        let mut set = Self::new();
        decode_set(found, decoder, |item| set.insert(item))?;
        Ok(set)
    }

    fn __empty() -> Option<Self> {
        Some(Self::new())
    }
}

/// Makes the entry of a collection.
pub(super) fn collection(entries: Vec<(Name, Entry)>) -> Result<Entry> {
    Entries::new(entries).map(Entry::Collection).map_err(|name| {
        Error::invalid_value(format!("two elements of a collection are both named {}", Quoted(name.as_str())))
    })
}

/// Returns the entries of what must be a collection.
pub(super) fn entries_of(found: Found<'_>, decoder: &Decoder<'_>) -> Result<Entries> {
    match found.entry {
        Entry::Collection(entries) => {
            // A collection without entries is not written everywhere.
            if entries.is_empty() {
                decoder.set_vague();
            }
            Ok(entries)
        }
        Entry::Link(key) => Err(Error::corrupt(format!("a link to {key} stands where a collection belongs"))),
        Entry::Container(_) => Err(Error::corrupt("a container stands where a collection belongs")),
        Entry::Stray => Err(stray()),
    }
}
