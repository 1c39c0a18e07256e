//! The calls that change the disk. Each is one step, before and after which a process can die, and
//! which can fail.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::{Errno, Result};

use super::super::checksum::Checksums;
use super::super::modes::Making;
use super::{Kind, Permissions, Place, check_name, kind, permissions};

const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o777);
/// Who may read, write and enter, and nothing more.
pub(in super::super) const PLAIN: Mode = Mode::from_raw_mode(0o777);

/// A call that changes the disk.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "only tests look into it")]
pub(crate) enum Call<'a> {
    MakeDirectory(BorrowedFd<'a>, &'a str),
    MakeLink(BorrowedFd<'a>, &'a str, &'a str),
    /// Makes an empty file without a name, in a directory.
    MakeUnnamed(BorrowedFd<'a>),
    /// Makes an empty file.
    MakeFile(BorrowedFd<'a>, &'a str),
    /// Gives an unnamed file a name.
    Name(BorrowedFd<'a>, BorrowedFd<'a>, &'a str),
    Write(BorrowedFd<'a>, u64, &'a [u8]),
    SetMode(BorrowedFd<'a>),
    SetOwner(BorrowedFd<'a>),
    SetAttribute(BorrowedFd<'a>),
    SetLength(BorrowedFd<'a>, u64),
    Rename(BorrowedFd<'a>, &'a str, BorrowedFd<'a>, &'a str),
    Remove(BorrowedFd<'a>, &'a str),
    RemoveDirectory(BorrowedFd<'a>, &'a str),
    /// Waits for a file's content, or a directory's entries.
    Sync(BorrowedFd<'a>),
    /// Waits for everything in the file system.
    SyncAll(BorrowedFd<'a>),
}

#[cfg(not(feature = "fault-injection"))]
fn step<T>(_: Call<'_>, call: impl FnOnce() -> Result<T>) -> Result<T> {
    call()
}

#[cfg(feature = "fault-injection")]
fn step<T>(step: Call<'_>, call: impl FnOnce() -> Result<T>) -> Result<T> {
    super::fault::before(step)?;
    let done = call()?;
    super::fault::after(step);
    Ok(done)
}

/// Makes a directory and those that it is in, and waits until they are on the disk.
pub(in super::super) fn make_path(path: &Path) -> std::io::Result<()> {
    // What is there already ends the way up. The parent of a single name is the empty path.
    let missing = path.ancestors().take_while(|way| !way.as_os_str().is_empty() && !way.exists()).count();
    std::fs::create_dir_all(path)?;
    for way in path.ancestors().skip(1).take(missing) {
        let way = if way.as_os_str().is_empty() { Path::new(".") } else { way };
        sync(super::open_root(way)?)?;
    }
    Ok(())
}

/// Makes a directory.
pub(in super::super) fn make_directory(parent: impl AsFd, name: &str, making: Making) -> Result<()> {
    check_name(name)?;
    let parent = parent.as_fd();
    let mode = birth(making, DIRECTORY_MODE);
    step(Call::MakeDirectory(parent, name), || rustix::fs::mkdirat(parent, name, mode))?;
    if making == Making::Usual {
        return Ok(());
    }
    // No system makes a setgid directory at once.
    let made = super::open_directory(parent, name)?;
    if owner_instead_of_root(&made, parent)?.is_some() && holds_something(&made)? {
        // It is not what was made, and nobody's to be given away.
        return Ok(());
    }
    settle(&made, parent, making)
}

/// The mode that something is born with: no more than what it has in the end, and enough for its owner to write it.
fn birth(making: Making, usual: Mode) -> Mode {
    match making {
        Making::Usual | Making::AtLeast(_) => usual,
        Making::Exactly(mode) => mode & PLAIN,
        Making::Like(like) => (like.mode() | needed(like)) & PLAIN,
    }
}

/// Gives what was just made, and holds nothing yet, what the umask has taken from it, and its owner and group.
fn settle(made: impl AsFd, parent: BorrowedFd<'_>, making: Making) -> Result<()> {
    let made = made.as_fd();
    match making {
        Making::Usual => Ok(()),
        Making::AtLeast(mode) => without_modes(widen(made, mode)),
        Making::Exactly(mode) => {
            if let Some(owner) = owner_instead_of_root(made, parent)? {
                // In a container without that right, it stays the superuser's.
                let _ = give_to(made, Some(owner.owner()), owner.group());
            }
            without_modes(set_mode(made, mode))
        }
        Making::Like(like) => set_permissions(made, like, needed(like)),
    }
}

/// What this process has just made is its own: if its mode cannot be set, the file system keeps none.
fn without_modes(set: Result<()>) -> Result<()> {
    match set {
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        set => set,
    }
}

/// What its owner must be able to do with something in order to fill it.
fn needed(like: Permissions) -> Mode {
    if like.kind() == Kind::Directory { Mode::RWXU } else { Mode::RUSR | Mode::WUSR }
}

/// What the superuser makes in the private directory of somebody else is for that one, like what SQLite makes beside
/// somebody's database: or that one could use the store no more.
fn owner_instead_of_root(made: impl AsFd, parent: BorrowedFd<'_>) -> Result<Option<Permissions>> {
    const ROOT: u32 = 0;
    if permissions(made)?.owner() != ROOT {
        return Ok(None);
    }
    Ok(Some(permissions(parent)?).filter(|owner| owner.owner() != ROOT))
}

fn holds_something(directory: impl AsFd) -> Result<bool> {
    let mut holds = false;
    super::list_all(directory, &mut |_, _| holds = true)?;
    Ok(holds)
}

fn give_to(file: BorrowedFd<'_>, user: Option<u32>, group: u32) -> Result<()> {
    let (user, group) = (user.map(Uid::from_raw), Some(Gid::from_raw(group)));
    step(Call::SetOwner(file), || rustix::fs::fchown(file, user, group))
}

/// Gives a file or directory at least these permissions.
pub(in super::super) fn widen(file: impl AsFd, mode: Mode) -> Result<()> {
    let file = file.as_fd();
    let now = permissions(file)?.mode();
    match now.contains(mode) {
        true => Ok(()),
        false => step(Call::SetMode(file), || rustix::fs::fchmod(file, now | mode)),
    }
}

/// Gives a file or directory exactly these permissions. Which group a directory hands on is no matter where they do not
/// say so.
pub(in super::super) fn set_mode(file: impl AsFd, mode: Mode) -> Result<()> {
    let file = file.as_fd();
    match Making::Exactly(mode).is_kept_by(permissions(file)?.mode()) {
        true => Ok(()),
        false => step(Call::SetMode(file), || rustix::fs::fchmod(file, mode)),
    }
}

/// Gives a file of this process's user the mode that it was to be made with, if whoever made it died before.
pub(in super::super) fn mend_mode(file: impl AsFd, making: Making) -> Result<()> {
    let now = permissions(&file)?;
    match making {
        Making::Exactly(mode) if now.is_mine() && !making.is_kept_by(now.mode()) => without_modes(set_mode(file, mode)),
        _ => Ok(()),
    }
}

/// Makes a symlink.
pub(in super::super) fn make_link(parent: impl AsFd, name: &str, target: &str) -> Result<()> {
    check_name(name)?;
    let parent = parent.as_fd();
    step(Call::MakeLink(parent, name, target), || rustix::fs::symlinkat(target, parent, name))
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
/// `EOPNOTSUPP` where the file system or the system has no unnamed files, and other errors of what is not allowed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in super::super) fn make_file_unnamed(
    parent: impl AsFd,
    name: &str,
    content: &[u8],
    checksums: Checksums,
    making: Making,
) -> Result<()> {
    check_name(name)?;
    let parent = parent.as_fd();
    if LINKING.load(Ordering::Relaxed) == NOT_AT_ALL {
        return Err(Errno::OPNOTSUPP);
    }
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::TMPFILE;
    let mode = birth(making, FILE_MODE);
    let made = step(Call::MakeUnnamed(parent), || rustix::fs::openat(parent, ".", flags, mode));
    let file = match made {
        // Without O_TMPFILE, this asks to write to a directory.
        Err(Errno::ISDIR | Errno::INVAL) => return Err(Errno::OPNOTSUPP),
        made => made?,
    };
    #[cfg(feature = "fault-injection")]
    super::fault::unnamed(file.as_fd());
    settle(&file, parent, making)?;
    write(&file, content, 0)?;
    super::super::checksum::keep(checksums, &file, content);
    let named = Call::Name(file.as_fd(), parent, name);
    if LINKING.load(Ordering::Relaxed) == BY_HANDLE {
        match step(named, || rustix::fs::linkat(&file, "", parent, name, AtFlags::EMPTY_PATH)) {
            // Not permitted to this process, on kernels before 6.10.
            Err(Errno::NOENT | Errno::PERM) => LINKING.store(BY_PROC, Ordering::Relaxed),
            linked => return linked,
        }
    }
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    match step(named, || rustix::fs::linkat(rustix::fs::CWD, path, parent, name, AtFlags::SYMLINK_FOLLOW)) {
        // No /proc here.
        Err(Errno::NOENT | Errno::XDEV) => {
            LINKING.store(NOT_AT_ALL, Ordering::Relaxed);
            Err(Errno::OPNOTSUPP)
        }
        linked => linked,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in super::super) fn make_file_unnamed(_: impl AsFd, _: &str, _: &[u8], _: Checksums, _: Making) -> Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Makes a file under a name of its own, to be moved into its place.
pub(in super::super) fn make_file(parent: impl AsFd, name: &str, content: &[u8], making: Making) -> Result<OwnedFd> {
    check_name(name)?;
    let parent = parent.as_fd();
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    let mode = birth(making, FILE_MODE);
    let file = step(Call::MakeFile(parent, name), || rustix::fs::openat(parent, name, flags, mode))?;
    settle(&file, parent, making)?;
    write(&file, content, 0)?;
    Ok(file)
}

/// Opens a file for reading and writing at any place, and makes it if it is not there.
pub(in super::super) fn open_or_make(parent: impl AsFd, name: &str, making: Making) -> Result<OwnedFd> {
    check_name(name)?;
    let parent = parent.as_fd();
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mode = birth(making, FILE_MODE);
    match rustix::fs::openat(parent, name, flags, mode) {
        Err(Errno::NOENT) => {
            let flags = flags | OFlags::CREATE;
            let made = step(Call::MakeFile(parent, name), || rustix::fs::openat(parent, name, flags, mode))?;
            settle(&made, parent, making)?;
            Ok(made)
        }
        opened => opened,
    }
}

/// Gives a file what another has: its mode, and `more`; its group; and its owner, as far as the system permits it. Who
/// is in the group of this file, and not in that one's, gets no more than all others.
fn set_permissions(file: BorrowedFd<'_>, like: Permissions, more: Mode) -> Result<()> {
    let now = permissions(file)?;
    let (mut mode, is_of_group) = (like.mode() | more, now.group() == like.group());
    let user = (now.owner() != like.owner() && rustix::process::geteuid().is_root()).then_some(like.owner());
    if is_of_group && user.is_none() && now.mode() == mode {
        return Ok(());
    }
    if !is_of_group || user.is_some() {
        // Who is not in the group cannot give it the file.
        let given = give_to(file, user, like.group());
        if given.is_err() && !is_of_group {
            const GROUP: Mode = Mode::from_raw_mode(0o070);
            let others = Mode::from_raw_mode((mode & Mode::RWXO).bits() << 3);
            mode = mode.difference(GROUP) | (mode & GROUP & others);
        }
    }
    step(Call::SetMode(file), || rustix::fs::fchmod(file, mode))
}

/// Takes from a file that is complete what its owner had only to write it.
pub(in super::super) fn seal(file: impl AsFd, making: Making) -> Result<()> {
    match making {
        Making::Like(like) if !like.mode().contains(needed(like)) => set_permissions(file.as_fd(), like, Mode::empty()),
        _ => Ok(()),
    }
}

/// Changes nothing of a file but the time of its last change, which is the present time then.
pub(in super::super) fn renew(file: impl AsFd) -> Result<()> {
    let file = file.as_fd();
    let mode = permissions(file)?.mode();
    step(Call::SetMode(file), || rustix::fs::fchmod(file, mode))
}

/// Gives a file an attribute of the user's. `EOPNOTSUPP` where the file system or the system has none.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(in super::super) fn set_attribute(file: impl AsFd, name: &str, value: &[u8]) -> Result<()> {
    let file = file.as_fd();
    let flags = rustix::fs::XattrFlags::empty();
    step(Call::SetAttribute(file), || rustix::fs::fsetxattr(file, name, value, flags))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(in super::super) fn set_attribute(_: impl AsFd, _: &str, _: &[u8]) -> Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Writes all of this into a file, from `at` on.
pub(in super::super) fn write(file: impl AsFd, mut content: &[u8], mut at: u64) -> Result<()> {
    let file = file.as_fd();
    while !content.is_empty() {
        let call = || rustix::io::retry_on_intr(|| rustix::io::pwrite(file, content, at));
        match step(Call::Write(file, at, content), call)? {
            0 => return Err(Errno::IO),
            written => {
                content = &content[written..];
                at += written as u64;
            }
        }
    }
    Ok(())
}

/// Cuts a file off, or fills it up with zeros.
pub(in super::super) fn set_length(file: impl AsFd, length: u64) -> Result<()> {
    let file = file.as_fd();
    step(Call::SetLength(file, length), || rustix::fs::ftruncate(file, length))
}

/// Moves a file or link into its place, over what is there.
pub(in super::super) fn replace(from: Place<'_>, to: Place<'_>) -> Result<()> {
    check_name(from.1).and_then(|()| check_name(to.1))?;
    step(Call::Rename(from.0, from.1, to.0, to.1), || rustix::fs::renameat(from.0, from.1, to.0, to.1))
}

/// Moves a file into its place; `EEXIST` if something is there.
pub(in super::super) fn place(from: Place<'_>, to: Place<'_>) -> Result<()> {
    check_name(from.1).and_then(|()| check_name(to.1))?;
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        let call = || rustix::fs::renameat_with(from.0, from.1, to.0, to.1, flags);
        match step(Call::Rename(from.0, from.1, to.0, to.1), call) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            placed => return placed,
        }
    }
    // The lock keeps every other writer of this store out; only a hand could be in between.
    match kind(to.0, to.1) {
        Err(Errno::NOENT) => replace(from, to),
        Ok(_) => Err(Errno::EXIST),
        Err(errno) => Err(errno),
    }
}

/// Removes a file or link; nothing to do if it is gone.
pub(in super::super) fn remove(parent: impl AsFd, name: &str) -> Result<()> {
    check_name(name)?;
    let parent = parent.as_fd();
    match step(Call::Remove(parent, name), || rustix::fs::unlinkat(parent, name, AtFlags::empty())) {
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

/// Removes a directory if it is empty.
pub(in super::super) fn remove_directory(parent: impl AsFd, name: &str) -> Result<()> {
    check_name(name)?;
    let parent = parent.as_fd();
    match step(Call::RemoveDirectory(parent, name), || rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)) {
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        removed => removed,
    }
}

/// Waits until the content of a file is on the disk, and what it takes to find it.
pub(in super::super) fn sync_data(file: impl AsFd) -> Result<()> {
    let file = file.as_fd();
    step(Call::Sync(file), || {
        #[cfg(target_vendor = "apple")]
        return rustix::fs::fcntl_fullfsync(file);
        #[cfg(not(target_vendor = "apple"))]
        rustix::io::retry_on_intr(|| rustix::fs::fdatasync(file))
    })
}

/// Waits until a file or directory is on the disk.
pub(in super::super) fn sync(file: impl AsFd) -> Result<()> {
    let file = file.as_fd();
    step(Call::Sync(file), || {
        #[cfg(target_vendor = "apple")]
        return rustix::fs::fcntl_fullfsync(file);
        #[cfg(not(target_vendor = "apple"))]
        rustix::io::retry_on_intr(|| rustix::fs::fsync(file))
    })
}

/// Waits until everything in the file system of a file is on the disk.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in super::super) fn sync_all(file: impl AsFd) -> Result<()> {
    let file = file.as_fd();
    step(Call::SyncAll(file), || rustix::io::retry_on_intr(|| rustix::fs::syncfs(file)))
}

/// Asks for everything to be written; this system offers nothing to wait for.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in super::super) fn sync_all(file: impl AsFd) -> Result<()> {
    step(Call::SyncAll(file.as_fd()), || {
        rustix::fs::sync();
        Ok(())
    })
}
