//! The system calls. Nothing else in this crate changes the disk, and of this module only `change`.
//!
//! Every call goes through a directory handle and takes one name, so that no symlink is followed on
//! the way; `below` takes several, and follows none of them either. What is no name (`..`) is refused here, whoever
//! asks for it ([`name`]).

#![allow(clippy::disallowed_methods)]

mod access;
mod change;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod measure;
mod name;
mod read;

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, Result};

pub(super) use access::{Entry, Rights, may_move, may_replace, rights};
pub(super) use change::*;
pub(super) use measure::{Inode, Mark, Measure, changed, inode, inode_at, mark_at, measure, measure_at, now};
pub(super) use name::ASTRAY;
use name::{check_name, check_path};
pub(super) use read::read;

pub(super) type Directory = OwnedFd;

/// A name in a directory.
pub(super) type Place<'a> = (BorrowedFd<'a>, &'a str);

/// Reads need no blocking on what is no file, and no symlink is followed.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK);
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW).union(OFlags::DIRECTORY);

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

/// Opens the root. Symlinks on the way to it are the caller's business.
pub(super) fn open_root(path: &Path) -> Result<Directory> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty())
}

/// Opens a directory in a directory.
pub(super) fn open_directory(parent: impl AsFd, name: &str) -> Result<Directory> {
    check_name(name)?;
    let parent = parent.as_fd();
    name_link(parent, name, rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()))
}

/// Opens a directory a second time.
pub(super) fn reopen_directory(directory: impl AsFd) -> Result<Directory> {
    rustix::fs::openat(directory, ".", DIRECTORY, Mode::empty())
}

/// Of a symlink that stands where a directory must be, systems say that it is none; here it is `ELOOP`.
fn name_link(parent: BorrowedFd<'_>, name: &str, opened: Result<Directory>) -> Result<Directory> {
    match opened {
        Err(Errno::NOTDIR) if kind(parent, name) == Ok(Kind::Link) => Err(Errno::LOOP),
        opened => opened,
    }
}

/// Opens a file for reading, or a directory.
pub(super) fn open(parent: impl AsFd, name: &str) -> Result<OwnedFd> {
    check_name(name)?;
    rustix::fs::openat(parent, name, READ, Mode::empty())
}

/// Opens a path of several names for reading; `ELOOP` if one of them is a symlink.
pub(super) fn open_below(root: impl AsFd, path: &str) -> Result<OwnedFd> {
    below(root.as_fd(), path, READ)
}

/// Opens a directory by a path of several names.
pub(super) fn open_directory_below(root: impl AsFd, path: &str) -> Result<Directory> {
    let root = root.as_fd();
    name_link(root, path, below(root, path, DIRECTORY))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn below(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    const WITHIN: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
    check_path(path)?;
    match rustix::fs::openat2(root, path, flags, Mode::empty(), WITHIN) {
        // An older kernel, or a sandbox that does not know the call; or a path longer than a call takes.
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => step_below(root, path, flags),
        opened => opened,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn below(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
    check_path(path)?;
    step_below(root, path, flags)
}

/// One name at a time.
fn step_below(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
    let Some((first, mut rest)) = path.split_once('/') else {
        return rustix::fs::openat(root, path, flags, Mode::empty());
    };
    let mut parent = open_directory(root, first)?;
    while let Some((next, after)) = rest.split_once('/') {
        parent = open_directory(&parent, next)?;
        rest = after;
    }
    rustix::fs::openat(&parent, rest, flags, Mode::empty())
}

/// Returns what stands under a name, or a path of several.
pub(super) fn kind(parent: impl AsFd, name: &str) -> Result<Kind> {
    check_path(name)?;
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode).into())
}

/// Returns what stands under a path of several names; no symlink is followed on the way.
pub(super) fn kind_below(root: impl AsFd, path: &str) -> Result<Kind> {
    match path.rsplit_once('/') {
        Some((parent, name)) => kind(open_directory_below(root, parent)?, name),
        None => kind(root, path),
    }
}

/// Returns whether a directory lists exactly this name.
pub(super) fn lists(directory: impl AsFd, name: &str) -> Result<bool> {
    let mut found = false;
    list(directory, &mut |listed, _| found |= listed == name)?;
    Ok(found)
}

/// Returns whether an open file, found under a name in a directory, has exactly this name.
#[cfg(target_vendor = "apple")]
pub(super) fn is_spelled(file: impl AsFd, _: impl AsFd, name: &str) -> Result<bool> {
    let path = rustix::fs::getpath(file)?;
    Ok(path.as_bytes().rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes()))
}

/// Returns whether an open file, found under a name in a directory, has exactly this name. Only the
/// directory knows.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn is_spelled(_: impl AsFd, directory: impl AsFd, name: &str) -> Result<bool> {
    lists(directory, name)
}

/// What tells whether an open file is still the one under its name, and as it was.
pub(super) type Stamp = [i128; 6];

/// Returns the stamp of an open file. The time of its last change tells what the others may not: a
/// file that lost one name and got another.
pub(super) fn stamp(file: impl AsFd) -> Result<Stamp> {
    let stat = rustix::fs::fstat(file)?;
    #[allow(clippy::unnecessary_cast, reason = "the types differ among systems")]
    Ok([
        stat.st_nlink as i128,
        stat.st_size as i128,
        stat.st_mtime as i128,
        stat.st_mtime_nsec as i128,
        stat.st_ctime as i128,
        stat.st_ctime_nsec as i128,
    ])
}

/// Room for the target of a symlink; no system has longer ones.
pub(super) type Target = [MaybeUninit<u8>; 4096];

/// Returns the target of a symlink.
pub(super) fn read_link<'b>(parent: impl AsFd, name: &str, target: &'b mut Target) -> Result<&'b [u8]> {
    check_name(name)?;
    let (read, _) = rustix::fs::readlinkat_raw(parent, name, &mut target[..])?;
    Ok(read)
}

/// Calls `each` with every name in a directory but `.` and `..`, and what stands under it. Names that
/// are not UTF-8 are not Sepia's, and left out.
pub(super) fn list(directory: impl AsFd, each: &mut dyn FnMut(&str, Kind)) -> Result<()> {
    list_all(directory, &mut |name, kind| {
        if let Ok(name) = std::str::from_utf8(name) {
            each(name, kind);
        }
    })
}

/// The same, for names of any bytes.
pub(super) fn list_all(directory: impl AsFd, each: &mut dyn FnMut(&[u8], Kind)) -> Result<()> {
    let listed = list_until(directory.as_fd(), &mut |name, kind| {
        each(name, kind);
        ControlFlow::Continue(())
    });
    listed.map(|_| ())
}

/// The same, until `each` breaks off. Its buffer is not to be on the stack of those that call each other for every
/// level of a tree.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline(never)]
pub(super) fn list_until(
    directory: BorrowedFd<'_>,
    each: &mut dyn FnMut(&[u8], Kind) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    rustix::fs::seek(directory, rustix::fs::SeekFrom::Start(0))?;
    let mut buffer = [const { MaybeUninit::<u8>::uninit() }; 32 * 1024];
    let mut entries = rustix::fs::RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if found(directory, entry.file_name(), entry.file_type(), each)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn list_until(
    directory: BorrowedFd<'_>,
    each: &mut dyn FnMut(&[u8], Kind) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        if found(directory, entry.file_name(), entry.file_type(), each)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Of a directory that was removed since it was opened, systems say that it is not there: it holds nothing.
pub(super) fn unless_gone<T: Default>(listed: Result<T>) -> Result<T> {
    match listed {
        Err(Errno::NOENT) => Ok(T::default()),
        listed => listed,
    }
}

/// Some file systems do not say in the directory what an entry is.
fn found(
    directory: BorrowedFd<'_>,
    name: &CStr,
    listed: FileType,
    each: &mut dyn FnMut(&[u8], Kind) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let bytes = name.to_bytes();
    if bytes == b"." || bytes == b".." {
        return Ok(ControlFlow::Continue(()));
    }
    if listed != FileType::Unknown {
        return Ok(each(bytes, listed.into()));
    }
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(each(bytes, FileType::from_raw_mode(stat.st_mode).into())),
        // Gone since.
        Err(Errno::NOENT) => Ok(ControlFlow::Continue(())),
        Err(errno) => Err(errno),
    }
}

/// Takes the exclusive lock of an open file, without waiting. `EWOULDBLOCK` if another has it.
pub(super) fn try_lock(file: impl AsFd) -> Result<()> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)?;
    #[cfg(feature = "fault-injection")]
    fault::note_locked();
    Ok(())
}

/// Gives the lock back.
pub(super) fn unlock(file: impl AsFd) -> Result<()> {
    rustix::fs::flock(file, FlockOperation::Unlock)
}

/// Returns the process that has the lock of a directory, where the system tells.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn lock_holder(directory: impl AsFd) -> Option<u32> {
    let stat = rustix::fs::fstat(directory).ok()?;
    let (major, minor) = (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let file = format!("{major:02x}:{minor:02x}:{}", stat.st_ino);
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        // 1: FLOCK  ADVISORY  WRITE 4711 fe:01:131072 0 EOF
        let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "FLOCK").skip(3);
        let process = words.next()?.parse().ok().filter(|process| *process > 0)?;
        (words.next()? == file).then_some(process)
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn lock_holder(_: impl AsFd) -> Option<u32> {
    None
}

/// Opens a file for reading and writing, by a path of several names.
pub(super) fn open_to_write(root: impl AsFd, path: &str) -> Result<OwnedFd> {
    below(root.as_fd(), path, READ.union(OFlags::RDWR))
}

/// Reads from a place on until the buffer is full or the file ends, and returns how much that was.
pub(super) fn read_at(file: impl AsFd, buffer: &mut [u8], at: u64) -> Result<usize> {
    let file = file.as_fd();
    let mut filled = 0;
    while filled < buffer.len() {
        let rest = &mut buffer[filled..];
        match rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *rest, at + filled as u64))? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Seconds and nanoseconds since 1970.
pub(super) type Time = (i64, u32);

/// Returns when the content of an open file was last changed.
pub(super) fn modified(file: impl AsFd) -> Result<Time> {
    let stat = rustix::fs::fstat(file)?;
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "the types differ among systems")]
    Ok((i64::from(stat.st_mtime), u32::try_from(stat.st_mtime_nsec).unwrap_or(0)))
}

/// Returns an attribute of an open file, as far as there is room; `None` if it has none. `ERANGE` if it is longer.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn attribute<'b>(file: impl AsFd, name: &str, room: &'b mut [u8]) -> Result<Option<&'b [u8]>> {
    #[cfg(target_vendor = "apple")]
    const ABSENT: Errno = Errno::NOATTR;
    #[cfg(not(target_vendor = "apple"))]
    const ABSENT: Errno = Errno::NODATA;
    match rustix::fs::fgetxattr(file, name, &mut *room) {
        Ok(length) => Ok(room.get(..length)),
        // Whoever has none cannot be asked everywhere.
        Err(ABSENT | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn attribute<'b>(_: impl AsFd, _: &str, _: &'b mut [u8]) -> Result<Option<&'b [u8]>> {
    Ok(None)
}

/// Returns the length of a file.
pub(super) fn length(file: impl AsFd) -> Result<u64> {
    Ok(inode(file)?.length)
}

/// Who may do what with a file or directory, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permissions {
    mode: Mode,
    user: u32,
    group: u32,
    kind: Kind,
}

impl Permissions {
    fn of(stat: &rustix::fs::Stat) -> Self {
        let kind = FileType::from_raw_mode(stat.st_mode).into();
        Self { mode: Mode::from_raw_mode(stat.st_mode), user: stat.st_uid, group: stat.st_gid, kind }
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn owner(&self) -> u32 {
        self.user
    }

    pub(super) fn group(&self) -> u32 {
        self.group
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether this process acts for the owner.
    pub(super) fn is_mine(&self) -> bool {
        rustix::process::geteuid().as_raw() == self.user
    }
}

/// Whether this process may do what it likes.
pub(super) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the permissions of an open file.
pub(super) fn permissions(file: impl AsFd) -> Result<Permissions> {
    Ok(Permissions::of(&rustix::fs::fstat(file)?))
}

/// Returns the permissions of what stands under a name.
pub(super) fn permissions_at((parent, name): Place<'_>) -> Result<Permissions> {
    check_name(name)?;
    Ok(Permissions::of(&rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// Returns device and inode of a file.
pub(super) fn identity(file: impl AsFd) -> Result<(u64, u64)> {
    let stat = rustix::fs::fstat(file)?;
    #[allow(clippy::unnecessary_cast, reason = "the types differ among systems")]
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

/// Returns whether anything stands under a name.
pub(super) fn is_there(parent: impl AsFd, name: &str) -> bool {
    kind(parent, name).is_ok()
}

/// Returns device and inode of what stands under a name.
pub(super) fn identity_at(parent: impl AsFd, name: &str) -> Result<(u64, u64)> {
    check_name(name)?;
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    #[allow(clippy::unnecessary_cast, reason = "the types differ among systems")]
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

/// Returns what tells a directory from all others, also from one that gets its inode after it.
pub(super) fn lasting_identity(directory: impl AsFd) -> Result<u64> {
    let directory = directory.as_fd();
    let (device, inode) = identity(directory)?;
    let text = format!("{device} {inode} {:?}", birth(directory));
    Ok(twox_hash::XxHash3_64::oneshot(text.as_bytes()))
}

/// Returns when a file was made, where the system knows.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn birth(file: BorrowedFd<'_>) -> Option<(i64, u32)> {
    use rustix::fs::StatxFlags;
    let stat = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    (stat.stx_mask & StatxFlags::BTIME.bits() != 0).then_some((stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec))
}

#[cfg(target_vendor = "apple")]
fn birth(file: BorrowedFd<'_>) -> Option<(i64, i64)> {
    let stat = rustix::fs::fstat(file).ok()?;
    Some((stat.st_birthtime, stat.st_birthtime_nsec))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn birth(_: BorrowedFd<'_>) -> Option<()> {
    None
}

/// Returns whether an open file still has a name.
pub(super) fn has_name(file: impl AsFd) -> bool {
    inode(file).is_ok_and(|inode| inode.names > 0)
}

/// Returns the number of the mount that a file was opened through; 0 where that is not to be known.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn mount(file: impl AsFd) -> u64 {
    use rustix::fs::StatxFlags;
    match rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID) {
        Ok(stat) if stat.stx_mask & StatxFlags::MNT_ID.bits() != 0 => stat.stx_mnt_id,
        _ => 0,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn mount(_: impl AsFd) -> u64 {
    0
}

/// Names the time at which the system was booted, where it has no better name for a boot.
pub(super) fn boot_time() -> String {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    // To half a minute, as clocks are set.
    ((now.tv_sec - since.tv_sec) / 30).to_string()
}

/// Returns whether this process may make and remove names in a directory.
fn may_write(directory: impl AsFd) -> Result<()> {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::accessat(directory, ".", access, AtFlags::EACCESS)
}

/// What a file system has left for this process, where it tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Free {
    pub(super) bytes: Option<u64>,
    pub(super) inodes: Option<u64>,
}

/// Returns what the file system has left for this process.
pub(super) fn free(directory: impl AsFd) -> Result<Free> {
    let stat = rustix::fs::fstatvfs(directory)?;
    Ok(Free {
        bytes: (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize)),
        // Where inodes are made as they are needed, there are none.
        inodes: (stat.f_files > 0).then_some(stat.f_favail),
    })
}
