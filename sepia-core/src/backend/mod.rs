//! Where records live: the contract that every backend keeps, and the backends of this crate.
//!
//! # Guarantees
//! - **Exact.** What [`read`](Backend::read) returns is equal, byte for byte, to what was last put,
//!   but for [strays](crate::record::Entry::Stray) and empty collections that hands have left there.
//! - **Absent** means that nothing is stored under the key. It is `None` or `false`, never an error.
//!   What is there and cannot be understood is an error, never absent.
//! - **Order.** A commit that has returned is seen by every read that begins afterwards, in every
//!   thread, and by every later commit's expectations. Commits take effect one after another.
//! - **Expectations** are checked for the whole batch before its first change, and no other commit
//!   comes in between. If one is not met, the commit is `Conflict` and nothing has changed.
//! - **Classes.** A put into a class that is not declared, there or in the same batch, is
//!   `ClassClash`, and so is a declaration that contradicts the stored one. Nothing has changed then.
//! - **Names.** A backend holds every [`Key`] and every [`Name`](crate::record::Name), and tells
//!   any two apart. One that cannot (a file system that folds case) refuses with `InvalidName`.
//! - **A failed commit** other than by a refusal named here (an error of the system in the middle)
//!   may leave some of the batch's records changed, each of them whole: a leaf's file is old or new,
//!   never partial.

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(unix)]
mod fs;
mod memory;

use std::fmt::Debug;
use std::path::Path;

use crate::batch::{Batch, Change, Expect};
use crate::class::Class;
use crate::error::{Error, ErrorKind, Quoted, Result};
use crate::record::{Key, Record};

#[cfg(unix)]
pub use fs::Filesystem;
pub use memory::Memory;

/// Stores records. The module's documentation is the contract; every backend passes the
/// `conformance` suite (feature `conformance`).
pub trait Backend: Debug + Send + Sync + 'static {
    /// Returns the record of a key, or `None` if it is absent.
    fn read(&self, key: &Key) -> Result<Option<Record>>;

    /// Returns whether the key has a record, without reading it.
    fn contains(&self, key: &Key) -> Result<bool>;

    /// Makes every change of the batch, or none.
    fn commit(&self, batch: Batch) -> Result<()>;

    /// Returns the declared classes, sorted by name.
    fn classes(&self) -> Result<Vec<Class>>;

    /// Calls `each` with every id of a class, in no particular order. A class that is not declared
    /// has none.
    fn ids(&self, class: &str, each: &mut dyn FnMut(&str)) -> Result<()>;

    /// Returns the keys of all stored generations of `base`, oldest first; `base` itself is
    /// generation 0.
    fn generations(&self, base: &Key) -> Result<Vec<Key>>;

    /// Returns the directory in which the records are files, if they are.
    fn root(&self) -> Option<&Path> {
        None
    }
}

/// Brings the stored classes and those of a batch together. Returns the new list if it differs.
///
/// # Errors
/// `ClassClash` as the contract says.
pub(crate) fn merge_classes(stored: &[Class], batch: &Batch) -> Result<Option<Vec<Class>>> {
    let mut merged = None;
    for class in batch.classes() {
        match stored.iter().position(|known| known.name() == class.name()) {
            None => merged.get_or_insert_with(|| stored.to_vec()).push(class.clone()),
            Some(at) => {
                let both = stored[at].merge(class)?;
                if both != stored[at] {
                    merged.get_or_insert_with(|| stored.to_vec())[at] = both;
                }
            }
        }
    }
    for name in batch.retired() {
        merged.get_or_insert_with(|| stored.to_vec()).retain(|class| class.name() != name);
    }
    let known = merged.as_deref().unwrap_or(stored);
    for step in batch.steps() {
        let declared = || known.iter().any(|class| class.name() == step.key.class());
        if matches!(step.change, Change::Put(_)) && !declared() {
            let message = format!("class {} is not declared", Quoted(step.key.class()));
            return Err(Error::message(ErrorKind::ClassClash, message));
        }
    }
    if let Some(merged) = &mut merged {
        merged.sort_by(|a, b| a.name().cmp(b.name()));
    }
    Ok(merged)
}

/// Checks every expectation of a batch against `contains`.
///
/// # Errors
/// `Conflict`, naming the first key that is not as expected.
pub(crate) fn check_expectations(batch: &Batch, mut contains: impl FnMut(&Key) -> Result<bool>) -> Result<()> {
    for step in batch.steps() {
        let expected = match step.expect {
            Expect::Any => continue,
            Expect::Absent => false,
            Expect::Present => true,
        };
        if contains(&step.key)? != expected {
            let message = if expected {
                "the object was expected to be stored, and is not"
            } else {
                "the object is stored already"
            };
            let error = Error::message(ErrorKind::Conflict, message);
            return Err(error.object(step.key.class(), step.key.id()));
        }
    }
    Ok(())
}
