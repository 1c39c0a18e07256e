//! What tells one record from another.

use std::fmt;

use twox_hash::XxHash3_128;
use twox_hash::xxhash3_128::Hasher;

use crate::record::{Entries, Entry, Node, Record};

/// What tells one record from another: 128 bits of its content. Equal records have equal fingerprints,
/// on every backend. Strays and empty collections, which a record need not give back, do not count.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u64; 2]);

/// The seeds, by which the two kinds of records are told apart.
const LEAF: u64 = 0;
const CONTAINER: u64 = 1;

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, low] = self.0;
        write!(f, "{high:016x}{low:016x}")
    }
}

impl Fingerprint {
    /// That of no record.
    pub(crate) const NOTHING: Self = Self([0; 2]);

    /// In halves: ids and steps of batches hold fingerprints, and are smaller that way.
    pub(crate) fn of_bits(bits: u128) -> Self {
        Self([(bits >> 64) as u64, bits as u64])
    }

    pub(crate) fn of_leaf(content: &[u8]) -> Self {
        Self::of_bits(XxHash3_128::oneshot_with_seed(LEAF, content))
    }

    /// That of a leaf that is read to its end, and never in memory as a whole.
    #[cfg(feature = "backup")]
    pub(crate) fn of_leaf_from(content: &mut dyn std::io::Read) -> std::io::Result<Self> {
        let mut hasher = Hasher::with_seed(LEAF);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok(Self::of_bits(hasher.finish_128())),
                Ok(length) => hasher.write(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn of_container(data: &[u8], entries: &Entries) -> Self {
        let mut text = Text::default();
        spell_node(data, entries, &mut text);
        Self::of_bits(text.hash())
    }
}

impl Fingerprint {
    /// Reads what `Debug` writes: 32 hexadecimal digits, in lower case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self::of_bits)
    }
}

impl Record {
    /// Returns the fingerprint of this record.
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Leaf(content) => Fingerprint::of_leaf(content),
            Self::Container(Node { data, entries }) => Fingerprint::of_container(data, entries),
        }
    }
}

/// What a container is spelled out as, hashed part by part.
#[derive(Default)]
struct Text {
    part: Vec<u8>,
    /// The parts before.
    hashed: Option<Hasher>,
}

/// How much is spelled out before it is hashed.
const PART: usize = 16 << 10;

impl Text {
    fn push(&mut self, letter: u8) {
        self.part.push(letter);
    }

    /// Its length stands before a text.
    fn spell(&mut self, text: &[u8]) {
        if self.part.len() + text.len() > PART {
            self.hashed.get_or_insert_with(|| Hasher::with_seed(CONTAINER)).write(&self.part);
            self.part.clear();
        }
        self.part.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.part.extend_from_slice(text);
    }

    fn hash(self) -> u128 {
        match self.hashed {
            None => XxHash3_128::oneshot_with_seed(CONTAINER, &self.part),
            Some(mut hashed) => {
                hashed.write(&self.part);
                hashed.finish_128()
            }
        }
    }
}

/// Spells a container out so that no two spell alike.
fn spell_node(data: &[u8], entries: &Entries, text: &mut Text) {
    text.push(b'c');
    text.spell(data);
    spell_entries(entries, text);
}

fn spell_entries(entries: &Entries, text: &mut Text) {
    for (name, entry) in entries.iter().filter(|(_, entry)| counts(entry)) {
        text.push(b'n');
        text.spell(name.as_str().as_bytes());
        match entry {
            Entry::Link(key) => {
                text.push(b'l');
                text.spell(key.class().as_bytes());
                text.spell(key.id().as_bytes());
            }
            Entry::Container(node) => spell_node(&node.data, &node.entries, text),
            Entry::Collection(entries) => {
                text.push(b'e');
                spell_entries(entries, text);
            }
            Entry::Stray => {}
        }
    }
    text.push(b'.');
}

fn counts(entry: &Entry) -> bool {
    match entry {
        Entry::Link(_) | Entry::Container(_) => true,
        Entry::Collection(entries) => entries.iter().any(|(_, entry)| counts(entry)),
        Entry::Stray => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Key, Name};

    #[test]
    fn a_container_has_one_fingerprint_however_long_it_is() {
        for count in [0, 1, 100, PART / 40, PART] {
            let link = |n| (Name::indexed(n, None), Entry::Link(Key::new("C", format!("{n}")).unwrap()));
            let entries = Entries::new((0..count).map(link).collect()).unwrap();
            let data = vec![b'x'; count];
            let mut whole = vec![b'c'];
            let spell = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
            whole.extend((count as u64).to_le_bytes());
            whole.extend(&data);
            for (name, entry) in entries.iter() {
                let Entry::Link(key) = entry else { unreachable!() };
                whole.extend([b"n", &*spell(name.as_str()), b"l", &spell(key.class()), &spell(key.id())].concat());
            }
            whole.push(b'.');
            let expected = XxHash3_128::oneshot_with_seed(CONTAINER, &whole);
            assert_eq!(Fingerprint::of_container(&data, &entries), Fingerprint::of_bits(expected));
        }
    }
}
