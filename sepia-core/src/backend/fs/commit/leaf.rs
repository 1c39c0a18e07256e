//! One leaf without a frame and without a plan: the most frequent batch, under `Buffered`.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use rustix::io::{Errno, Result as IoResult};

use super::super::journal::START;
use super::super::journal::state::{Left, Single, State};
use super::super::make::{Made, Maker, Over};
use super::super::sys::{self, Directory};
use super::super::{Filesystem, read};
use crate::record::batch::{Batch, Change, Durability, Expect, Step};
use crate::record::class::Class;
use crate::record::error::Result;
use crate::record::{Fingerprint, Record};

/// What stands where a leaf shall be.
enum Found {
    Nothing,
    /// The leaf as it shall be.
    Same,
    /// A leaf with another content, as expected.
    Other(Over),
    /// Something that was not expected, or is no leaf.
    Unfit,
}

impl Filesystem {
    /// Puts one leaf, if that is all that a batch does, and returns whether that is done. Whatever is out of the
    /// ordinary is left to a plan, which looks at it properly.
    pub(super) fn try_leaf(&self, state: &mut State, batch: &Batch) -> Result<bool> {
        let [Step { key, expect, change: Change::Put(Record::Leaf(content)) }] = batch.steps() else {
            return Ok(false);
        };
        if content.len() as u64 > self.root.max_record() || batch.is_hidden() {
            return Ok(false);
        }
        if !takes_no_frame(state) || batch.durability() == Durability::Sync || !batch.retired().is_empty() {
            return Ok(false);
        }
        // What this process has committed last was checked against the list of classes, and only a commit
        // changes that.
        let classes = match self.last.load(Ordering::Relaxed) == state.mark() {
            true => self.catalog.known(),
            false => self.catalog.current(&self.root)?,
        };
        let class = classes.iter().find(|class| class.name() == key.class());
        if class.is_none_or(Class::keeps_generations) || batch.merge_classes(&classes)?.is_some() {
            return Ok(false);
        }
        let (Ok(directory), name) = (self.root.directory(&key.class_name()), key.name()) else {
            return Ok(false);
        };
        // What is saved now is mostly there if what was saved before was.
        let found = match expect {
            Expect::Any | Expect::Absent if !self.met_old.load(Ordering::Relaxed) => Found::Nothing,
            Expect::Any | Expect::Absent | Expect::Unchanged(_) if !self.root.folds() => {
                let found = find(&directory, &name, (expect, content), self.root.max_record());
                self.met_old.store(!matches!(found, Found::Nothing), Ordering::Relaxed);
                found
            }
            _ => Found::Unfit,
        };
        let place = (directory.as_fd(), &*name);
        let (mut maker, making) = (Maker::new(&self.root), self.root.modes().object_file());
        let single = || Single { path: key.path().into(), leaves: Some(Left::of(content)) };
        let put = match found {
            Found::Unfit => return Ok(false),
            Found::Same => Ok(()),
            Found::Nothing => self
                .begin_unframed(state, &single())
                .and_then(|()| maker.file(place, content, self.root.checksums(), making))
                .inspect_err(|errno| self.met_old.store(*errno == Errno::EXIST, Ordering::Relaxed)),
            Found::Other(over) => self
                .begin_unframed(state, &single())
                .and_then(|()| maker.by_way_of_tmp(place, Made::File(content, self.root.checksums()), over, making)),
        };
        Ok(put.is_ok())
    }

    /// Counts a commit of one operation that needs no frame, and is carried out next.
    pub(super) fn begin_unframed(&self, state: &mut State, single: &Single<'_>) -> IoResult<()> {
        if state.committed > START {
            // A frame that has been carried out must not be carried out again over this.
            self.journal.void(&self.root, START).map_err(|_| Errno::IO)?;
            state.next_epoch();
        }
        state.sequence += 1;
        state.unsynced = true;
        self.journal.try_set_single(&self.root, state, Some(single))?;
        self.last.store(state.mark(), Ordering::Relaxed);
        Ok(())
    }
}

/// Whether one operation needs no frame: no older frame can come back over it, and nobody follows commits.
pub(super) fn takes_no_frame(state: &State) -> bool {
    !state.durable && !state.followed
}

/// Looks for a leaf in the directory of its class.
fn find(class: &Directory, name: &str, (expect, content): (&Expect, &[u8]), most: u64) -> Found {
    match (read::leaf(class, name, most), expect) {
        (Ok(None), Expect::Any | Expect::Absent) => Found::Nothing,
        (Ok(Some((_, old))), Expect::Any) if old == content => Found::Same,
        (Ok(Some((_, old))), Expect::Unchanged(expected)) if Fingerprint::of_leaf(&old) != *expected => Found::Unfit,
        (Ok(Some((_, old))), Expect::Unchanged(_)) if old == content => Found::Same,
        (Ok(Some((file, _))), Expect::Any | Expect::Unchanged(_)) => {
            sys::permissions(file).map_or(Found::Unfit, |permissions| Found::Other(Over::File(permissions)))
        }
        _ => Found::Unfit,
    }
}
