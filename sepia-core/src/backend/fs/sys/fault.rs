//! Faults on order: a process that dies, or a call that fails, at a chosen step; and a record of all calls.
//! For tests; feature `fault-injection`.
//!
//! A step is a point before or after a call that changes the disk. They are counted for the whole
//! process, from the moment at which a fault is armed: call number n begins at step 2n and ends at
//! step 2n + 1, as long as one thread makes them.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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
    /// The process stops, as by `SIGSTOP`, until somebody has it go on.
    Stop,
}

std::thread_local! {
    static FILE_SYSTEM: std::cell::Cell<Option<u32>> = const { std::cell::Cell::new(None) };
}

/// Has every file system be of the kind with this number, for this thread; `None` for what they are.
pub fn pretend_file_system(number: Option<u32>) {
    FILE_SYSTEM.set(number);
}

pub(crate) fn file_system() -> Option<u32> {
    FILE_SYSTEM.get()
}

static LOCKED: AtomicU64 = AtomicU64::new(0);
static REPEATED: AtomicU64 = AtomicU64::new(0);

/// Returns how often this process has taken the lock of a store.
pub fn times_locked() -> u64 {
    LOCKED.load(Ordering::SeqCst)
}

/// Returns how often this process has begun to read a record anew, as it could not be told what had happened to it.
pub fn times_repeated() -> u64 {
    REPEATED.load(Ordering::SeqCst)
}

pub(in super::super) fn note_locked() {
    LOCKED.fetch_add(1, Ordering::SeqCst);
}

pub(in super::super) fn note_repeated() {
    REPEATED.fetch_add(1, Ordering::SeqCst);
}

/// A call that has changed the disk. Directories are named by their paths, files by device and inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A directory was made.
    MakeDirectory(String),
    /// A symlink was made, with this target.
    MakeLink(String, String),
    /// An empty file without a name was made.
    MakeUnnamed([u64; 2]),
    /// An empty file was made.
    MakeFile(String, [u64; 2]),
    /// A file got a name.
    Name([u64; 2], String),
    /// Bytes were written into a file, from a place on.
    Write([u64; 2], u64, Vec<u8>),
    /// A file got another length.
    SetLength([u64; 2], u64),
    /// Something was moved, over what was there.
    Rename(String, String),
    /// Something was removed, a directory or not.
    Remove(String),
    /// A file is on the disk.
    SyncFile([u64; 2]),
    /// The entries of a directory are on the disk.
    SyncDirectory(String),
    /// Everything is on the disk.
    SyncAll,
}

static EVENTS: Mutex<Option<Vec<Event>>> = Mutex::new(None);

/// Notes down every call that changes the disk, from now on and in the whole process.
pub fn record() {
    *EVENTS.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
}

/// Returns how many events have been noted down.
pub fn position() -> usize {
    EVENTS.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Vec::len)
}

/// Notes nothing down any more, and returns what was.
pub fn recorded() -> Vec<Event> {
    EVENTS.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
}

fn path(directory: BorrowedFd<'_>) -> String {
    let link = format!("/proc/self/fd/{}", directory.as_raw_fd());
    std::fs::read_link(link).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

fn place(directory: BorrowedFd<'_>, name: &str) -> String {
    path(directory) + "/" + name
}

#[allow(clippy::unnecessary_cast, reason = "not everywhere of the same width")]
fn file(handle: BorrowedFd<'_>) -> [u64; 2] {
    rustix::fs::fstat(handle).map_or([0; 2], |stat| [stat.st_dev as u64, stat.st_ino as u64])
}

fn event(call: Call<'_>) -> Option<Event> {
    Some(match call {
        Call::MakeDirectory(at, name) => Event::MakeDirectory(place(at, name)),
        Call::MakeLink(at, name, target) => Event::MakeLink(place(at, name), target.to_owned()),
        // Which file it is, [`unnamed`] is told.
        Call::MakeUnnamed(_) => return None,
        Call::MakeFile(at, name) => {
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NOFOLLOW;
            let made = rustix::fs::openat(at, name, flags, rustix::fs::Mode::empty()).ok()?;
            Event::MakeFile(place(at, name), file(std::os::fd::AsFd::as_fd(&made)))
        }
        Call::Name(handle, at, name) => Event::Name(file(handle), place(at, name)),
        Call::Write(handle, at, bytes) => Event::Write(file(handle), at, bytes.to_vec()),
        Call::SetMode(_) | Call::SetOwner(_) | Call::SetAttribute(_) => return None,
        Call::SetLength(handle, length) => Event::SetLength(file(handle), length),
        Call::Rename(from, name, to, other) => Event::Rename(place(from, name), place(to, other)),
        Call::Remove(at, name) | Call::RemoveDirectory(at, name) => Event::Remove(place(at, name)),
        Call::Sync(handle) => {
            let mode = rustix::fs::fstat(handle).ok()?.st_mode;
            match rustix::fs::FileType::from_raw_mode(mode) {
                rustix::fs::FileType::Directory => Event::SyncDirectory(path(handle)),
                _ => Event::SyncFile(file(handle)),
            }
        }
        Call::SyncAll(_) => Event::SyncAll,
    })
}

/// Notes down that a file without a name was made.
pub(super) fn unnamed(made: BorrowedFd<'_>) {
    if let Some(events) = &mut *EVENTS.lock().unwrap_or_else(PoisonError::into_inner) {
        events.push(Event::MakeUnnamed(file(made)));
    }
}

static STEP: AtomicU64 = AtomicU64::new(0);
static AT: AtomicU64 = AtomicU64::new(u64::MAX);
/// 0: abort; an error number; or one below zero, from here on; [`STOP`]: stop.
static KIND: AtomicI32 = AtomicI32::new(0);

const STOP: i32 = i32::MIN;

/// Counts steps from now on, and has `fault` happen at step `at`.
pub fn arm(at: u64, fault: Fault) {
    AT.store(u64::MAX, Ordering::SeqCst);
    STEP.store(0, Ordering::SeqCst);
    let kind = match fault {
        Fault::Abort => 0,
        Fault::Fail(error) => error,
        Fault::FailFromHere(error) => -error,
        Fault::Stop => STOP,
    };
    KIND.store(kind, Ordering::SeqCst);
    AT.store(at, Ordering::SeqCst);
}

/// Lets nothing happen any more, and returns how many steps were taken since a fault was armed.
pub fn disarm() -> u64 {
    AT.store(u64::MAX, Ordering::SeqCst);
    STEP.load(Ordering::SeqCst)
}

/// What a file system may not do at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Hard links: a file without a name cannot get one.
    HardLinks,
    /// Symlinks.
    Symlinks,
}

static NO_HARD_LINKS: AtomicI32 = AtomicI32::new(0);
static NO_SYMLINKS: AtomicI32 = AtomicI32::new(0);

/// Has every call of a kind fail with this error from now on, as on a file system that lacks it; 0: none.
pub fn lack(what: Lack, error: i32) {
    let lacked = match what {
        Lack::HardLinks => &NO_HARD_LINKS,
        Lack::Symlinks => &NO_SYMLINKS,
    };
    lacked.store(error, Ordering::SeqCst);
}

fn step() -> u64 {
    let step = STEP.fetch_add(1, Ordering::SeqCst);
    if step == AT.load(Ordering::SeqCst) {
        match KIND.load(Ordering::SeqCst) {
            0 => std::process::abort(),
            STOP => {
                let stopped = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
                debug_assert!(stopped.is_ok(), "a process may always stop itself");
                // The signal may reach another thread first.
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            _ => {}
        }
    }
    step
}

pub(super) fn before(call: Call<'_>) -> Result<()> {
    let lacked = match call {
        Call::Name(..) => NO_HARD_LINKS.load(Ordering::SeqCst),
        Call::MakeLink(..) => NO_SYMLINKS.load(Ordering::SeqCst),
        _ => 0,
    };
    if lacked != 0 {
        return Err(Errno::from_raw_os_error(lacked));
    }
    // The call before may have failed by itself, and then had no point after it.
    let _ = STEP.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |step| Some(step.next_multiple_of(2)));
    let step = step();
    let (at, kind) = (AT.load(Ordering::SeqCst), KIND.load(Ordering::SeqCst));
    if (kind > 0 && step == at) || (kind < 0 && kind != STOP && step >= at) {
        // A call that fails has no point after it.
        STEP.fetch_add(1, Ordering::SeqCst);
        return Err(Errno::from_raw_os_error(kind.abs()));
    }
    Ok(())
}

pub(super) fn after(call: Call<'_>) {
    if let Some(events) = &mut *EVENTS.lock().unwrap_or_else(PoisonError::into_inner) {
        events.extend(event(call));
    }
    step();
}
