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
//! 80  checksum   of all of this but itself
//! ```

use twox_hash::XxHash3_64;

use super::{FORMAT, START};

pub(in super::super) const LENGTH: usize = 88;
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
    /// The last commit was a single operation without a frame. It may be under way as long as its
    /// writer has the lock.
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

    pub(in super::super) fn encode(&self) -> [u8; LENGTH] {
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
        bytes[72..80].copy_from_slice(&self.writer.to_le_bytes());
        let sum = XxHash3_64::oneshot(&bytes[..80]);
        bytes[80..].copy_from_slice(&sum.to_le_bytes());
        bytes
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
        if number(80)? != XxHash3_64::oneshot(&bytes[..80]) {
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
        };
        let numbers = [state.epoch, state.sequence, state.committed, state.synced];
        let is_possible = numbers.into_iter().all(|number| number < MAX_NUMBER);
        let is_ordered = START <= state.applied && state.applied <= state.committed;
        (is_possible && is_ordered).then_some(Read::State(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_no_bit_of_it_can_change_unseen() {
        let state = State {
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
        };
        let mut bytes = state.encode();
        assert_eq!(State::decode(&bytes), Read::State(state));
        for bit in 0..LENGTH * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(State::decode(&bytes), Read::State(_)), "{bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for bad in [
            State { epoch: MAX_NUMBER, ..state },
            State { sequence: u64::MAX, ..state },
            State { committed: MAX_NUMBER, ..state },
            State { synced: u64::MAX, ..state },
            State { applied: 0, ..state },
            State { applied: 4104, ..state },
        ] {
            assert_eq!(State::decode(&bad.encode()), Read::Unreadable, "{bad:?}");
        }
        bytes[8] = 2;
        assert_eq!(State::decode(&bytes), Read::Newer(2));
        assert_eq!(State::decode(&bytes[..40]), Read::Newer(2));
        assert_eq!(State::decode(&[]), Read::Unreadable);
    }
}
