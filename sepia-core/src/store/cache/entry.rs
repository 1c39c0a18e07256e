//! What the cache knows of an object: what it was made of, and as of when.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::notes::{Slot, slot};
use super::{Began, weigh};
use crate::backend::{Backend, Seal};
use crate::record::error::Result;
use crate::record::{Entries, Entry as RecordEntry, Fingerprint, Key, Record};

/// An object, and what is known of it.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) object: Arc<dyn Any + Send + Sync>,
    pub(super) entry: Arc<Entry>,
}

/// What an object is made of, and when that was last known to be what is stored.
pub(super) struct Entry {
    made_of: Box<[Dependency]>,
    /// Every record has a seal.
    is_sealed: bool,
    /// The bytes of the object alone.
    bytes: u64,
    pub(super) weight: u64,
    /// When it was taken into the cache.
    kept: AtomicU64,
    used: AtomicU64,
    /// At this time all was stored as it is here.
    validated: AtomicU64,
    /// And when this many own commits had been noted.
    commits: AtomicU64,
}

/// Something that was read, and what was there.
#[derive(Clone)]
pub(super) struct Dependency {
    key: Key,
    slot: Slot,
    found: Found,
    pub(super) seal: Option<Seal>,
}

#[derive(Clone, PartialEq, Eq)]
enum Found {
    /// No record.
    Nothing,
    Record(Fingerprint),
    /// A record with something in it that fingerprints do not tell.
    Unclear,
    /// The newest generation of this base.
    Newest(Option<Key>),
}

impl Dependency {
    pub(super) fn on_record(key: &Key, record: Option<&Record>, seal: Seal) -> Self {
        let found = match record {
            None => Found::Nothing,
            Some(Record::Container(node)) if has_unclear(&node.entries) => Found::Unclear,
            Some(record) => Found::Record(record.fingerprint()),
        };
        Self { key: key.clone(), slot: slot(key), found, seal: Some(seal) }
    }

    pub(super) fn on_newest(base: &Key, newest: Option<Key>) -> Self {
        Self { key: base.clone(), slot: slot(base), found: Found::Newest(newest), seal: None }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.found == other.found && self.found != Found::Unclear
    }

    fn reread(&self, backend: &dyn Backend) -> Result<Self> {
        if let Found::Newest(_) = self.found {
            return Ok(Self::on_newest(&self.key, backend.newest(&self.key)?));
        }
        let (record, seal) = backend.read_sealed(&self.key)?;
        Ok(Self::on_record(&self.key, record.as_ref(), seal))
    }
}

/// Whether there is a stray or an empty collection. The depth of a record is bounded: see `MAX_DIRECTORIES`.
fn has_unclear(entries: &Entries) -> bool {
    entries.iter().any(|(_, entry)| match entry {
        RecordEntry::Link(_) => false,
        RecordEntry::Container(node) => has_unclear(&node.entries),
        RecordEntry::Collection(entries) => entries.is_empty() || has_unclear(entries),
        RecordEntry::Stray => true,
    })
}

impl Entry {
    pub(super) fn new(made_of: Vec<Dependency>, bytes: u64, began: Began) -> Self {
        Self {
            is_sealed: made_of.iter().all(|on| on.seal.as_ref().is_none_or(|seal| seal.numbers().is_some())),
            bytes,
            weight: bytes + weigh::entry(&made_of),
            made_of: made_of.into(),
            kept: AtomicU64::new(began.time),
            used: AtomicU64::new(began.time),
            validated: AtomicU64::new(began.time),
            commits: AtomicU64::new(began.commits),
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.made_of.iter().map(|on| on.slot)
    }

    pub(super) fn is_same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        if Arc::ptr_eq(self, other) {
            return true;
        }
        self.made_of.len() == other.made_of.len()
            && self.made_of.iter().zip(&other.made_of).all(|(one, other)| one.is_same(other))
    }

    /// Returns whether all of it is as stored, as far as seals tell.
    pub(super) fn is_intact(&self, backend: &dyn Backend) -> Result<bool> {
        let mut sealed = self.made_of.iter().filter_map(|on| Some((&on.key, on.seal.as_ref()?)));
        if !self.is_sealed || !backend.is_intact(&mut sealed)? {
            return Ok(false);
        }
        for on in self.made_of.iter().filter(|on| on.seal.is_none()) {
            if !on.is_same(&on.reread(backend)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads again what it is made of; `None` if that is something else.
    pub(super) fn reread(&self, backend: &dyn Backend, began: Began) -> Result<Option<Self>> {
        let mut made_of = Vec::with_capacity(self.made_of.len());
        for on in &self.made_of {
            let again = on.reread(backend)?;
            if !on.is_same(&again) {
                return Ok(None);
            }
            made_of.push(again);
        }
        let again = Self::new(made_of, self.bytes, began);
        Ok(Some(Self { kept: AtomicU64::new(self.kept()), ..again }))
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(super) fn set_commits(&self, commits: u64) {
        self.commits.fetch_max(commits, Ordering::Relaxed);
    }

    pub(super) fn validated(&self) -> u64 {
        self.validated.load(Ordering::Relaxed)
    }

    /// Takes note that all was as stored at this time.
    pub(super) fn set_validated(&self, began: Began) {
        self.validated.fetch_max(began.time, Ordering::Relaxed);
        self.set_commits(began.commits);
    }

    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    pub(super) fn set_kept(&self, time: u64) {
        self.kept.fetch_max(time, Ordering::Relaxed);
        self.set_used(time);
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes note that the object is of use. It is of no consequence which of two threads comes last.
    pub(super) fn set_used(&self, time: u64) {
        self.used.store(time, Ordering::Relaxed);
    }
}
