//! Checksums, in a store that keeps them: what tells a file that the medium has changed from one that was edited.
//!
//! The extended attribute `user.sepia.sum` of a file holds the hash of its content and the time at which that was
//! written. It is set before the file gets its name, on the file itself, so that no crash and no reader comes in
//! between. Whoever edits a file changes its time; a medium that loses or flips bits does not.

use std::os::fd::AsFd;

use rustix::io::{Errno, Result};
use twox_hash::XxHash3_64;

use super::sys;
pub(super) use crate::record::catalog::Checksums;

/// The name of the attribute.
const ATTRIBUTE: &str = "user.sepia.sum";
/// No checksum is longer.
const LONGEST: usize = 64;

/// What a file held when Sepia wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Checksum {
    hash: u64,
    modified: sys::Time,
}

impl Checksum {
    fn of(content: &[u8], modified: sys::Time) -> Self {
        Self { hash: XxHash3_64::oneshot(content), modified }
    }

    fn print(self) -> String {
        let (seconds, nanoseconds) = self.modified;
        format!("{:016x} {seconds}.{nanoseconds:09}", self.hash)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (hash, time) = std::str::from_utf8(text).ok()?.split_once(' ')?;
        let (seconds, nanoseconds) = time.split_once('.')?;
        let modified = (seconds.parse().ok()?, nanoseconds.parse().ok()?);
        Some(Self { hash: u64::from_str_radix(hash, 16).ok()?, modified })
    }
}

/// What a checksum says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has none.
    Unchecked,
    Good,
    /// It was edited since.
    Edited,
    /// It holds something else, and nobody has edited it.
    Corrupted,
}

/// Gives a file the checksum of its content, if the store keeps them. Where the system refuses, the file is as
/// good as one that was copied here: unchecked.
pub(super) fn keep(checksums: Checksums, file: impl AsFd, content: &[u8]) {
    if checksums == Checksums::On {
        let _ = note(file, content);
    }
}

/// Gives a file the checksum of its content, which nobody else can have changed.
pub(super) fn note(file: impl AsFd, content: &[u8]) -> Result<()> {
    let modified = sys::modified(&file)?;
    note_as_of(file, content, modified)
}

/// Gives a file the checksum of what it held while it had this time of its last change.
pub(super) fn note_as_of(file: impl AsFd, content: &[u8], modified: sys::Time) -> Result<()> {
    sys::set_attribute(file, ATTRIBUTE, Checksum::of(content, modified).print().as_bytes())
}

/// Compares an open file, of at most so many bytes, with its checksum.
pub(super) fn judge(file: impl AsFd, most: u64) -> Result<Verdict> {
    let file = file.as_fd();
    let mut room = [0; LONGEST];
    let noted = match sys::attribute(file, ATTRIBUTE, &mut room) {
        Ok(noted) => noted,
        // Longer than any of ours.
        Err(Errno::RANGE) => None,
        Err(errno) => return Err(errno),
    };
    let Some(noted) = noted.and_then(Checksum::parse) else { return Ok(Verdict::Unchecked) };
    let content = sys::read(file, most)?;
    // An edit after it was read makes the time another, and not the content.
    let found = Checksum::of(&content, sys::modified(file)?);
    Ok(match found {
        _ if found.hash == noted.hash => Verdict::Good,
        _ if found.modified == noted.modified => Verdict::Corrupted,
        _ => Verdict::Edited,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_parsed() {
        for modified in [(0, 0), (1_763_709_559, 7), (-5, 999_999_999)] {
            let checksum = Checksum { hash: 0x0123_4567_89ab_cdef, modified };
            assert_eq!(Checksum::parse(checksum.print().as_bytes()), Some(checksum));
            assert!(checksum.print().len() <= LONGEST);
        }
        for text in ["", "x", "12", "12 3", "zz 1.2", "12 1.x", "12 1.2 3"] {
            assert_eq!(Checksum::parse(text.as_bytes()), None, "{text}");
        }
    }
}
