//! The writer lock: one writer at a time among all threads and processes.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::root::Root;
use super::sys;
use crate::error::{Error, ErrorKind, Result};

/// `flock` on the root directory's own handle, with a gate in front for the threads that share the
/// handle. The system gives the lock back when the process dies.
#[derive(Debug)]
pub(super) struct WriterLock {
    timeout: Duration,
    gate: Mutex<Gate>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    taken: bool,
    /// Threads that wait. Waking is a system call, also where there is nobody to wake.
    waiting: usize,
}

/// Holds the lock until it is dropped.
#[must_use]
#[derive(Debug)]
pub(super) struct Held<'a> {
    lock: &'a WriterLock,
    root: &'a Root,
}

impl WriterLock {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, gate: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits for the lock.
    pub(super) fn acquire<'a>(&'a self, root: &'a Root) -> Result<Held<'a>> {
        let start = Instant::now();
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if gate.taken {
            gate.waiting += 1;
            let waited = self.freed.wait_timeout_while(gate, self.timeout, |gate| gate.taken);
            (gate, _) = waited.unwrap_or_else(PoisonError::into_inner);
            gate.waiting -= 1;
            if gate.taken {
                return Err(self.locked(root));
            }
        }
        gate.taken = true;
        drop(gate);
        // From here on, dropping opens the gate again.
        let held = Held { lock: self, root };
        // None: a wait without end.
        let deadline = start.checked_add(self.timeout);
        let mut pause = Duration::from_micros(50);
        loop {
            match sys::try_lock(root) {
                Ok(()) => return Ok(held),
                Err(Errno::WOULDBLOCK) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Err(self.locked(root));
                }
                Err(Errno::WOULDBLOCK) => {}
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Error::io("lock the store", root.path(), errno)),
            }
            // Writers that started together part ways.
            let jitter = Duration::from_nanos(u64::from(Instant::now().elapsed().subsec_nanos() % 997) * 50);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            std::thread::sleep((pause + jitter).min(left.unwrap_or(Duration::MAX)));
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    fn locked(&self, root: &Root) -> Error {
        let message = format!("another writer has held the store for {:?}", self.timeout);
        Error::message(ErrorKind::Locked, message).at(root.path().to_string_lossy())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // If it fails, the handle is closed, and the lock gone with it.
        let _ = sys::unlock(self.root);
        let mut gate = self.lock.gate.lock().unwrap_or_else(PoisonError::into_inner);
        gate.taken = false;
        if gate.waiting > 0 {
            self.lock.freed.notify_one();
        }
    }
}
