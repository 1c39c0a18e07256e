//! The entries of a tar archive, in the one form in which they are written and read.
//!
//! Headers are GNU tar's; a path or target over 100 bytes stands in an entry of type `L` or `K` before. Everything
//! that a header can say beside path, type, size, target, time and whether it is hidden is always the same, so that a header which is not
//! byte for byte what would be written is refused.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use super::read::failed;
use crate::record::error::{Error, Quoted, Result};

const BLOCK: usize = 512;

/// How much of a path or target a header itself holds.
const SHORT: usize = 100;

/// The most bytes of a path or target: names as long as can be, in directories as deep as can be.
const LONGEST: u64 = 128 << 10;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of so many bytes, which follow.
    File(u64),
    Directory,
    /// A symlink with this target.
    Link(Vec<u8>),
}

/// What is said of an entry beside its path, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct About {
    /// In seconds since 1970.
    pub(super) modified: u64,
    /// Other users may not read it where it comes from.
    pub(super) is_hidden: bool,
}

impl About {
    pub(super) fn open(modified: u64) -> Self {
        Self { modified, is_hidden: false }
    }
}

/// An entry, without its content.
pub(super) struct Head {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) is_hidden: bool,
}

/// Writes the head of an entry; after that of a file, its content and [padding](pad) follow.
pub(super) fn write(out: &mut dyn Write, path: &str, kind: &Kind, about: About) -> io::Result<()> {
    if let Kind::Link(target) = kind {
        write_long(out, EntryType::GNULongLink, target)?;
    }
    write_long(out, EntryType::GNULongName, path.as_bytes())?;
    out.write_all(header(path.as_bytes(), kind, about).as_bytes())
}

/// Writes a whole file.
pub(super) fn write_file(out: &mut dyn Write, path: &str, content: &[u8], about: About) -> io::Result<()> {
    write(out, path, &Kind::File(content.len() as u64), about)?;
    out.write_all(content)?;
    pad(out, content.len() as u64)
}

/// Fills the last block of so many bytes.
pub(super) fn pad(out: &mut dyn Write, length: u64) -> io::Result<()> {
    out.write_all(&[0; BLOCK][..padding(length)])
}

/// Writes the end of the archive.
pub(super) fn write_end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// How many bytes are missing to whole blocks.
pub(super) fn padding(length: u64) -> usize {
    // Less than a block.
    (length.wrapping_neg() % BLOCK as u64) as usize
}

fn header(path: &[u8], kind: &Kind, about: About) -> Header {
    let (entry_type, size, target) = match kind {
        Kind::File(size) => (EntryType::Regular, *size, &[][..]),
        Kind::Directory => (EntryType::Directory, 0, &[][..]),
        Kind::Link(target) => (EntryType::Symlink, 0, &target[..]),
    };
    plain(path, entry_type, mode(kind, about.is_hidden), size, target, about.modified)
}

/// The mode of an entry. Those of symlinks say nothing.
fn mode(kind: &Kind, is_hidden: bool) -> u32 {
    match (kind, is_hidden) {
        (Kind::File(_), false) => 0o644,
        (Kind::File(_), true) => 0o600,
        (Kind::Directory, false) => 0o755,
        (Kind::Directory, true) => 0o700,
        (Kind::Link(_), _) => 0o777,
    }
}

fn plain(path: &[u8], entry_type: EntryType, mode: u32, size: u64, target: &[u8], modified: u64) -> Header {
    let mut header = Header::new_gnu();
    let put = |field: &mut [u8; SHORT], text: &[u8]| {
        let length = text.len().min(SHORT);
        field[..length].copy_from_slice(&text[..length]);
    };
    put(&mut header.as_old_mut().name, path);
    put(&mut header.as_old_mut().linkname, target);
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(modified);
    header.set_cksum();
    header
}

fn long(entry_type: EntryType, length: usize) -> Header {
    plain(b"././@LongLink", entry_type, 0o644, length as u64 + 1, &[], 0)
}

fn write_long(out: &mut dyn Write, entry_type: EntryType, text: &[u8]) -> io::Result<()> {
    if text.len() <= SHORT {
        return Ok(());
    }
    out.write_all(long(entry_type, text.len()).as_bytes())?;
    out.write_all(text)?;
    out.write_all(&[0])?;
    pad(out, text.len() as u64 + 1)
}

/// Reads the head of an entry; `None` at the end of the archive, behind which nothing may stand.
pub(super) fn read(from: &mut dyn Read) -> Result<Option<Head>> {
    let mut head = block(from)?;
    if head == [0; BLOCK] {
        if block(from)? != [0; BLOCK] {
            return Err(Error::corrupt("the end of the archive is not two blocks of zeros"));
        }
        let mut more = [0];
        return match from.read(&mut more).map_err(failed)? {
            0 => Ok(None),
            _ => Err(Error::corrupt("something stands behind the end of the archive")),
        };
    }
    let (mut target, mut path) = (None, None);
    for (entry_type, text) in [(EntryType::GNULongLink, &mut target), (EntryType::GNULongName, &mut path)] {
        if Header::from_byte_slice(&head).entry_type() == entry_type {
            *text = Some(read_long(from, entry_type, &head)?);
            head = block(from)?;
        }
    }
    let parsed = Header::from_byte_slice(&head);
    let until_zero = |field: &[u8; SHORT]| field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    let is_long = (target.is_some(), path.is_some());
    let path = path.unwrap_or_else(|| until_zero(&parsed.as_old().name));
    let target = target.unwrap_or_else(|| until_zero(&parsed.as_old().linkname));
    let shown = Quoted(&String::from_utf8_lossy(&path)).to_string();
    let wrong = |what: &str| Error::corrupt(format!("the entry {shown} of the archive {what}"));
    let kind = match parsed.entry_type() {
        EntryType::Regular => Kind::File(parsed.entry_size().map_err(|_| wrong("has no size"))?),
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Link(target.clone()),
        _ => return Err(wrong("is neither a file nor a directory nor a symlink")),
    };
    let modified = parsed.mtime().map_err(|_| wrong("has no time"))?;
    let should_be_long = (matches!(kind, Kind::Link(_)) && target.len() > SHORT, path.len() > SHORT);
    let is_hidden = !matches!(kind, Kind::Link(_)) && parsed.mode().is_ok_and(|found| found == mode(&kind, true));
    if header(&path, &kind, About { modified, is_hidden }).as_bytes() != &head || is_long != should_be_long {
        return Err(wrong("has a header that sepia would not write: it is damaged, or from elsewhere"));
    }
    let path = String::from_utf8(path).map_err(|_| wrong("has a name that is not UTF-8"))?;
    Ok(Some(Head { path, kind, is_hidden }))
}

/// Reads the content of a file.
pub(super) fn content(from: &mut dyn Read, size: u64) -> Result<Vec<u8>> {
    // It grows with what is there, whatever the header says.
    let mut content = Vec::new();
    from.take(size).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 != size {
        return Err(cut_off());
    }
    read_padding(from, size)?;
    Ok(content)
}

/// Reads what fills the last block of so many bytes.
pub(super) fn read_padding(from: &mut dyn Read, size: u64) -> Result<()> {
    let mut rest = [0; BLOCK];
    let rest = &mut rest[..padding(size)];
    from.read_exact(rest).map_err(failed)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Error::corrupt("something stands between two entries of the archive"));
    }
    Ok(())
}

fn read_long(from: &mut dyn Read, entry_type: EntryType, head: &[u8; BLOCK]) -> Result<Vec<u8>> {
    let wrong = || Error::corrupt("a long name in the archive cannot be read");
    let size = Header::from_byte_slice(head).entry_size().map_err(|_| wrong())?;
    if !(SHORT as u64 + 2..=LONGEST).contains(&size) {
        return Err(wrong());
    }
    let mut text = content(from, size)?;
    let is_ended = text.pop() == Some(0) && !text.contains(&0);
    if !is_ended || long(entry_type, text.len()).as_bytes() != head {
        return Err(wrong());
    }
    Ok(text)
}

fn block(from: &mut dyn Read) -> Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    from.read_exact(&mut block).map_err(failed)?;
    Ok(block)
}

/// The error of an archive that ends too early.
pub(super) fn cut_off() -> Error {
    Error::corrupt("the archive is cut off")
}
