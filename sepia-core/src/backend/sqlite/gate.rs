//! One writer at a time among the threads that share a handle. Among handles and processes, SQLite sees to it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// Which thread writes.
#[derive(Debug)]
pub(super) struct Gate {
    timeout: Duration,
    holder: Mutex<Option<ThreadId>>,
    freed: Condvar,
    /// A fork has a copy of the connections, which only their process may use.
    process: u32,
}

/// Keeps the other threads off until it is dropped.
#[must_use]
#[derive(Debug)]
pub(super) struct Held<'a> {
    gate: &'a Gate,
    /// Until when its thread may wait for other processes.
    deadline: Deadline,
}

/// Until when someone waits; `None` for a time that no clock reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) fn new(start: Instant, timeout: Duration) -> Self {
        Self(start.checked_add(timeout))
    }

    /// How long it is until then.
    fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// How long someone waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as the store was opened to.
    Usual,
    /// Not at all.
    None,
}

impl Gate {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, holder: Mutex::default(), freed: Condvar::new(), process: std::process::id() }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    fn holder(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this thread holds it.
    pub(super) fn is_mine(&self) -> bool {
        *self.holder() == Some(std::thread::current().id())
    }

    /// Whether another thread holds it.
    pub(super) fn is_of_another(&self) -> bool {
        self.holder().is_some_and(|holder| holder != std::thread::current().id())
    }

    /// Waits until no other thread holds it.
    pub(super) fn acquire(&self, patience: Patience) -> Result<Held<'_>> {
        self.check_process()?;
        let timeout = match patience {
            Patience::Usual => self.timeout,
            Patience::None => Duration::ZERO,
        };
        let start = Instant::now();
        let this = std::thread::current().id();
        let mut holder = self.holder();
        if *holder == Some(this) {
            let message = "this thread holds the store itself, in a transaction or snapshot: use that one's methods";
            return Err(Error::message(ErrorKind::Locked, message));
        }
        if holder.is_some() {
            let waited = self.freed.wait_timeout_while(holder, timeout, |holder| holder.is_some());
            (holder, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if holder.is_some() {
            return Err(locked("another thread of this process", timeout));
        }
        *holder = Some(this);
        Ok(Held { gate: self, deadline: Deadline::new(start, timeout) })
    }

    /// Refuses whoever was forked off since the connections were made.
    pub(super) fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        let message = "the store was opened before this process was forked: open it again";
        Err(Error::message(ErrorKind::Locked, message))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.gate.holder() = None;
        self.gate.freed.notify_one();
    }
}

impl Held<'_> {
    /// Tries again until the deadline while `attempt` says that others are in the way.
    pub(super) fn retry<R>(&self, attempt: impl FnMut() -> rusqlite::Result<R>) -> rusqlite::Result<R> {
        retry(self.deadline, attempt)
    }

    /// Gives its thread as long to wait as it has had.
    pub(super) fn wait_anew(&mut self) {
        self.deadline = Deadline::new(Instant::now(), self.gate.timeout);
    }

    /// The error of having waited in vain for another process.
    pub(super) fn locked(&self) -> Error {
        locked("another handle or process", self.gate.timeout)
    }
}

/// Tries again until the deadline while others are in the way. SQLite's own waiting is in steps of up to 100 ms, in
/// which one who writes all the time is never met between two writes.
pub(super) fn retry<R>(deadline: Deadline, mut attempt: impl FnMut() -> rusqlite::Result<R>) -> rusqlite::Result<R> {
    let mut pause = Duration::from_micros(50);
    loop {
        match attempt() {
            Err(error) if super::error::is_busy(&error) => {
                let left = deadline.left();
                if left.is_zero() {
                    return Err(error);
                }
                // Writers that started together part ways.
                let jitter = Duration::from_nanos(u64::from(subsecond()) % 997 * 100);
                std::thread::sleep((pause + jitter).min(left));
                pause = (pause * 2).min(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn subsecond() -> u32 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos())
}

fn locked(holder: &str, timeout: Duration) -> Error {
    let message = format!("{holder} holds the store, which was not free within {timeout:?}");
    Error::message(ErrorKind::Locked, message)
}
