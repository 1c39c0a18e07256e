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
    taken: Mutex<bool>,
    freed: Condvar,
}

/// Holds the lock until it is dropped.
#[must_use]
pub(super) struct Held<'a> {
    lock: &'a WriterLock,
    root: &'a Root,
}

impl WriterLock {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, taken: Mutex::new(false), freed: Condvar::new() }
    }

    /// Waits for the lock.
    pub(super) fn acquire<'a>(&'a self, root: &'a Root) -> Result<Held<'a>> {
        // None: a wait without end.
        let deadline = Instant::now().checked_add(self.timeout);
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, _) =
            self.freed.wait_timeout_while(taken, self.timeout, |taken| *taken).unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return Err(self.locked(root));
        }
        *taken = true;
        drop(taken);
        // From here on, dropping opens the gate again.
        let held = Held { lock: self, root };
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
        *self.lock.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.lock.freed.notify_one();
    }
}
