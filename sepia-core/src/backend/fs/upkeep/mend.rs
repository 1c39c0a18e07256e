//! Mending, one problem at a time: each is looked for again under the lock.
//!
//! Things are moved by renaming them, which is not in the journal. So the journal is emptied first, or a recovery
//! could bring back what has been moved.

use super::super::Filesystem;
use super::super::journal::state::Single;
use super::super::layout::{TMP, is_within};
use super::super::sys::{self, Kind};
use super::quarantine;
use super::walk::Remedy;
use crate::record::error::{Error, Result};
use crate::record::name::{self, DATA};
use crate::record::problem::{self, Problem, ProblemKind};

impl Filesystem {
    pub(super) fn mend_one(&self, problem: &Problem) -> Result<Option<String>> {
        self.check_writable()?;
        let _held = self.hold()?;
        if problem.kind == ProblemKind::StaleHint {
            return self.mend_hint(&problem.path);
        }
        if problem.kind == ProblemKind::Pending {
            // To take the lock has carried it out, or has failed.
            return Ok(self.pending()?.is_none().then(|| "carried out".to_owned()));
        }
        let Some(key) = &problem.key else {
            return if self.is_misplaced(problem)? { self.quarantine(&problem.path).map(Some) } else { Ok(None) };
        };
        if problem.kind == ProblemKind::DatedAhead {
            let is_ahead = self.stat_of(key)?.is_some_and(|stat| problem::is_ahead(stat.since));
            return Ok((is_ahead && self.renew(key)?).then(|| problem::RENEWED.to_owned()));
        }
        let Some(walked) = self.walk(key)? else { return Ok(None) };
        let is_it =
            |found: &&super::walk::Finding| found.problem.kind == problem.kind && found.problem.path == problem.path;
        match walked.findings.iter().find(is_it).map(|found| found.remedy) {
            None | Some(Remedy::Nothing) => Ok(None),
            Some(Remedy::Move) => self.quarantine(&problem.path).map(Some),
            Some(Remedy::MoveRecord) => {
                let moved = self.quarantine(&key.path())?;
                Ok(Some(format!("the whole record was {moved}")))
            }
            Some(Remedy::NoteChecksum) => {
                Ok(self.note_checksum(&problem.path)?.then(|| "its checksum was noted".to_owned()))
            }
        }
    }

    /// Whether something that is in no record is where it must not be, and can be moved.
    fn is_misplaced(&self, problem: &Problem) -> Result<bool> {
        let path = &*problem.path;
        let kind = sys::kind_below(&self.root, path);
        Ok(match problem.kind {
            ProblemKind::Leftover => is_within(path, TMP) && path != TMP && kind.is_ok(),
            // What stands where the directory of a class belongs.
            ProblemKind::Unreadable => {
                let classes = self.declared()?;
                let is_class = classes.iter().any(|class| name::encode(class.name()) == path);
                if is_class && kind == Ok(Kind::Link) {
                    // Without the symlink, all links to objects of the class would lead nowhere, and be removed.
                    let message = "the objects may be where the symlink leads: move them back, into a directory in its \
                        place, or remove it";
                    return Err(Error::corrupt(message));
                }
                is_class && matches!(kind, Ok(Kind::File | Kind::Other))
            }
            _ => false,
        })
    }

    /// Moves what stands under a path into quarantine. Under the lock.
    fn quarantine(&self, path: &str) -> Result<String> {
        quarantine::ensure(&self.root)?;
        // A container is none any more once what marks it has gone, which goes first, or with all of it.
        let marker = format!("{path}/{DATA}");
        let is_marked = path.split('/').count() == 2 && sys::kind_below(&self.root, &marker).is_ok();
        let goes = if is_marked { &*marker } else { path };
        self.begin_single(Some(&Single { path: goes.into(), leaves: None }))?;
        let taken = quarantine::take(&self.root, path);
        let taken = taken.map_err(|errno| Error::io("move into quarantine", &self.root.place(path), errno))?;
        Ok(format!("moved to {taken}"))
    }
}
