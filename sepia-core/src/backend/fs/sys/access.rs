//! Whether this process may change what stands under a name, before it tries.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Mode};
use rustix::io::{Errno, Result};

use super::name::check_name;

/// What a directory says of the names in it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Rights {
    /// Only the owner of an entry may remove or replace it, and the directory is another's.
    is_sticky: bool,
    /// Nothing may be removed or replaced.
    is_append_only: bool,
    /// The mount that it was opened through; 0 where that is not to be known.
    mount: u64,
}

/// What stands under a name that is to be replaced or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Entry {
    File,
    Directory,
    Link,
}

/// What `statx` says, where there is such a call.
struct Look {
    mode: Mode,
    owner: u32,
    is_append_only: bool,
    is_immutable: bool,
    mount: u64,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn look(parent: impl AsFd, name: &str) -> Result<Look> {
    use rustix::fs::{StatxAttributes, StatxFlags};
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
    let wanted = StatxFlags::MODE | StatxFlags::UID | StatxFlags::MNT_ID;
    let stat = rustix::fs::statx(parent, name, flags, wanted)?;
    Ok(Look {
        mode: Mode::from_raw_mode(stat.stx_mode.into()),
        owner: stat.stx_uid,
        is_append_only: stat.stx_attributes.contains(StatxAttributes::APPEND),
        is_immutable: stat.stx_attributes.contains(StatxAttributes::IMMUTABLE),
        mount: if stat.stx_mask & StatxFlags::MNT_ID.bits() != 0 { stat.stx_mnt_id } else { 0 },
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn look(parent: impl AsFd, name: &str) -> Result<Look> {
    let stat = match name {
        "" => rustix::fs::fstat(parent)?,
        name => rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?,
    };
    let mode = Mode::from_raw_mode(stat.st_mode);
    Ok(Look { mode, owner: stat.st_uid, is_append_only: false, is_immutable: false, mount: 0 })
}

/// Returns what a directory lets this process do. `EACCES`, `EPERM` or `EROFS` if that is nothing.
pub(in super::super) fn rights(directory: impl AsFd) -> Result<Rights> {
    let directory = directory.as_fd();
    // An immutable directory is no writable one.
    super::may_write(directory)?;
    let found = match look(directory, "") {
        // An older kernel, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => return Ok(Rights { is_sticky: false, is_append_only: false, mount: 0 }),
        found => found?,
    };
    let is_sticky = found.mode.contains(Mode::SVTX) && !owns(found.owner);
    Ok(Rights { is_sticky, is_append_only: found.is_append_only, mount: found.mount })
}

/// Makes sure that this process may replace or remove what stands under a name. Nothing there is fine.
pub(in super::super) fn may_replace(directory: impl AsFd, name: &str, rights: &Rights, entry: Entry) -> Result<()> {
    check_name(name)?;
    if rights.is_append_only {
        return Err(Errno::PERM);
    }
    // Most directories are this user's own, and only files and directories have attributes.
    if !rights.is_sticky && entry != Entry::File {
        return Ok(());
    }
    let found = match look(directory, name) {
        Err(Errno::NOENT | Errno::NOSYS) => return Ok(()),
        found => found?,
    };
    let is_kept = found.is_append_only || found.is_immutable || (rights.is_sticky && !owns(found.owner));
    if is_kept { Err(Errno::PERM) } else { Ok(()) }
}

/// Whether files can be moved between two directories: they are of one mount, as far as that is known.
pub(in super::super) fn may_move(rights: &Rights, other: &Rights) -> Result<()> {
    if rights.mount == other.mount || rights.mount == 0 || other.mount == 0 { Ok(()) } else { Err(Errno::XDEV) }
}

/// Whether this process counts as the owner of what a user owns.
fn owns(owner: u32) -> bool {
    rustix::process::geteuid().as_raw() == owner || has_override()
}

/// Whether this process may do what only owners may (`CAP_FOWNER`).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn has_override() -> bool {
    const CAP_FOWNER: u64 = 1 << 3;
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    match capabilities.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) => mask & CAP_FOWNER != 0,
        None => rustix::process::geteuid().is_root(),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn has_override() -> bool {
    rustix::process::geteuid().is_root()
}
