//! The floor: the system calls that an operation cannot do without, and nothing around them.
//!
//! | operation | floor |
//! |---|---|
//! | new leaf | encode; `O_TMPFILE`, `write`, `linkat`: the file appears whole |
//! | unchanged leaf | encode; `open`, one `read`; compare |
//! | overwritten leaf | encode; a new file, then `renameat` over the old one. `RENAME_EXCHANGE` and `unlinkat` take less on ext4, but only a rename has it write the new content out first: after an exchange, a loss of power can leave an empty file where a durable one was |
//! | load | `open`, one `read`; decode |
//! | durable leaf | encode; `pwrite` to a log of its full length, `fdatasync`; `open`, `write` |
//! | many durable leaves | the same with one `pwrite` and one `fdatasync` for all |
//! | durable leaves, many threads | the same, and threads that wait share the next `fdatasync` |
//! | container | `mkdirat` for it and for its links, a `symlinkat` each, `data.json` atomically and last |
//! | … unchanged, load | lists both directories, reads `data.json` and every link; compares, or makes the object |
//! | … one change | finds by reading that one link differs: `symlinkat`, `unlinkat` |
//! | … of leaves that it owns | reads each of them, too |
//! | tree | the same for each container in it, and new leaves atomically |
//! | list ids | `getdents`, a text for each name |
//! | mark | lists all, reads every link, looks it up in a table, with as many threads as there are cores |
//!
//! But for marking, a floor has one thread. Sepia makes the leaves of a large commit with two (many durable leaves, and
//! the tree): there a ratio can be less than 1.

mod folders;
mod log;
mod mark;
mod notes;
mod tree;

pub(crate) use folders::Folders;
pub(crate) use log::{Log, SharedLog};
pub(crate) use mark::mark;
pub(crate) use notes::{exchange, is_stored, make, read, replace};
pub(crate) use tree::Trees;

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use rustix::io::{Errno, Result};

const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o777);

/// The name under which a file is written that is renamed then.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// Room for any file that is read here.
pub(crate) type Buffer = [MaybeUninit<u8>; 4096];

/// Makes room for reading.
pub(crate) const fn buffer() -> Buffer {
    [const { MaybeUninit::uninit() }; 4096]
}

/// An open directory.
pub(crate) struct Directory(OwnedFd);

impl Directory {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        open_directory(CWD, path)
    }

    pub(crate) fn directory(&self, name: &str) -> Result<Self> {
        open_directory(&self.0, name)
    }

    pub(crate) fn make_directory(&self, name: &str) -> Result<Self> {
        rustix::fs::mkdirat(&self.0, name, DIRECTORY_MODE)?;
        self.directory(name)
    }

    /// Makes a file that appears with its whole content.
    #[cfg(target_os = "linux")]
    pub(crate) fn make(&self, name: &str, content: &[u8]) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::TMPFILE;
        let file = match rustix::fs::openat(&self.0, ".", flags, FILE_MODE) {
            Err(Errno::OPNOTSUPP) => return self.replace(name, content),
            opened => opened?,
        };
        write(&file, content)?;
        match rustix::fs::linkat(&file, "", &self.0, name, AtFlags::EMPTY_PATH) {
            // Not permitted to everybody on kernels before 6.10.
            Err(Errno::NOENT | Errno::PERM) => {
                let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
                rustix::fs::linkat(CWD, path, &self.0, name, AtFlags::SYMLINK_FOLLOW)
            }
            linked => linked,
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn make(&self, name: &str, content: &[u8]) -> Result<()> {
        self.replace(name, content)
    }

    /// Makes a file that appears empty and fills up: not atomic.
    pub(crate) fn make_bare(&self, name: &str, content: &[u8]) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL;
        write(rustix::fs::openat(&self.0, name, flags, FILE_MODE)?, content)
    }

    /// Puts a file in the place of another, which is there until then.
    pub(crate) fn replace(&self, name: &str, content: &[u8]) -> Result<()> {
        self.make_bare(UNFINISHED, content)?;
        rustix::fs::renameat(&self.0, UNFINISHED, &self.0, name)
    }

    /// Exchanges a new file with another, and removes that. What was durable there may be lost with the power.
    #[cfg(target_os = "linux")]
    pub(crate) fn exchange(&self, name: &str, content: &[u8]) -> Result<()> {
        self.make_bare(UNFINISHED, content)?;
        rustix::fs::renameat_with(&self.0, UNFINISHED, &self.0, name, rustix::fs::RenameFlags::EXCHANGE)?;
        self.remove(UNFINISHED)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn exchange(&self, name: &str, content: &[u8]) -> Result<()> {
        self.replace(name, content)
    }

    /// Writes over the content of a file, as long as the old one: not atomic.
    pub(crate) fn rewrite_bare(&self, name: &str, content: &[u8]) -> Result<()> {
        write(rustix::fs::openat(&self.0, name, OFlags::WRONLY | OFlags::CLOEXEC, FILE_MODE)?, content)
    }

    /// Reads a file that fits into the buffer.
    pub(crate) fn read<'b>(&self, name: &str, buffer: &'b mut Buffer) -> Result<&'b [u8]> {
        let file = rustix::fs::openat(&self.0, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        match rustix::io::read(file, buffer)? {
            (_, []) => Err(Errno::FBIG),
            (content, _) => Ok(content),
        }
    }

    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        rustix::fs::unlinkat(&self.0, name, AtFlags::empty())
    }

    pub(crate) fn exists(&self, name: &str) -> Result<bool> {
        match rustix::fs::accessat(&self.0, name, Access::EXISTS, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    pub(crate) fn link(&self, name: &str, target: &str) -> Result<()> {
        rustix::fs::symlinkat(target, &self.0, name)
    }

    /// Returns the target of a link, in the allocation of `buffer`.
    pub(crate) fn read_link(&self, name: &str, buffer: Vec<u8>) -> Result<Vec<u8>> {
        rustix::fs::readlinkat(&self.0, name, buffer).map(CString::into_bytes)
    }

    /// Calls `each` with every name in the directory; hidden ones apart.
    #[cfg(target_os = "linux")]
    pub(crate) fn list(&self, mut each: impl FnMut(&str) -> crate::bench::Result) -> crate::bench::Result {
        rustix::fs::seek(&self.0, rustix::fs::SeekFrom::Start(0))?;
        let mut buffer = [const { MaybeUninit::uninit() }; 32 * 1024];
        let mut entries = rustix::fs::RawDir::new(&self.0, &mut buffer);
        while let Some(entry) = entries.next() {
            visible(entry?.file_name()).map_or(Ok(()), &mut each)?;
        }
        Ok(())
    }

    /// Every name in the directory; hidden ones apart.
    pub(crate) fn names(&self) -> crate::bench::Result<Vec<String>> {
        let mut names = Vec::new();
        self.list(|name| {
            names.push(name.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn list(&self, mut each: impl FnMut(&str) -> crate::bench::Result) -> crate::bench::Result {
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            visible(entry?.file_name()).map_or(Ok(()), &mut each)?;
        }
        Ok(())
    }
}

/// The bench makes no names that are not text.
fn visible(name: &CStr) -> Option<&str> {
    name.to_str().ok().filter(|name| !name.starts_with('.'))
}

fn open_directory(parent: impl AsFd, path: impl rustix::path::Arg) -> Result<Directory> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
    rustix::fs::openat(parent, path, flags, Mode::empty()).map(Directory)
}

fn write(file: impl AsFd, content: &[u8]) -> Result<()> {
    if rustix::io::write(file, content)? == content.len() { Ok(()) } else { Err(Errno::NOSPC) }
}
