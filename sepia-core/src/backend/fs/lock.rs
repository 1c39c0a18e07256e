//! The writer lock: one writer at a time among all threads and processes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::layout::PRIVATE;
use super::root::Root;
use super::sys;
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};

/// `flock` on the root directory's own handle, with a gate in front for the threads that share the
/// handle. The system gives the lock back when the process dies.
#[derive(Debug)]
pub(super) struct WriterLock {
    timeout: Duration,
    gate: Mutex<Gate>,
    freed: Condvar,
    /// Locked by whoever has waited for long, so that those who come again and again let it pass.
    turnstile: OnceLock<OwnedFd>,
    /// A fork has the same handle, and so the same lock.
    process: u32,
}

#[derive(Debug, Default)]
struct Gate {
    holder: Option<ThreadId>,
    /// Threads that wait. Waking is a system call, also where there is nobody to wake.
    waiting: usize,
    /// Batches whose threads wait, and that whoever has the lock may commit with its own.
    tickets: Vec<Arc<Ticket>>,
    /// When the lock was given back last.
    released: Option<Instant>,
    /// When the lock was taken while it had been free, or when others were let pass.
    since: Option<Instant>,
}

/// Who takes the lock again within this time has not let others have it: they look for it now and then.
const AGAIN: Duration = Duration::from_millis(10);
/// For so long at a time.
const TURN: Duration = Duration::from_millis(20);

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
        if gate.holder.is_some() {
            return Ok(None);
        }
        gate.holder = Some(std::thread::current().id());
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
        gate.waiting += 1;
        let busy = |gate: &mut Gate| gate.holder.is_some();
        let waited = self.freed.wait_timeout_while(gate, self.timeout, busy);
        (gate, _) = waited.unwrap_or_else(PoisonError::into_inner);
        gate.waiting -= 1;
        if gate.holder.is_some() {
            return Err(self.locked(root, "another thread of this process"));
        }
        self.enter(gate, root, start, During::Anything)
    }

    /// Waits for the lock to commit a batch, or for another thread that commits it with its own.
    pub(super) fn acquire_for<'a>(&'a self, root: &'a Root, batch: Batch) -> Result<Turn<'a>> {
        let start = Instant::now();
        let mut gate = self.gate();
        if gate.holder.is_none() {
            return Ok(Turn::Held(self.enter(gate, root, start, During::Commit)?, batch));
        }
        self.check_holder(&gate, root)?;
        let ticket = Arc::new(Ticket { batch, outcome: Mutex::default() });
        gate.tickets.push(Arc::clone(&ticket));
        gate.waiting += 1;
        let leads = loop {
            match ticket.take() {
                Some(Outcome::Done(done)) => break Err(Ok(Turn::Done(done))),
                Some(Outcome::Again) => gate.tickets.push(Arc::clone(&ticket)),
                None => {}
            }
            if gate.holder.is_none() {
                break Ok(());
            }
            let waits = gate.tickets.iter().any(|other| Arc::ptr_eq(other, &ticket));
            let left = self.timeout.saturating_sub(start.elapsed());
            if waits && left.is_zero() {
                break Err(Err(self.locked(root, "another thread of this process")));
            }
            gate = if waits {
                self.freed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0
            } else {
                // It has been taken along, and will be settled.
                self.freed.wait(gate).unwrap_or_else(PoisonError::into_inner)
            };
        };
        gate.waiting -= 1;
        gate.tickets.retain(|other| !Arc::ptr_eq(other, &ticket));
        match leads {
            Err(settled) => settled,
            Ok(()) => {
                let held = self.enter(gate, root, start, During::Commit)?;
                let batch = Arc::try_unwrap(ticket).map_or_else(|ticket| ticket.batch.clone(), |ticket| ticket.batch);
                Ok(Turn::Held(held, batch))
            }
        }
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
        gate.holder = Some(std::thread::current().id());
        let again = gate.released.is_some_and(|released| start.saturating_duration_since(released) < AGAIN);
        let lets_pass = again && gate.since.is_some_and(|since| start.saturating_duration_since(since) > TURN);
        if !again || lets_pass {
            gate.since = Some(start);
        }
        drop(gate);
        // From here on, dropping opens the gate again.
        let held = Held { lock: self, root, during };
        let mut turnstile = None;
        if lets_pass && let Some(handle) = self.turnstile(root) {
            self.poll(root, start, handle, |_| {})?;
            turnstile = Some(Turnstile(handle));
        }
        self.poll(root, start, root, |waited| {
            if waited > AGAIN && turnstile.is_none() {
                let handle = self.turnstile(root);
                turnstile = handle.filter(|handle| sys::try_lock(handle).is_ok()).map(Turnstile);
            }
        })?;
        Ok(held)
    }

    /// Waits for the lock of an open file.
    fn poll(&self, root: &Root, start: Instant, file: impl AsFd, mut each: impl FnMut(Duration)) -> Result<()> {
        let mut pause = Duration::from_micros(50);
        loop {
            match sys::try_lock(&file) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK) if start.elapsed() >= self.timeout => {
                    let holder = sys::lock_holder(root).map(|process| format!("process {process}"));
                    return Err(self.locked(root, holder.as_deref().unwrap_or("another process")));
                }
                Err(Errno::WOULDBLOCK) => {}
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Error::io("lock the store", root.path(), errno)),
            }
            each(start.elapsed());
            // Writers that started together part ways.
            let jitter = Duration::from_nanos(u64::from(start.elapsed().subsec_nanos() % 997) * 50);
            let left = self.timeout.saturating_sub(start.elapsed());
            std::thread::sleep((pause + jitter).min(left));
            pause = (pause * 2).min(Duration::from_millis(5));
        }
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
            if self.lock.gate().tickets.len() >= expected {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Takes waiting batches along, those of which `fits` says so.
    pub(super) fn take_along(&self, mut fits: impl FnMut(&Batch) -> bool) -> Taken {
        let mut gate = self.lock.gate();
        if gate.tickets.is_empty() {
            return Taken(Vec::new());
        }
        Taken(gate.tickets.extract_if(.., |ticket| fits(&ticket.batch)).collect())
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
        gate.released = Some(Instant::now());
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
