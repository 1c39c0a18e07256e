//! Journals and states with whatever in them, and right checksums.

use std::path::Path;

use twox_hash::XxHash3_64;

/// Where the first frame begins.
pub const START: u64 = 64;
/// The length of what stands in front of the operations of a frame.
pub const HEADER: usize = 72;

/// What an operation does to its path.
#[derive(Clone, Debug)]
pub enum Act {
    Directory,
    File(Vec<u8>),
    Link(String),
    Remove,
    RemoveDirectory,
}

/// An operation: its path, and what it does there, whatever stood there before.
pub type Operation = (String, Act);

pub fn operation(path: &str, act: Act) -> Operation {
    (path.to_owned(), act)
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub durable: bool,
    pub epoch: u64,
    pub at: u64,
    pub sequence: u64,
    pub synced: u64,
}

impl Frame {
    /// A durable frame where the first one begins.
    pub fn first() -> Self {
        Self { durable: true, epoch: 7, at: START, sequence: 1, synced: START }
    }

    /// Encodes the frame.
    pub fn encode(&self, operations: &[Operation]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        for (path, act) in operations {
            let (tag, content): (u8, &[u8]) = match act {
                Act::Directory => (0, &[]),
                Act::File(content) => (1, content),
                Act::Link(target) => (2, target.as_bytes()),
                Act::Remove => (3, &[]),
                Act::RemoveDirectory => (4, &[]),
            };
            bytes.extend([tag, 2]);
            bytes.extend([0; 8]);
            bytes.extend(u32::try_from(path.len()).unwrap().to_le_bytes());
            bytes.extend((content.len() as u64).to_le_bytes());
            bytes.extend(path.as_bytes());
            bytes.extend(content);
        }
        let length = (bytes.len() - HEADER) as u64;
        bytes[..4].copy_from_slice(b"SepF");
        bytes[4] = u8::from(self.durable);
        let numbers = [self.epoch, self.at, self.sequence, self.synced, length, operations.len() as u64];
        for (slot, number) in bytes[8..56].chunks_exact_mut(8).zip(numbers) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        seal_frame(&mut bytes);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }
}

/// Makes the sums of a frame right, as far as it has the length that it says.
pub fn seal_frame(bytes: &mut [u8]) {
    if bytes.len() < HEADER {
        return;
    }
    let length = usize::try_from(u64::from_le_bytes(bytes[40..48].try_into().unwrap())).unwrap_or(usize::MAX);
    if let Some(payload) = bytes.get(HEADER..HEADER.saturating_add(length)) {
        let sum = XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(&bytes[..56]), payload);
        bytes[56..64].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = XxHash3_64::oneshot(&bytes[..64]);
    bytes[64..72].copy_from_slice(&sum.to_le_bytes());
}

/// A journal of these bytes behind its beginning.
pub fn journal(frames: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(START).unwrap()];
    bytes[..12].copy_from_slice(b"SepiaJournal");
    bytes[12] = 1;
    bytes.extend(frames);
    bytes
}

/// Makes the sum of a state right, as far as it has the path that it says.
pub fn seal_state(bytes: &mut [u8]) {
    let Some(length) = bytes.get(112..116) else { return };
    let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
    if let Some(path) = bytes.get(128..).and_then(|rest| rest.get(..length)) {
        let sum = XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(path), &bytes[..120]);
        bytes[120..128].copy_from_slice(&sum.to_le_bytes());
    }
}

/// What is changed in a state.
#[derive(Clone, Copy, Debug)]
pub struct State {
    pub durable: bool,
    pub epoch: u64,
    pub sequence: u64,
    pub applied: u64,
    pub committed: u64,
    pub synced: u64,
}

impl State {
    /// Changes the state of a store in place, so that it is believed as before.
    pub fn write_into(&self, path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[12] = if self.durable { 4 } else { 0 };
        for (at, number) in
            [(16, self.epoch), (24, self.sequence), (32, self.applied), (40, self.committed), (64, self.synced)]
        {
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        seal_state(&mut bytes);
        write_in_place(path, &bytes);
    }
}

/// Writes a file anew, which stays the same file.
pub fn write_in_place(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).create(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}
