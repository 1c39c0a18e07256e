//! Which objects there are, in a few bytes for each.

use std::collections::HashSet;

use twox_hash::XxHash3_128;

use crate::record::Key;
use crate::record::class::Class;
use crate::record::name::split_generation;

/// The ids of all classes, as hashes so long that no two are alike.
#[derive(Debug, Default)]
pub(super) struct Index {
    known: HashSet<u128>,
}

/// What a hash is of.
#[derive(Clone, Copy)]
enum Of {
    Object,
    /// Some generation of a base.
    Base,
}

impl Index {
    /// Takes in an object. Returns whether it is the other spelling of one that is there.
    pub(super) fn insert(&mut self, class: &Class, id: &str) -> bool {
        self.known.insert(hash(Of::Object, class.name(), id));
        if !class.may_keep_generations() {
            return false;
        }
        let (base, generation) = split_generation(id).unwrap_or((id, 0));
        self.known.insert(hash(Of::Base, class.name(), base));
        let other = if base == id { format!("{base}.0") } else { base.to_owned() };
        class.keeps_generations() && generation == 0 && self.has(class.name(), &other)
    }

    /// Returns whether there is an object of exactly this id.
    pub(super) fn has(&self, class: &str, id: &str) -> bool {
        self.known.contains(&hash(Of::Object, class, id))
    }

    /// Returns whether a link leads somewhere: exactly there, or, where the id is a base, to the newest.
    pub(super) fn leads(&self, link: &Key) -> bool {
        let keeps = |base: &str| self.known.contains(&hash(Of::Base, link.class(), base));
        let is_bare = |base: &str| keeps(base) && self.has(link.class(), base);
        self.has(link.class(), link.id())
            || keeps(link.id())
            || split_generation(link.id()).is_some_and(|(base, generation)| generation == 0 && is_bare(base))
    }
}

fn hash(of: Of, class: &str, id: &str) -> u128 {
    let mut text = Vec::with_capacity(class.len() + id.len() + 9);
    text.push(of as u8);
    text.extend_from_slice(&(class.len() as u64).to_le_bytes());
    text.extend_from_slice(class.as_bytes());
    text.extend_from_slice(id.as_bytes());
    XxHash3_128::oneshot(&text)
}
