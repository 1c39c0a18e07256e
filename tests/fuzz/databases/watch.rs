//! What a call may take.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// No call computes for longer.
const LONG: Duration = Duration::from_secs(1);
/// Nor waits for longer, on a machine that is busy with other things.
const WAIT: Duration = Duration::from_secs(60);
/// Nor takes more memory beyond that of the database.
const MEMORY: u64 = 64 << 20;

/// The time that all threads of this process have computed.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

struct Call {
    name: String,
    began: Instant,
    computed: Duration,
}

static CALL: Mutex<Option<Call>> = Mutex::new(None);

/// Has the process end if a call does not.
pub fn start() {
    static STARTED: std::sync::Once = std::sync::Once::new();
    STARTED.call_once(|| {
        thread::spawn(|| {
            loop {
                thread::sleep(Duration::from_millis(20));
                if let Some(call) = &*CALL.lock().unwrap() {
                    check(call);
                }
            }
        });
    });
}

fn check(call: &Call) {
    let (computed, waited) = (computed().saturating_sub(call.computed), call.began.elapsed());
    if computed > LONG || waited > WAIT {
        println!("{} has computed {computed:?} in {waited:?}, and does not end", call.name);
        std::process::exit(99);
    }
}

/// Makes a call, which must end in time.
pub fn call<R>(name: &str, make: impl FnOnce() -> R) -> R {
    println!("  {name}");
    let call = Call { name: name.to_owned(), began: Instant::now(), computed: computed() };
    *CALL.lock().unwrap() = Some(call);
    let made = make();
    if let Some(call) = CALL.lock().unwrap().take() {
        check(&call);
    }
    made
}

/// Runs something, which must not take more memory than a bound and the size of its input. Where the system does not tell,
/// nothing is checked.
pub fn in_memory(input: u64, run: impl FnOnce()) {
    let field = |name: &str| -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
    };
    // Forgets the most that was taken.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = field("VmRSS:");
    run();
    if let (Some(before), Some(most)) = (before, field("VmHWM:")) {
        let taken = most.saturating_sub(before);
        assert!(taken <= MEMORY + input, "{taken} bytes of memory for a database of {input}");
    }
}
