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
//! - `publish`: carrying them out, each atomically

mod catalog;
mod layout;
mod lock;
mod open;
mod plan;
mod publish;
mod read;
mod root;
mod sys;

use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use super::{Backend, check_expectations, merge_classes};
use crate::batch::{Batch, Change};
use crate::class::Class;
use crate::error::{Error, ErrorKind, Result};
use crate::name;
use crate::record::{Key, Record};
use catalog::Catalog;
use lock::WriterLock;
use plan::{Action, Operation, Plan};
use publish::Publisher;
use root::Root;
use sys::{Directory, Kind};

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

    /// Plans the removal of whatever stands under a key. Unlike what is put, it need not be
    /// understood: a container that has become unreadable can be deleted.
    fn plan_removal(&self, key: &Key, removals: &mut Vec<Operation<'static>>) -> Result<()> {
        let path = key.path();
        let class = match sys::open_directory_below(&self.root, &key.class_name()) {
            Ok(class) => class,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(read::refused(errno, &self.root.place(&path)).object(key.class(), key.id())),
        };
        match sys::kind(&class, &key.name()) {
            Err(Errno::NOENT) => Ok(()),
            Ok(Kind::File | Kind::Directory) if self.is_misspelled(&class, key)? => Ok(()),
            Ok(Kind::Directory) => self.plan_directory_removal(&class, &key.name(), path, removals),
            Ok(Kind::Other) => Err(Error::corrupt("this is neither a file nor a directory")
                .at(self.root.place(&path).to_string_lossy())
                .object(key.class(), key.id())),
            Ok(Kind::File | Kind::Link) => {
                removals.push(Operation { path, action: Action::Remove });
                Ok(())
            }
            Err(errno) => Err(Error::io("remove", &self.root.place(&path), errno)),
        }
    }

    fn is_misspelled(&self, class: &Directory, key: &Key) -> Result<bool> {
        if !self.root.folds() {
            return Ok(false);
        }
        match sys::open(class, &key.name()) {
            Ok(file) => Ok(!self.root.is_spelled(file, key)?),
            Err(_) => Ok(false),
        }
    }

    fn plan_directory_removal(
        &self,
        parent: &Directory,
        name: &str,
        path: String,
        removals: &mut Vec<Operation<'static>>,
    ) -> Result<()> {
        let fail = |errno: Errno| Error::io("remove the directory", &self.root.place(&path), errno);
        let directory = sys::open_directory(parent, name).map_err(fail)?;
        let mut directories = Vec::new();
        let mut links = Vec::new();
        sys::list(&directory, &mut |name, kind| {
            let path = || format!("{path}/{name}");
            match kind {
                // The marker goes first.
                Kind::File if name == name::DATA => removals.push(Operation { path: path(), action: Action::Remove }),
                _ if name::decode(name).is_none() => {}
                Kind::Link => links.push(Operation { path: path(), action: Action::Remove }),
                Kind::Directory => directories.push(name.to_owned()),
                Kind::File | Kind::Other => {}
            }
        })
        .map_err(fail)?;
        removals.append(&mut links);
        for name in directories {
            self.plan_directory_removal(&directory, &name, format!("{path}/{name}"), removals)?;
        }
        removals.push(Operation { path, action: Action::RemoveDirectory });
        Ok(())
    }

    /// A directory that stands where a new class belongs is somebody else's, unless it is empty.
    fn check_new_class(&self, class: &Class) -> Result<()> {
        let name = name::encode(class.name());
        let place = self.root.place(&*name);
        let mut taken = false;
        match sys::open_directory_below(&self.root, &name) {
            Ok(directory) => sys::list(&directory, &mut |_, _| taken = true)
                .map_err(|errno| Error::io("list the class", &place, errno))?,
            Err(Errno::NOENT) => {}
            Err(_) => taken = true,
        }
        if !taken {
            return Ok(());
        }
        let message = "something that sepia did not make stands where the class belongs: move it away, or delete \
                       .sepia/format.json and open with adopt_existing()";
        Err(Error::message(ErrorKind::ClassClash, message).at(place.to_string_lossy()).class(class.name()))
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
        let _held = self.lock.acquire(&self.root)?;
        let stored = self.catalog.current(&self.root)?;
        let classes = merge_classes(&stored, &batch)?;
        let declared = |class: &str| stored.iter().any(|known| known.name() == class);
        check_expectations(&batch, |key| Ok(declared(key.class()) && read::contains(&self.root, key)?))?;
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
                    let stored = read::stored(&self.root, &step.key)?;
                    plan.put(&step.key, &stored, record).map_err(|error| error.below(self.root.path()))?;
                }
                Change::Delete if declared(step.key.class()) => self.plan_removal(&step.key, &mut removals)?,
                Change::Delete => {}
            }
        }
        for class in batch.retired().iter().filter(|class| declared(class)) {
            removals.push(Operation { path: name::encode(class).into_owned(), action: Action::RemoveDirectory });
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

    fn classes(&self) -> Result<Vec<Class>> {
        Ok(self.catalog.current(&self.root)?.to_vec())
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str)) -> Result<()> {
        if !self.declares(class)? {
            return Ok(());
        }
        read::ids(&self.root, class, each)
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        let mut found = Vec::new();
        let mut failed = None;
        self.ids(base.class(), &mut |id| {
            let generation = match name::split_generation(id) {
                _ if id == base.id() => 0,
                Some((stem, generation)) if stem == base.id() => generation,
                _ => return,
            };
            match base.sibling(id) {
                Ok(key) => found.push((generation, key)),
                Err(error) => failed = Some(error),
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    fn root(&self) -> Option<&Path> {
        Some(self.root.path())
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::*;
    use crate::backend::conformance;
    use crate::store::StoreBuilder;

    #[test]
    fn conforms() -> Result<()> {
        let root = tempfile::tempdir().map_err(|e| Error::new(ErrorKind::Io, e))?;
        let mut number = 0;
        conformance::check(|| {
            number += 1;
            Filesystem::open(root.path().join(format!("{number}")), &StoreBuilder::default())
                .unwrap_or_else(|error| unreachable!("{error}"))
        })
    }
}
