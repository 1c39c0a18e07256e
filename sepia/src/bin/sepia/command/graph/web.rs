//! The links of a store, forwards and backwards.

use std::collections::{BTreeSet, HashMap};

use sepia::class::Kind;
use sepia::record::Key;

use crate::failure::{Failure, Result};
use crate::locate::resolve::Records;
use crate::walk;

/// Links, as far as they have been looked at.
pub(super) struct Web<'a> {
    records: &'a Records<'a>,
    targets: HashMap<Key, (Key, bool)>,
    /// Why the links of some could not be read.
    pub(super) broken: Vec<Failure>,
}

impl<'a> Web<'a> {
    pub(super) fn of(records: &'a Records<'a>) -> Self {
        Self { records, targets: HashMap::new(), broken: Vec::new() }
    }

    /// Returns what a record links to, each once, and whether that is not there.
    pub(super) fn links(&mut self, key: &Key) -> Result<Vec<(Key, bool)>> {
        let can_have = self.records.class(key.class()).is_some_and(walk::has_links);
        let links = if can_have { self.records.backend.links(key) } else { Ok(None) };
        let links = match links {
            Ok(links) => links.unwrap_or_default(),
            Err(error) => {
                self.broken.push(error.into());
                Vec::new()
            }
        };
        let mut found = BTreeSet::new();
        for link in links {
            let target = match self.targets.get(&link) {
                Some(target) => target.clone(),
                None => {
                    let there = self.records.find(&link)?;
                    let is_dangling = there.is_none();
                    let target = (there.unwrap_or_else(|| link.clone()), is_dangling);
                    self.targets.insert(link, target.clone());
                    target
                }
            };
            found.insert(target);
        }
        Ok(found.into_iter().collect())
    }

    pub(super) fn each_object(&self, each: &mut dyn FnMut(Key, Kind) -> Result<()>) -> Result<()> {
        for class in &self.records.classes {
            for key in walk::keys(self.records.backend, class.name())? {
                each(key, class.kind())?;
            }
        }
        Ok(())
    }

    /// Returns what links to each record.
    pub(super) fn backwards(&mut self) -> Result<HashMap<Key, Vec<(Key, bool)>>> {
        let mut containers = Vec::new();
        self.each_object(&mut |key, kind| {
            if kind == Kind::Container {
                containers.push(key);
            }
            Ok(())
        })?;
        let mut backwards: HashMap<Key, Vec<(Key, bool)>> = HashMap::new();
        for from in containers {
            for (to, _) in self.links(&from)? {
                backwards.entry(to).or_default().push((from.clone(), false));
            }
        }
        Ok(backwards)
    }
}
