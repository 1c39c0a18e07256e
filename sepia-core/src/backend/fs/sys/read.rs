//! Reading whole files, of which nobody knows who made them.

use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use super::{Inode, Kind, inode};

/// How much more than what is known of a file is asked for at once.
const READ_SIZE: usize = 64 << 10;

/// Reads a whole file of at most so many bytes; `EFBIG` if it is longer, or becomes so. `EISDIR` if it is a directory,
/// `ENXIO` if it is a device, a pipe and the like, of which nothing is read: some never end, and some are empty.
pub(in super::super) fn read(file: impl AsFd, most: u64) -> Result<Vec<u8>> {
    let file = file.as_fd();
    let Inode { kind, length, .. } = inode(file)?;
    match kind {
        Kind::File => {}
        Kind::Directory => return Err(Errno::ISDIR),
        Kind::Link | Kind::Other => return Err(Errno::NXIO),
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let length = usize::try_from(length).ok().filter(|length| *length <= most).ok_or(Errno::FBIG)?;
    let mut content = Vec::new();
    // What is not full after the first call holds the whole file.
    let mut room = length.saturating_add(1);
    loop {
        content.try_reserve_exact(room).map_err(|_| Errno::NOMEM)?;
        let at = content.len() as u64;
        let read =
            rustix::io::retry_on_intr(|| rustix::io::pread(file, rustix::buffer::spare_capacity(&mut content), at))?;
        if content.len() > most {
            return Err(Errno::FBIG);
        }
        if read == 0 || content.len() == length && content.len() < content.capacity() {
            return Ok(content);
        }
        room = if content.len() < content.capacity() { content.capacity() - content.len() } else { READ_SIZE };
    }
}
