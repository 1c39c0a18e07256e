//! Committing batches: the writer's steps, as [`journal`](super::journal) numbers them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use super::journal::state::State;
use super::journal::{LIGHT_LIMIT, LIMIT, Observed, START, damaged, frame};
use super::layout::{FORMAT_FILE, PRIVATE};
use super::lock::{Held, Outcome, Turn};
use super::operation::{Action, Before, Operation};
use super::overlay::Overlay;
use super::plan::Plan;
use super::publish::Publisher;
use super::read::{self, Stored};
use super::recover::{self, Effort};
use super::{Filesystem, catalog, removal, sys};
use crate::batch::{Batch, Change, Durability, Expect, Inspect, Step};
use crate::class::Class;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Fingerprint, Key, Record};

/// The most batches that are committed together.
const TOGETHER: usize = 256;

/// A batch that has been checked, and what it does.
#[derive(Debug, Default)]
struct Planned<'b> {
    operations: Vec<Operation<'b>>,
    /// The list of classes afterwards, if it changes.
    classes: Option<Vec<Class>>,
    bases: Vec<Base>,
    durability: Durability,
}

/// A base of which a generation comes or goes, with its newest generation. `None` afterwards means that
/// it must be looked for.
#[derive(Debug)]
struct Base {
    key: Key,
    before: Option<u64>,
    after: Option<u64>,
}

impl Filesystem {
    /// Commits a batch, alone or together with those of other threads.
    pub(super) fn commit_batch(&self, batch: Batch) -> Result<()> {
        if self.is_done(&batch)? {
            return Ok(());
        }
        match self.lock.acquire_for(&self.root, batch)? {
            Turn::Done(done) => done,
            Turn::Held(held, batch) => self.commit_held(&held, &batch, TOGETHER),
        }
    }

    /// Whether a batch changes nothing, and all is as it expects, and as durable. That takes no lock.
    fn is_done(&self, batch: &Batch) -> Result<bool> {
        let keeps =
            |step: &Step| step.change == Change::Keep && matches!(step.expect, Expect::Unchanged(_) | Expect::Absent);
        if !batch.steps().iter().all(keeps) || !batch.retired().is_empty() || batch.steps().is_empty() {
            return Ok(false);
        }
        let Observed::Trusted(state) = self.journal.observe(&self.root)? else {
            return Ok(false);
        };
        let is_durable = !state.unsynced && (!state.durable || state.synced == state.committed);
        if self.poisoned.load(Ordering::Relaxed) || !(is_durable || batch.durability() == Durability::Buffered) {
            return Ok(false);
        }
        if batch.merge_classes(&self.catalog.known())?.is_some() {
            return Ok(false);
        }
        for step in batch.steps() {
            let is_met = match &step.expect {
                Expect::Unchanged(fingerprint) => self.stored(&step.key)?.fingerprint() == Some(*fingerprint),
                _ => !self.is_stored(&step.key)?,
            };
            if !is_met {
                // Under the lock it is said what is wrong.
                return Ok(false);
            }
        }
        // Of several, each could have been so at another time.
        let is_one = matches!(batch.steps(), [_]);
        Ok(is_one || !state.single && self.journal.observe(&self.root)? == Observed::Trusted(state))
    }

    /// Commits a batch under the lock, and up to so many others with it.
    pub(super) fn commit_held(&self, held: &Held<'_>, batch: &Batch, together: usize) -> Result<()> {
        let mut state = self.begin()?;
        if let Some(done) = self.try_new_leaf(&mut state, batch)? {
            return Ok(done);
        }
        let own = self.plan(batch)?;
        if own.classes.is_some() || together < 2 {
            return self.carry_out(&mut state, &[own]);
        }
        let mut places = HashSet::new();
        claim_places(batch, &mut places);
        if batch.durability() == Durability::Sync {
            // Those who committed together with the last one are about to commit again, and a wait for the disk
            // takes longer than they do.
            held.gather(self.together.load(Ordering::Relaxed));
        }
        let mut room = together - 1;
        let taken = held.take_along(|other| {
            let fits = room > 0 && other.retired().is_empty() && claim_places(other, &mut places);
            room -= usize::from(fits);
            fits
        });
        let mut group = vec![own];
        let mut settles = Vec::new();
        for ticket in taken.iter() {
            match self.plan(&ticket.batch) {
                // It changes the list of classes, by which the others were planned.
                Ok(planned) if planned.classes.is_some() => {}
                Ok(planned) => {
                    group.push(planned);
                    settles.push(ticket);
                }
                Err(error) => ticket.settle(Outcome::Done(Err(error))),
            }
        }
        self.together.store(settles.len(), Ordering::Relaxed);
        self.carry_out(&mut state, &group)?;
        settles.iter().for_each(|ticket| ticket.settle(Outcome::Done(Ok(()))));
        Ok(())
    }

    /// Makes one new leaf under `Buffered`, the most frequent batch, without looking for it first.
    fn try_new_leaf(&self, state: &mut State, batch: &Batch) -> Result<Option<()>> {
        let [Step { key, expect: Expect::Any | Expect::Absent, change: Change::Put(Record::Leaf(content)) }] =
            batch.steps()
        else {
            return Ok(None);
        };
        if state.durable || batch.durability() == Durability::Sync || !batch.retired().is_empty() {
            return Ok(None);
        }
        // What this process has committed last was checked against the list of classes, and only a commit
        // changes that.
        let classes = match self.last.load(Ordering::Relaxed) == state.sequence {
            true => self.catalog.known(),
            false => self.catalog.current(&self.root)?,
        };
        let class = classes.iter().find(|class| class.name() == key.class());
        if class.is_none_or(Class::keeps_generations) || batch.merge_classes(&classes)?.is_some() {
            return Ok(None);
        }
        // What is saved now is mostly there if what was saved before was.
        if self.met_old.load(Ordering::Relaxed) && read::contains(&self.root, key)? {
            return Ok(None);
        }
        let operation = Operation::new(key.path(), Action::File(content.into()), Before::Nothing);
        let made = self.carry_out_single(state, &operation);
        self.met_old.store(made.is_err(), Ordering::Relaxed);
        // Whatever is in the way, it is looked at properly.
        Ok(made.ok())
    }

    /// Carries out one operation that needs no frame.
    fn carry_out_single(&self, state: &mut State, operation: &Operation<'_>) -> rustix::io::Result<()> {
        // What it takes comes first, so that little can fail in between.
        let mut publisher = Publisher::new(&self.root);
        publisher.open_way(&operation.path)?;
        if state.committed > START {
            // A frame that has been carried out must not be carried out again over this.
            self.journal.void(&self.root, START).map_err(|_| Errno::IO)?;
            (state.epoch, state.applied, state.committed, state.synced) = (state.epoch + 1, START, START, START);
        }
        state.sequence += 1;
        (state.single, state.unsynced) = (true, true);
        self.journal.try_set(&self.root, state)?;
        self.last.store(state.sequence, Ordering::Relaxed);
        publisher.operate(operation)
    }

    /// Checks a batch, and finds the operations that it takes.
    fn plan<'b>(&self, batch: &'b Batch) -> Result<Planned<'b>> {
        let stored = self.catalog.current(&self.root)?;
        let classes = batch.merge_classes(&stored)?;
        let mut present = Present { filesystem: self, classes: &stored, read: HashMap::new(), newest: HashMap::new() };
        batch.check_expectations(&mut present)?;
        for class in batch.classes().iter().filter(|class| !present.declares(class.name())) {
            self.check_new_class(class)?;
        }
        let mut plan = Plan::default();
        let mut removals = Vec::new();
        let mut bases = Vec::new();
        for step in batch.steps() {
            match &step.change {
                Change::Keep => continue,
                Change::Put(record) => {
                    let stored = present.take(&step.key)?;
                    plan.put(&step.key, stored, record).map_err(|error| error.below(self.root.path()))?;
                }
                Change::Delete if present.declares(step.key.class()) => {
                    removal::of_record(&self.root, &step.key, &mut removals)?;
                }
                Change::Delete => {}
            }
            let known = classes.as_deref().unwrap_or(&stored);
            if known.iter().any(|class| class.name() == step.key.class() && class.keeps_generations()) {
                self.plan_generation(step, &mut present, &mut bases)?;
            }
        }
        for class in batch.retired().iter().filter(|class| present.declares(class)) {
            removal::of_class(&self.root, class, batch, &mut removals)?;
        }
        let mut operations = plan.finish();
        operations.extend(removals);
        if let Some(classes) = &classes {
            // Declared before the first object is there, retired after the last is gone.
            let content = Cow::Owned(catalog::print(classes)?);
            let operation = Operation::new(FORMAT_FILE, Action::File(content), Before::Unknown);
            let at = if batch.retired().is_empty() { 0 } else { operations.len() };
            operations.insert(at, operation);
        }
        Ok(Planned { operations, classes, bases, durability: batch.durability() })
    }

    /// Finds out what becomes of the newest generation.
    fn plan_generation(&self, step: &Step, present: &mut Present<'_>, bases: &mut Vec<Base>) -> Result<()> {
        let (key, generation) = step.key.generation();
        let at = match bases.iter().position(|base| base.key == key) {
            Some(at) => at,
            None => {
                self.keep_hints(&key)?;
                // The hint is right before anything changes.
                let before = match generation {
                    0 if !present.is_superseded(&step.key)? => Some(0),
                    _ => present.newest(&key)?.map(|newest| newest.generation().1),
                };
                bases.push(Base { key, before, after: before });
                bases.len() - 1
            }
        };
        let after = &mut bases[at].after;
        match step.change {
            Change::Put(_) => *after = (*after).max(Some(generation)),
            Change::Delete if *after == Some(generation) => *after = None,
            Change::Delete | Change::Keep => {}
        }
        Ok(())
    }

    /// Lets planned batches take effect, and carries them out. If this fails, nothing has changed.
    fn carry_out(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        for base in group.iter().flat_map(|planned| &planned.bases).filter(|base| base.after > base.before) {
            // A hint that is ahead of the generations is seen to be bad; one that lags may not be.
            self.set_hint(&base.key, base.after)?;
        }
        if let [only] = group
            && let [operation] = &*only.operations
            && only.durability == Durability::Buffered
            && only.classes.is_none()
            && !state.durable
            && is_whole_record(operation)
        {
            let done = self.carry_out_single(state, operation);
            done.map_err(|errno| self.failed(operation, errno))?;
        } else if group.iter().any(|planned| !planned.operations.is_empty()) {
            self.check_feasible(group)?;
            self.write_frames(state, group)?;
            self.publish(state, group)?;
        } else if group.iter().any(|planned| planned.durability == Durability::Sync) {
            self.make_durable(state)?;
        }
        for planned in group {
            if planned.classes.is_some() {
                self.catalog.reread(&self.root)?;
            }
            for base in planned.bases.iter().filter(|base| base.after < base.before) {
                // It is bad now; if it cannot be set right, it stays so.
                let _ = self.newest_for_writer(&base.key);
            }
        }
        Ok(())
    }

    fn failed(&self, operation: &Operation<'_>, errno: Errno) -> Error {
        let place = self.root.place(&*operation.path);
        if errno == Errno::EXIST && self.root.folds() {
            let message = "the file system takes this name for another that is there";
            return Error::invalid_name(message).at(place.to_string_lossy());
        }
        Error::io(operation.action.describe(), &place, errno)
    }

    /// Refuses what would be found impossible only after it has taken effect.
    fn check_feasible(&self, group: &[Planned<'_>]) -> Result<()> {
        let mut publisher = Publisher::new(&self.root);
        let (mut checked, mut needed) = ("", 0);
        let mut made = HashSet::new();
        for operation in group.iter().flat_map(|planned| &planned.operations) {
            let parent = operation.path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if parent != checked {
                publisher.check_way(parent).map_err(|errno| self.failed(operation, errno))?;
                checked = parent;
            }
            if let Action::File(content) = &operation.action {
                needed += content.len() as u64;
            }
            // Blocks of files and directories.
            needed += 4096;
            if self.root.folds() && operation.before == Before::Nothing && !made.insert(operation.path.to_lowercase()) {
                return Err(self.failed(operation, Errno::EXIST));
            }
            if self.root.folds() && operation.before == Before::Nothing && publisher.is_taken(&operation.path) {
                return Err(self.failed(operation, Errno::EXIST));
            }
        }
        match sys::free(&self.root) {
            Ok(free) if free < needed => Err(Error::io("write the batch", self.root.path(), Errno::NOSPC)),
            _ => Ok(()),
        }
    }

    /// Steps 3 to 5.
    fn write_frames(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        self.journal.check_place(&self.root)?;
        let durable = group.iter().any(|planned| planned.durability == Durability::Sync);
        let mut next = *state;
        if durable && !next.durable {
            // What came before in this epoch is carried out, and shall be as durable as what comes now.
            if next.unsynced {
                self.sync_everything(&mut next)?;
            }
            self.sync_ground().map_err(|error| self.poison(state, error))?;
            next.durable = true;
            self.begin_epoch(&mut next)?;
        }
        let mut bytes = Vec::new();
        let mut encode = |next: &mut State| {
            bytes.clear();
            let (mut at, mut sequence) = (next.committed, next.sequence);
            for planned in group.iter().filter(|planned| !planned.operations.is_empty()) {
                sequence += 1;
                let header =
                    frame::Header { durable: next.durable, epoch: next.epoch, at, sequence, synced: next.synced };
                at += frame::encode(header, &planned.operations, &mut bytes);
            }
            // What a dead writer may have left right behind is none of these.
            bytes.resize(bytes.len() + frame::HEADER, 0);
            (at, sequence)
        };
        let (mut end, mut sequence) = encode(&mut next);
        let limit = if next.durable { LIMIT } else { LIGHT_LIMIT };
        if end > limit && next.committed > START {
            if next.durable {
                self.checkpoint_epoch(&mut next)?;
                next.durable = true;
            }
            self.begin_epoch(&mut next)?;
            (end, sequence) = encode(&mut next);
        }
        let begin = next.committed;
        let written = self.journal.write(&self.root, begin, &bytes);
        written.inspect_err(|_| drop(self.journal.void(&self.root, begin)))?;
        if durable {
            if let Err(error) = self.journal.sync(&self.root) {
                let _ = self.journal.void(&self.root, begin);
                return Err(self.poison(state, error));
            }
            next.synced = end;
        } else {
            next.unsynced |= !next.durable;
        }
        (next.applied, next.committed, next.sequence, next.single) = (begin, end, sequence, false);
        let set = self.journal.set(&self.root, &mut next);
        set.inspect_err(|_| drop(self.journal.void(&self.root, begin)))?;
        *state = next;
        Ok(())
    }

    /// Begins another epoch, after one of which nothing is needed any more.
    fn begin_epoch(&self, state: &mut State) -> Result<()> {
        // In this order: what is killed in between leaves no frame that could be taken for one of either.
        self.journal.void(&self.root, START)?;
        (state.epoch, state.applied, state.committed, state.synced) = (state.epoch + 1, START, START, START);
        self.journal.set(&self.root, state)
    }

    /// Steps 6 and 7. The batches have taken effect: what cannot be carried out now is carried out
    /// later, and readers see it all the same.
    fn publish(&self, state: &mut State, group: &[Planned<'_>]) -> Result<()> {
        let mut publisher = Publisher::new(&self.root);
        let mut operations = group.iter().flat_map(|planned| &planned.operations);
        if operations.try_for_each(|operation| publisher.operate(operation)).is_err() && self.finish(state).is_err() {
            super::trace::pending(self.root.path());
            return Ok(());
        }
        state.applied = state.committed;
        // If this cannot be noted, it is found to be done.
        let _ = self.journal.set(&self.root, state);
        Ok(())
    }

    /// Carries out what is left of what has taken effect.
    fn finish(&self, state: &State) -> Result<()> {
        let frames = self.journal.frames(&self.root, state.epoch, state.applied, state.committed)?;
        let frames = frames.ok_or_else(|| damaged(&self.root, "a commit in it cannot be read"))?;
        let report = recover::complete(&self.root, &Overlay::of(&frames, false), Effort::Due)?;
        self.report(report);
        Ok(())
    }

    /// Begins to write: adopts what a dead writer left (step 1). Under the lock.
    pub(super) fn begin(&self) -> Result<State> {
        if self.poisoned.load(Ordering::Relaxed) {
            return Err(self.is_poisoned());
        }
        self.journal.make(&self.root)?;
        match self.journal.observe(&self.root)? {
            Observed::Trusted(mut state) => {
                let is_pending = state.applied < state.committed;
                if is_pending {
                    self.finish(&state)?;
                    state.applied = state.committed;
                }
                if is_pending || !self.journal.is_mine(&state) {
                    // What another process wrote last may lie beyond, and never have taken effect.
                    self.journal.void(&self.root, state.committed)?;
                    self.journal.set(&self.root, &mut state)?;
                }
                if is_pending {
                    self.catalog.reread(&self.root)?;
                }
                Ok(state)
            }
            Observed::Untrusted(Some(state)) if state.poisoned => Err(self.is_poisoned()),
            Observed::Nothing => self.recover(None),
            Observed::Untrusted(state) => self.recover(state),
        }
    }

    /// Carries out again whatever may not have reached the disk. Under the lock.
    pub(super) fn recover(&self, known: Option<State>) -> Result<State> {
        self.journal.make(&self.root)?;
        let scan = self.journal.scan(&self.root, known)?;
        let poisoned = known.is_some_and(|state| state.poisoned);
        let overlay = Overlay::of(&scan.frames, true);
        if overlay.commits > 0 {
            let effort = if poisoned { Effort::All } else { Effort::Due };
            let report = recover::complete(&self.root, &overlay, effort)?;
            recover::sync(&self.root, &overlay)?;
            self.report(report);
        }
        if poisoned {
            let synced = sys::sync_all(&self.root);
            synced.map_err(|errno| Error::io("sync the file system", self.root.path(), errno))?;
        }
        if known.is_some() || !self.journal.is_empty(&self.root)? {
            self.forget_hints()?;
            // Nothing of it shall be carried out again once others have written over it, nor be taken for a
            // frame of an epoch of the same number, where the state is lost.
            self.journal.empty(&self.root)?;
            self.journal.sync(&self.root)?;
        }
        let before = known.map_or((0, 0), |state| (state.epoch, state.sequence));
        let mut state = State {
            poisoned: false,
            unsynced: false,
            durable: false,
            single: false,
            epoch: before.0.max(scan.epoch) + 1,
            sequence: before.1.max(scan.sequence) + 1,
            applied: START,
            committed: START,
            token: 0,
            synced: START,
            writer: 0,
        };
        self.journal.set(&self.root, &mut state)?;
        self.poisoned.store(false, Ordering::Relaxed);
        Ok(state)
    }

    /// Makes all that has been committed durable where it stands, and begins the journal anew. Under the
    /// lock.
    pub(super) fn checkpoint_held(&self) -> Result<()> {
        let mut state = self.begin()?;
        if state.durable {
            self.checkpoint_epoch(&mut state)?;
        }
        if state.unsynced {
            self.sync_everything(&mut state)?;
        }
        if state.committed > START {
            return self.begin_epoch(&mut state);
        }
        self.journal.set(&self.root, &mut state)
    }

    /// Syncs the files of an epoch with durable frames, and leaves the journal empty.
    fn checkpoint_epoch(&self, state: &mut State) -> Result<()> {
        let frames = self.journal.frames(&self.root, state.epoch, START, state.committed)?;
        let frames = frames.ok_or_else(|| damaged(&self.root, "a commit in it cannot be read"))?;
        let synced = recover::sync(&self.root, &Overlay::of(&frames, false));
        synced.map_err(|error| self.poison(state, error))?;
        // From here on, nothing needs what the journal holds.
        *state = State {
            epoch: state.epoch + 1,
            applied: START,
            committed: START,
            synced: START,
            durable: false,
            unsynced: false,
            ..*state
        };
        self.journal.set(&self.root, state)?;
        // Killed here: whoever writes next voids it.
        let emptied = self.journal.void(&self.root, START).and_then(|()| self.journal.sync(&self.root));
        emptied.map_err(|error| self.poison(state, error))
    }

    /// Nothing changes, but what came before may not have been waited for.
    fn make_durable(&self, state: &mut State) -> Result<()> {
        if state.unsynced {
            self.sync_everything(state)?;
        } else if state.durable && state.synced < state.committed {
            self.journal.sync(&self.root).map_err(|error| self.poison(state, error))?;
            state.synced = state.committed;
        } else {
            return Ok(());
        }
        self.journal.set(&self.root, state)
    }

    /// Makes sure that what the journal itself stands on is found again: it may be new.
    fn sync_ground(&self) -> Result<()> {
        let fail = |errno| Error::io("sync the store", self.root.path(), errno);
        let private = sys::open_directory(&self.root, PRIVATE).map_err(fail)?;
        let format = sys::open_below(&self.root, FORMAT_FILE).map_err(fail)?;
        sys::sync(format).and_then(|()| sys::sync(private)).and_then(|()| sys::sync(&self.root)).map_err(fail)
    }

    fn sync_everything(&self, state: &mut State) -> Result<()> {
        match sys::sync_all(&self.root) {
            Ok(()) => {
                state.unsynced = false;
                Ok(())
            }
            Err(errno) => Err(self.poison(state, Error::io("sync the file system", self.root.path(), errno))),
        }
    }

    /// A sync has failed: what the disk has is not known.
    fn poison(&self, state: &State, cause: Error) -> Error {
        self.poisoned.store(true, Ordering::Relaxed);
        // If that fails too, this process at least knows.
        let _ = self.journal.set(&self.root, &mut State { poisoned: true, ..*state });
        Error::new(ErrorKind::Poisoned, cause).at(self.root.path().to_string_lossy())
    }

    fn is_poisoned(&self) -> Error {
        let message = "the disk failed to confirm an earlier write: open the store again";
        Error::message(ErrorKind::Poisoned, message).at(self.root.path().to_string_lossy())
    }
}

/// Whether an operation is all of a leaf's change.
fn is_whole_record(operation: &Operation<'_>) -> bool {
    operation.path.split('/').count() == 2 && matches!(operation.action, Action::File(_) | Action::Remove)
}

/// Claims what a batch touches, unless others have claimed some of it. Batches are planned by what is
/// stored, so those that are committed together must not touch each other's.
fn claim_places(batch: &Batch, places: &mut HashSet<Key>) -> bool {
    // Bases stand for all of their generations.
    let touched: Vec<Key> = batch.steps().iter().map(|step| step.key.generation().0).collect();
    if touched.iter().any(|key| places.contains(key)) {
        return false;
    }
    places.extend(touched);
    true
}

/// What is stored, under the lock.
struct Present<'a> {
    filesystem: &'a Filesystem,
    classes: &'a [Class],
    /// What has been read to check an expectation, for the plan.
    read: HashMap<Key, Stored>,
    newest: HashMap<Key, Option<Key>>,
}

impl Present<'_> {
    fn declares(&self, class: &str) -> bool {
        self.classes.iter().any(|known| known.name() == class)
    }

    fn take(&mut self, key: &Key) -> Result<Stored> {
        match self.read.remove(key) {
            Some(stored) => Ok(stored),
            None => read::stored(&self.filesystem.root, key),
        }
    }
}

impl Inspect for Present<'_> {
    fn contains(&mut self, key: &Key) -> Result<bool> {
        Ok(self.declares(key.class()) && read::contains(&self.filesystem.root, key)?)
    }

    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>> {
        if !self.declares(key.class()) {
            return Ok(None);
        }
        let stored = read::stored(&self.filesystem.root, key)?;
        let fingerprint = stored.fingerprint();
        self.read.insert(key.clone(), stored);
        Ok(fingerprint)
    }

    fn newest(&mut self, base: &Key) -> Result<Option<Key>> {
        if let Some(known) = self.newest.get(base) {
            return Ok(known.clone());
        }
        if !self.declares(base.class()) {
            return Ok(None);
        }
        let newest = self.filesystem.newest_for_writer(base)?;
        self.newest.insert(base.clone(), newest.clone());
        Ok(newest)
    }

    fn is_superseded(&mut self, key: &Key) -> Result<bool> {
        Ok(self.declares(key.class()) && self.filesystem.is_superseded(key)?)
    }
}
