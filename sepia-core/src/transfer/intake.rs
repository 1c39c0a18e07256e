//! Taking records from elsewhere into a store, by a rule for what is stored there otherwise.

use std::collections::HashMap;

use twox_hash::XxHash3_64;

use super::moment::Pass;
use crate::backend::{Backend, Lock};
use crate::batch::{Batch, Durability, Expect};
use crate::class::Class;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Fingerprint, Key, Record};

/// Batches have at most so many records.
const RECORDS: usize = 1000;

/// Batches are closed once their records have so many bytes.
const BYTES: u64 = 4 << 20;

/// What becomes of an object that comes from elsewhere and is stored already, with another content. Objects that are
/// equal are none, and what is stored and does not come stays in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnConflict {
    /// Nothing is written at all, and the call is `Conflict`; [`Error::conflicts`] has every such object.
    #[default]
    Fail,
    /// What is stored stays.
    Keep,
    /// What comes takes its place.
    Replace,
    /// In classes with generations, every generation that is not stored is added; and of one that is stored with
    /// another content, that of the side whose newest generation is newer is kept, if need be what is stored. In
    /// other classes, what is stored stays.
    NewestGeneration,
}

/// What has become of the objects that came from elsewhere. Each is counted in one of these numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntakeReport {
    /// How many were not stored, and are now.
    pub added: u64,
    /// How many were stored with another content, and have that which came now.
    pub replaced: u64,
    /// How many were stored as they came.
    pub equal: u64,
    /// How many were stored with another content, and still are.
    pub kept: u64,
    /// The bytes of what was added or has replaced something: of leaves, and of every `data.json`.
    pub bytes: u64,
    /// How many came without files in them that are not Sepia's, and that were left behind.
    pub strays: u64,
}

/// What a source has as newest generation of a base.
pub(crate) type Newest<'n> = &'n dyn Fn(&Key) -> Result<Option<u64>>;

/// Takes in records, in batches, each of which is compared with what it was to be.
pub(crate) struct Intake<'a> {
    target: &'a dyn Backend,
    rule: OnConflict,
    compares: bool,
    classes: Vec<Class>,
    waiting: Vec<(Key, Record)>,
    bytes: u64,
    conflicts: Vec<Key>,
    /// What this has written, as far as it remembers: for each hash of a key.
    written: HashMap<u64, Written>,
    remembers: Remembers,
    round: u32,
    report: IntakeReport,
}

/// How much an intake remembers of what it has written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remembers {
    Nothing,
    /// What is written while all is compared, which is not to be counted when it is put.
    Compared,
    /// All, as it may have to be taken back.
    Everything,
}

#[derive(Clone, Copy)]
struct Written {
    /// Half of the fingerprint of what it wrote.
    print: u64,
    /// There was something before.
    replaced: bool,
    /// In which round it came last.
    round: u32,
}

/// What stands where a record comes.
struct Stored {
    /// Its key: that of the record, or the other spelling of a generation 0.
    key: Key,
    print: Fingerprint,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(target: &'a dyn Backend, rule: OnConflict) -> Self {
        let compares = matches!(rule, OnConflict::Fail | OnConflict::NewestGeneration);
        Self {
            target,
            rule,
            compares,
            classes: Vec::new(),
            waiting: Vec::new(),
            bytes: 0,
            conflicts: Vec::new(),
            written: HashMap::new(),
            remembers: if compares { Remembers::Compared } else { Remembers::Nothing },
            round: 0,
            report: IntakeReport::default(),
        }
    }

    /// The same, for a source that may change its mind.
    pub(crate) fn remembering(mut self) -> Self {
        self.remembers = Remembers::Everything;
        self
    }

    /// Takes note of a class, which must be what it is in the target, if it is anything there.
    pub(crate) fn declare(&mut self, class: &Class) -> Result<()> {
        let merged = match self.target.classes()?.iter().find(|known| known.name() == class.name()) {
            Some(known) => known.merge(class)?,
            None => class.clone(),
        };
        match self.classes.iter_mut().find(|known| known.name() == class.name()) {
            Some(known) => *known = known.merge(&merged)?,
            None => self.classes.push(merged),
        }
        Ok(())
    }

    pub(crate) fn knows(&self, class: &str) -> bool {
        self.class(class).is_some()
    }

    fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name() == name)
    }

    /// Whether all records have to be [compared](Self::compare) before the first is put.
    pub(crate) fn compares(&self) -> bool {
        self.compares
    }

    /// Compares a record with what is stored: collects what is in conflict, or lets what is newer replace it.
    /// Generations are judged by what is stored before any are added.
    pub(crate) fn compare(&mut self, key: &Key, record: &Record, newest: Newest<'_>) -> Result<()> {
        let Some(stored) = self.stored(key)? else { return Ok(()) };
        if stored.print == record.fingerprint() {
            return Ok(());
        }
        if self.rule != OnConflict::NewestGeneration {
            self.conflicts.push(stored.key);
        } else if self.keeps_generations(key) {
            let (base, _) = key.generation();
            let here = self.target.newest(&base)?.map(|newest| newest.generation().1);
            if newest(&base)? > here {
                let mut lock = self.target.lock()?;
                let batch = std::slice::from_ref(record);
                self.commit(&mut *lock, batch.iter().map(|record| (key, record)), &|_, _| true)?;
            }
        }
        Ok(())
    }

    /// Ends the comparison.
    ///
    /// # Errors
    /// `Conflict` if there were any, and the rule is not to have them.
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.remembers == Remembers::Compared {
            self.remembers = Remembers::Nothing;
        }
        conflict(std::mem::take(&mut self.conflicts))
    }

    /// Puts a record, now or later.
    pub(crate) fn put(&mut self, key: &Key, record: Record, pass: Pass) -> Result<()> {
        if pass == Pass::Again && self.waiting.iter().any(|(waiting, _)| waiting == key) {
            self.flush()?;
        }
        self.bytes += record.bytes();
        self.waiting.push((key.clone(), record));
        if self.waiting.len() == RECORDS || self.bytes >= BYTES { self.flush() } else { Ok(()) }
    }

    /// Takes back what it has put under a key, if it has and nobody has changed it since.
    pub(crate) fn forget(&mut self, key: &Key) -> Result<()> {
        self.flush()?;
        let Some(written) = self.written.get(&hash(key)).copied() else {
            return Ok(());
        };
        let mut lock = self.target.lock()?;
        let Some(print) = self.target.read(key)?.map(|record| record.fingerprint()) else { return Ok(()) };
        if half(print) == written.print {
            let mut batch = buffered();
            batch.delete(key.clone(), Expect::Unchanged(print));
            lock.commit(batch)?;
            self.count(written.replaced, -1);
        }
        Ok(())
    }

    /// Everything comes anew.
    pub(crate) fn restart(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
        self.round += 1;
        self.report = IntakeReport::default();
    }

    /// Puts what waits, takes back what has not come again since the last restart, declares all classes and waits
    /// for the disk.
    pub(crate) fn finish(mut self) -> Result<IntakeReport> {
        self.flush()?;
        if self.round > 0 {
            self.take_back()?;
        }
        let mut batch = buffered();
        self.classes.iter().try_for_each(|class| batch.declare(class))?;
        if !batch.classes().is_empty() {
            self.target.commit(batch)?;
        }
        self.target.checkpoint()?;
        Ok(self.report)
    }

    fn take_back(&mut self) -> Result<()> {
        let mut gone = Vec::new();
        for class in &self.classes {
            self.target.ids(class.name(), &mut |id| {
                let key = Key::new(class.name(), id);
                let is_gone =
                    |key: &Key| self.written.get(&hash(key)).is_some_and(|written| written.round < self.round);
                gone.extend(key.ok().filter(is_gone));
            })?;
        }
        gone.iter().try_for_each(|key| self.forget(key))
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let rule = self.rule;
        let mut lock = self.target.lock()?;
        let waiting = waiting.iter().map(|(key, record)| (key, record));
        self.commit(&mut *lock, waiting, &|_, _| rule == OnConflict::Replace)
    }

    /// Commits records, as far as they are not stored, or may replace what is; and reads them back.
    fn commit<'r>(
        &mut self,
        lock: &mut dyn Lock,
        records: impl Iterator<Item = (&'r Key, &'r Record)>,
        may_replace: &dyn Fn(&Key, &Record) -> bool,
    ) -> Result<()> {
        let mut batch = buffered();
        let (mut put, mut conflicts) = (Vec::new(), Vec::new());
        for (key, record) in records {
            let print = record.fingerprint();
            let stored = self.stored(key)?;
            let written = self.written.get(&hash(key)).copied();
            let is_own = |stored: &Stored| written.is_some_and(|written| written.print == half(stored.print));
            let replaced = match stored {
                None => written.is_some_and(|written| written.replaced),
                Some(stored) if stored.print == print => {
                    match written.filter(|_| is_own(&stored)) {
                        Some(written) if written.round < self.round => self.remember(key, record, written.replaced),
                        Some(_) => {}
                        None => self.report.equal += 1,
                    }
                    continue;
                }
                Some(stored) if is_own(&stored) || may_replace(key, record) => {
                    if stored.key == *key {
                        batch.put(key.clone(), record.clone(), Expect::Unchanged(stored.print));
                    } else {
                        batch.delete(stored.key, Expect::Unchanged(stored.print));
                        batch.put(key.clone(), record.clone(), Expect::Absent);
                    }
                    put.push((key, record, print, written.is_none_or(|written| written.replaced)));
                    self.declare_in(&mut batch, key)?;
                    continue;
                }
                Some(stored) if self.rule == OnConflict::Fail => {
                    conflicts.push(stored.key);
                    continue;
                }
                Some(_) => {
                    self.report.kept += 1;
                    continue;
                }
            };
            batch.put(key.clone(), record.clone(), Expect::Absent);
            put.push((key, record, print, replaced));
            self.declare_in(&mut batch, key)?;
        }
        conflict(conflicts)?;
        if put.is_empty() {
            return Ok(());
        }
        lock.commit(batch)?;
        for (key, record, print, replaced) in put {
            if self.target.read(key)?.map(|stored| stored.fingerprint()) != Some(print) {
                let message = "the object does not read back as it was written";
                return Err(Error::corrupt(message).object(key.class(), key.id()));
            }
            self.remember(key, record, replaced);
        }
        Ok(())
    }

    fn declare_in(&self, batch: &mut Batch, key: &Key) -> Result<()> {
        match self.class(key.class()) {
            Some(class) => batch.declare(class),
            None => Ok(()),
        }
    }

    /// Counts what was written, once.
    fn remember(&mut self, key: &Key, record: &Record, replaced: bool) {
        let written = Written { print: half(record.fingerprint()), replaced, round: self.round };
        let before = match self.remembers {
            Remembers::Nothing => None,
            Remembers::Compared | Remembers::Everything => self.written.insert(hash(key), written),
        };
        if before.is_none_or(|before| before.round < self.round) {
            self.count(replaced, 1);
            self.report.bytes += record.bytes();
        }
    }

    fn count(&mut self, replaced: bool, by: i64) {
        let number = if replaced { &mut self.report.replaced } else { &mut self.report.added };
        *number = number.saturating_add_signed(by);
    }

    fn keeps_generations(&self, key: &Key) -> bool {
        self.class(key.class()).is_some_and(Class::keeps_generations)
    }

    /// Returns what is stored under a key, or under the other spelling of the same generation 0.
    fn stored(&self, key: &Key) -> Result<Option<Stored>> {
        let at = |key: Key| -> Result<Option<Stored>> {
            let record = self.target.read(&key)?;
            Ok(record.map(|record| Stored { print: record.fingerprint(), key }))
        };
        let found = at(key.clone())?;
        if found.is_some() || !self.keeps_generations(key) {
            return Ok(found);
        }
        match key.generation() {
            (base, 0) if base == *key => at(key.sibling(&format!("{}.0", key.id()))?),
            (base, 0) => at(base),
            _ => Ok(None),
        }
    }
}

impl std::fmt::Debug for Intake<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("rule", &self.rule).field("report", &self.report).finish_non_exhaustive()
    }
}

/// A batch that need not wait for the disk, as the end does.
fn buffered() -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch
}

fn conflict(keys: Vec<Key>) -> Result<()> {
    let Some(first) = keys.first().cloned() else { return Ok(()) };
    let error = Error::conflict("the object is stored already, with another content", keys);
    Err(error.object(first.class(), first.id()))
}

/// The error of a record in a class that its source has not declared.
pub(crate) fn undeclared(key: &Key) -> Error {
    Error::message(ErrorKind::ClassClash, "the class of the object is not declared").object(key.class(), key.id())
}

fn hash(key: &Key) -> u64 {
    XxHash3_64::oneshot(key.path().as_bytes())
}

fn half(print: Fingerprint) -> u64 {
    print.bits() as u64
}
