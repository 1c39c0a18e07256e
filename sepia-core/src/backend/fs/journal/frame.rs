//! Frames: one batch each, as bytes of the journal.
//!
//! ```text
//! 0   magic      "SepF"
//! 4   flags      1: synced before it took effect
//! 8   epoch      which use of the journal it belongs to
//! 16  at         where it begins in the journal
//! 24  sequence   its number among the commits of the store
//! 32  synced     everything before this place was on the disk when the frame was written
//! 40  length     of the operations behind the header, in bytes
//! 48  count      of the operations
//! 56  checksum   of all of the above, and of the operations
//! 64  header sum of all of the above alone
//! 72  the operations, and zeros up to a multiple of 8
//! ```
//!
//! Numbers are little-endian. An operation is a byte for the action (0 directory, 1 file, 2 link,
//! 3 remove, 4 remove directory), a byte for what stood there before (0 nothing, 1 an image, 2
//! unknown), the image (8 bytes), the lengths of path and content (4 and 8 bytes), path, content.

use std::borrow::Cow;

use twox_hash::XxHash3_64;

use super::super::operation::{Action, Before, Image, Operation};

const MAGIC: [u8; 4] = *b"SepF";
pub(in super::super) const HEADER: usize = 72;
const SYNCED: u32 = 1;

/// What stands in front of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Header {
    pub(in super::super) durable: bool,
    pub(in super::super) epoch: u64,
    pub(in super::super) at: u64,
    pub(in super::super) sequence: u64,
    pub(in super::super) synced: u64,
}

/// A frame that has been read.
#[derive(Debug)]
pub(in super::super) struct Frame<'a> {
    pub(in super::super) header: Header,
    pub(in super::super) operations: Vec<Operation<'a>>,
}

fn checksum(header: &[u8], operations: &[u8]) -> u64 {
    // Invariant: both callers have a whole header.
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(&header[..56]), operations)
}

/// Appends a frame to `out`, and returns its length.
pub(in super::super) fn encode(header: Header, operations: &[Operation<'_>], out: &mut Vec<u8>) -> u64 {
    let start = out.len();
    out.resize(start + HEADER, 0);
    for Operation { path, action, before } in operations {
        let content: &[u8] = match action {
            Action::File(content) => content,
            Action::Link(target) => target.as_bytes(),
            _ => &[],
        };
        let (before, image) = match before {
            Before::Nothing => (0, 0),
            Before::Image(Image(image)) => (1, *image),
            Before::Unknown => (2, 0),
        };
        out.extend([tag(action), before]);
        out.extend(image.to_le_bytes());
        // Invariant: paths have at most 403 names of at most 255 bytes.
        out.extend((path.len() as u32).to_le_bytes());
        out.extend((content.len() as u64).to_le_bytes());
        out.extend(path.as_bytes());
        out.extend(content);
    }
    let length = (out.len() - start - HEADER) as u64;
    let mut head = [0; HEADER];
    head[..4].copy_from_slice(&MAGIC);
    head[4..8].copy_from_slice(&(if header.durable { SYNCED } else { 0 }).to_le_bytes());
    let numbers = [header.epoch, header.at, header.sequence, header.synced, length, operations.len() as u64];
    for (slot, number) in head[8..56].chunks_exact_mut(8).zip(numbers) {
        slot.copy_from_slice(&number.to_le_bytes());
    }
    let sum = checksum(&head, &out[start + HEADER..]);
    head[56..64].copy_from_slice(&sum.to_le_bytes());
    let sum = XxHash3_64::oneshot(&head[..64]);
    head[64..].copy_from_slice(&sum.to_le_bytes());
    out[start..start + HEADER].copy_from_slice(&head);
    out.resize(out.len().next_multiple_of(8), 0);
    (out.len() - start) as u64
}

fn tag(action: &Action<'_>) -> u8 {
    match action {
        Action::MakeDirectory => 0,
        Action::File(_) => 1,
        Action::Link(_) => 2,
        Action::Remove => 3,
        Action::RemoveDirectory => 4,
    }
}

/// Reads a header alone: the header, and the length of the whole frame.
pub(in super::super) fn peek(bytes: &[u8]) -> Option<(Header, u64)> {
    let head = bytes.get(..HEADER)?;
    if head[..4] != MAGIC || XxHash3_64::oneshot(&head[..64]).to_le_bytes() != head[64..] {
        return None;
    }
    let flags = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let [epoch, at, sequence, synced, length, _] = numbers(head)?;
    let header = Header { durable: flags & SYNCED != 0, epoch, at, sequence, synced };
    Some((header, length.checked_add(HEADER as u64)?.checked_next_multiple_of(8)?))
}

fn numbers(head: &[u8]) -> Option<[u64; 6]> {
    let mut numbers = [0; 6];
    for (number, slot) in numbers.iter_mut().zip(head.get(8..56)?.chunks_exact(8)) {
        *number = u64::from_le_bytes(slot.try_into().ok()?);
    }
    Some(numbers)
}

/// Reads the frame that begins the bytes: the frame, and its length. `None` if there is no whole one.
pub(in super::super) fn decode(bytes: &[u8]) -> Option<(Frame<'_>, u64)> {
    let (header, whole) = peek(bytes)?;
    let head = &bytes[..HEADER];
    let [.., length, count] = numbers(head)?;
    let payload = bytes.get(HEADER..)?.get(..usize::try_from(length).ok()?)?;
    if checksum(head, payload).to_le_bytes() != head[56..64] {
        return None;
    }
    let mut rest = payload;
    let mut operations = Vec::new();
    while !rest.is_empty() {
        operations.push(operation(&mut rest)?);
    }
    (operations.len() as u64 == count).then_some((Frame { header, operations }, whole))
}

fn operation<'a>(rest: &mut &'a [u8]) -> Option<Operation<'a>> {
    let mut take = |count: usize| rest.split_off(..count);
    let [action, before] = take(2)?.try_into().ok()?;
    let image = u64::from_le_bytes(take(8)?.try_into().ok()?);
    let path = u32::from_le_bytes(take(4)?.try_into().ok()?);
    let content = u64::from_le_bytes(take(8)?.try_into().ok()?);
    let path = std::str::from_utf8(take(usize::try_from(path).ok()?)?).ok()?;
    let content = take(usize::try_from(content).ok()?)?;
    let action = match action {
        0 => Action::MakeDirectory,
        1 => Action::File(Cow::Borrowed(content)),
        2 => Action::Link(Cow::Borrowed(std::str::from_utf8(content).ok()?)),
        3 => Action::Remove,
        4 => Action::RemoveDirectory,
        _ => return None,
    };
    let before = match before {
        0 => Before::Nothing,
        1 => Before::Image(Image(image)),
        2 => Before::Unknown,
        _ => return None,
    };
    Some(Operation { path: Cow::Borrowed(path), action, before })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Operation<'static>> {
        vec![
            Operation::new("Board/a", Action::MakeDirectory, Before::Nothing),
            Operation::new("Board/a/x", Action::Link("../../Note/x".into()), Before::Nothing),
            Operation::new("Board/a/data.json", Action::File(b"{}\n"[..].into()), Before::Image(Image(7))),
            Operation::new("Note/y", Action::Remove, Before::Unknown),
            Operation::new("Board/b", Action::RemoveDirectory, Before::Unknown),
        ]
    }

    const HEAD: Header = Header { durable: true, epoch: 3, at: 4096, sequence: 12, synced: 4096 };

    #[test]
    fn frames_come_back_one_after_another() {
        let mut bytes = Vec::new();
        let first = encode(HEAD, &sample(), &mut bytes);
        let second = encode(Header { at: HEAD.at + first, ..HEAD }, &[], &mut bytes);
        assert_eq!(bytes.len() as u64, first + second);
        let (frame, length) = decode(&bytes).unwrap();
        assert_eq!((frame.header, &frame.operations, length), (HEAD, &sample(), first));
        let (frame, length) = decode(&bytes[first as usize..]).unwrap();
        assert_eq!((frame.header.at, frame.operations.len(), length), (HEAD.at + first, 0, second));
    }

    #[test]
    fn no_bit_of_a_frame_can_change_unseen() {
        let mut bytes = Vec::new();
        encode(HEAD, &sample(), &mut bytes);
        let payload = peek(&bytes).unwrap().1 as usize - 8;
        for bit in 0..payload * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(
                decode(&bytes).is_none_or(|(frame, _)| frame.operations == sample() && bit / 8 >= payload),
                "{bit}"
            );
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for end in 0..payload {
            assert!(decode(&bytes[..end]).is_none(), "{end}");
        }
    }
}
