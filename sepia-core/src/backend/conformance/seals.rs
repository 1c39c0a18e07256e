//! Seals, of backends that have any.

use std::time::Duration;

use super::{batch, ensure, equal, leaf, node, put};
use crate::backend::{Backend, Seal};
use crate::record::batch::Expect;
use crate::record::error::Result;
use crate::record::{Entry, Key, Record};

/// How often a backend is asked that cannot seal what is young.
const ATTEMPTS: u32 = 12;

/// What was changed, alone or beside others that were not, is not intact; what was not may be.
pub(super) fn seals(backend: &dyn Backend) -> Result<()> {
    let [a, b, tree, absent] =
        [Key::new("Leaf", "a")?, Key::new("Leaf", "b")?, Key::new("Node", "tree")?, Key::new("Leaf", "absent")?];
    let all = [&a, &b, &tree, &absent];
    let grown = |data: &str, link: &Key| -> Result<Record> {
        let inner = node(data, vec![("link", Entry::Link(link.clone()))])?;
        Ok(Record::Container(node("{}", vec![("inner", Entry::Container(inner))])?))
    };
    put(backend, &a, leaf("1"))?;
    put(backend, &b, leaf("1"))?;
    put(backend, &tree, grown("{}", &a)?)?;

    let changes: [(usize, Option<Record>); 7] = [
        (0, Some(leaf("2"))),
        (1, Some(leaf("longer"))),
        (2, Some(grown("[]", &a)?)),
        (2, Some(grown("[]", &b)?)),
        (3, Some(leaf(""))),
        (3, None),
        (2, None),
    ];
    for (changed, record) in changes {
        let sealed = seal(backend, &all)?;
        match &record {
            Some(record) => put(backend, all[changed], record.clone())?,
            None => {
                let mut batch = batch()?;
                batch.delete(all[changed].clone(), Expect::Present);
                backend.commit(batch)?;
            }
        }
        let others = (0..all.len()).map(|other| vec![other, changed]);
        for keys in others.chain([vec![changed], (0..all.len()).collect()]) {
            let intact = backend.is_intact(&mut keys.iter().map(|number| (all[*number], &sealed[*number])))?;
            ensure(!intact, || format!("{:?} has changed, and {keys:?} are intact by {sealed:?}", all[changed]))?;
        }
    }
    let none = Seal::none();
    equal(backend.is_intact(&mut [(&a, &none)].into_iter())?, false)
}

/// Seals records as soon as all of them can be.
fn seal(backend: &dyn Backend, keys: &[&Key]) -> Result<Vec<Seal>> {
    for attempt in 0.. {
        let mut seals = Vec::new();
        for key in keys {
            let (record, seal) = backend.read_sealed(key)?;
            equal(record, backend.read(key)?)?;
            seals.push(seal);
        }
        if attempt == ATTEMPTS || seals.iter().all(|seal| seal.numbers().is_some()) {
            return Ok(seals);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    unreachable!("an attempt is the last")
}
