//! Taking records from elsewhere into a store, by a rule for what is stored there otherwise.

use std::collections::{HashMap, HashSet};

use super::fit::Fit;
use crate::backend::Backend;
use crate::record::batch::{Batch, Durability, Expect};
use crate::record::class::{Class, Kind};
use crate::record::error::{Error, Result};
use crate::record::{Fingerprint, Key, Record};
use crate::tools::progress::Reporter;

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
    /// What is stored stays. Generations are objects of their own: those that are not stored are added, also newer ones.
    Keep,
    /// What comes takes its place. Generations that do not come stay, also newer ones.
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

/// Where records come from. Whatever it is asked, it has the same ones, and no key twice.
pub(crate) trait Source {
    /// Calls `each` with the key of every record, the kind of class that it is for, and its fingerprint.
    fn describe(&mut self, each: &mut dyn FnMut(&Key, Kind, Fingerprint) -> Result<()>) -> Result<()>;

    /// Calls `each` with every record, and with whether it is hidden where it comes from.
    fn records(&mut self, each: &mut dyn FnMut(&Key, Record, Hidden) -> Result<()>) -> Result<()>;
}

/// Whether files of a record are hidden, where it comes from, from users who may look into the directory of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// They are not, or are no files.
    No,
    FromOthers,
}

/// Takes in records: all are compared with what is stored before the first is written, in batches, each of which is
/// compared with what it was to be.
pub(crate) struct Intake<'a> {
    target: &'a dyn Backend,
    rule: OnConflict,
    /// What came, brought together with what the target has.
    classes: Vec<Class>,
    /// The bases of which the source has a newer generation than the target, before anything is written.
    newer: HashSet<Key>,
    waiting: Vec<(Key, Record, Hidden)>,
    bytes: u64,
    report: IntakeReport,
}

/// What stands where a record comes.
struct Stored {
    /// Its key: that of the record, or the other spelling of a generation 0.
    key: Key,
    print: Fingerprint,
}

impl<'a> Intake<'a> {
    /// Begins to take in records of these classes.
    ///
    /// # Errors
    /// `ClassClash` if one of them is something else in the target.
    pub(crate) fn new(target: &'a dyn Backend, rule: OnConflict, classes: &[Class]) -> Result<Self> {
        let known = target.classes()?;
        let known: HashMap<&str, &Class> = known.iter().map(|class| (class.name(), class)).collect();
        let merge = |class: &Class| known.get(class.name()).map_or(Ok(class.clone()), |known| known.merge(class));
        let classes = classes.iter().map(merge).collect::<Result<_>>()?;
        let (newer, report) = (HashSet::new(), IntakeReport::default());
        Ok(Self { target, rule, classes, newer, waiting: Vec::new(), bytes: 0, report })
    }

    /// Takes in all that the source has, in two phases: comparing and writing. Durable on return.
    pub(crate) fn run(
        mut self,
        source: &mut dyn Source,
        [comparing, writing]: [&'static str; 2],
        reporter: &mut Reporter<'_>,
    ) -> Result<IntakeReport> {
        let count = self.compare(source, comparing, None, reporter)?;
        self.write(source, writing, count, reporter)
    }

    /// Writes all that the source has, once it was [compared](Self::compare). Durable on return.
    pub(crate) fn write(
        mut self,
        source: &mut dyn Source,
        phase: &'static str,
        total: u64,
        reporter: &mut Reporter<'_>,
    ) -> Result<IntakeReport> {
        reporter.begin(phase, Some(total));
        source.records(&mut |key, record, hidden| {
            reporter.advance(1);
            self.put(key, record, hidden)
        })?;
        let report = self.finish()?;
        reporter.end();
        Ok(report)
    }

    /// Checks that every record can be stored, and settles what the rule says of those that are stored otherwise.
    /// Returns how many there are.
    pub(crate) fn compare(
        &mut self,
        source: &mut dyn Source,
        phase: &'static str,
        total: Option<u64>,
        reporter: &mut Reporter<'_>,
    ) -> Result<u64> {
        reporter.begin(phase, total);
        let mut fit = Fit::new(&self.classes);
        let (mut count, mut conflicts, mut newest) = (0, Vec::new(), HashMap::new());
        source.describe(&mut |key, kind, print| {
            fit.check(key, kind).map_err(|misfit| misfit.refused(key))?;
            match self.rule {
                OnConflict::Fail => {
                    let stored = self.stored(key)?.filter(|stored| stored.print != print);
                    conflicts.extend(stored.map(|stored| stored.key));
                }
                OnConflict::NewestGeneration if self.keeps_generations(key) => {
                    let (base, generation) = key.generation();
                    let known = newest.entry(base).or_insert(generation);
                    *known = generation.max(*known);
                }
                OnConflict::NewestGeneration | OnConflict::Keep | OnConflict::Replace => {}
            }
            count += 1;
            reporter.advance(1);
            Ok(())
        })?;
        conflict(conflicts)?;
        for (base, theirs) in newest {
            if self.target.newest(&base)?.is_none_or(|newest| newest.generation().1 < theirs) {
                self.newer.insert(base);
            }
        }
        reporter.end();
        Ok(count)
    }

    /// Puts a record, now or later.
    fn put(&mut self, key: &Key, record: Record, hidden: Hidden) -> Result<()> {
        self.bytes += record.bytes();
        self.waiting.push((key.clone(), record, hidden));
        if self.waiting.len() == RECORDS || self.bytes >= BYTES { self.flush() } else { Ok(()) }
    }

    /// Puts what waits, declares all classes and waits for the disk.
    fn finish(mut self) -> Result<IntakeReport> {
        self.flush()?;
        let mut batch = buffered();
        self.classes.iter().try_for_each(|class| batch.declare(class))?;
        if !batch.classes().is_empty() {
            self.target.commit(batch)?;
        }
        self.target.checkpoint()?;
        Ok(self.report)
    }

    /// Commits what waits, what is hidden by itself.
    fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let (hidden, open) = waiting.into_iter().partition(|(_, _, hidden)| *hidden == Hidden::FromOthers);
        self.commit(open, Hidden::No)?;
        self.commit(hidden, Hidden::FromOthers)
    }

    /// Commits records, as far as they are not stored or may replace what is, and reads them back.
    fn commit(&mut self, records: Vec<(Key, Record, Hidden)>, hidden: Hidden) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let lock = self.target.lock()?;
        let mut batch = buffered();
        batch.set_hidden(hidden == Hidden::FromOthers);
        let (mut put, mut conflicts) = (Vec::new(), Vec::new());
        let mut report = self.report.clone();
        for (key, record, _) in records {
            let (print, bytes) = (record.fingerprint(), record.bytes());
            match self.stored(&key)? {
                None => {
                    report.added += 1;
                    batch.put(key.clone(), record, Expect::Absent);
                }
                Some(stored) if stored.print == print => {
                    report.equal += 1;
                    continue;
                }
                Some(stored) if self.may_replace(&key) => {
                    report.replaced += 1;
                    if stored.key == key {
                        batch.put(key.clone(), record, Expect::Unchanged(stored.print));
                    } else {
                        batch.delete(stored.key, Expect::Unchanged(stored.print));
                        batch.put(key.clone(), record, Expect::Absent);
                    }
                }
                Some(stored) if self.rule == OnConflict::Fail => {
                    conflicts.push(stored.key);
                    continue;
                }
                Some(_) => {
                    report.kept += 1;
                    continue;
                }
            }
            report.bytes += bytes;
            self.class(&key).map_or(Ok(()), |class| batch.declare(class))?;
            put.push((key, print));
        }
        conflict(conflicts)?;
        if !put.is_empty() {
            lock.commit(batch)?;
        }
        for (key, print) in put {
            if self.target.read(&key)?.map(|stored| stored.fingerprint()) != Some(print) {
                let message = "the object does not read back as it was written";
                return Err(Error::corrupt(message).object(key.class(), key.id()));
            }
        }
        self.report = report;
        Ok(())
    }

    fn may_replace(&self, key: &Key) -> bool {
        match self.rule {
            OnConflict::Fail | OnConflict::Keep => false,
            OnConflict::Replace => true,
            OnConflict::NewestGeneration => self.newer.contains(&key.generation().0),
        }
    }

    fn class(&self, key: &Key) -> Option<&Class> {
        self.classes.iter().find(|class| class.name() == key.class())
    }

    fn keeps_generations(&self, key: &Key) -> bool {
        self.class(key).is_some_and(Class::keeps_generations)
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
