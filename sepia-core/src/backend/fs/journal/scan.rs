//! Walking over the frames in the journal.
//!
//! Every byte is read at most twice, and only what whole frames are made of is kept: nobody knows who wrote the journal,
//! or how long it says that it is.

use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result as IoResult};

use super::super::layout::JOURNAL;
use super::super::root::Root;
use super::super::sys;
use super::frame::{self, Check, Frame, HEADER, Head, Header};
use super::proper;
use super::state::{MAX_NUMBER, State};
use super::{Journal, LIMIT, MAX_FRAME, START, damaged};
use crate::record::error::{Error, Quoted, Result};

/// How much of the journal is read at once. What is longer is believed only once its sum is right.
const STEP: usize = 256 << 10;

/// Frames as they were read, each found to be one of this format.
#[derive(Debug, Default)]
pub(in super::super) struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// Returns the frames, in their order.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (frame, length) = frame::split(rest)?;
            // The last may lack the zeros behind it.
            rest = usize::try_from(length).ok().and_then(|length| rest.get(length..)).unwrap_or_default();
            Some(frame)
        })
    }
}

impl Journal {
    /// Reads the frames that may have to be carried out again, as the state cannot be believed: all that
    /// the journal begins with, if they are durable; else, as each was carried out before the next was
    /// written, those that the state says are not carried out, or the last if there is no state.
    ///
    /// # Errors
    /// `Corrupt` if some are damaged that were on the disk, or one is none of this format.
    pub(in super::super) fn scan(&self, root: &Root, known: Option<State>) -> Result<Scan> {
        let opened = self.journal(root)?;
        let journal = opened.journal().ok_or_else(|| damaged(root, "it is gone"))?;
        let fail = |errno| Error::io("read the journal", &root.place(JOURNAL), errno);
        let length = sys::inode(journal).map_err(fail)?.length;
        let mut part = Part::new(journal, START, length);
        part.fill(HEADER).map_err(fail)?;
        if part.bytes.iter().take(HEADER).all(|byte| *byte == 0) {
            return Ok(Scan::default());
        }
        // A header is written at once, so one that cannot be read has been damaged.
        let lost = || damaged(root, "a commit in it was on the disk, and cannot be read any more");
        let Header { epoch, durable, .. } = frame::peek(&part.bytes).ok_or_else(lost)?.header;
        if epoch >= MAX_NUMBER {
            return Err(Broken::Number.error(root));
        }
        let Chain { mut used, last, sequence } = chain(&mut part, epoch).map_err(|broken| broken.error(root))?;
        let known = known.filter(|state| state.epoch == epoch);
        if let Some(state) = known.filter(|state| state.poisoned) {
            // A frame behind that was rejected, and whoever committed it was told so.
            used = used.min(usize::try_from(state.committed.saturating_sub(START)).unwrap_or(usize::MAX));
        }
        let end = START + used as u64;
        let mut bytes = part.bytes;
        bytes.truncate(used);
        if durable {
            // What lies behind the last whole frame was being written, unless something says otherwise.
            let later = synced_later(journal, epoch, end, length).map_err(fail)?;
            if later.max(known.map_or(0, |state| state.synced)) > end {
                return Err(lost());
            }
            return Ok(Scan { frames: Frames { bytes }, epoch, sequence, from: START, end });
        }
        let from = match known {
            Some(state) if state.is_settled() => used,
            Some(state) => usize::try_from(state.applied.saturating_sub(START)).map_or(used, |from| from.min(used)),
            None => last,
        };
        let bytes = bytes.split_off(from);
        Ok(Scan { frames: Frames { bytes }, epoch, sequence, from: START + from as u64, end })
    }

    /// Reads the frames between two places; `None` if they are not all there, or in other files that have the names now.
    ///
    /// # Errors
    /// `Corrupt` if one is none of this format.
    pub(in super::super) fn frames(&self, root: &Root, epoch: u64, from: u64, to: u64) -> Result<Option<Frames>> {
        if self.catch_up(root)? {
            return Ok(None);
        }
        let opened = self.journal(root)?;
        let journal = opened.journal().ok_or_else(|| damaged(root, "it is gone"))?;
        let fail = |errno| Error::io("read the journal", &root.place(JOURNAL), errno);
        if to > sys::inode(journal).map_err(fail)?.length {
            return Ok(None);
        }
        let mut part = Part::new(journal, from, to);
        let used = chain(&mut part, epoch).map_err(|broken| broken.error(root))?.used;
        let mut bytes = part.bytes;
        bytes.truncate(used);
        Ok((from + used as u64 == to).then_some(Frames { bytes }))
    }
}

/// What a scan has found.
#[derive(Debug, Default)]
pub(in super::super) struct Scan {
    pub(in super::super) frames: Frames,
    pub(in super::super) epoch: u64,
    /// The number of the last commit.
    pub(in super::super) sequence: u64,
    /// Where the frames begin in the journal, and where they end.
    pub(in super::super) from: u64,
    pub(in super::super) end: u64,
}

/// A part of the journal, as far as it has been read.
struct Part<'j> {
    journal: BorrowedFd<'j>,
    from: u64,
    to: u64,
    bytes: Vec<u8>,
}

impl<'j> Part<'j> {
    fn new(journal: BorrowedFd<'j>, from: u64, to: u64) -> Self {
        Self { journal, from, to, bytes: Vec::new() }
    }

    /// How many bytes there are at most.
    fn length(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// Reads on until so many bytes are known, and returns whether there are so many.
    fn fill(&mut self, wanted: usize) -> IoResult<bool> {
        let known = self.bytes.len();
        if known >= wanted {
            return Ok(true);
        }
        let most = usize::try_from(self.length()).unwrap_or(usize::MAX);
        let wanted_now = wanted.max(known.saturating_add(STEP)).min(most);
        if wanted_now > known {
            self.bytes.try_reserve(wanted_now - known).map_err(|_| Errno::NOMEM)?;
            self.bytes.resize(wanted_now, 0);
            let read = sys::read_at(self.journal, &mut self.bytes[known..], self.from + known as u64)?;
            self.bytes.truncate(known + read);
        }
        Ok(self.bytes.len() >= wanted)
    }

    /// Whether the sum of the frame at `at` is right, without keeping the frame.
    fn has_whole(&self, at: usize, length: u64) -> IoResult<bool> {
        let Some(head) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<HEADER>()) else { return Ok(false) };
        let mut check = Check::begin(head);
        let mut buffer = vec![0; STEP];
        let (mut place, mut left) = (self.from + (at + HEADER) as u64, length);
        while left > 0 {
            let part = usize::try_from(left).map_or(STEP, |left| left.min(STEP));
            if sys::read_at(self.journal, &mut buffer[..part], place)? < part {
                return Ok(false);
            }
            check.add(&buffer[..part]);
            (place, left) = (place + part as u64, left - part as u64);
        }
        Ok(check.is_met())
    }
}

/// Whole frames, one after another.
struct Chain {
    /// How many bytes they are.
    used: usize,
    /// Where the last of them begins.
    last: usize,
    /// The number of its commit.
    sequence: u64,
}

/// Why frames cannot be believed.
enum Broken {
    /// One holds an operation that no writer of this format writes.
    Improper {
        path: String,
        why: proper::Improper,
    },
    Number,
    Io(Errno),
}

impl From<Errno> for Broken {
    fn from(errno: Errno) -> Self {
        Self::Io(errno)
    }
}

impl Broken {
    fn error(self, root: &Root) -> Error {
        match self {
            Self::Improper { path, why } => {
                let why = format!("a commit in it does something to {}, and {why}", Quoted(&path));
                damaged(root, &format!("{why}; nothing of it has been carried out"))
            }
            Self::Number => damaged(root, "a commit in it has a number that no store comes to"),
            Self::Io(errno) => Error::io("read the journal", &root.place(JOURNAL), errno),
        }
    }
}

/// Walks over the whole frames of one epoch that a part begins with.
fn chain(part: &mut Part<'_>, epoch: u64) -> Result<Chain, Broken> {
    let mut chain = Chain { used: 0, last: 0, sequence: 0 };
    while part.fill(chain.used.saturating_add(HEADER))? {
        let Some(Head { header, length, whole }) = frame::peek(&part.bytes[chain.used..]) else { break };
        let is_next = header.epoch == epoch && header.at == part.from + chain.used as u64;
        if !is_next || header.sequence <= chain.sequence {
            break;
        }
        if header.sequence >= MAX_NUMBER || header.epoch >= MAX_NUMBER {
            return Err(Broken::Number);
        }
        let payload = (chain.used + HEADER) as u64;
        let (true, Some(end)) = (whole <= MAX_FRAME, payload.checked_add(length)) else { break };
        if end > part.length() || (length > STEP as u64 && !part.has_whole(chain.used, length)?) {
            break;
        }
        // Invariant: no longer than the largest frame.
        let Ok(end) = usize::try_from(end) else { break };
        if !part.fill(end)? {
            break;
        }
        let Some((frame, _)) = frame::decode(&part.bytes[chain.used..end]) else { break };
        for operation in frame.operations {
            proper::check(&operation)
                .map_err(|why| Broken::Improper { path: operation.path.clone().into_owned(), why })?;
        }
        // The last may lack the zeros behind it.
        let used = usize::try_from((chain.used as u64 + whole).min(part.length())).unwrap_or(end);
        part.fill(used)?;
        chain = Chain { used, last: chain.used, sequence: header.sequence };
    }
    Ok(chain)
}

/// Returns up to where the journal was on the disk by what the headers behind `from` say, 0 if there are none. They say
/// what was true when they were written, whether the rest of their frames was written or not. None that says more than
/// the frame before it lies beyond the limit: a checkpoint would have come before.
fn synced_later(journal: BorrowedFd<'_>, epoch: u64, from: u64, length: u64) -> IoResult<u64> {
    let (mut at, end) = (from, length.min(LIMIT));
    let (mut synced, mut buffer) = (0, vec![0; STEP]);
    while at < end {
        let read = sys::read_at(journal, &mut buffer, at)?;
        if read < HEADER {
            break;
        }
        // What begins in the last bytes is looked at again.
        let step = if read < STEP { read } else { read - HEADER };
        for start in (0..step).step_by(8) {
            let Some(Head { header, .. }) = buffer.get(start..read).and_then(frame::peek) else { continue };
            if header.epoch == epoch && header.at == at + start as u64 {
                synced = synced.max(header.synced);
            }
        }
        at += step.next_multiple_of(8) as u64;
    }
    Ok(synced)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    use twox_hash::XxHash3_64;

    use super::*;

    fn journal(bytes: &[u8]) -> File {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, START).unwrap();
        file
    }

    /// A header that is right by itself, in front of no such operations.
    fn header(epoch: u64, at: u64, synced: u64, length: u64, count: u64) -> [u8; HEADER] {
        let mut head = [0; HEADER];
        head[..4].copy_from_slice(b"SepF");
        head[4] = 1;
        for (slot, number) in head[8..56].chunks_exact_mut(8).zip([epoch, at, at, synced, length, count]) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        let sum = XxHash3_64::oneshot(&head[..64]);
        head[64..].copy_from_slice(&sum.to_le_bytes());
        head
    }

    #[test]
    fn lengths_and_counts_are_not_believed() {
        for (length, count) in [(u64::MAX, 1), (u64::MAX - HEADER as u64, u64::MAX), (1 << 40, 1 << 40), (0, u64::MAX)]
        {
            let file = journal(&header(1, START, 0, length, count));
            // A terabyte that is not there.
            file.set_len(1 << 40).unwrap();
            let mut part = Part::new(file.as_fd(), START, 1 << 40);
            assert!(chain(&mut part, 1).is_ok_and(|chain| chain.used == 0), "{length}");
            assert!(part.bytes.len() <= STEP, "{length}");
        }
    }

    #[test]
    fn headers_behind_are_found_wherever_they_are_and_none_that_is_elsewhere() {
        let at = |place: u64| {
            let mut bytes = vec![0xff; 3 * STEP];
            let start = usize::try_from(place - START).unwrap();
            bytes[start..start + HEADER].copy_from_slice(&header(7, place, place - 8, 0, 0));
            bytes
        };
        let step = STEP as u64;
        for place in [START, START + 8, START + step - 80, START + step - 72, START + step - 64, START + step, 2 * step]
        {
            let bytes = at(place);
            let file = journal(&bytes);
            let length = START + bytes.len() as u64;
            assert_eq!(synced_later(file.as_fd(), 7, START, length), Ok(place - 8), "{place}");
            assert_eq!(synced_later(file.as_fd(), 8, START, length), Ok(0), "{place}");
            let moved = journal(&[&[0; 8], &bytes[..]].concat());
            assert_eq!(synced_later(moved.as_fd(), 7, START, length + 8), Ok(0), "{place}");
        }
    }
}
