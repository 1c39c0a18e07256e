//! The writer lock: one writer at a time among all threads and processes.
//!
//! # Who comes next
//! The system's lock is nobody's turn: whoever looks right after it was given back has it, and that is who gave it back.
//! So there are two rules, and they are for whoever takes the lock again and again, in a *run*: that of a handle goes on
//! as long as it does not leave the lock alone for [`AGAIN`].
//! - *Among processes*, whoever has waited for longer than that takes the turnstile, if it is free, and keeps it until
//!   the lock is its. Whoever has had its run for a [`TURN`] takes the turnstile first; so it lets one other pass,
//!   which has then a turn of its own. If that one does not come within [`GRACE`], it may have been stopped, and nobody
//!   waits for it any longer. Who has waited for long looks more often than who has just had a turn.
//! - *Among the threads of a handle*, whoever has waited for longer than [`AGAIN`] comes before all that came later.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::layout::PRIVATE;
use super::root::Root;
use super::sys;
use crate::record::batch::Batch;
use crate::record::error::{Error, ErrorKind, Result};

/// `flock` on the root directory's own handle, with a gate in front for the threads that share the
/// handle. The system gives the lock back when the process dies.
#[derive(Debug)]
pub(super) struct WriterLock {
    timeout: Duration,
    gate: Mutex<Gate>,
    freed: Condvar,
    /// Locked by whoever is next, so that those who come again and again let it pass.
    turnstile: OnceLock<OwnedFd>,
    /// A fork has the same handle, and so the same lock.
    process: u32,
}

#[derive(Debug, Default)]
struct Gate {
    holder: Option<ThreadId>,
    /// Threads that wait. Waking is a system call, also where there is nobody to wake.
    waiting: usize,
    /// Those of them that nobody serves, in the order in which they came.
    queue: Vec<Waiter>,
    /// How many have ever waited.
    waited: u64,
    /// The present run of this handle, or the last.
    run: Option<Run>,
}

/// A thread that waits.
#[derive(Debug)]
struct Waiter {
    number: u64,
    since: Instant,
    /// Its batch, which whoever has the lock may commit with its own.
    ticket: Option<Arc<Ticket>>,
}

/// The lock taken again and again.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Then others are let pass.
    until: Instant,
    /// When the lock was given back last.
    left: Instant,
}

/// Whoever takes the lock again within this time has not let others have it.
const AGAIN: Duration = Duration::from_millis(10);
/// For so long at a time.
const TURN: Duration = Duration::from_millis(20);
/// Others are given so long to take the lock once it is their turn.
const GRACE: Duration = Duration::from_millis(100);
/// The longest pause between two looks of who has waited for longer than [`PATIENCE`], or is the next.
const SHORT: Duration = Duration::from_millis(1);
/// That of all others.
const LONG: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_millis(50);

impl Gate {
    /// Whether a thread can come in: the one that waits under this number, or one that has just come.
    fn admits(&self, number: Option<u64>) -> bool {
        let is_first = |first: &Waiter| Some(first.number) == number || first.since.elapsed() < AGAIN;
        self.holder.is_none() && self.queue.first().is_none_or(is_first)
    }

    /// Puts a thread where it belongs among those that wait.
    fn queue(&mut self, waiter: Waiter) {
        let at = self.queue.partition_point(|other| other.number < waiter.number);
        self.queue.insert(at, waiter);
    }

    fn leave_queue(&mut self, number: u64) {
        self.queue.retain(|other| other.number != number);
    }

    /// Lets this thread in, and returns whether others are to be let pass before it takes the lock.
    fn hold(&mut self, now: Instant) -> bool {
        self.holder = Some(std::thread::current().id());
        match self.run {
            Some(run) if now.saturating_duration_since(run.left) < AGAIN => now >= run.until,
            _ => {
                self.run = Some(Run { until: now + TURN, left: now });
                false
            }
        }
    }

    /// Begins another turn, once the lock is taken.
    fn begin_turn(&mut self) {
        let now = Instant::now();
        self.run = Some(Run { until: now + TURN, left: now });
    }
}

/// A batch that waits to be committed by whoever has the lock.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) batch: Batch,
    outcome: Mutex<Option<Outcome>>,
}

/// What became of a batch that was taken along.
#[derive(Debug)]
pub(super) enum Outcome {
    Done(Result<()>),
    /// It was not committed, for no fault of its own: its thread does it itself.
    Again,
}

impl Ticket {
    /// Says what became of the batch.
    pub(super) fn settle(&self, outcome: Outcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    fn take(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What came of waiting for the lock.
pub(super) enum Turn<'a> {
    /// It is held.
    Held(Held<'a>, Batch),
    /// Another thread has committed the batch.
    Done(Result<()>),
}

/// How often a thread that gathers batches lets the others run.
const GATHERING: usize = 32;

/// Holds the lock until it is dropped.
#[must_use]
#[derive(Debug)]
pub(super) struct Held<'a> {
    lock: &'a WriterLock,
    root: &'a Root,
    during: During,
}

/// What runs while the lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum During {
    /// Nothing but a commit: whoever began it ends it, in the same process.
    Commit,
    /// Others' code, which may fork; then both processes come to the end.
    Anything,
}

impl WriterLock {
    pub(super) fn new(timeout: Duration) -> Self {
        let (gate, freed, turnstile) = Default::default();
        Self { timeout, gate, freed, turnstile, process: std::process::id() }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this thread holds the lock.
    pub(super) fn is_mine(&self) -> bool {
        self.gate().holder == Some(std::thread::current().id())
    }

    /// Takes the lock if nobody has it.
    pub(super) fn try_acquire<'a>(&'a self, root: &'a Root) -> Result<Option<Held<'a>>> {
        self.check_process(root)?;
        let mut gate = self.gate();
        if !gate.admits(None) {
            return Ok(None);
        }
        gate.hold(Instant::now());
        drop(gate);
        let held = Held { lock: self, root, during: During::Anything };
        match sys::try_lock(root) {
            Ok(()) => Ok(Some(held)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
            Err(errno) => Err(Error::io("lock the store", root.path(), errno)),
        }
    }

    /// Waits for the lock.
    pub(super) fn acquire<'a>(&'a self, root: &'a Root) -> Result<Held<'a>> {
        let start = Instant::now();
        let mut gate = self.gate();
        self.check_holder(&gate, root)?;
        if !gate.admits(None) {
            // Invariant: without a batch, it is not done by another.
            (gate, _) = self.wait(gate, root, start, None)?;
        }
        self.enter(gate, root, start, During::Anything)
    }

    /// Waits for the lock to commit a batch, or for another thread that commits it with its own.
    pub(super) fn acquire_for<'a>(&'a self, root: &'a Root, batch: Batch) -> Result<Turn<'a>> {
        let start = Instant::now();
        let gate = self.gate();
        if gate.admits(None) {
            return Ok(Turn::Held(self.enter(gate, root, start, During::Commit)?, batch));
        }
        self.check_holder(&gate, root)?;
        let ticket = Arc::new(Ticket { batch, outcome: Mutex::default() });
        match self.wait(gate, root, start, Some(&ticket))? {
            (_, Some(done)) => Ok(Turn::Done(done)),
            (gate, None) => {
                let held = self.enter(gate, root, start, During::Commit)?;
                let batch = Arc::try_unwrap(ticket).map_or_else(|ticket| ticket.batch.clone(), |ticket| ticket.batch);
                Ok(Turn::Held(held, batch))
            }
        }
    }

    /// Waits until this thread can come in, or until another has committed its batch, and returns what came of that.
    fn wait<'g>(
        &'g self,
        mut gate: MutexGuard<'g, Gate>,
        root: &Root,
        start: Instant,
        ticket: Option<&Arc<Ticket>>,
    ) -> Result<(MutexGuard<'g, Gate>, Option<Result<()>>)> {
        gate.waited += 1;
        let number = gate.waited;
        let waiter = || Waiter { number, since: start, ticket: ticket.map(Arc::clone) };
        gate.queue(waiter());
        gate.waiting += 1;
        let waited = loop {
            match ticket.and_then(|ticket| ticket.take()) {
                Some(Outcome::Done(done)) => break Ok(Some(done)),
                Some(Outcome::Again) => gate.queue(waiter()),
                None => {}
            }
            if gate.admits(Some(number)) {
                break Ok(None);
            }
            let waits = gate.queue.iter().any(|other| other.number == number);
            let left = self.timeout.saturating_sub(start.elapsed());
            if waits && left.is_zero() {
                break Err(self.locked(root, "another thread of this process"));
            }
            gate = if waits {
                self.freed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0
            } else {
                // It has been taken along, and will be settled.
                self.freed.wait(gate).unwrap_or_else(PoisonError::into_inner)
            };
        };
        gate.waiting -= 1;
        gate.leave_queue(number);
        if !matches!(waited, Ok(None)) && gate.waiting > 0 {
            // Others may have had to wait for this one to go first.
            self.freed.notify_all();
        }
        Ok((gate, waited?))
    }

    /// Passes the gate, which is open, and waits for other processes.
    fn enter<'a>(
        &'a self,
        mut gate: MutexGuard<'_, Gate>,
        root: &'a Root,
        start: Instant,
        during: During,
    ) -> Result<Held<'a>> {
        self.check_process(root)?;
        let began = Instant::now();
        let lets_pass = gate.hold(began);
        drop(gate);
        // From here on, dropping opens the gate again.
        let held = Held { lock: self, root, during };
        let mut turnstile = if lets_pass { self.let_pass(root, start) } else { None };
        let mut has_waited = lets_pass;
        self.poll(root, start, || {
            let locked = sys::try_lock(root);
            if locked != Err(Errno::WOULDBLOCK) {
                return locked.map(|()| None);
            }
            has_waited = true;
            if began.elapsed() > AGAIN && turnstile.is_none() {
                turnstile = self.try_turnstile(root);
            }
            let is_next = turnstile.is_some() || began.elapsed() > PATIENCE;
            Ok(Some(if is_next { SHORT } else { LONG }))
        })?;
        if has_waited {
            self.gate().begin_turn();
        }
        Ok(held)
    }

    /// Leaves the lock to whoever has waited for it, as long as that may be, and takes the turnstile then.
    fn let_pass(&self, root: &Root, start: Instant) -> Option<Turnstile<'_>> {
        let end = Instant::now() + GRACE.min(self.timeout.saturating_sub(start.elapsed()) / 2);
        loop {
            let turnstile = self.try_turnstile(root);
            let left = end.saturating_duration_since(Instant::now());
            if turnstile.is_some() || left.is_zero() {
                return turnstile;
            }
            std::thread::sleep(LONG.min(left));
        }
    }

    /// Tries to take the lock with `attempt` until that is done. As long as another process has it, `attempt` returns
    /// the longest pause before it is called again.
    fn poll(
        &self,
        root: &Root,
        start: Instant,
        mut attempt: impl FnMut() -> rustix::io::Result<Option<Duration>>,
    ) -> Result<()> {
        let mut pause = Duration::from_micros(50);
        loop {
            let longest = match attempt() {
                Ok(None) => return Ok(()),
                Ok(Some(_)) if start.elapsed() >= self.timeout => {
                    let holder = sys::lock_holder(root).map(|process| format!("process {process}"));
                    return Err(self.locked(root, holder.as_deref().unwrap_or("another process")));
                }
                Ok(Some(longest)) => longest,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Error::io("lock the store", root.path(), errno)),
            };
            // Writers that started together part ways.
            let jitter = Duration::from_nanos(u64::from(start.elapsed().subsec_nanos() % 997) * 50);
            let left = self.timeout.saturating_sub(start.elapsed());
            std::thread::sleep((pause + jitter).min(left));
            pause = (pause * 2).min(longest);
        }
    }

    fn try_turnstile(&self, root: &Root) -> Option<Turnstile<'_>> {
        self.turnstile(root).filter(|handle| sys::try_lock(handle).is_ok()).map(Turnstile)
    }

    fn turnstile(&self, root: &Root) -> Option<&OwnedFd> {
        if self.turnstile.get().is_none() {
            // Where there is none, nobody waits there.
            let _ = self.turnstile.set(sys::open_directory(root, PRIVATE).ok()?);
        }
        self.turnstile.get()
    }

    /// A fork shares the lock with its parent, and would take it away.
    fn check_process(&self, root: &Root) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        let message = "the store was opened before this process was forked: open it again";
        Err(Error::message(ErrorKind::Locked, message).at(root.path().to_string_lossy()))
    }

    /// A thread that waited for itself would wait for ever.
    fn check_holder(&self, gate: &Gate, root: &Root) -> Result<()> {
        if gate.holder != Some(std::thread::current().id()) {
            return Ok(());
        }
        let message = "this thread holds the store itself, in a transaction or snapshot: use that one's methods";
        Err(Error::message(ErrorKind::Locked, message).at(root.path().to_string_lossy()))
    }

    fn locked(&self, root: &Root, holder: &str) -> Error {
        let message = format!("{holder} holds the store, which was not free within {:?}", self.timeout);
        Error::message(ErrorKind::Locked, message).at(root.path().to_string_lossy())
    }
}

impl Held<'_> {
    /// Gives threads the time to come with the batches that they are about to commit, up to so many.
    pub(super) fn gather(&self, expected: usize) {
        for _ in 0..GATHERING {
            let gate = self.lock.gate();
            if gate.queue.iter().filter(|waiter| waiter.ticket.is_some()).count() >= expected {
                return;
            }
            drop(gate);
            std::thread::yield_now();
        }
    }

    /// Takes waiting batches along, those of which `fits` says so.
    pub(super) fn take_along(&self, mut fits: impl FnMut(&Batch) -> bool) -> Taken {
        let mut gate = self.lock.gate();
        if gate.queue.is_empty() {
            return Taken(Vec::new());
        }
        let fitting = |waiter: &mut Waiter| waiter.ticket.as_ref().is_some_and(|ticket| fits(&ticket.batch));
        Taken(gate.queue.extract_if(.., fitting).filter_map(|waiter| waiter.ticket).collect())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.during == During::Anything && std::process::id() != self.lock.process {
            // It is the parent's.
            return;
        }
        // If it fails, the handle is closed, and the lock gone with it.
        let _ = sys::unlock(self.root);
        let mut gate = self.lock.gate();
        gate.holder = None;
        if let Some(run) = &mut gate.run {
            run.left = Instant::now();
        }
        if gate.waiting > 0 {
            self.lock.freed.notify_all();
        }
    }
}

/// Holds the turnstile until it is dropped.
struct Turnstile<'a>(&'a OwnedFd);

impl Drop for Turnstile<'_> {
    fn drop(&mut self) {
        // If it fails, the handle is closed some day, and the lock gone with it.
        let _ = sys::unlock(self.0);
    }
}

/// Batches that were taken along. Those that are not settled are left to their threads.
#[derive(Debug)]
pub(super) struct Taken(Vec<Arc<Ticket>>);

impl Taken {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Ticket> {
        self.0.iter().map(|ticket| &**ticket)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for ticket in &self.0 {
            let mut outcome = ticket.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            outcome.get_or_insert(Outcome::Again);
        }
    }
}
