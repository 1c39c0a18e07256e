//! What a collection did.

use super::mark::Dangling;
use crate::record::Key;

/// What a collection did, or, in a dry run, would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcReport {
    /// Every declared class, sorted by name.
    pub classes: Vec<ClassReport>,
    /// The links that lead to nothing, of what the roots reach.
    pub dangling: Vec<Dangling>,
    /// What nothing leads to and stays all the same: it is damaged, or something else stands in its place.
    /// [`verify`](crate::Store::verify) says what is wrong with it.
    pub refused: Vec<Key>,
    /// What was spared because, by its date, it was changed at a time that is yet to come, as a clock was set back. Its
    /// age counts from this collection on, if that was no dry run.
    pub ahead: Vec<Key>,
    /// What was swept, if [asked for](super::Gc::list).
    pub swept: Vec<Key>,
    /// Nothing was deleted: it was a dry run.
    pub dry_run: bool,
}

/// What a collection did in one class. Every generation counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassReport {
    /// The name of the class.
    pub class: String,
    /// The objects that stay.
    pub live: u64,
    /// Those of them that nothing leads to, and that are too young to be swept.
    pub spared: u64,
    /// The objects that were swept.
    pub swept: u64,
    /// Those of them that were old generations of live objects.
    pub pruned: u64,
    /// The bytes of what was swept: of leaves, and of every `data.json` of containers.
    pub bytes: u64,
}

impl GcReport {
    /// Returns how many objects stay.
    pub fn live(&self) -> u64 {
        self.classes.iter().map(|class| class.live).sum()
    }

    /// Returns how many objects were swept.
    pub fn swept(&self) -> u64 {
        self.classes.iter().map(|class| class.swept).sum()
    }

    /// Returns the bytes of what was swept.
    pub fn bytes(&self) -> u64 {
        self.classes.iter().map(|class| class.bytes).sum()
    }

    pub(super) fn class(&mut self, name: &str) -> &mut ClassReport {
        let at = match self.classes.binary_search_by(|class| class.class.as_str().cmp(name)) {
            Ok(at) => at,
            Err(at) => {
                self.classes.insert(at, ClassReport { class: name.to_owned(), ..ClassReport::default() });
                at
            }
        };
        &mut self.classes[at]
    }
}
