//! One writer at a time among the threads that share a handle. Among handles and processes, SQLite sees to it.
//!
//! SQLite's lock is nobody's turn: whoever looks right after it was given back has it, and that is who gave it back. And
//! nobody can see who waits for it. So a handle that takes it again and again, in a *run*, leaves it to others now and
//! then. As long as it has met nobody, that is seldom, and for no longer than somebody who waits pauses between two
//! looks. Once it has met others, it waits until one of them has committed something, and then as long as it has had
//! the lock itself; if nobody comes, it has met nobody.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::record::error::{Error, ErrorKind, Result};

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
    /// The present run of this handle, or the last.
    run: Option<Run>,
    /// Others were met at SQLite's lock, and have come when it was left to them.
    has_met_others: bool,
    /// Whoever is in leaves SQLite's lock to others first.
    lets_pass: bool,
}

/// SQLite's lock taken again and again.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Then it is left to others.
    until: Instant,
    /// When the gate was left last.
    left: Instant,
}

/// Who takes it again within this time has not let others have it.
const AGAIN: Duration = Duration::from_millis(10);
/// For so long at a time, beside others.
const TURN: Duration = Duration::from_millis(20);
/// The same, while there seem to be none.
const TURN_ALONE: Duration = Duration::from_millis(100);
/// Others are given so long to commit something once it is their turn.
const GRACE: Duration = Duration::from_millis(50);
/// The same, while there seem to be none.
const GRACE_ALONE: Duration = Duration::from_millis(2);
/// The longest pause between two looks whether SQLite's lock is free, of who has waited for [`PATIENCE`]: such a one
/// looks more often than who has just had a turn, and within the time for which the lock is left to others.
const SHORT: Duration = Duration::from_micros(500);
/// That of all others.
const LONG: Duration = Duration::from_millis(4);
const PATIENCE: Duration = Duration::from_millis(50);

impl State {
    /// Whether its last holder, who comes again, lets those in who have waited for long.
    fn lets_in(&self, thread: ThreadId, now: Instant) -> bool {
        let starving = self.starving.is_some_and(|since| now.saturating_duration_since(since) > AGAIN);
        self.holder.is_none() && self.waiting > 0 && self.last == Some(thread) && starving
    }

    /// Notes who enters, and whether other handles are to have SQLite's lock first.
    fn enter(&mut self, thread: ThreadId, now: Instant) {
        self.holder = Some(thread);
        self.last = Some(thread);
        self.entered += 1;
        self.lets_pass = match self.run {
            Some(run) if now.saturating_duration_since(run.left) < AGAIN => now >= run.until,
            _ => {
                self.begin_turn(now);
                false
            }
        };
    }

    fn begin_turn(&mut self, now: Instant) {
        let turn = if self.has_met_others { TURN } else { TURN_ALONE };
        self.run = Some(Run { until: now + turn, left: now });
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
        state.enter(this, Instant::now());
        state.lets_pass &= patience == Patience::Usual;
        drop(state);
        // From here on, dropping opens the gate again.
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
        let mut state = self.gate.state();
        state.holder = None;
        if let Some(run) = &mut state.run {
            run.left = Instant::now();
        }
        drop(state);
        self.gate.freed.notify_one();
    }
}

impl Held<'_> {
    /// Tries again until the deadline while `attempt` says that others are in the way.
    pub(super) fn retry<R>(&self, mut attempt: impl FnMut() -> rusqlite::Result<R>) -> rusqlite::Result<R> {
        let mut attempts = 0;
        let done = retry(self.deadline, || {
            attempts += 1;
            attempt()
        });
        if attempts > 1 {
            let mut state = self.gate.state();
            state.has_met_others = true;
            state.begin_turn(Instant::now());
        }
        done
    }

    /// Leaves SQLite's lock to others, if it is their turn. `version` is another after each of their commits; `None` if
    /// that is not known.
    pub(super) fn let_pass(&self, version: impl Fn() -> Option<i64>) {
        let (lets_pass, has_met_others) = {
            let mut state = self.gate.state();
            (std::mem::take(&mut state.lets_pass), state.has_met_others)
        };
        if !lets_pass {
            return;
        }
        let (start, before) = (Instant::now(), version());
        let grace = if has_met_others { GRACE } else { GRACE_ALONE };
        let mut has_come = false;
        loop {
            let left = if has_come { TURN } else { grace }.saturating_sub(start.elapsed());
            // Nobody waits so long that it would be too late for himself.
            let left = left.min(self.deadline.left() / 2);
            if left.is_zero() {
                break;
            }
            std::thread::sleep(SHORT.min(left));
            has_come = has_come || version() != before;
        }
        let mut state = self.gate.state();
        state.has_met_others = has_come;
        state.begin_turn(Instant::now());
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
    let (start, mut pause) = (Instant::now(), Duration::from_micros(50));
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
                pause = (pause * 2).min(if start.elapsed() > PATIENCE { SHORT } else { LONG });
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
