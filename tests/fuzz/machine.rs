//! What every target shares: rounds from seeds, and what must hold in each.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::canary::Canary;

/// The most that one call may take.
const MOMENT: Duration = Duration::from_secs(1);
/// How often a round is tried in which one took longer.
const TRIES: usize = 2;
/// So much memory may be needed beside what is read.
const ROOM: u64 = 64 << 20;
/// Numbers that look random, the same for the same seed (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// One round: where it takes place, and what makes it the one that it is.
pub struct Round {
    pub random: Random,
    /// An empty directory, in which the store is made. Beside it stands the canary.
    pub outer: tempfile::TempDir,
    /// What was done, for whoever looks into a failure.
    pub told: Vec<String>,
    slow: Option<String>,
    /// The bytes of what is read.
    pub input: u64,
}

impl Round {
    fn new(seed: u64) -> Self {
        let memory = Path::new("/dev/shm");
        let mut builder = tempfile::Builder::new();
        builder.prefix("sepia-fuzz-");
        let outer = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() };
        let outer = outer.or_else(|_| builder.tempdir()).unwrap();
        Self { random: Random::new(seed), outer, told: Vec::new(), slow: None, input: 0 }
    }

    /// Where the store is.
    pub fn place(&self) -> PathBuf {
        self.outer.path().join("store")
    }

    /// What stands beside the store, and may not be touched.
    pub fn canary(&self) -> PathBuf {
        self.outer.path().join("canary")
    }

    pub fn tell(&mut self, what: impl Into<String>) {
        self.told.push(what.into());
    }

    /// Runs something that must not take long, whatever comes of it.
    pub fn run<T>(&mut self, what: &str, call: impl FnOnce() -> T) -> T {
        let (began, before) = (Instant::now(), kept_waiting());
        let done = call();
        let took = began.elapsed().saturating_sub(kept_waiting().saturating_sub(before));
        if took > MOMENT {
            self.slow.get_or_insert_with(|| format!("{what} took {took:?}"));
        }
        done
    }
}

/// What a target does in a round: makes a store or whatever it is about, and then, while the canary is watched, all that
/// can be done with it.
pub trait Target {
    fn prepare(&self, round: &mut Round);
    fn try_everything(&self, round: &mut Round);
}

/// The rounds that run with the other tests: so many, from the first seed on, as what is tried must not depend on how fast
/// a machine is.
pub fn quick(name: &str, target: &dyn Target, rounds: u64) {
    if !tried_alone(name, target) {
        (0..rounds).for_each(|seed| once(name, target, seed));
    }
}

/// The rounds that somebody waits for.
pub fn long(name: &str, target: &dyn Target) {
    let seconds = std::env::var("SEPIA_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(60);
    if tried_alone(name, target) {
        return;
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (began, length, first) = (Instant::now(), Duration::from_secs(seconds), now.as_secs() << 24);
    let mut seed = first;
    while began.elapsed() < length {
        once(name, target, seed);
        seed += 1;
    }
    eprintln!("{name}: {} rounds", seed - first);
}

/// Tries the seed that somebody asks for, if there is one.
fn tried_alone(name: &str, target: &dyn Target) -> bool {
    let seed = std::env::var("SEPIA_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
    seed.map(|seed| once(name, target, seed)).is_some()
}

fn once(name: &str, target: &dyn Target, seed: u64) {
    // The machine may have been busy with something else; what takes long by itself does so every time.
    let mut slow = None;
    for _ in 0..TRIES {
        slow = attempt(name, target, seed);
        if slow.is_none() {
            return;
        }
    }
    panic!("{name}, seed {seed}: {}", slow.unwrap_or_default());
}

/// One round. Returns what took long.
fn attempt(name: &str, target: &dyn Target, seed: u64) -> Option<String> {
    let mut round = Round::new(seed);
    Canary::make(&round.canary());
    target.prepare(&mut round);
    let canary = Canary::watch_linked(&round.canary());
    let hidden = round.place().join(".git");
    fs::create_dir_all(hidden.join("hooks")).unwrap();
    fs::write(hidden.join("config"), "not Sepia's\n").unwrap();
    let hidden = Canary::watch(&hidden);
    let beside = names(round.outer.path());
    let before = peak();
    let done = catch_unwind(AssertUnwindSafe(|| target.try_everything(&mut round)));
    let told = format!("{name}, seed {seed}: {}", round.told.join("; "));
    if let Err(panic) = done {
        eprintln!("{told}");
        resume_unwind(panic);
    }
    canary.check(&told);
    hidden.check(&told);
    assert_eq!(names(round.outer.path()), beside, "{told}: something was made beside the store");
    let grown = peak().saturating_sub(before);
    assert!(grown < ROOM + round.input, "{told}: {} MB more", grown >> 20);
    round.slow
}

fn names(place: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The most memory that this process has had, in bytes; 0 where the system does not tell.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |kilobytes| kilobytes << 10)
}

/// How long this thread could have run, and others ran instead; nothing where the system does not tell.
fn kept_waiting() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split_whitespace().nth(1).and_then(|waited| waited.parse().ok()).unwrap_or_default())
}

/// Copies a tree as it is.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, place) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), place).unwrap();
        } else if kind.is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
