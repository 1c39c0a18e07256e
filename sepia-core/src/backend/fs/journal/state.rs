//! The state: a small record that says how far the journal is committed and carried out.
//!
//! ```text
//! 0   magic      "SepState"
//! 8   format     of journal and state, 4 bytes
//! 12  flags      1 poisoned, 2 unsynced, 4 durable, 8 single, 16 followed
//! 16  epoch      the present use of the journal
//! 24  sequence   the number of the last commit
//! 32  applied    the journal is carried out up to here
//! 40  committed  and has taken effect up to here
//! 48  token      16 bytes: the boot, the mount and the journal for which `applied` is true
//! 64  synced     everything before this place of the journal is on the disk
//! 72  writer     a random number of the handle that wrote this
//! 80  done       the number of the last commit that is carried out, with all before it
//! 88  known      of commits after this number, [touched](super::touched) tells which records they changed
//! 96  image      with `single`: of the file that its operation leaves
//! 104 length     and the length of that file; 2^64 - 1 if it leaves nothing
//! 112 path       the length of the operation's path, 4 bytes; 0 if it is not told
//! 116 zeros
//! 120 checksum   of bytes 0 to 119, with that of the path as its seed
//! 128 the path
//! ```

use std::borrow::Cow;

use twox_hash::XxHash3_64;

use super::super::operation::Image;
use super::{FORMAT, START};

/// The length without the path.
const HEAD: usize = 128;
/// The longest path: that of a record, whose class and id have at most 200 bytes, and a generation up to 21 more.
const MAX_PATH: usize = 448;
/// The most bytes that the state takes.
pub(in super::super) const LENGTH: usize = HEAD + MAX_PATH;
const MAGIC: [u8; 8] = *b"SepState";
/// Numbers from here on are none that counting has come to, and could not be counted on from.
pub(in super::super) const MAX_NUMBER: u64 = 1 << 63;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct State {
    /// A sync has failed since the last recovery.
    pub(in super::super) poisoned: bool,
    /// Since the last checkpoint, there were commits that nobody waited for the disk with, and that
    /// are not in the journal for good.
    pub(in super::super) unsynced: bool,
    /// The frames of this epoch were synced, and carry what the files may lose with the power.
    pub(in super::super) durable: bool,
    /// The last commit was a single operation without a frame, which may be under way. Set by
    /// [`set_single`](super::Journal::set_single) alone.
    pub(in super::super) single: bool,
    /// Someone follows commits: each shall have a frame, and keep it.
    pub(in super::super) followed: bool,
    pub(in super::super) epoch: u64,
    pub(in super::super) sequence: u64,
    pub(in super::super) applied: u64,
    pub(in super::super) committed: u64,
    pub(in super::super) token: u128,
    pub(in super::super) synced: u64,
    pub(in super::super) writer: u64,
    pub(in super::super) done: u64,
    pub(in super::super) known: u64,
}

/// The operation of a commit without a frame, as far as it takes to see whether it has been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Single<'a> {
    pub(in super::super) path: Cow<'a, str>,
    /// The file that it leaves; `None` if it removes one.
    pub(in super::super) leaves: Option<Left>,
}

/// A file, by its image and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Left {
    pub(in super::super) image: Image,
    pub(in super::super) length: u64,
}

impl Left {
    pub(in super::super) fn of(content: &[u8]) -> Self {
        Self { image: Image::of_file(content), length: content.len() as u64 }
    }
}

/// What stands where the state should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Read {
    State(State),
    /// Of a newer format.
    Newer(u32),
    Unreadable,
}

impl State {
    /// Whether all that has taken effect has been carried out.
    pub(in super::super) fn is_settled(&self) -> bool {
        self.applied == self.committed
    }

    /// Whether all that has taken effect survives the loss of power.
    pub(in super::super) fn is_on_disk(&self) -> bool {
        !self.unsynced && (!self.durable || self.synced == self.committed)
    }

    /// What tells the last commit from all others, those of another journal that has taken the place of this one too.
    pub(in super::super) fn mark(&self) -> u64 {
        self.sequence.wrapping_add(self.token as u64)
    }

    /// Goes on to the next use of the journal, which holds nothing yet.
    pub(in super::super) fn next_epoch(&mut self) {
        self.epoch += 1;
        (self.applied, self.committed, self.synced) = (START, START, START);
    }

    /// Returns the bytes, which are the first of the array, and how many they are.
    pub(in super::super) fn encode(&self, single: Option<&Single<'_>>) -> ([u8; LENGTH], usize) {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        let flags = [self.poisoned, self.unsynced, self.durable, self.single, self.followed];
        let flags = flags.iter().enumerate().fold(0u32, |flags, (bit, set)| flags | u32::from(*set) << bit);
        bytes[12..16].copy_from_slice(&flags.to_le_bytes());
        let numbers = [self.epoch, self.sequence, self.applied, self.committed];
        for (slot, number) in bytes[16..48].chunks_exact_mut(8).zip(numbers) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        bytes[48..64].copy_from_slice(&self.token.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.synced.to_le_bytes());
        for (slot, number) in bytes[72..96].chunks_exact_mut(8).zip([self.writer, self.done, self.known]) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        let mut path: &[u8] = &[];
        // A path that is too long is not told.
        if let Some(single) = single.filter(|single| single.path.len() <= MAX_PATH) {
            path = single.path.as_bytes();
            let (image, length) = single.leaves.map_or((0, NOTHING), |left| (left.image.0, left.length));
            bytes[96..104].copy_from_slice(&image.to_le_bytes());
            bytes[104..112].copy_from_slice(&length.to_le_bytes());
            // Invariant: it fits.
            bytes[112..116].copy_from_slice(&(path.len() as u32).to_le_bytes());
            bytes[HEAD..HEAD + path.len()].copy_from_slice(path);
        }
        let sum = checksum(&bytes, path);
        bytes[120..HEAD].copy_from_slice(&sum.to_le_bytes());
        (bytes, HEAD + path.len())
    }

    pub(in super::super) fn decode(bytes: &[u8]) -> Read {
        Self::try_decode(bytes).unwrap_or(Read::Unreadable)
    }

    fn try_decode(bytes: &[u8]) -> Option<Read> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let small = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if bytes.get(..8)? != MAGIC {
            return None;
        }
        // A newer format may be longer, and be summed up in another way.
        match small(8)? {
            FORMAT => {}
            newer if newer > FORMAT => return Some(Read::Newer(newer)),
            _ => return None,
        }
        let path = bytes.get(HEAD..HEAD.checked_add(usize::try_from(small(112)?).ok()?)?)?;
        if number(120)? != checksum(bytes, path) {
            return None;
        }
        let flags = small(12)?;
        let state = Self {
            poisoned: flags & 1 != 0,
            unsynced: flags & 2 != 0,
            durable: flags & 4 != 0,
            single: flags & 8 != 0,
            followed: flags & 16 != 0,
            epoch: number(16)?,
            sequence: number(24)?,
            applied: number(32)?,
            committed: number(40)?,
            token: u128::from_le_bytes(bytes.get(48..64)?.try_into().ok()?),
            synced: number(64)?,
            writer: number(72)?,
            done: number(80)?,
            known: number(88)?,
        };
        let numbers = [state.epoch, state.sequence, state.committed, state.synced];
        let is_possible = numbers.into_iter().all(|number| number < MAX_NUMBER);
        let is_ordered = START <= state.applied && state.applied <= state.committed;
        (is_possible && is_ordered).then_some(Read::State(state))
    }
}

/// Of a single operation that leaves no file.
const NOTHING: u64 = u64::MAX;

fn checksum(bytes: &[u8], path: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(path), &bytes[..120])
}

impl Single<'static> {
    /// Returns the single operation of which the bytes of a state tell, which has been decoded.
    pub(in super::super) fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let length = u32::from_le_bytes(bytes.get(112..116)?.try_into().ok()?);
        let path = bytes.get(HEAD..HEAD.checked_add(usize::try_from(length).ok()?)?)?;
        let path = std::str::from_utf8(path).ok().filter(|path| !path.is_empty())?;
        let (image, length) = (Image(number(96)?), number(104)?);
        let leaves = (length != NOTHING).then_some(Left { image, length });
        Some(Self { path: Cow::Owned(path.to_owned()), leaves })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: State = State {
        poisoned: false,
        unsynced: true,
        durable: false,
        single: true,
        followed: true,
        epoch: 3,
        sequence: 1 << 40,
        applied: 64,
        committed: 4096,
        token: 0x1234 << 90,
        synced: 64,
        writer: 77 << 40,
        done: 5,
        known: 4,
    };

    #[test]
    fn a_state_comes_back_and_no_bit_of_it_can_change_unseen() {
        let removed = Single { path: "Note/%41".into(), leaves: None };
        let written = Single { path: "x".repeat(MAX_PATH).into(), leaves: Some(Left::of(b"text")) };
        for single in [None, Some(removed), Some(written)] {
            let (mut bytes, length) = STATE.encode(single.as_ref());
            assert_eq!(State::decode(&bytes), Read::State(STATE));
            assert_eq!(State::decode(&bytes[..length]), Read::State(STATE));
            assert_eq!(Single::decode(&bytes[..length]), single);
            for bit in 0..length * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(!matches!(State::decode(&bytes[..length]), Read::State(_)), "{bit}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            assert_eq!(State::decode(&bytes[..length - 1]), Read::Unreadable);
            bytes[8] = 2;
            assert_eq!(State::decode(&bytes), Read::Newer(2));
            assert_eq!(State::decode(&bytes[..40]), Read::Newer(2));
        }
        for bad in [
            State { epoch: MAX_NUMBER, ..STATE },
            State { sequence: u64::MAX, ..STATE },
            State { committed: MAX_NUMBER, ..STATE },
            State { synced: u64::MAX, ..STATE },
            State { applied: 0, ..STATE },
            State { applied: 4104, ..STATE },
        ] {
            assert_eq!(State::decode(&bad.encode(None).0), Read::Unreadable, "{bad:?}");
        }
        assert_eq!(State::decode(&[]), Read::Unreadable);
    }

    #[test]
    fn a_path_that_is_too_long_is_not_told() {
        let single = Single { path: "x".repeat(MAX_PATH + 1).into(), leaves: None };
        let (bytes, length) = STATE.encode(Some(&single));
        assert_eq!((State::decode(&bytes), length), (Read::State(STATE), HEAD));
        assert_eq!(Single::decode(&bytes), None);
    }
}
