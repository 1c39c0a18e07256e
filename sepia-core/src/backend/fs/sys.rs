//! The system calls. Nothing else in this crate changes the disk.
//!
//! Every call goes through a directory handle and takes one name, so that no symlink is followed on
//! the way; `below` takes several, and follows none of them either.

#![allow(clippy::disallowed_methods)]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, Result};

pub(super) type Directory = OwnedFd;

const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o777);

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

/// Makes a directory and those that it is in.
pub(super) fn make_path(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Opens the root. Symlinks on the way to it are the caller's business.
pub(super) fn open_root(path: &Path) -> Result<Directory> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty())
}

/// Opens a directory in a directory.
pub(super) fn open_directory(parent: impl AsFd, name: &str) -> Result<Directory> {
    let parent = parent.as_fd();
    name_link(parent, name, rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()))
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
    match rustix::fs::openat2(root, path, flags, Mode::empty(), WITHIN) {
        // An older kernel, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => step_below(root, path, flags),
        opened => opened,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn below(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
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

/// Returns what stands under a name.
pub(super) fn kind(parent: impl AsFd, name: &str) -> Result<Kind> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode).into())
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

/// Reads a whole file. `EISDIR` if it is a directory, `ESPIPE` if it is a pipe.
pub(super) fn read(file: impl AsFd) -> Result<Vec<u8>> {
    let file = file.as_fd();
    // Most files are smaller than this, and take one call and one allocation of their size.
    let mut first = [MaybeUninit::<u8>::uninit(); 4096];
    let mut content = match rustix::io::pread(file, &mut first, 0) {
        Ok((read, [])) => read.to_vec(),
        Ok((read, _)) => return Ok(read.to_vec()),
        Err(Errno::INTR) => Vec::new(),
        Err(errno) => return Err(errno),
    };
    loop {
        content.try_reserve(64 * 1024).map_err(|_| Errno::NOMEM)?;
        let at = content.len() as u64;
        let read =
            rustix::io::retry_on_intr(|| rustix::io::pread(file, rustix::buffer::spare_capacity(&mut content), at))?;
        if read == 0 {
            content.shrink_to_fit();
            return Ok(content);
        }
    }
}

/// Room for the target of a symlink; no system has longer ones.
pub(super) type Target = [MaybeUninit<u8>; 4096];

/// Returns the target of a symlink.
pub(super) fn read_link<'b>(parent: impl AsFd, name: &str, target: &'b mut Target) -> Result<&'b [u8]> {
    let (read, _) = rustix::fs::readlinkat_raw(parent, name, &mut target[..])?;
    Ok(read)
}

/// Calls `each` with every name in a directory but `.` and `..`, and what stands under it. Names that
/// are not UTF-8 are not Sepia's, and left out.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn list(directory: impl AsFd, each: &mut dyn FnMut(&str, Kind)) -> Result<()> {
    let directory = directory.as_fd();
    rustix::fs::seek(directory, rustix::fs::SeekFrom::Start(0))?;
    let mut buffer = Vec::<u8>::with_capacity(32 * 1024);
    let mut entries = rustix::fs::RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if name != "." && name != ".." {
            found(directory, name, entry.file_type(), each)?;
        }
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn list(directory: impl AsFd, each: &mut dyn FnMut(&str, Kind)) -> Result<()> {
    let directory = directory.as_fd();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if name != "." && name != ".." {
            found(directory, name, entry.file_type(), each)?;
        }
    }
    Ok(())
}

/// Some file systems do not say in the directory what an entry is.
fn found(directory: BorrowedFd<'_>, name: &str, listed: FileType, each: &mut dyn FnMut(&str, Kind)) -> Result<()> {
    if listed != FileType::Unknown {
        each(name, listed.into());
        return Ok(());
    }
    match kind(directory, name) {
        Ok(kind) => each(name, kind),
        // Gone since.
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    Ok(())
}

/// Takes the exclusive lock of an open file, without waiting. `EWOULDBLOCK` if another has it.
pub(super) fn try_lock(file: impl AsFd) -> Result<()> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// Gives the lock back.
pub(super) fn unlock(file: impl AsFd) -> Result<()> {
    rustix::fs::flock(file, FlockOperation::Unlock)
}

/// Makes a directory.
pub(super) fn make_directory(parent: impl AsFd, name: &str) -> Result<()> {
    rustix::fs::mkdirat(parent, name, DIRECTORY_MODE)
}

/// Makes a symlink.
pub(super) fn make_link(parent: impl AsFd, name: &str, target: &str) -> Result<()> {
    rustix::fs::symlinkat(target, parent, name)
}

/// How an unnamed file gets its name; the first that works here is kept.
#[cfg(any(target_os = "linux", target_os = "android"))]
static LINKING: AtomicU8 = AtomicU8::new(BY_HANDLE);
#[cfg(any(target_os = "linux", target_os = "android"))]
const BY_HANDLE: u8 = 0;
#[cfg(any(target_os = "linux", target_os = "android"))]
const BY_PROC: u8 = 1;
#[cfg(any(target_os = "linux", target_os = "android"))]
const NOT_AT_ALL: u8 = 2;

/// Makes a file that appears under its name with its whole content; `EEXIST` if something is there.
/// `EOPNOTSUPP` where the file system or the system has no unnamed files.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn make_file_unnamed(parent: impl AsFd, name: &str, content: &[u8]) -> Result<()> {
    let parent = parent.as_fd();
    if LINKING.load(Ordering::Relaxed) == NOT_AT_ALL {
        return Err(Errno::OPNOTSUPP);
    }
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::TMPFILE;
    let file = match rustix::fs::openat(parent, ".", flags, FILE_MODE) {
        // Without O_TMPFILE, this asks to write to a directory.
        Err(Errno::ISDIR | Errno::INVAL) => return Err(Errno::OPNOTSUPP),
        opened => opened?,
    };
    write_all(&file, content)?;
    if LINKING.load(Ordering::Relaxed) == BY_HANDLE {
        match rustix::fs::linkat(&file, "", parent, name, AtFlags::EMPTY_PATH) {
            // Not permitted to this process, on kernels before 6.10.
            Err(Errno::NOENT | Errno::PERM) => LINKING.store(BY_PROC, Ordering::Relaxed),
            linked => return linked,
        }
    }
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    match rustix::fs::linkat(rustix::fs::CWD, path, parent, name, AtFlags::SYMLINK_FOLLOW) {
        // No /proc here.
        Err(Errno::NOENT | Errno::XDEV) => {
            LINKING.store(NOT_AT_ALL, Ordering::Relaxed);
            Err(Errno::OPNOTSUPP)
        }
        linked => linked,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn make_file_unnamed(_: impl AsFd, _: &str, _: &[u8]) -> Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Makes a file under a name of its own, to be moved into its place.
pub(super) fn make_file(parent: impl AsFd, name: &str, content: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    let file = rustix::fs::openat(parent, name, flags, FILE_MODE)?;
    write_all(&file, content)?;
    Ok(file)
}

/// Gives a file the permissions of the one that it will replace.
pub(super) fn copy_mode(from: (impl AsFd, &str), to: impl AsFd) -> Result<()> {
    let stat = rustix::fs::statat(from.0, from.1, AtFlags::SYMLINK_NOFOLLOW)?;
    rustix::fs::fchmod(to, Mode::from_raw_mode(stat.st_mode))
}

fn write_all(file: impl AsFd, mut content: &[u8]) -> Result<()> {
    let file = file.as_fd();
    while !content.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::write(file, content))? {
            0 => return Err(Errno::IO),
            written => content = &content[written..],
        }
    }
    Ok(())
}

/// Moves a file or link into its place, over what is there.
pub(super) fn replace(from: (impl AsFd, &str), to: (impl AsFd, &str)) -> Result<()> {
    rustix::fs::renameat(from.0, from.1, to.0, to.1)
}

/// Moves a file into its place; `EEXIST` if something is there.
pub(super) fn place(from: (impl AsFd, &str), to: (impl AsFd, &str)) -> Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&from.0, from.1, &to.0, to.1, flags) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            placed => return placed,
        }
    }
    // The lock keeps every other writer of this store out; only a hand could be in between.
    match kind(&to.0, to.1) {
        Err(Errno::NOENT) => rustix::fs::renameat(from.0, from.1, to.0, to.1),
        Ok(_) => Err(Errno::EXIST),
        Err(errno) => Err(errno),
    }
}

/// Removes a file or link; nothing to do if it is gone.
pub(super) fn remove(parent: impl AsFd, name: &str) -> Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

/// Removes a directory if it is empty.
pub(super) fn remove_directory(parent: impl AsFd, name: &str) -> Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        removed => removed,
    }
}
