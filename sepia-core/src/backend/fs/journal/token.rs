//! What must still be the same for the state to be true: the boot, the mount, and the two files.

use std::os::fd::AsFd;
use std::sync::OnceLock;

use rustix::io::Result;
use twox_hash::XxHash3_128;

use super::super::sys;

/// Returns the token of these two files. What was not synced may be lost once it has changed.
pub(super) fn token(state: impl AsFd, journal: impl AsFd) -> Result<u128> {
    let mut text = boot().to_owned();
    for file in [state.as_fd(), journal.as_fd()] {
        let (device, inode) = sys::identity(file)?;
        text.push_str(&format!(" {device} {inode}"));
    }
    text.push_str(&format!(" {}", sys::mount(journal)));
    Ok(XxHash3_128::oneshot(text.as_bytes()))
}

/// Names the present boot of the system, as far as it can be known.
fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let known = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let known = None;
        known.unwrap_or_else(sys::boot_time)
    })
}
