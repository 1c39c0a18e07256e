//! Looking after the files: what is wrong beyond the records, and mending it.
//!
//! - `walk`: one record, file by file
//! - `examine`: everything that is not in a record, and every record
//! - `hints`: the hints of newest generations
//! - `mend`: what is done about it
//! - `quarantine`: where things go that cannot stay
//! - `dates`: giving what is dated ahead the present time
//! - `checksums`: turning them on, and noting those that are missing

mod checksums;
mod dates;
mod examine;
mod hints;
mod mend;
mod quarantine;
mod walk;

use super::{Filesystem, lock};
use crate::backend::{Examined, Upkeep};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::problem::Problem;
use crate::record::{Key, Record};

pub(super) use checksums::probe_checksums;

impl Upkeep for Filesystem {
    fn examine(&self, each: &mut dyn FnMut(Problem)) -> Result<Examined> {
        self.examine_all(each)
    }

    fn mend(&self, problem: &Problem) -> Result<Option<String>> {
        self.mend_one(problem)
    }

    fn set_aside(&self, key: &Key, record: &Record) -> Result<String> {
        self.check_writable()?;
        let _held = self.hold()?;
        quarantine::ensure(&self.root)?;
        let kept = quarantine::keep(&self.root, key, record);
        kept.map_err(|errno| Error::io("copy into quarantine", &self.root.place(key.path()), errno))
    }

    fn note_checksums(&self) -> Result<u64> {
        self.note_missing_checksums()
    }
}

impl Filesystem {
    /// Keeps writers off, unless this thread does so already. What a dead one has left is carried out.
    fn hold(&self) -> Result<Option<lock::Held<'_>>> {
        if self.lock.is_mine() {
            return Ok(None);
        }
        let held = self.lock.acquire(&self.root)?;
        if self.writable {
            self.begin()?;
        }
        Ok(Some(held))
    }

    /// The same, only to look: what a dead writer has left may be impossible to carry out, and is laid over what is read.
    fn hold_to_look(&self) -> Result<Option<lock::Held<'_>>> {
        if self.lock.is_mine() {
            return Ok(None);
        }
        let held = self.lock.acquire(&self.root)?;
        if self.writable {
            match self.begin() {
                Err(error) if error.kind() == ErrorKind::Io => {}
                begun => drop(begun?),
            }
        }
        Ok(Some(held))
    }
}
