//! Walking over the frames in the bytes of the journal.

use super::super::layout::JOURNAL;
use super::super::root::Root;
use super::super::sys;
use super::frame::{self, Frame, Header};
use super::state::State;
use super::{Journal, START, damaged};
use crate::error::{Error, Result};

/// Frames as they were read.
#[derive(Debug, Default)]
pub(in super::super) struct Frames {
    bytes: Vec<u8>,
    /// The part of the bytes that is whole frames.
    used: usize,
}

impl Frames {
    pub(super) fn new(bytes: Vec<u8>, used: usize) -> Self {
        Self { bytes, used }
    }

    /// Returns the frames, in their order.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut rest = &self.bytes[..self.used];
        std::iter::from_fn(move || {
            let (frame, length) = frame::decode(rest)?;
            rest = rest.get(usize::try_from(length).ok()?..)?;
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
    /// `Corrupt` if some are damaged that were on the disk.
    pub(in super::super) fn scan(&self, root: &Root, known: Option<State>) -> Result<Scan> {
        let journal = self.journal(root)?;
        let fail = |errno| Error::io("read the journal", &root.place(JOURNAL), errno);
        let length = sys::length(journal).map_err(fail)?;
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(START)).unwrap_or(usize::MAX)];
        let read = sys::read_at(journal, &mut bytes, START).map_err(fail)?;
        bytes.truncate(read);
        if bytes.iter().take(frame::HEADER).all(|byte| *byte == 0) {
            return Ok(Scan::default());
        }
        // A header is written at once, so one that cannot be read has been damaged.
        let lost = || damaged(root, "a commit in it was on the disk, and cannot be read any more");
        let (Header { epoch, durable, .. }, _) = frame::peek(&bytes).ok_or_else(lost)?;
        let Chain { mut used, last, sequence } = chain(&bytes, epoch, START);
        let known = known.filter(|state| state.epoch == epoch);
        if let Some(state) = known.filter(|state| state.poisoned) {
            // A frame behind that was rejected, and whoever committed it was told so.
            used = used.min(usize::try_from(state.committed.saturating_sub(START)).unwrap_or(usize::MAX));
        }
        let end = START + used as u64;
        if durable {
            // What lies behind the last whole frame was being written, unless something says otherwise.
            let later =
                (used..bytes.len()).step_by(8).filter_map(|at| Some((at, frame::decode(&bytes[at..])?.0.header)));
            let synced = later
                .filter(|(at, header)| header.epoch == epoch && header.at == START + *at as u64)
                .map(|(_, header)| header.synced)
                .chain(known.map(|state| state.synced))
                .max();
            if synced.is_some_and(|synced| synced > end) {
                return Err(lost());
            }
            return Ok(Scan { frames: Frames { bytes, used }, epoch, sequence, from: START, end });
        }
        let from = match known {
            Some(state) if state.is_settled() => used,
            Some(state) => usize::try_from(state.applied.saturating_sub(START)).map_or(used, |from| from.min(used)),
            None => last,
        };
        bytes.truncate(used);
        let bytes = bytes.split_off(from);
        Ok(Scan { frames: Frames { used: bytes.len(), bytes }, epoch, sequence, from: START + from as u64, end })
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

/// Whole frames, one after another.
pub(super) struct Chain {
    /// How many bytes they are.
    pub(super) used: usize,
    /// Where the last of them begins.
    last: usize,
    /// The number of its commit.
    sequence: u64,
}

/// Walks over the whole frames of one epoch that begin at `at`.
pub(super) fn chain(bytes: &[u8], epoch: u64, at: u64) -> Chain {
    let mut chain = Chain { used: 0, last: 0, sequence: 0 };
    while let Some((frame::Frame { header, .. }, length)) = bytes.get(chain.used..).and_then(frame::decode) {
        let Ok(length) = usize::try_from(length) else { break };
        if header.epoch != epoch || header.at != at + chain.used as u64 || header.sequence <= chain.sequence {
            break;
        }
        // The last may lack the zeros behind it.
        chain = Chain { used: (chain.used + length).min(bytes.len()), last: chain.used, sequence: header.sequence };
    }
    chain
}
