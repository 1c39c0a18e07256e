//! Collections that look like lists: nothing but the type tells for sure.

use crate::record::name;
use crate::record::shape::SEPIA_ID;
use crate::record::{Entries, Entry, Name};

use super::values;

/// An element of what looks like a list.
pub(super) struct Element<'a> {
    pub(super) index: u64,
    pub(super) name: &'a Name,
    /// What the name says behind the index, encoded.
    pub(super) shown: &'a str,
    pub(super) entry: &'a Entry,
    /// The name says exactly the id.
    pub(super) is_exact: bool,
}

/// An index below this has leading zeros.
const PADDED: u64 = 1000;

/// Returns the elements in the order of their indices if this looks like a list: each name is an index and something
/// behind it, which is the id for most, and the smallest index has leading zeros, as no year has.
pub(super) fn elements(entries: &Entries) -> Option<Vec<Element<'_>>> {
    let elements = in_order(entries)?;
    let exact = elements.iter().filter(|element| element.is_exact).count();
    if exact == 0 || 2 * exact < elements.len() {
        return None;
    }
    elements.first().is_some_and(|first| first.index < PADDED).then_some(elements)
}

fn in_order(entries: &Entries) -> Option<Vec<Element<'_>>> {
    let mut elements = entries.iter().map(|(name, entry)| element(name, entry)).collect::<Option<Vec<_>>>()?;
    elements.sort_by_key(|element| element.index);
    Some(elements)
}

fn element<'a>(name: &'a Name, entry: &'a Entry) -> Option<Element<'a>> {
    let (digits, shown) = name.as_str().split_once('_')?;
    let index = digits.parse().ok().filter(|_| is_index(digits))?;
    let is_exact = match entry {
        // The whole text is encoded, so an id that begins with a dot is not escaped here.
        Entry::Link(key) => name::encode(&format!("{digits}_{}", key.id())) == name.as_str(),
        // One that says its id itself is one of a map.
        Entry::Container(node) => values::told(&node.data, SEPIA_ID).is_none(),
        Entry::Collection(_) | Entry::Stray => return None,
    };
    Some(Element { index, name, shown, entry, is_exact })
}

/// Whether this can be the index in the name of an element.
pub(super) fn is_index(digits: &str) -> bool {
    digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the elements that have the index of the one before.
pub(super) fn duplicates<'e, 'a>(elements: &'e [Element<'a>]) -> impl Iterator<Item = &'e Element<'a>> {
    twice(elements).map(|pair| &pair[1])
}

/// Whether this is a list beyond doubt, with some indices twice: none is missing, and where two are the same, the names
/// of both say their ids.
pub(super) fn is_whole(elements: &[Element<'_>]) -> bool {
    gap(elements).is_none() && twice(elements).all(|pair| pair[0].is_exact && pair[1].is_exact)
}

fn twice<'e, 'a>(elements: &'e [Element<'a>]) -> impl Iterator<Item = &'e [Element<'a>]> {
    elements.windows(2).filter(|pair| pair[0].index == pair[1].index)
}

/// Returns the first index that is missing.
pub(super) fn gap(elements: &[Element<'_>]) -> Option<u64> {
    let mut next = 0;
    for element in elements {
        if element.index > next {
            return Some(next);
        }
        next = element.index.checked_add(1)?;
    }
    None
}

/// Numbers elements from 0 without gaps, in the order of their indices. What has other names stays as it is.
pub(super) fn renumber(entries: &mut Entries) {
    let renumbered = in_order(entries).map(|elements| {
        let elements = elements.iter().enumerate();
        elements.map(|(index, element)| (numbered(index, element), element.entry.clone())).collect()
    });
    // Invariant: each index is there once, and so is each name.
    if let Some(Ok(renumbered)) = renumbered.map(Entries::new) {
        *entries = renumbered;
    }
}

fn numbered(index: usize, element: &Element<'_>) -> Name {
    let text = element.name.text();
    Name::indexed(index, text.split_once('_').map(|(_, id)| id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Key;

    fn entries(list: &[(&str, &str)]) -> Entries {
        let entry = |(name, id): &(&str, &str)| {
            let key = Key::new("Note", *id).unwrap_or_else(|error| unreachable!("{error}"));
            (Name::from_encoded(name).unwrap_or_else(|| unreachable!("{name}")), Entry::Link(key))
        };
        Entries::new(list.iter().map(entry).collect()).unwrap_or_default()
    }

    #[test]
    fn maps_of_numbers_are_no_lists() {
        for list in [
            &[("2024", "a"), ("2025", "b")][..],
            &[("2024_q1", "a"), ("2024_q2", "b")],
            &[("2024_a", "a"), ("2024_b", "b")],
            &[("1000_a", "a")],
            &[("0000_a", "a"), ("x", "b")],
            &[("000_a", "a")],
            &[],
        ] {
            assert!(elements(&entries(list)).is_none(), "{list:?}");
        }
    }

    #[test]
    fn what_is_twice_is_numbered_anew() {
        let list = entries(&[("0000_a", "a"), ("0001_b", "b"), ("0001_.c", ".c"), ("0002_d%2F", "d/")]);
        let found = elements(&list).unwrap_or_default();
        assert_eq!(duplicates(&found).map(|element| element.name.as_str()).collect::<Vec<_>>(), ["0001_b"]);
        assert_eq!(gap(&found), None);
        assert!(elements(&entries(&[("0999_a", "a"), ("1000_b", "b")])).is_some_and(|found| gap(&found) == Some(0)));
        let mut renumbered = list.clone();
        renumber(&mut renumbered);
        let expected = entries(&[("0000_a", "a"), ("0001_.c", ".c"), ("0002_b", "b"), ("0003_d%2F", "d/")]);
        assert_eq!(renumbered, expected);
        renumber(&mut renumbered);
        assert_eq!(renumbered, expected);
    }
}
