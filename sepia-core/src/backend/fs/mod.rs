//! Records as files and folders.
//!
//! - `layout`: where things stand, and what links look like
//! - `sys`: the system calls
//! - `root`: the store's own directory
//! - `open`: making, opening and adopting a store
//! - `dangling`: symlinks on the way to it that lead nowhere
//! - `catalog`: the list of classes
//! - `checksum`: what tells a file that the medium has changed
//! - `lock`: one writer at a time
//! - `moment`: telling moments from each other
//! - `journal`: how a batch takes effect at once, and for good: start here
//! - `descent`: going down into directories, of which few are open
//! - `read`: from files to records
//! - `again`: looking again at what an editor may be at work on
//! - `overlay`: what is committed and not carried out yet
//! - `view`: reading what is committed
//! - `operation`, `operations`: what can happen to a path, and what a batch does
//! - `plan`: from what is stored and what shall be to operations
//! - `removal`: from what is stored to the operations that remove it
//! - `commit`: the writer's steps
//! - `publish`: carrying operations out, each atomically
//! - `make`: making files and links, each whole before it has its name
//! - `modes`: who may read and write what is made
//! - `share`: with whom a store is shared, and making it so
//! - `recover`: carrying out what a dead writer has left
//! - `latest`: the newest generations
//! - `stuck`: what is in the way of a commit that is in force
//! - `links`, `stat`: looking at a record without reading it
//! - `seal`: telling whether a record is still what was read
//! - `track`: following commits
//! - `upkeep`: finding what is wrong beyond the records, and mending it
//! - `trace`: events

mod again;
mod catalog;
mod checksum;
mod commit;
mod dangling;
mod descent;
mod journal;
mod latest;
mod layout;
mod links;
mod lock;
mod make;
mod modes;
mod moment;
mod open;
mod operation;
mod operations;
mod overlay;
mod plan;
mod publish;
mod read;
mod recover;
mod removal;
mod root;
mod seal;
mod share;
mod stat;
mod stuck;
mod sys;
mod trace;
mod track;
mod upkeep;
mod view;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::{Backend, Lock, Moment, Recovered, Seal, Stat, Track, Upkeep};
use crate::backend::to_the_end;
use crate::record::batch::Batch;
use crate::record::class::{self, Class};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::foreign;
use crate::record::name;
use crate::record::{Key, Record};
use catalog::Catalog;
use journal::{Journal, Observed};
use lock::WriterLock;
use root::Root;
use sys::Kind;
use view::Overlays;

#[cfg(feature = "fault-injection")]
pub use sys::fault;

/// Keeps records as files and folders below a root directory.
///
/// Commits go through a journal, so that each takes effect at once, and are then carried out on the
/// files, each of which changes atomically. One writer at a time; readers take no lock.
#[derive(Debug)]
pub struct Filesystem {
    root: Root,
    catalog: Catalog,
    lock: WriterLock,
    journal: Journal,
    overlays: Overlays,
    identity: u64,
    writable: bool,
    /// This handle made the store, in an empty directory.
    is_new: bool,
    /// A sync has failed.
    poisoned: AtomicBool,
    recovered: Mutex<Option<Recovered>>,
    moments: AtomicU64,
    /// The number of the last commit that this handle made of a single operation.
    last: AtomicU64,
    /// The number of the last commit of a single operation that was seen to be carried out.
    seen: AtomicU64,
    /// The last leaf that was to be new was there already.
    met_old: AtomicBool,
    /// How many batches were committed together with the last one.
    together: AtomicUsize,
}

impl Filesystem {
    /// Calls `each` with the ids of a class, as far as they are wanted.
    fn list(
        &self,
        class: &str,
        wanted: &dyn Fn(&str) -> bool,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut is_empty = true;
        self.list_some(class, wanted, &mut |id| {
            is_empty = false;
            each(id)
        })?;
        if is_empty { self.check_there() } else { Ok(()) }
    }

    fn list_some(
        &self,
        class: &str,
        wanted: &dyn Fn(&str) -> bool,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<()> {
        let overlay = self.pending()?;
        let declared = self.declared()?;
        let Some(class) = declared.iter().find(|known| known.name() == class) else {
            return Ok(());
        };
        let Some(overlay) = overlay else {
            return read::ids(&self.root, class, wanted, each).map(|_| ());
        };
        let class_name = name::encode(class.name());
        let touched: HashSet<&str> = overlay.names_in(&class_name).collect();
        let others = |id: &str| wanted(id) && !touched.contains(&*name::encode(id));
        if read::ids(&self.root, class, &others, each)?.is_break() {
            return Ok(());
        }
        for id in touched.iter().filter_map(|name| name::decode(name)).filter(|id| wanted(id)) {
            let Ok(key) = Key::new(class.name(), &*id) else { continue };
            let is_container = class.kind() == class::Kind::Container;
            let stands = match self.stored(&key)?.into_record() {
                Some(Record::Container(_)) => is_container,
                Some(Record::Leaf(_)) => !is_container,
                None => false,
            };
            if stands && each(&id).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Makes sure that there is a store in which nothing was found.
    fn check_there(&self) -> Result<()> {
        self.catalog.check_there(&self.root)
    }

    /// Returns what was found, if it was, or if there is a store in which it is not.
    fn found<T>(&self, found: Option<T>) -> Result<Option<T>> {
        if found.is_none() {
            self.check_there()?;
        }
        Ok(found)
    }

    /// Adds to what this handle has had to complete.
    fn report(&self, report: Recovered) {
        if recover::is_notable(&report) {
            trace::recovered(self.root.path(), &report);
            let mut recovered = self.recovered.lock().unwrap_or_else(PoisonError::into_inner);
            recover::merge(recovered.get_or_insert_default(), report);
        }
    }

    fn check_writable(&self) -> Result<()> {
        if self.writable {
            return Ok(());
        }
        let message = "the store was opened for reading only";
        Err(Error::message(ErrorKind::ReadOnly, message).at(self.root.path().to_string_lossy()))
    }

    /// A directory that stands where a new class belongs is somebody else's, unless nothing in it could
    /// be an object.
    fn check_new_class(&self, class: &Class) -> Result<()> {
        let name = name::encode(class.name());
        let mut place = self.root.place(&*name);
        let mut taken = None;
        let message = match sys::open_directory_below(&self.root, &name) {
            Ok(directory) => {
                let is_of_containers = class.kind() == class::Kind::Container;
                let is_foreign = |id: &str, kind| {
                    !Key::is_id(id) || is_of_containers && kind == Kind::File && foreign::is_unlikely_id(id)
                };
                let listed = sys::list(&directory, &mut |name, kind| {
                    if name::decode(name).is_some_and(|id| !is_foreign(&id, kind)) {
                        taken = Some(name.to_owned());
                    }
                });
                listed.map_err(|errno| Error::io("list the class", &place, errno))?;
                let Some(taken) = taken else { return Ok(()) };
                place.push(taken);
                "something that sepia did not make stands in the directory of the class, and would become an object: \
                 move it away"
            }
            Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                "something that sepia did not make stands where the class belongs: move it away"
            }
            Err(errno) => return Err(Error::io("look where the class belongs", &place, errno).class(class.name())),
        };
        Err(Error::message(ErrorKind::ClassClash, message).at(place.to_string_lossy()).class(class.name()))
    }
}

#[derive(Debug)]
struct Held<'a> {
    filesystem: &'a Filesystem,
    held: lock::Held<'a>,
}

impl Lock for Held<'_> {
    fn commit(self: Box<Self>, batch: Batch) -> Result<()> {
        self.filesystem.check_writable()?;
        self.filesystem.commit_held(&self.held, &batch, 1)?;
        // The batch has taken effect, so nothing fails any more. Readers who find `single` set wait for the lock,
        // which is given back at once.
        if let Ok(Observed::Trusted(mut state)) = self.filesystem.journal.observe(&self.filesystem.root) {
            let _ = self.filesystem.end_single(&mut state);
        }
        Ok(())
    }
}

impl Backend for Filesystem {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        if !self.declares(key.class())? {
            return Ok(None);
        }
        self.found(self.stored(key)?.into_record())
    }

    fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        if !self.declares(key.class())? {
            return Ok((None, Seal::none()));
        }
        let (record, seal) = self.read_and_seal(key)?;
        Ok((self.found(record)?, seal))
    }

    fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
        Ok(self.are_intact(sealed))
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        if !self.declares(key.class())? {
            return Ok(false);
        }
        Ok(self.found(self.is_stored(key)?.then_some(()))?.is_some())
    }

    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        if !self.declares(key.class())? {
            return Ok(None);
        }
        self.found(self.links_of(key)?)
    }

    fn stat(&self, key: &Key) -> Result<Option<Stat>> {
        if !self.declares(key.class())? {
            return Ok(None);
        }
        self.found(self.stat_of(key)?)
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        self.check_writable()?;
        self.commit_batch(batch)
    }

    fn lock(&self) -> Result<Box<dyn Lock + '_>> {
        let held = self.lock.acquire(&self.root)?;
        if self.writable {
            let mut state = self.begin()?;
            self.end_single(&mut state)?;
        }
        Ok(Box::new(Held { filesystem: self, held }))
    }

    fn moment(&self) -> Result<Moment> {
        self.present()
    }

    fn track(&self) -> Result<Box<dyn Track + '_>> {
        Ok(Box::new(self.tracker()?))
    }

    fn classes(&self) -> Result<Vec<Class>> {
        Ok(self.declared()?.to_vec())
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        if !self.declares(class)? {
            return Ok(());
        }
        self.list(class, &|_| true, each)
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        if !self.declares(base.class())? {
            return Ok(Vec::new());
        }
        let generation = |id: &str| name::generation_of(base.id(), id);
        let mut found = Vec::new();
        let wanted = |id: &str| generation(id).is_some();
        self.list(base.class(), &wanted, &mut to_the_end(|id| found.push((generation(id), base.sibling(id)))))?;
        let found: Result<Vec<_>> = found.into_iter().map(|(generation, key)| Ok((generation, key?))).collect();
        let mut found = found?;
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        if !self.declares(base.class())? {
            return Ok(None);
        }
        self.found(self.newest_generation(base)?)
    }

    fn identity(&self) -> u64 {
        self.identity
    }

    fn checkpoint(&self) -> Result<()> {
        self.check_writable()?;
        let _held = self.lock.acquire(&self.root)?;
        self.checkpoint_held()
    }

    fn recovered(&self) -> Option<Recovered> {
        self.recovered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn upkeep(&self) -> &dyn Upkeep {
        self
    }

    fn root(&self) -> Option<&Path> {
        Some(self.root.path())
    }

    fn is_shared(&self) -> bool {
        self.root.modes().shared.is_some()
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
