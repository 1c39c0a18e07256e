//! Records in memory: for tests, caches and scratch data. Nothing outlives the process.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::thread::ThreadId;
use std::time::{Duration, SystemTime};

use super::{Backend, Examined, Lock, Moment, Recovered, Seal, Stat, Track, Upkeep};
use crate::record::batch::{Batch, Change, Inspect};
use crate::record::class::{Class, Kind};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::name::generation_of;
use crate::record::problem::{self, Problem, ProblemKind};
use crate::record::{Fingerprint, Key, MAX_RECORD_SIZE, Record};

/// How long a commit waits for others.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps records in memory.
pub struct Memory {
    state: RwLock<State>,
    identity: u64,
    turn: Mutex<Turn>,
    freed: Condvar,
    quarantine: Mutex<Vec<(Key, Record)>>,
    max_record_size: u64,
}

/// Whose turn it is to commit.
#[derive(Default)]
struct Turn {
    holder: Option<ThreadId>,
    /// How many threads wait for theirs. To wake one is a system call.
    waiting: usize,
}

/// The records of a class, by id.
type Records = BTreeMap<Arc<str>, Kept>;

#[derive(Default)]
struct State {
    classes: Vec<Class>,
    records: BTreeMap<Box<str>, Records>,
    trackers: Vec<Weak<Changes>>,
    /// The key of the newest generation of each base, in classes that keep generations, or may.
    newest: HashMap<Key, Key>,
    commits: u64,
}

struct Kept {
    record: Record,
    modified: SystemTime,
    /// The number of the commit that put it.
    commit: u64,
}

/// A commit under way.
struct Stamp {
    number: u64,
    /// When it took place, once that has been asked.
    time: Option<SystemTime>,
}

/// The keys that commits have changed, for one that follows.
type Changes = Mutex<Vec<Key>>;

impl State {
    fn kept(&self, key: &Key) -> Option<&Kept> {
        self.records.get(key.class())?.get(key.id())
    }

    fn get(&self, key: &Key) -> Option<&Record> {
        self.kept(key).map(|kept| &kept.record)
    }

    fn seal(&self, key: &Key) -> Seal {
        // No commit has the number 0.
        Seal::new([self.kept(key).map_or(0, |kept| kept.commit), 0])
    }

    /// Tells those who follow that a key changes.
    fn note(&mut self, key: &Key) {
        self.trackers.retain(|changes| match changes.upgrade() {
            Some(changes) => {
                changes.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
                true
            }
            None => false,
        });
    }

    /// Checks the records that are put, and that classes are empty when they are retired.
    fn check(&self, batch: &Batch, max_record_size: u64) -> Result<()> {
        batch.check_records(max_record_size)?;
        for class in batch.retired() {
            for id in self.records.get(class.as_str()).into_iter().flat_map(BTreeMap::keys) {
                batch.check_retired(&Key::new(class.as_str(), &**id)?)?;
            }
        }
        Ok(())
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        let mut found = Vec::new();
        if let Some(records) = self.records.get(base.class()) {
            // Every generation of the base begins with it; what else does is sorted out by its parts.
            for id in records.range(base.shared_id()..).map(|(id, _)| &**id).take_while(|id| id.starts_with(base.id()))
            {
                if let Some(generation) = generation_of(base.id(), id) {
                    found.push((generation, base.sibling(id)?));
                }
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    fn newest(&self, base: &Key) -> Option<Key> {
        // A record under the base alone is generation 0, also if the base ends in a number itself.
        self.newest.get(base).or_else(|| self.get(base).map(|_| base)).cloned()
    }

    /// Returns whether that changed anything.
    fn put(&mut self, key: &Key, record: Record, stamp: &mut Stamp) -> bool {
        if !self.records.contains_key(key.class()) {
            self.records.insert(key.class().into(), Records::new());
        }
        let Some(records) = self.records.get_mut(key.class()) else { return false };
        let mut keep = |record| {
            let modified = *stamp.time.get_or_insert_with(SystemTime::now);
            Kept { record, modified, commit: stamp.number }
        };
        match records.entry(key.shared_id()) {
            Entry::Occupied(kept) if kept.get().record == record => return false,
            Entry::Occupied(mut kept) => *kept.get_mut() = keep(record),
            Entry::Vacant(place) => {
                place.insert(keep(record));
            }
        }
        self.note(key);
        if self.may_keep_generations(key.class()) {
            let (base, generation) = key.generation();
            let newest = self.newest.entry(base).or_insert_with(|| key.clone());
            if newest.generation().1 <= generation {
                *newest = key.clone();
            }
        }
        true
    }

    /// Returns whether that changed anything.
    fn delete(&mut self, key: &Key) -> bool {
        if self.records.get_mut(key.class()).and_then(|records| records.remove(key.id())).is_none() {
            return false;
        }
        self.note(key);
        let (base, _) = key.generation();
        if self.newest.get(&base) == Some(key) {
            // Invariant: whatever is stored makes a key.
            match self.generations(&base).unwrap_or_default().pop() {
                Some(newest) => self.newest.insert(base, newest),
                None => self.newest.remove(&base),
            };
        }
        true
    }

    fn may_keep_generations(&self, class: &str) -> bool {
        self.classes.iter().any(|known| known.name() == class && known.may_keep_generations())
    }

    /// Declares classes in place of those that were declared.
    fn declare(&mut self, classes: Vec<Class>) {
        self.classes = classes;
        // Of some it may have been said just now that they keep no generations.
        let mut newest = std::mem::take(&mut self.newest);
        newest.retain(|base, _| self.may_keep_generations(base.class()));
        self.newest = newest;
    }
}

impl Inspect for &State {
    fn contains(&mut self, key: &Key) -> Result<bool> {
        Ok(self.get(key).is_some())
    }

    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>> {
        Ok(self.get(key).map(Record::fingerprint))
    }

    fn newest(&mut self, base: &Key) -> Result<Option<Key>> {
        Ok(State::newest(self, base))
    }
}

impl Default for Memory {
    fn default() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Self {
            state: RwLock::default(),
            // Not likely to be that of anything on a disk.
            identity: !MADE.fetch_add(1, Ordering::Relaxed),
            turn: Mutex::default(),
            freed: Condvar::new(),
            quarantine: Mutex::default(),
            max_record_size: MAX_RECORD_SIZE,
        }
    }
}

impl Memory {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the most bytes of a record; [`MAX_RECORD_SIZE`] by default.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::backend::{Backend, Memory};
    /// use sepia::batch::{Batch, Expect};
    /// use sepia::class::{Class, Format};
    /// use sepia::record::{Key, Record};
    ///
    /// # fn main() -> sepia::Result<()> {
    /// let memory = Memory::new().with_max_record_size(10);
    /// let mut batch = Batch::new();
    /// batch.declare(&Class::serializable("Note", Format::Text))?;
    /// batch.put(Key::new("Note", "a")?, Record::Leaf(vec![b'a'; 11]), Expect::Any);
    /// assert!(memory.commit(batch).is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_max_record_size(self, bytes: u64) -> Self {
        Self { max_record_size: bytes, ..self }
    }

    /// Returns the records that were [set aside](Upkeep::set_aside), oldest first.
    pub fn quarantined(&self) -> Vec<(Key, Record)> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A panic cannot leave the state half changed, so a poisoned lock is as good as any: whatever
    /// can fail comes before the first change.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other thread keeps commits off.
    fn acquire(&self) -> Result<Held<'_>> {
        let this = std::thread::current().id();
        let mut turn = self.turn();
        if turn.holder == Some(this) {
            let message = "this thread holds the store itself, in a transaction or snapshot: use that one's methods";
            return Err(Error::message(ErrorKind::Locked, message));
        }
        if turn.holder.is_some() {
            turn.waiting += 1;
            let waited = self.freed.wait_timeout_while(turn, TIMEOUT, |turn| turn.holder.is_some());
            (turn, _) = waited.unwrap_or_else(PoisonError::into_inner);
            turn.waiting -= 1;
        }
        if turn.holder.is_some() {
            let message =
                format!("another thread of this process holds the store, which was not free within {TIMEOUT:?}");
            return Err(Error::message(ErrorKind::Locked, message));
        }
        turn.holder = Some(this);
        Ok(Held(self))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: usize = self.state().records.values().map(Records::len).sum();
        f.debug_struct("Memory").field("records", &records).finish()
    }
}

#[derive(Debug)]
struct Held<'a>(&'a Memory);

impl Lock for Held<'_> {
    fn commit(self: Box<Self>, batch: Batch) -> Result<()> {
        self.apply(batch)
    }
}

impl Held<'_> {
    fn apply(&self, batch: Batch) -> Result<()> {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        let classes = batch.merge_classes(&state.classes)?;
        batch.check_expectations(&mut &*state)?;
        state.check(&batch, self.0.max_record_size)?;
        let mut stamp = Stamp { number: state.commits + 1, time: None };
        let mut is_changed = classes.is_some();
        if let Some(classes) = classes {
            state.declare(classes);
        }
        for step in batch.into_steps() {
            is_changed |= match step.change {
                Change::Keep => false,
                Change::Put(record) => state.put(&step.key, record, &mut stamp),
                Change::Delete => state.delete(&step.key),
            };
        }
        if is_changed {
            state.commits = stamp.number;
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut turn = self.0.turn();
        turn.holder = None;
        // One that does not get its turn now counts as waiting until it does.
        if turn.waiting > 0 {
            drop(turn);
            self.0.freed.notify_one();
        }
    }
}

#[derive(Debug)]
struct Tracker(Arc<Changes>);

impl Track for Tracker {
    fn changed(&mut self) -> Result<Option<Vec<Key>>> {
        Ok(Some(std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))))
    }
}

impl Upkeep for Memory {
    fn examine(&self, _: &mut dyn FnMut(Problem)) -> Result<Examined> {
        Ok(Examined::default())
    }

    fn mend(&self, problem: &Problem) -> Result<Option<String>> {
        let Some(key) = problem.key.as_ref().filter(|_| problem.kind == ProblemKind::DatedAhead) else {
            return Ok(None);
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let kept = state.records.get_mut(key.class()).and_then(|records| records.get_mut(key.id()));
        Ok(kept.filter(|kept| problem::is_ahead(kept.modified)).map(|kept| {
            kept.modified = SystemTime::now();
            problem::RENEWED.to_owned()
        }))
    }

    fn set_aside(&self, key: &Key, record: &Record) -> Result<String> {
        let mut quarantine = self.quarantine.lock().unwrap_or_else(PoisonError::into_inner);
        quarantine.push((key.clone(), record.clone()));
        Ok(format!("quarantine/{}/{}", quarantine.len(), key.path()))
    }

    fn note_checksums(&self) -> Result<u64> {
        Ok(0)
    }
}

impl Backend for Memory {
    fn read(&self, key: &Key) -> Result<Option<Record>> {
        Ok(self.state().get(key).cloned())
    }

    fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        let state = self.state();
        Ok((state.get(key).cloned(), state.seal(key)))
    }

    fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
        let state = self.state();
        for (key, seal) in sealed {
            if state.seal(key) != *seal {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        let state = self.state();
        let Some(record) = state.get(key) else { return Ok(None) };
        let mut links = Vec::new();
        record.each_link(&mut |link| links.push(link.clone()));
        Ok(Some(links))
    }

    fn stat(&self, key: &Key) -> Result<Option<Stat>> {
        let state = self.state();
        Ok(state.kept(key).map(|kept| Stat::new(kept.record.bytes(), kept.modified)))
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.state().get(key).is_some())
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        self.acquire()?.apply(batch)
    }

    fn lock(&self) -> Result<Box<dyn Lock + '_>> {
        Ok(Box::new(self.acquire()?))
    }

    fn moment(&self) -> Result<Moment> {
        Ok(Moment::new([self.state().commits, 0]))
    }

    fn track(&self) -> Result<Box<dyn Track + '_>> {
        let changes = Arc::new(Changes::default());
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.trackers.push(Arc::downgrade(&changes));
        Ok(Box::new(Tracker(changes)))
    }

    fn classes(&self) -> Result<Vec<Class>> {
        Ok(self.state().classes.clone())
    }

    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        /// How many are copied at once: `each` runs without the lock, so that it may call back into the store.
        const PAGE: usize = 512;
        let mut from = Bound::Unbounded;
        loop {
            let page: Vec<(Arc<str>, bool)> = {
                let state = self.state();
                let Some(records) = state.records.get(class) else { return Ok(()) };
                // What is of the other kind than its class is no object.
                let is_container =
                    state.classes.iter().any(|known| known.name() == class && known.kind() == Kind::Container);
                let fits = |kept: &Kept| matches!(kept.record, Record::Container(_)) == is_container;
                let page = records.range((from, Bound::Unbounded)).take(PAGE);
                page.map(|(id, kept)| (Arc::clone(id), fits(kept))).collect()
            };
            if page.iter().any(|(id, fits)| *fits && each(id).is_break()) {
                return Ok(());
            }
            match page.into_iter().nth(PAGE - 1) {
                Some((last, _)) => from = Bound::Excluded(last),
                None => return Ok(()),
            }
        }
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        self.state().generations(base)
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        Ok(self.state().newest(base))
    }

    fn identity(&self) -> u64 {
        self.identity
    }

    fn checkpoint(&self) -> Result<()> {
        Ok(())
    }

    fn recovered(&self) -> Option<Recovered> {
        None
    }

    fn upkeep(&self) -> &dyn Upkeep {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Whoever lets go wakes only those who are counted.
    #[test]
    fn who_waits_is_counted_until_it_is_its_turn() {
        let memory = Memory::new();
        thread::scope(|scope| {
            let held = memory.acquire().unwrap();
            let waiter = scope.spawn(|| memory.acquire().map(drop));
            while memory.turn().waiting == 0 && !waiter.is_finished() {
                thread::yield_now();
            }
            assert_eq!(memory.turn().waiting, 1);
            drop(held);
            assert!(waiter.join().unwrap().is_ok());
        });
        assert_eq!(memory.turn().waiting, 0);
    }
}
