//! Reading what is committed, carried out or not.

use std::sync::{Arc, Mutex, PoisonError};

use super::journal::state::State;
use super::journal::{Observed, damaged};
use super::overlay::Overlay;
use super::read::{self, Stored};
use super::{Filesystem, catalog};
use crate::class::Class;
use crate::error::{Error, Result};
use crate::record::Key;

/// How often a record is read that changes while it is read, before writers are kept off.
const ROUNDS: usize = 16;

/// The last overlay: a writer that died, or carries out something large, is met by many reads.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    last: Mutex<Option<(Part, Arc<Overlay>)>>,
}

/// Which frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Between {
        epoch: u64,
        from: u64,
        to: u64,
    },
    /// Whatever the journal holds, while the state is this.
    Scanned(Option<State>),
}

impl Filesystem {
    /// Returns what stands under a key, with everything nested in it, at one moment of this call.
    pub(super) fn stored(&self, key: &Key) -> Result<Stored> {
        self.stored_since(self.journal.observe(&self.root)?, key)
    }

    /// The same, at one moment since a first look at the state.
    pub(super) fn stored_since(&self, mut first: Observed, key: &Key) -> Result<Stored> {
        for _ in 0..ROUNDS {
            if let Some(stored) = self.try_stored(first, key)? {
                return Ok(stored);
            }
            std::thread::yield_now();
            first = self.journal.observe(&self.root)?;
        }
        let _held = if self.lock.is_mine() { None } else { Some(self.lock.acquire(&self.root)?) };
        match self.try_stored(self.journal.observe(&self.root)?, key)? {
            Some(stored) => Ok(stored),
            None => Err(damaged(&self.root, "it cannot be read where a commit should be")),
        }
    }

    /// `None` if a writer came in between.
    fn try_stored(&self, first: Observed, key: &Key) -> Result<Option<Stored>> {
        // What a recovery carries out may be gone from the journal once it is in the files.
        let untrusted = match first {
            Observed::Untrusted(state) => self.overlay(Part::Scanned(state))?,
            Observed::Nothing | Observed::Trusted(_) => None,
        };
        let stored = read::stored(&self.root, key);
        let is_settled = matches!(first, Observed::Trusted(state) if state.is_settled());
        if is_settled && matches!(stored, Ok(Stored::Leaf(_) | Stored::Absent | Stored::Misspelled)) {
            // A single file, as it was at the first look, or newer.
            return stored.map(Some);
        }
        let second = self.journal.observe(&self.root)?;
        let overlay = match (first, second) {
            (Observed::Nothing, Observed::Nothing) => None,
            (Observed::Trusted(from), Observed::Trusted(to)) if from.epoch == to.epoch => {
                if from.applied < to.committed {
                    let part = Part::Between { epoch: to.epoch, from: from.applied, to: to.committed };
                    let Some(overlay) = self.overlay(part)? else {
                        return Ok(None);
                    };
                    Some(overlay)
                } else if stored.is_err() && from != to {
                    return Ok(None);
                } else {
                    None
                }
            }
            (Observed::Untrusted(before), Observed::Untrusted(after)) if before == after => untrusted,
            _ => return Ok(None),
        };
        match (overlay, stored) {
            (None, stored) => stored.map(Some),
            (Some(overlay), Ok(stored)) => Ok(Some(overlay.lay(key, stored))),
            // Nothing is judged before the rest is laid over it; but there is something in the way.
            (Some(overlay), Err(_)) if overlay.touches(&key.path()) && first != second => Ok(None),
            (Some(_), Err(error)) => Err(error),
        }
    }

    /// Returns what is committed and not carried out yet.
    pub(super) fn pending(&self) -> Result<Option<Arc<Overlay>>> {
        for _ in 0..ROUNDS {
            let part = match self.journal.observe(&self.root)? {
                Observed::Nothing => return Ok(None),
                Observed::Trusted(state) if state.is_settled() => return Ok(None),
                Observed::Trusted(State { epoch, applied: from, committed: to, .. }) => {
                    Part::Between { epoch, from, to }
                }
                Observed::Untrusted(state) => Part::Scanned(state),
            };
            if let Some(overlay) = self.overlay(part)? {
                return Ok(Some(overlay));
            }
            std::thread::yield_now();
        }
        Err(damaged(&self.root, "it cannot be read where a commit should be"))
    }

    /// `None` if the frames are not there any more.
    fn overlay(&self, part: Part) -> Result<Option<Arc<Overlay>>> {
        let mut last = self.overlays.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, overlay)) = last.as_ref().filter(|(known, _)| *known == part) {
            return Ok(Some(Arc::clone(overlay)));
        }
        let overlay = match part {
            Part::Between { epoch, from, to } => match self.journal.frames(&self.root, epoch, from, to)? {
                Some(frames) => Overlay::of(&frames, false),
                None => return Ok(None),
            },
            Part::Scanned(known) => Overlay::of(&self.journal.scan(&self.root, known)?.frames, true),
        };
        let overlay = Arc::new(overlay);
        *last = Some((part, Arc::clone(&overlay)));
        Ok(Some(overlay))
    }

    /// Returns whether a key has a record.
    pub(super) fn is_stored(&self, key: &Key) -> Result<bool> {
        match self.pending()? {
            Some(overlay) if overlay.touches(&key.path()) => Ok(self.stored(key)?.fingerprint().is_some()),
            _ => read::contains(&self.root, key),
        }
    }

    /// The same, for one that has observed the journal just now.
    pub(super) fn is_stored_since(&self, first: Observed, key: &Key) -> Result<bool> {
        match first {
            Observed::Trusted(state) if state.is_settled() => read::contains(&self.root, key),
            _ => self.is_stored(key),
        }
    }

    /// Returns the declared classes.
    pub(super) fn declared(&self) -> Result<Arc<[Class]>> {
        if let Some(overlay) = self.pending()?
            && let Some(content) = overlay.catalog()
        {
            let declared = catalog::parse(content);
            return declared
                .map(|declared| declared.classes.into())
                .map_err(|error: Error| error.at(self.root.path().to_string_lossy()));
        }
        self.catalog.current(&self.root)
    }

    /// Returns whether a class is declared. One that is not may have been declared meanwhile.
    pub(super) fn declares(&self, class: &str) -> Result<bool> {
        let declares = |classes: Arc<[Class]>| classes.iter().any(|known| known.name() == class);
        Ok(declares(self.catalog.known()) || declares(self.declared()?))
    }
}
