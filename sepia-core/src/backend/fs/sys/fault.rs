//! Faults on order: a process that dies, or a call that fails, at a chosen step. For tests; feature
//! `fault-injection`.
//!
//! A step is a point before or after a call that changes the disk. They are counted for the whole
//! process, from the moment at which a fault is armed: call number n begins at step 2n and ends at
//! step 2n + 1.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use rustix::io::{Errno, Result};

use super::Call;

/// What happens at the chosen step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process aborts.
    Abort,
    /// The call fails with this error of the system, as `std::io::Error::raw_os_error` counts them.
    /// Only calls fail: at odd steps nothing happens.
    Fail(i32),
    /// The call fails so, and every later one.
    FailFromHere(i32),
}

static STEP: AtomicU64 = AtomicU64::new(0);
static AT: AtomicU64 = AtomicU64::new(u64::MAX);
/// 0: abort; an error number; or one below zero, from here on.
static KIND: AtomicI32 = AtomicI32::new(0);

/// Counts steps from now on, and has `fault` happen at step `at`.
pub fn arm(at: u64, fault: Fault) {
    AT.store(u64::MAX, Ordering::SeqCst);
    STEP.store(0, Ordering::SeqCst);
    let kind = match fault {
        Fault::Abort => 0,
        Fault::Fail(error) => error,
        Fault::FailFromHere(error) => -error,
    };
    KIND.store(kind, Ordering::SeqCst);
    AT.store(at, Ordering::SeqCst);
}

/// Lets nothing happen any more, and returns how many steps were taken since a fault was armed.
pub fn disarm() -> u64 {
    AT.store(u64::MAX, Ordering::SeqCst);
    STEP.load(Ordering::SeqCst)
}

fn step() -> u64 {
    let step = STEP.fetch_add(1, Ordering::SeqCst);
    if step == AT.load(Ordering::SeqCst) && KIND.load(Ordering::SeqCst) == 0 {
        std::process::abort();
    }
    step
}

pub(super) fn before(_: Call<'_>) -> Result<()> {
    let step = step();
    let (at, kind) = (AT.load(Ordering::SeqCst), KIND.load(Ordering::SeqCst));
    if (kind > 0 && step == at) || (kind < 0 && step >= at) {
        // A call that fails has no point after it.
        STEP.fetch_add(1, Ordering::SeqCst);
        return Err(Errno::from_raw_os_error(kind.abs()));
    }
    Ok(())
}

pub(super) fn after(_: Call<'_>) {
    step();
}
