//! What memory this process takes.

use std::fs;

/// What is resident now, in bytes. Unknown on systems other than Linux.
pub(crate) fn resident() -> Option<u64> {
    of_this_process("VmRSS:")
}

/// Has [`most`] begin anew.
pub(crate) fn forget() {
    fs::write("/proc/self/clear_refs", "5").ok();
}

/// What was resident at most, in bytes, since [`forget`].
pub(crate) fn most() -> Option<u64> {
    of_this_process("VmHWM:")
}

fn of_this_process(what: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
