//! One writer at a time among the threads that share a handle. Among handles and processes, SQLite sees to it.
//!
//! SQLite's lock is nobody's turn: whoever comes first after it was given back has it, and that is who gave it back,
//! unless others look right then. So a handle that takes it again and again rests now and then, for longer than anybody
//! pauses between two looks.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// Which thread writes.
#[derive(Debug)]
pub(super) struct Gate {
    timeout: Duration,
    state: Mutex<State>,
    freed: Condvar,
    /// A fork has a copy of the connections, which only their process may use.
    process: u32,
}

#[derive(Debug, Default)]
struct State {
    holder: Option<ThreadId>,
    /// Who held it last.
    last: Option<ThreadId>,
    /// Threads that wait.
    waiting: usize,
    /// Since when threads have waited of which none came in.
    starving: Option<Instant>,
    /// How often it was entered.
    entered: u64,
    /// When it was left last.
    left: Option<Instant>,
    /// Since when it has been taken again and again, or when others were let pass.
    since: Option<Instant>,
}

/// Who takes it again within this time has not let others have it.
const AGAIN: Duration = Duration::from_millis(10);
/// For so long at a time.
const TURN: Duration = Duration::from_millis(100);
/// Then a handle leaves SQLite's lock to others for so long.
const REST: Duration = Duration::from_millis(2);
/// The longest pause between two looks whether SQLite's lock is free.
const PAUSE: Duration = Duration::from_millis(1);

impl State {
    /// Whether its last holder, who comes again, lets those in who have waited for long.
    fn lets_in(&self, thread: ThreadId, now: Instant) -> bool {
        let starving = self.starving.is_some_and(|since| now.saturating_duration_since(since) > AGAIN);
        self.holder.is_none() && self.waiting > 0 && self.last == Some(thread) && starving
    }

    /// Notes who enters; says whether other handles are to have SQLite's lock first.
    fn enter(&mut self, thread: ThreadId, now: Instant) -> bool {
        self.holder = Some(thread);
        self.last = Some(thread);
        self.entered += 1;
        let again = self.left.is_some_and(|left| now.saturating_duration_since(left) < AGAIN);
        let is_over = again && self.since.is_some_and(|since| now.saturating_duration_since(since) > TURN);
        if !again || is_over {
            self.since = Some(now);
        }
        is_over
    }
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
        Self { timeout, state: Mutex::default(), freed: Condvar::new(), process: std::process::id() }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this thread holds it.
    pub(super) fn is_mine(&self) -> bool {
        self.state().holder == Some(std::thread::current().id())
    }

    /// Whether another thread holds it.
    pub(super) fn is_of_another(&self) -> bool {
        self.state().holder.is_some_and(|holder| holder != std::thread::current().id())
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
        let mut state = self.state();
        if state.holder == Some(this) {
            let message = "this thread holds the store itself, in a transaction or snapshot: use that one's methods";
            return Err(Error::message(ErrorKind::Locked, message));
        }
        if state.lets_in(this, start) {
            // One of them was woken when it was left, and is on its way.
            let before = state.entered;
            let let_in = self.freed.wait_timeout_while(state, TURN.min(timeout), |state| state.entered == before);
            (state, _) = let_in.unwrap_or_else(PoisonError::into_inner);
        }
        if state.holder.is_some() {
            state.waiting += 1;
            state.starving.get_or_insert(start);
            let left = timeout.saturating_sub(start.elapsed());
            let waited = self.freed.wait_timeout_while(state, left, |state| state.holder.is_some());
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            if state.holder.is_none() || state.waiting == 0 {
                state.starving = (state.waiting > 0).then(Instant::now);
            }
        }
        if state.holder.is_some() {
            return Err(locked("another thread of this process", timeout));
        }
        let is_over = state.enter(this, Instant::now());
        drop(state);
        // From here on, dropping opens the gate again.
        let held = Held { gate: self, deadline: Deadline::new(start, timeout) };
        if is_over && patience == Patience::Usual {
            std::thread::sleep(REST.min(held.deadline.left()));
        }
        Ok(held)
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
        let mut state = self.gate.state();
        state.holder = None;
        state.left = Some(Instant::now());
        drop(state);
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
                let jitter = Duration::from_nanos(u64::from(subsecond()) % 997 * 50);
                std::thread::sleep((pause + jitter).min(left));
                pause = (pause * 2).min(PAUSE);
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
