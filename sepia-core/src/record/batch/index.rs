//! Finding steps in a large batch: by key, and by base.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use twox_hash::XxHash3_64;

use super::{Change, Newest, Step};
use crate::record::Key;

/// Where the step of each key is.
#[derive(Clone, Debug)]
pub(super) struct Index {
    table: HashTable<usize>,
    /// Nobody who chooses ids can have them meet.
    seed: u64,
}

impl Index {
    pub(super) fn of(steps: &[Step]) -> Self {
        let seed = RandomState::new().hash_one(steps.len());
        let mut index = Self { table: HashTable::with_capacity(4 * steps.len()), seed };
        for at in 0..steps.len() {
            index.insert(steps, at);
        }
        index
    }

    pub(super) fn find(&self, steps: &[Step], key: &Key) -> Option<usize> {
        self.table.find(hash(self.seed, key), |at| steps[*at].key == *key).copied()
    }

    /// Finds the step of a key. If it has none, the next one to come is taken to be that.
    pub(super) fn find_or_expect(&mut self, steps: &[Step], key: &Key) -> Option<usize> {
        let seed = self.seed;
        let is_it = |at: &usize| steps[*at].key == *key;
        match self.table.entry(hash(seed, key), is_it, |at| hash(seed, &steps[*at].key)) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(free) => {
                free.insert(steps.len());
                None
            }
        }
    }

    fn insert(&mut self, steps: &[Step], at: usize) {
        let seed = self.seed;
        self.table.insert_unique(hash(seed, &steps[at].key), at, |at| hash(seed, &steps[*at].key));
    }
}

/// Most keys of a batch are of few classes, so their names need not tell more.
fn hash(seed: u64, key: &Key) -> u64 {
    XxHash3_64::oneshot_with_seed(seed ^ key.class().len() as u64, key.id().as_bytes())
}

/// The steps on generations, by base.
#[derive(Clone, Debug, Default)]
pub(super) struct Families(HashMap<Key, Family>);

/// The steps on generations of one base.
#[derive(Clone, Debug, Default)]
struct Family {
    steps: Vec<usize>,
    /// The newest generation that was ever put.
    newest: Option<(u64, usize)>,
    /// A generation was deleted, so that the newest may be another.
    shrinks: bool,
}

/// Whether a step is on a key that had none, or replaces another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    New,
    Replacing,
}

impl Families {
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut families = Self::default();
        (0..steps.len()).for_each(|at| families.join(steps, at, Arrival::New));
        families
    }

    /// Takes note of a step for the bases that it is of.
    pub(super) fn join(&mut self, steps: &[Step], at: usize, arrival: Arrival) {
        let step = &steps[at];
        let (base, generation) = step.key.generation();
        // A key that ends like a generation is a base, too.
        let own = (base != step.key).then(|| (step.key.clone(), 0));
        for (base, generation) in [(base, generation)].into_iter().chain(own) {
            let family = self.0.entry(base).or_default();
            family.steps.extend((arrival == Arrival::New).then_some(at));
            match step.change {
                Change::Keep => {}
                Change::Delete => family.shrinks = true,
                Change::Put(_) => family.newest = family.newest.max(Some((generation, at))),
            }
        }
    }

    pub(super) fn steps<'s>(&self, steps: &'s [Step], base: &Key) -> Vec<&'s Step> {
        self.0.get(base).into_iter().flat_map(|family| &family.steps).map(|at| &steps[*at]).collect()
    }

    pub(super) fn newest(&self, steps: &[Step], base: &Key) -> Newest {
        match self.0.get(base) {
            None => Newest::Put(None),
            Some(family) if family.shrinks => Newest::Unknown,
            Some(family) => Newest::Put(family.newest.map(|(_, at)| steps[at].key.clone())),
        }
    }
}
