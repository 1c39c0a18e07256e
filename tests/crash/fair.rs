//! Every writer has its turn, whatever the others do: processes, and the threads of one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use sepia::backend::{Backend, Filesystem, OpenOptions, Sqlite};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};

use crate::support::{child, directory, key, leaf, place, spawn};

/// How long a transaction keeps others off.
const LONG: Duration = Duration::from_millis(4);
/// How long everybody writes.
const TIME: Duration = Duration::from_millis(2500);
/// The longest that anybody may wait.
const WAIT: Duration = Duration::from_secs(1);

fn open(kind: &str, path: &Path) -> Box<dyn Backend> {
    let mut options = OpenOptions::default();
    options.lock_timeout = Duration::from_secs(60);
    match kind {
        "files" => Box::new(Filesystem::open(path, &options).unwrap()),
        _ => Box::new(Sqlite::open(path.with_extension("db"), &options).unwrap()),
    }
}

fn batch(id: &str, number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch.declare(&Class::serializable("Leaf", Format::Text)).unwrap();
    batch.put(key("Leaf", id), leaf(&number.to_string()), Expect::Any);
    batch
}

/// Writes until the end, and returns how often, and how long it had to wait at most.
fn write(backend: &dyn Backend, how: &str, id: &str, is_over: &dyn Fn() -> bool) -> (u64, Duration) {
    let (mut count, mut longest) = (0, Duration::ZERO);
    while !is_over() {
        count += 1;
        let start = Instant::now();
        if how == "saves" {
            backend.commit(batch(id, count)).unwrap();
            longest = longest.max(start.elapsed());
        } else {
            let lock = backend.lock().unwrap();
            longest = longest.max(start.elapsed());
            std::thread::sleep(LONG);
            lock.commit(batch(id, count)).unwrap();
        }
    }
    (count, longest)
}

/// Writes by some threads, from one time on and for as long as all do, and says what each has done.
#[test]
fn writes() {
    let Some(words) = child() else { return };
    let [path, kind, how, name, threads, begin] = &words[..] else { panic!("{words:?}") };
    let begin = SystemTime::UNIX_EPOCH + Duration::from_micros(begin.parse().unwrap());
    std::thread::sleep(begin.duration_since(SystemTime::now()).unwrap_or_default());
    // It goes on to write at once.
    let backend = open(kind, Path::new(path));
    // All end at the same time, or the last would be alone.
    let (end, stop) = (begin + TIME, AtomicBool::new(false));
    let is_over = || stop.load(Ordering::Relaxed) || SystemTime::now() > end;
    std::thread::scope(|scope| {
        for thread in 0..threads.parse::<u64>().unwrap() {
            let (backend, is_over) = (&*backend, &is_over);
            scope.spawn(move || {
                let (count, longest) = write(backend, how, &format!("{name} {thread}"), is_over);
                println!("\ndone {count} {}", longest.as_micros());
            });
        }
    });
}

/// What a process has done: how often each of its threads wrote, and how long one of them waited at most.
#[derive(Debug)]
struct Share {
    counts: Vec<u64>,
    longest: Duration,
}

impl Share {
    fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Has processes write at the same time, each in its way and with so many threads.
fn compete(kind: &str, writers: &[(&str, usize)]) -> Vec<Share> {
    let scratch = directory();
    let path = place(&scratch);
    open(kind, &path).commit(batch("first", 0)).unwrap();
    let begin = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_millis(500);
    let begin = begin.as_micros().to_string();
    let children: Vec<_> = writers
        .iter()
        .enumerate()
        .map(|(name, (how, threads))| {
            let (name, threads) = (name.to_string(), threads.to_string());
            spawn("fair::writes", &[path.to_str().unwrap(), kind, how, &name, &threads, &begin])
        })
        .collect();
    let shares: Vec<Share> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
            let done = said.lines().filter_map(|line| line.strip_prefix("done ")?.split_once(' '));
            let done: Vec<(u64, u64)> =
                done.map(|(count, longest)| (count.parse().unwrap(), longest.parse().unwrap())).collect();
            let longest = done.iter().map(|(_, longest)| *longest).max().unwrap();
            Share { counts: done.iter().map(|(count, _)| *count).collect(), longest: Duration::from_micros(longest) }
        })
        .collect();
    println!("{kind}, {writers:?}: {shares:?}");
    shares
}

/// Has processes compete, and checks what each has done. A machine that is busy elsewhere may keep one of them from
/// running at all for a while, so they may try again; who starves does so every time.
#[track_caller]
fn compete_fairly(kind: &str, writers: &[(&str, usize)], is_fair: impl Fn(&[Share]) -> bool) {
    let fair = |shares: &[Share]| {
        let of_threads = shares.iter().all(|share| share.longest < WAIT && are_even(&share.counts));
        of_threads && is_fair(shares)
    };
    assert!((0..3).any(|_| fair(&compete(kind, writers))), "{kind}, {writers:?}: unfair each time");
}

/// Whether each has at least a third of what all have in the mean.
fn are_even(counts: &[u64]) -> bool {
    let mean = counts.iter().sum::<u64>() / counts.len() as u64;
    counts.iter().all(|count| count * 3 >= mean)
}

fn are_shares_even(shares: &[Share]) -> bool {
    are_even(&shares.iter().map(Share::count).collect::<Vec<_>>())
}

fn all_have_their_share(kind: &str) {
    for writers in [2, 4] {
        compete_fairly(kind, &vec![("transactions", 1); writers], are_shares_even);
    }
}

fn who_writes_all_the_time_lets_others_pass(kind: &str) {
    let writers = [("saves", 1), ("transactions", 1)];
    compete_fairly(kind, &writers, |shares| shares[0].count() > 100 && shares[1].count() > 20);
}

fn threads_have_no_more_than_a_process_alone(kind: &str) {
    compete_fairly(kind, &[("transactions", 3), ("transactions", 1)], are_shares_even);
}

/// Opening a store took the lock for a moment, and whoever went on to write within ten milliseconds let nobody pass from
/// then on.
#[test]
fn processes_that_write_all_the_time_have_fair_shares_of_files() {
    all_have_their_share("files");
    who_writes_all_the_time_lets_others_pass("files");
    threads_have_no_more_than_a_process_alone("files");
}

#[test]
fn processes_that_write_all_the_time_have_fair_shares_of_a_database() {
    all_have_their_share("database");
    who_writes_all_the_time_lets_others_pass("database");
    threads_have_no_more_than_a_process_alone("database");
}

/// Who waits is next; whoever is stopped while it waits is not waited for.
#[test]
#[cfg(target_os = "linux")]
fn a_process_that_was_stopped_while_it_waited_holds_nobody_up() {
    use rustix::process::{Pid, Signal, kill_process};
    let scratch = directory();
    let path = place(&scratch);
    let backend = open("files", &path);
    backend.commit(batch("first", 0)).unwrap();
    let lock = backend.lock().unwrap();
    let mut waiting = spawn("fair::waits", &[path.to_str().unwrap(), "files"]);
    // It is the next, once it has waited for a while.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(waiting.try_wait().unwrap().is_none());
    kill_process(Pid::from_child(&waiting), Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    drop(lock);
    let start = Instant::now();
    let (count, longest) = write(&*backend, "saves", "goes on", &|| start.elapsed() > Duration::from_secs(2));
    kill_process(Pid::from_child(&waiting), Signal::CONT).unwrap();
    assert!(waiting.wait().unwrap().success());
    // Each turn takes a while longer, as long as it is stopped.
    assert!(count > 10 && longest < 5 * WAIT, "{count}, {longest:?}");
}

/// Waits for the lock once.
#[test]
fn waits() {
    let Some(words) = child() else { return };
    drop(open(&words[1], Path::new(&words[0])).lock().unwrap());
}
