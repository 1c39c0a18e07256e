//! Records as files and folders.
//!
//! - `layout`: where things stand, and what links look like
//! - `sys`: the system calls
//! - `open`: making, opening and adopting a store
//! - `catalog`: the list of classes
//! - `lock`: one writer at a time
//! - `root`: the store's own directory
//! - `read`: from files to records
//! - `plan`: from what is stored and what shall be to operations
//! - `removal`: from what is stored to the operations that remove it
//! - `publish`: carrying them out, each atomically

mod catalog;
mod layout;
mod lock;
mod open;
mod plan;
mod publish;
mod read;
mod removal;
mod root;
mod sys;

use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use super::{Backend, Lock, Moment, Recovered};
use crate::batch::{Batch, Change, Expect, Inspect, Step};
use crate::class::Class;
use crate::error::{Error, ErrorKind, Result};
use crate::name;
use crate::record::{Fingerprint, Key, Record};
use catalog::Catalog;
use lock::WriterLock;
use plan::Plan;
use publish::Publisher;
use read::Stored;
use root::Root;

/// Keeps records as files and folders below a root directory.
///
/// Each file changes atomically, under a lock that keeps other writers out. Nothing is synced.
#[derive(Debug)]
pub struct Filesystem {
    root: Root,
    catalog: Catalog,
    lock: WriterLock,
    writable: bool,
}

impl Filesystem {
    /// Returns whether a class is declared. One that is not may have been declared meanwhile.
    fn declares(&self, class: &str) -> Result<bool> {
        let declares = |classes: Arc<[Class]>| classes.iter().any(|known| known.name() == class);
        Ok(declares(self.catalog.known()) || declares(self.catalog.current(&self.root)?))
    }

    /// Commits a batch under the writer lock. `early` is what the first step's key was found to hold, if
    /// that has been read.
    fn commit_locked(&self, batch: &Batch, mut early: Option<Stored>) -> Result<()> {
        let stored = self.catalog.current(&self.root)?;
        let classes = batch.merge_classes(&stored)?;
        let declared = |class: &str| stored.iter().any(|known| known.name() == class);
        batch.check_expectations(Present { filesystem: self, declared: &declared })?;
        for class in batch.classes().iter().filter(|class| !declared(class.name())) {
            self.check_new_class(class)?;
        }
        // Whatever can be refused is refused before the first change.
        let mut plan = Plan::default();
        let mut removals = Vec::new();
        for step in batch.steps() {
            match &step.change {
                Change::Keep => {}
                Change::Put(record) => {
                    let stored = match early.take() {
                        Some(stored) => stored,
                        None => read::stored(&self.root, &step.key)?,
                    };
                    plan.put(&step.key, stored, record).map_err(|error| error.below(self.root.path()))?;
                }
                Change::Delete if declared(step.key.class()) => {
                    removal::of_record(&self.root, &step.key, &mut removals)?;
                }
                Change::Delete => {}
            }
        }
        for class in batch.retired().iter().filter(|class| declared(class)) {
            removal::of_class(&self.root, class, batch, &mut removals)?;
        }

        let mut publisher = Publisher::new(&self.root);
        let retires = !batch.retired().is_empty();
        // A class is declared before its first object is there, and retired after its last is gone.
        let classes = match classes {
            Some(classes) if !retires => {
                self.write_catalog(&mut publisher, &classes)?;
                None
            }
            classes => classes,
        };
        plan.operations().chain(&removals).try_for_each(|operation| publisher.carry_out(operation))?;
        match classes {
            Some(classes) => self.write_catalog(&mut publisher, &classes),
            None => Ok(()),
        }
    }

    /// A directory that stands where a new class belongs is somebody else's, unless nothing in it could
    /// be an object.
    fn check_new_class(&self, class: &Class) -> Result<()> {
        let name = name::encode(class.name());
        let place = self.root.place(&*name);
        let mut taken = false;
        match sys::open_directory_below(&self.root, &name) {
            Ok(directory) => sys::list(&directory, &mut |name, _| taken |= name::decode(name).is_some())
                .map_err(|errno| Error::io("list the class", &place, errno))?,
            Err(Errno::NOENT) => {}
            Err(_) => taken = true,
        }
        if !taken {
            return Ok(());
        }
        let message = "something that sepia did not make stands where the class belongs: move it away";
        Err(Error::message(ErrorKind::ClassClash, message).at(place.to_string_lossy()).class(class.name()))
    }
}

/// What is stored, under the lock.
struct Present<'a, F> {
    filesystem: &'a Filesystem,
    declared: F,
}

impl<F: Fn(&str) -> bool> Inspect for Present<'_, F> {
    fn contains(&mut self, key: &Key) -> Result<bool> {
        Ok((self.declared)(key.class()) && read::contains(&self.filesystem.root, key)?)
    }

    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>> {
        Ok(self.filesystem.read(key)?.map(|record| record.fingerprint()))
    }

    fn newest(&mut self, base: &Key) -> Result<Option<Key>> {
        self.filesystem.newest(base)
    }
}

#[derive(Debug)]
struct Held<'a>(&'a Filesystem, lock::Held<'a>);

impl Lock for Held<'_> {
    fn commit(&mut self, batch: Batch) -> Result<()> {
        self.0.commit_locked(&batch, None)
    }
}

impl Backend for Filesystem {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        if !self.declares(key.class())? {
            return Ok(None);
        }
        read::record(&self.root, key)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        if !self.declares(key.class())? {
            return Ok(false);
        }
        read::contains(&self.root, key)
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        if !self.writable {
            let message = "the store was opened for reading only";
            return Err(Error::message(ErrorKind::ReadOnly, message).at(self.root.path().to_string_lossy()));
        }
        // The most frequent batch is one leaf, whatever is there. What it finds before the lock is taken
        // is as good as what it would find afterwards: if the leaf is equal, the batch takes effect
        // when it is read; if it differs, it is replaced whatever becomes of it; if it is absent, a
        // file that appears meanwhile makes the commit start again.
        let early = match batch.steps() {
            [Step { key, expect: Expect::Any, change: Change::Put(record @ Record::Leaf(_)) }] => {
                let stored = read::stored(&self.root, key)?;
                if stored.is(record) && batch.merge_classes(&self.catalog.current(&self.root)?)?.is_none() {
                    return Ok(());
                }
                Some(stored)
            }
            _ => None,
        };
        let was_absent = matches!(early, Some(Stored::Absent));
        let _held = self.lock.acquire(&self.root)?;
        match self.commit_locked(&batch, early) {
            Err(error) if was_absent && error.is_in_the_way() => self.commit_locked(&batch, None),
            committed => committed,
        }
    }

    fn classes(&self) -> Result<Vec<Class>> {
        Ok(self.catalog.current(&self.root)?.to_vec())
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str)) -> Result<()> {
        if !self.declares(class)? {
            return Ok(());
        }
        read::ids(&self.root, class, &|_| true, each)
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        if !self.declares(base.class())? {
            return Ok(Vec::new());
        }
        let generation = |id: &str| name::generation_of(base.id(), id);
        let mut found = Vec::new();
        let wanted = |id: &str| generation(id).is_some();
        read::ids(&self.root, base.class(), &wanted, &mut |id| found.push((generation(id), base.sibling(id))))?;
        let found: Result<Vec<_>> = found.into_iter().map(|(generation, key)| Ok((generation, key?))).collect();
        let mut found = found?;
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        Ok(self.generations(base)?.pop())
    }

    fn lock(&self) -> Result<Box<dyn Lock + '_>> {
        Ok(Box::new(Held(self, self.lock.acquire(&self.root)?)))
    }

    fn moment(&self) -> Result<Moment> {
        Ok(Moment::new([0, 0]))
    }

    fn identity(&self) -> u64 {
        std::ptr::from_ref(self) as u64
    }

    fn checkpoint(&self) -> Result<()> {
        Ok(())
    }

    fn recovered(&self) -> Option<Recovered> {
        None
    }

    fn root(&self) -> Option<&Path> {
        Some(self.root.path())
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::*;
    use crate::backend::OpenOptions;
    use crate::backend::conformance;

    #[test]
    fn conforms() -> Result<()> {
        let root = tempfile::tempdir().map_err(|e| Error::new(ErrorKind::Io, e))?;
        let mut number = 0;
        conformance::check(|| {
            number += 1;
            Filesystem::open(root.path().join(format!("{number}")), &OpenOptions::default())
                .unwrap_or_else(|error| unreachable!("{error}"))
        })
    }
}
