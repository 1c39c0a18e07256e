//! What becomes of each object in a save: whether it is written, what must be stored before, and what it remembers then.
//!
//! | the object remembers | it is encoded to | the batch |
//! |---|---|---|
//! | nothing | anything | puts it, whatever is stored |
//! | a record S and an encoding W | W | keeps what is stored, if anything is |
//! | S and W | another record N | puts N, if S is stored |
//! | S and W | S, which is not W | keeps what is stored, if that is S |
//!
//! So only what was changed here is written, and only that is compared with what is stored. What is equal to W was
//! changed by nobody here: whether it was changed elsewhere is none of this save's business, but a link to what is gone
//! would lead nowhere. An object that is not written remembers what it did before: if it is changed later, that is a
//! conflict with whatever has happened elsewhere since.
//!
//! Nested containers are part of the record of what they stand in, and are written with it. Saving whatever is there
//! (`overwrite`) asks no object what it remembers.

use std::sync::Arc;

use crate::object::id::{Eyes, Known, Memory};
use crate::record::Fingerprint;
use crate::record::batch::Expect;

/// All objects of a batch.
#[derive(Default)]
pub(crate) struct Saved {
    /// The memories of the objects, each with the place in `found` of what it is.
    objects: Vec<(Arc<dyn Memory>, usize)>,
    /// By step, in the order of the batch.
    found: Vec<Found>,
}

/// What is saved under one key, by however many objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The number of the batch's step.
    pub(super) step: usize,
    pub(super) content: Fingerprint,
    /// The record that they remember, if any of them does.
    stored: Option<Fingerprint>,
    /// Whether any of them is new, or was changed here.
    is_changed: bool,
}

impl Found {
    pub(super) fn new(step: usize, content: Fingerprint, known: Option<Known>) -> Self {
        let is_changed = known.is_none_or(|known| known.encoded != content);
        Self { step, content, stored: known.map(|known| known.stored), is_changed }
    }

    /// Takes in another object of the same key and content: one that remembers more knows better. `None` if they know
    /// it as it was at different times, and one of them was changed.
    pub(super) fn merge(self, other: &Self) -> Option<Self> {
        let is_changed = self.is_changed || other.is_changed;
        let stored = match (self.stored, other.stored) {
            (Some(one), Some(another)) if one != another && is_changed => return None,
            // As long as nobody has changed either, it is all the same; a third that was changed is of neither time.
            (Some(one), Some(another)) if one != another => Some(Fingerprint::NOTHING),
            (one, another) => one.or(another),
        };
        Some(Self { stored, is_changed, ..self })
    }

    /// What must be stored.
    pub(super) fn expect(&self, keeps_generations: bool) -> Expect {
        match self.stored {
            _ if !self.is_changed => Expect::Present,
            Some(stored) => Expect::Unchanged(stored),
            None if keeps_generations => Expect::PresentOrNewest,
            None => Expect::Any,
        }
    }

    /// Whether nothing is to be written.
    pub(super) fn is_kept(&self) -> bool {
        !self.is_changed || self.stored == Some(self.content)
    }
}

impl Saved {
    /// Returns what has been found of a step, and its place.
    pub(super) fn of_step(&self, step: usize) -> Option<(usize, Found)> {
        let place = self.found.binary_search_by_key(&step, |found| found.step).ok()?;
        Some((place, self.found[place]))
    }

    /// Takes in the first object of the batch's next step, and returns its place.
    pub(super) fn push(&mut self, found: Found) -> usize {
        self.found.push(found);
        self.found.len() - 1
    }

    pub(super) fn set(&mut self, place: usize, found: Found) {
        self.found[place] = found;
    }

    /// Takes note of an object of a place.
    pub(super) fn add(&mut self, memory: Option<&Arc<dyn Memory>>, place: usize) {
        self.objects.extend(memory.map(|memory| (Arc::clone(memory), place)));
    }

    pub(super) fn clear(&mut self) {
        self.objects.clear();
        self.found.clear();
    }

    /// Has the objects remember as what they were saved.
    pub(crate) fn remember(mut self, eyes: &Eyes) {
        self.drain(eyes);
    }

    pub(super) fn drain(&mut self, eyes: &Eyes) {
        for (memory, place) in self.objects.drain(..) {
            let found = &self.found[place];
            if found.is_changed {
                memory.remembered().remember(eyes, Known::saved(found.content));
            }
        }
        self.found.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn print(content: &str) -> Fingerprint {
        Record::Leaf(content.into()).fingerprint()
    }

    fn found(content: &str, known: Option<(&str, &str)>) -> Found {
        let known = known.map(|(stored, encoded)| Known { stored: print(stored), encoded: print(encoded) });
        Found::new(0, print(content), known)
    }

    #[test]
    fn what_was_not_changed_here_only_has_to_be_there() {
        let unchanged = |stored| Expect::Unchanged(print(stored));
        for (found, expect, is_kept) in [
            (found("n", None), Expect::Any, false),
            (found("n", Some(("n", "n"))), Expect::Present, true),
            (found("w", Some(("s", "w"))), Expect::Present, true),
            (found("n", Some(("s", "w"))), unchanged("s"), false),
            (found("s", Some(("s", "w"))), unchanged("s"), true),
        ] {
            assert_eq!((found.expect(false), found.is_kept()), (expect, is_kept), "{found:?}");
        }
        assert_eq!(found("n", None).expect(true), Expect::PresentOrNewest);
        assert_eq!(found("n", Some(("n", "n"))).expect(true), Expect::Present);
    }

    #[test]
    fn of_several_objects_of_one_key_who_remembers_more_knows_better() {
        let (fresh, kept) = (found("n", None), found("n", Some(("s", "n"))));
        let changed = found("n", Some(("s", "w")));
        for (one, another) in [(fresh, kept), (kept, fresh), (changed, kept), (kept, changed), (fresh, changed)] {
            let Some(merged) = one.merge(&another) else { unreachable!("they know of one time") };
            assert_eq!((merged.expect(false), merged.is_kept()), (Expect::Unchanged(print("s")), false));
        }
        let Some(both) = kept.merge(&kept) else { unreachable!("they know of one time") };
        assert_eq!(both, kept);
        let (later, later_changed) = (found("n", Some(("t", "n"))), found("n", Some(("t", "w"))));
        assert!(changed.merge(&later).is_none() && kept.merge(&later_changed).is_none());
        let Some(unchanged) = kept.merge(&later) else { unreachable!("nobody has changed anything") };
        assert_eq!(unchanged.expect(false), Expect::Present);
        assert!(unchanged.merge(&changed).is_none() && unchanged.merge(&later_changed).is_none());
    }
}
