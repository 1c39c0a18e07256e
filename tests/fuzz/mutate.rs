//! Changing bytes at random, and journals with an eye on what they mean.

use twox_hash::XxHash3_64;

use crate::craft::{self, Act, Frame, HEADER, Operation, START, operation};
use crate::machine::Random;

/// Numbers at which something may end.
const NUMBERS: [u64; 16] =
    [0, 1, 2, 7, 8, 63, 64, 72, 255, 4096, 1 << 31, 1 << 32, 1 << 40, 1 << 63, u64::MAX - 7, u64::MAX];

/// Names and paths that may lead somewhere.
const PATHS: [&str; 36] = [
    "Note/a",
    "Note/b",
    "Note/new",
    "Note/%2E.",
    "Draft/d.1",
    "Draft/d.18446744073709551615",
    "Board/work",
    "Board/work/data.json",
    "Board/work/notes",
    "Board/work/notes/0000_a",
    "Board/new/data.json",
    "Board/new/x/y/z",
    "Board",
    "Note",
    "New/x",
    ".sepia/format.json",
    ".sepia/journal",
    ".sepia/state",
    ".sepia/tmp/x",
    ".sepia/../x",
    ".sepia",
    "../canary/secret",
    "../canary/empty",
    "../canary/new",
    "Note/../../canary/secret",
    "Board/work/../../../canary/secret",
    "/dev/shm/sepia-fuzz-absolute",
    ".git/config",
    ".git/hooks/x",
    "Board/work/.git",
    "Note//a",
    "Note/a/",
    "./Note/a",
    "..",
    ".",
    "",
];

const TARGETS: [&str; 8] = [
    "../../Note/a",
    "../../../Note/a",
    "../Note/a",
    "../../../canary/secret",
    "/etc/hostname",
    "",
    "../../.sepia/state",
    "../../Board/work",
];

/// Changes some of the bytes, or moves, takes away or adds some.
pub fn bytes(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        let length = random.below(1 + (bytes.len() - at).min(64));
        match random.below(9) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
            3 => {
                let at = at & !7;
                let number = *random.pick(&NUMBERS);
                if let Some(slot) = bytes.get_mut(at..at + 8) {
                    slot.copy_from_slice(&number.to_le_bytes());
                }
            }
            4 => bytes.truncate(at),
            5 => drop(bytes.drain(at..at + length)),
            6 => {
                let part = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            7 => {
                let other = random.pick(others);
                let from = random.below(other.len() + 1);
                let part = other[from..(from + 1 + random.below(512)).min(other.len())].to_vec();
                bytes.splice(at..at + length, part);
            }
            _ => {
                let text = random.pick(&PATHS).as_bytes().to_vec();
                let end = (at + text.len()).min(bytes.len());
                bytes.splice(at..end, text);
            }
        }
    }
}

/// Makes the sums of all frames right that can be found, and returns where they end.
pub fn seal_frames(journal: &mut [u8]) -> Vec<u64> {
    let mut ends = vec![START];
    let mut at = START as usize;
    while let Some(head) = journal.get(at..at + HEADER).filter(|head| head[..4] == *b"SepF") {
        let length = u64::from_le_bytes(head[40..48].try_into().unwrap());
        craft::seal_frame(&mut journal[at..]);
        let end = usize::try_from(length).ok().and_then(|length| (at + HEADER).checked_add(length));
        let Some(end) = end.and_then(|end| end.checked_next_multiple_of(8)) else { break };
        ends.push(end as u64);
        at = end;
    }
    ends
}

/// Makes the sums of the buckets of a state right.
pub fn seal_buckets(bytes: &mut [u8]) {
    // An empty one is all zeros, and has none.
    let buckets = bytes.get_mut(1024..).unwrap_or_default().as_chunks_mut::<80>().0;
    for bucket in buckets.iter_mut().filter(|bucket| bucket.iter().any(|byte| *byte != 0)) {
        let sum = XxHash3_64::oneshot(&bucket[..72]);
        bucket[72..].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Returns a place where a frame ends.
pub fn end_of_frames(journal: &[u8], random: &mut Random) -> u64 {
    *random.pick(&seal_frames(&mut journal.to_vec()))
}

/// Makes frames of operations that might be.
pub fn frames(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (durable, epoch) = (random.once_in(2), 1 + random.next() % 20);
    for sequence in 1..2 + random.below(4) as u64 {
        let at = START + bytes.len() as u64;
        let mut frame = Frame { durable, epoch, at, sequence, synced: START };
        match random.below(20) {
            0 => frame.epoch = *random.pick(&NUMBERS),
            1 => frame.at = *random.pick(&NUMBERS),
            2 => frame.sequence = *random.pick(&NUMBERS),
            3 => frame.synced = *random.pick(&NUMBERS),
            4 => frame.durable = !frame.durable,
            _ => {}
        }
        let is_tame = random.once_in(2);
        let operations: Vec<_> = (0..random.below(8)).map(|_| one(random, is_tame)).collect();
        bytes.extend(frame.encode(&operations));
    }
    bytes
}

fn one(random: &mut Random, is_tame: bool) -> Operation {
    let path = if is_tame { PATHS[random.below(14)] } else { random.pick(&PATHS) };
    let act = match random.below(6) {
        0 => Act::Directory,
        1 => Act::Link((*random.pick(&TARGETS)).to_owned()),
        2 => Act::Remove,
        3 => Act::RemoveDirectory,
        _ => Act::File(b"{\"text\": \"carried out\"}\n"[..random.below(25)].to_vec()),
    };
    operation(path, act)
}

/// Changes the numbers of a state.
pub fn state(random: &mut Random, bytes: &mut [u8], end: u64) {
    for at in [12, 16, 24, 32, 40, 64, 72, 80, 88, 104, 112] {
        if let Some(slot) = bytes.get_mut(at..at + 8)
            && random.once_in(3)
        {
            let number = match random.below(4) {
                0 => *random.pick(&NUMBERS),
                1 => START,
                2 => end,
                _ => random.next() % 100,
            };
            // The flags are four bytes, and so is the length of the path.
            let length = if at == 12 || at == 112 { 4 } else { 8 };
            slot[..length].copy_from_slice(&number.to_le_bytes()[..length]);
        }
    }
}
