//! Reading what is committed, carried out or not.

use std::sync::{Arc, Mutex, PoisonError};

use super::again::{Again, is_cut_off};
use super::journal::state::State;
use super::journal::{Observed, damaged};
use super::lock::Held;
use super::overlay::Overlay;
use super::read::{self, Presence, Stored};
use super::{Filesystem, catalog, sys};
use crate::record::Key;
use crate::record::class::{Class, Format, Kind};
use crate::record::error::{Error, ErrorKind, Result};

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
        /// Of the journal.
        token: u128,
        epoch: u64,
        from: u64,
        to: u64,
    },
    /// Whatever the journal holds, while the state is this.
    Scanned(Option<State>),
}

/// What commits with frames have made of a record.
enum Meanwhile {
    Nothing,
    /// What these say, if they touch it.
    Frames(Arc<Overlay>),
    /// The frames are gone, and one may have touched it.
    Unknown,
}

impl Meanwhile {
    fn into_overlay(self) -> Option<Arc<Overlay>> {
        match self {
            Self::Frames(overlay) => Some(overlay),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

impl Filesystem {
    /// Returns what stands under a key, with everything nested in it, at one moment of this call.
    pub(super) fn stored(&self, key: &Key) -> Result<Stored> {
        self.stored_since(self.journal.observe(&self.root)?, key)
    }

    /// The same, at one moment since a first look at the state.
    pub(super) fn stored_since(&self, mut first: Observed, key: &Key) -> Result<Stored> {
        let mut again = Again::default();
        loop {
            let stored = self.stored_at_once(first, key)?;
            if !again.is_worth(self.half_done(key, &stored)) {
                return Ok(stored);
            }
            first = self.journal.observe(&self.root)?;
        }
    }

    /// Returns when what stands under a key was changed, if an editor may be at work on it.
    fn half_done(&self, key: &Key, stored: &Stored) -> Option<i128> {
        match stored {
            Stored::Leaf(content) if is_cut_off(content) => {
                let is_json = |class: &Class| class.kind() == Kind::Serializable(Some(Format::Json));
                let classes = self.catalog.known();
                classes.iter().find(|class| class.name() == key.class()).filter(|class| is_json(class))?;
                sys::changed(sys::open_below(&self.root, &key.path()).ok()?).ok()
            }
            stored => stored.half_done(),
        }
    }

    /// The same, without another look at what an editor may be at work on.
    fn stored_at_once(&self, mut first: Observed, key: &Key) -> Result<Stored> {
        for _ in 0..ROUNDS {
            if let Some(stored) = self.try_stored(first, key)? {
                return Ok(stored);
            }
            #[cfg(feature = "fault-injection")]
            super::sys::fault::note_repeated();
            std::thread::yield_now();
            first = self.journal.observe(&self.root)?;
        }
        let _held = self.keep_off()?;
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
            (Observed::Trusted(from), Observed::Trusted(to)) => match self.meanwhile(key, &from, &to)? {
                Meanwhile::Nothing => None,
                Meanwhile::Frames(overlay) => Some(overlay),
                Meanwhile::Unknown => return Ok(None),
            },
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

    /// Finds out what commits with frames have made of a record from one look at the state to another.
    fn meanwhile(&self, key: &Key, from: &State, to: &State) -> Result<Meanwhile> {
        let is_one = (from.token, from.epoch) == (to.token, to.epoch);
        if is_one && from.applied == to.committed || self.journal.is_untouched(&self.root, &key.path(), from, to)? {
            return Ok(Meanwhile::Nothing);
        }
        let part = Part::Between { token: to.token, epoch: to.epoch, from: from.applied, to: to.committed };
        let overlay = if is_one { self.overlay(part)? } else { None };
        Ok(overlay.map_or(Meanwhile::Unknown, Meanwhile::Frames))
    }

    /// Returns what is committed and not carried out yet.
    pub(super) fn pending(&self) -> Result<Option<Arc<Overlay>>> {
        for _ in 0..ROUNDS {
            if let Some(pending) = self.try_pending()? {
                return Ok(pending.into_overlay());
            }
            std::thread::yield_now();
        }
        let _held = self.keep_off()?;
        match self.try_pending()? {
            Some(pending) => Ok(pending.into_overlay()),
            None => Err(damaged(&self.root, "it cannot be read where a commit should be")),
        }
    }

    /// `None` if the frames are not there any more.
    fn try_pending(&self) -> Result<Option<Meanwhile>> {
        let part = match self.journal.observe(&self.root)? {
            Observed::Nothing => return Ok(Some(Meanwhile::Nothing)),
            Observed::Trusted(state) if state.is_settled() => return Ok(Some(Meanwhile::Nothing)),
            Observed::Trusted(State { token, epoch, applied: from, committed: to, .. }) => {
                Part::Between { token, epoch, from, to }
            }
            Observed::Untrusted(state) => Part::Scanned(state),
        };
        Ok(self.overlay(part)?.map(Meanwhile::Frames))
    }

    /// Keeps writers off, unless this thread does so already.
    fn keep_off(&self) -> Result<Option<Held<'_>>> {
        if self.lock.is_mine() { Ok(None) } else { self.lock.acquire(&self.root).map(Some) }
    }

    /// `None` if the frames are not there any more.
    fn overlay(&self, part: Part) -> Result<Option<Arc<Overlay>>> {
        let mut last = self.overlays.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, overlay)) = last.as_ref().filter(|(known, _)| *known == part) {
            return Ok(Some(Arc::clone(overlay)));
        }
        let overlay = match part {
            Part::Between { epoch, from, to, .. } => match self.journal.frames(&self.root, epoch, from, to)? {
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
        self.is_stored_since(self.journal.observe(&self.root)?, key)
    }

    /// The same, for one that has observed the journal just now.
    pub(super) fn is_stored_since(&self, first: Observed, key: &Key) -> Result<bool> {
        let is_overlaid = match first {
            Observed::Trusted(state) => {
                !state.is_settled() && !self.journal.is_untouched(&self.root, &key.path(), &state, &state)?
            }
            Observed::Nothing => false,
            Observed::Untrusted(_) => self.pending()?.is_some_and(|overlay| overlay.touches(&key.path())),
        };
        if is_overlaid {
            return Ok(self.stored(key)?.fingerprint().is_some());
        }
        match read::presence(&self.root, key)? {
            Presence::Absent => Ok(false),
            Presence::Present => Ok(true),
            // An editor may be about to put the marker there. What cannot be read without it is no container either.
            Presence::Unmarked => match self.stored(key) {
                Ok(stored) => Ok(stored.fingerprint().is_some()),
                Err(error) if error.kind() == ErrorKind::Corrupt => Ok(false),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns the declared classes.
    pub(super) fn declared(&self) -> Result<Arc<[Class]>> {
        if let Some(overlay) = self.pending()?
            && let Some(content) = overlay.catalog()
        {
            let declared = catalog::parse(content);
            let declared =
                declared.and_then(|declared| self.root.check_supported(&declared.settings).map(|()| declared));
            return declared
                .map(|declared| declared.classes.into())
                .map_err(|error: Error| error.at(self.root.path().to_string_lossy()));
        }
        self.catalog.current(&self.root)
    }

    /// Returns whether a class is declared. One that is not may have been declared meanwhile.
    ///
    /// # Errors
    /// `UnsupportedFormat` if this version does not understand what it takes to read its records.
    pub(super) fn declares(&self, class: &str) -> Result<bool> {
        let declares = |classes: &[Class]| match classes.iter().find(|known| known.name() == class) {
            Some(class) => class.check_readable().map(|()| true),
            None => Ok(false),
        };
        Ok(declares(&self.catalog.known())? || declares(&self.declared()?)?)
    }
}
