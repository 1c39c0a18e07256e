//! Frames: one batch each, as bytes of the journal.
//!
//! ```text
//! 0   magic      "SepF"
//! 4   flags      1: synced before it took effect; 2: what it makes is for the owner alone
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
use std::convert::Infallible;
use std::hash::Hasher as _;

use rustix::io::Result;
use twox_hash::XxHash3_64;

use super::super::operation::{Action, Before, Image, Operation};
use super::super::operations::{Operations, Part};

const MAGIC: [u8; 4] = *b"SepF";
pub(in super::super) const HEADER: usize = 72;
const SYNCED: u32 = 1;
const HIDDEN: u32 = 2;

/// What stands in front of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Header {
    pub(in super::super) durable: bool,
    /// What it makes is for the owner alone.
    pub(in super::super) is_hidden: bool,
    pub(in super::super) epoch: u64,
    pub(in super::super) at: u64,
    pub(in super::super) sequence: u64,
    pub(in super::super) synced: u64,
}

/// A frame that has been read.
#[derive(Clone, Debug)]
pub(in super::super) struct Frame<'a> {
    pub(in super::super) header: Header,
    pub(in super::super) operations: Encoded<'a>,
}

/// The operations of a frame, each decoded when its turn comes: there may be many.
#[derive(Clone, Debug)]
pub(in super::super) struct Encoded<'a>(&'a [u8]);

impl<'a> Iterator for Encoded<'a> {
    type Item = Operation<'a>;

    /// Ends where no operation can be decoded.
    fn next(&mut self) -> Option<Operation<'a>> {
        operation(&mut self.0)
    }
}

/// A header that has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) header: Header,
    /// Of the operations, in bytes.
    pub(super) length: u64,
    /// Of the whole frame.
    pub(super) whole: u64,
}

/// The length of what stands in front of the path and the content of an operation.
const OPERATION: usize = 22;

/// How long the operations of a batch are, and how many.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Size {
    length: u64,
    count: u64,
}

impl Size {
    pub(in super::super) fn of(operations: &Operations<'_>) -> Self {
        let mut size = Self { length: 0, count: 0 };
        for part in operations.parts() {
            match part {
                Part::One(operation) => size.add(operation.path.len(), content(&operation.action).len()),
                Part::Links(links) => {
                    let Ok(()) = links.try_each::<Infallible>(&mut |name, target| {
                        size.add(links.directory.len() + 1 + name.len(), target.len());
                        Ok(())
                    });
                }
            }
        }
        size
    }

    fn add(&mut self, path: usize, content: usize) {
        self.length += (OPERATION + path + content) as u64;
        self.count += 1;
    }

    /// Returns the length of the whole frame.
    pub(in super::super) fn frame(self) -> u64 {
        (HEADER as u64 + self.length).next_multiple_of(8)
    }
}

fn content<'a>(action: &'a Action<'_>) -> &'a [u8] {
    match action {
        Action::File(content) => content,
        Action::Link(target) => target.as_bytes(),
        _ => &[],
    }
}

/// Writes frames one behind another, and holds no more of them than it writes at once.
pub(in super::super) struct Pen<'w> {
    /// What has not been written.
    bytes: Vec<u8>,
    /// Where in the journal that begins.
    at: u64,
    write: &'w mut dyn FnMut(&[u8], u64) -> Result<()>,
}

/// How much is written at once.
const PART: usize = 256 << 10;

impl<'w> Pen<'w> {
    /// `length`: of all frames.
    pub(in super::super) fn new(at: u64, length: u64, write: &'w mut dyn FnMut(&[u8], u64) -> Result<()>) -> Self {
        let room = usize::try_from(length).map_or(PART, |length| length.min(PART));
        Self { bytes: Vec::with_capacity(room + HEADER), at, write }
    }

    /// Writes a frame, its header last if it is longer than what is written at once.
    pub(in super::super) fn frame(&mut self, header: Header, size: Size, operations: &Operations<'_>) -> Result<()> {
        let mut head = [0; HEADER];
        head[..4].copy_from_slice(&MAGIC);
        let flags = [(header.durable, SYNCED), (header.is_hidden, HIDDEN)];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, flag)| flags | flag);
        head[4..8].copy_from_slice(&u32::to_le_bytes(flags));
        let numbers = [header.epoch, header.at, header.sequence, header.synced, size.length, size.count];
        for (slot, number) in head[8..56].chunks_exact_mut(8).zip(numbers) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        self.bytes.resize(self.bytes.len() + HEADER, 0);
        let mut sum = Sum { seed: seed(&head), parts: None, from: self.bytes.len() };
        operations.try_each(&mut |operation| {
            let content = content(&operation.action);
            if self.bytes.len() + OPERATION + operation.path.len() + content.len() > PART {
                self.flush(&mut sum)?;
            }
            spell(operation, content.len(), &mut self.bytes);
            if content.len() <= PART {
                self.bytes.extend_from_slice(content);
                return Ok(());
            }
            self.flush(&mut sum)?;
            sum.add(content);
            (self.write)(content, self.at)?;
            self.at += content.len() as u64;
            Ok(())
        })?;
        let is_whole = self.at <= header.at;
        let end = header.at + size.frame();
        head[56..64].copy_from_slice(&sum.finish(&self.bytes).to_le_bytes());
        let head_sum = XxHash3_64::oneshot(&head[..64]);
        head[64..].copy_from_slice(&head_sum.to_le_bytes());
        // Invariant: no more than a part has been held back, and the zeros up to a multiple of 8.
        self.bytes.resize(usize::try_from(end - self.at).unwrap_or(self.bytes.len()), 0);
        if is_whole {
            let start = usize::try_from(header.at - self.at).unwrap_or(0);
            self.bytes[start..start + HEADER].copy_from_slice(&head);
            return Ok(());
        }
        self.write_out()?;
        (self.write)(&head, header.at)
    }

    /// Writes what is left.
    pub(in super::super) fn finish(mut self) -> Result<()> {
        // What a dead writer may have left right behind is none of these frames.
        self.bytes.resize(self.bytes.len() + HEADER, 0);
        self.write_out()
    }

    fn flush(&mut self, sum: &mut Sum) -> Result<()> {
        sum.add(&self.bytes[sum.from..]);
        sum.from = 0;
        self.write_out()
    }

    fn write_out(&mut self) -> Result<()> {
        (self.write)(&self.bytes, self.at)?;
        self.at += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }
}

/// The checksum of a frame, as it is written.
struct Sum {
    seed: u64,
    /// What has been written, if anything.
    parts: Option<XxHash3_64>,
    /// Where in what has not been written the operations of the frame begin.
    from: usize,
}

impl Sum {
    fn add(&mut self, part: &[u8]) {
        self.parts.get_or_insert_with(|| XxHash3_64::with_seed(self.seed)).write(part);
    }

    fn finish(mut self, rest: &[u8]) -> u64 {
        let rest = &rest[self.from..];
        match &mut self.parts {
            None => XxHash3_64::oneshot_with_seed(self.seed, rest),
            Some(parts) => {
                parts.write(rest);
                parts.finish()
            }
        }
    }
}

fn seed(head: &[u8]) -> u64 {
    XxHash3_64::oneshot(&head[..56])
}

fn checksum(header: &[u8], operations: &[u8]) -> u64 {
    // Invariant: the caller has a whole header.
    XxHash3_64::oneshot_with_seed(seed(header), operations)
}

/// Spells out an operation, but for the content.
fn spell(operation: &Operation<'_>, content: usize, out: &mut Vec<u8>) {
    let (before, image) = match operation.before {
        Before::Nothing => (0, 0),
        Before::Image(Image(image)) => (1, image),
        Before::Unknown => (2, 0),
    };
    out.extend([tag(&operation.action), before]);
    out.extend(image.to_le_bytes());
    // Invariant: paths have at most 403 names of at most 255 bytes.
    out.extend((operation.path.len() as u32).to_le_bytes());
    out.extend((content as u64).to_le_bytes());
    out.extend(operation.path.as_bytes());
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

/// Reads a header alone.
pub(super) fn peek(bytes: &[u8]) -> Option<Head> {
    let head = bytes.get(..HEADER)?;
    if head[..4] != MAGIC || XxHash3_64::oneshot(&head[..64]).to_le_bytes() != head[64..] {
        return None;
    }
    let flags = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let [epoch, at, sequence, synced, length, _] = numbers(head)?;
    let (durable, is_hidden) = (flags & SYNCED != 0, flags & HIDDEN != 0);
    let header = Header { durable, is_hidden, epoch, at, sequence, synced };
    Some(Head { header, length, whole: length.checked_add(HEADER as u64)?.checked_next_multiple_of(8)? })
}

fn numbers(head: &[u8]) -> Option<[u64; 6]> {
    let mut numbers = [0; 6];
    for (number, slot) in numbers.iter_mut().zip(head.get(8..56)?.chunks_exact(8)) {
        *number = u64::from_le_bytes(slot.try_into().ok()?);
    }
    Some(numbers)
}

/// Adds up the operations of a frame, part by part, and compares.
pub(super) struct Check {
    hasher: XxHash3_64,
    expected: [u8; 8],
}

impl Check {
    /// Begins with a header.
    pub(super) fn begin(head: &[u8; HEADER]) -> Self {
        let mut expected = [0; 8];
        expected.copy_from_slice(&head[56..64]);
        Self { hasher: XxHash3_64::with_seed(seed(head)), expected }
    }

    pub(super) fn add(&mut self, part: &[u8]) {
        self.hasher.write(part);
    }

    pub(super) fn is_met(&self) -> bool {
        self.hasher.finish().to_le_bytes() == self.expected
    }
}

/// Reads the frame that begins the bytes: the frame, and its length. `None` if there is no whole one.
pub(super) fn decode(bytes: &[u8]) -> Option<(Frame<'_>, u64)> {
    let (frame, whole) = split(bytes)?;
    let (head, Encoded(payload)) = (&bytes[..HEADER], &frame.operations);
    if checksum(head, payload).to_le_bytes() != head[56..64] {
        return None;
    }
    let (mut rest, mut decoded) = (*payload, 0);
    while !rest.is_empty() {
        operation(&mut rest)?;
        decoded += 1;
    }
    let [.., count] = numbers(head)?;
    (decoded == count).then_some((frame, whole))
}

/// The same, of bytes that have been decoded before.
pub(super) fn split(bytes: &[u8]) -> Option<(Frame<'_>, u64)> {
    let Head { header, length, whole } = peek(bytes)?;
    let payload = bytes.get(HEADER..)?.get(..usize::try_from(length).ok()?)?;
    Some((Frame { header, operations: Encoded(payload) }, whole))
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

    fn encode(header: Header, operations: &[Operation<'static>], out: &mut Vec<u8>) -> u64 {
        let mut all = Operations::default();
        operations.iter().for_each(|operation| all.push(operation.clone()));
        let (size, start) = (Size::of(&all), out.len() as u64);
        let mut write = |bytes: &[u8], at: u64| {
            let place = (start + at - header.at) as usize;
            out.resize(out.len().max(place + bytes.len()), 0);
            out[place..place + bytes.len()].copy_from_slice(bytes);
            Ok(())
        };
        let mut pen = Pen::new(header.at, size.frame(), &mut write);
        pen.frame(header, size, &all).and_then(|()| pen.finish()).unwrap();
        out.truncate((start + size.frame()) as usize);
        size.frame()
    }

    fn owned(frame: &Frame<'_>) -> Vec<Operation<'static>> {
        let own = |operation: Operation<'_>| Operation {
            path: operation.path.into_owned().into(),
            action: operation.action.into_owned(),
            before: operation.before,
        };
        frame.operations.clone().map(own).collect()
    }

    const HEAD: Header = Header { durable: true, is_hidden: true, epoch: 3, at: 4096, sequence: 12, synced: 4096 };

    #[test]
    fn frames_come_back_one_after_another() {
        let mut bytes = Vec::new();
        let first = encode(HEAD, &sample(), &mut bytes);
        let second = encode(Header { at: HEAD.at + first, ..HEAD }, &[], &mut bytes);
        assert_eq!(bytes.len() as u64, first + second);
        let (frame, length) = decode(&bytes).unwrap();
        assert_eq!((frame.header, owned(&frame), length), (HEAD, sample(), first));
        let (frame, length) = decode(&bytes[first as usize..]).unwrap();
        assert_eq!((frame.header.at, owned(&frame).len(), length), (HEAD.at + first, 0, second));
    }

    #[test]
    fn no_bit_of_a_frame_can_change_unseen() {
        let mut bytes = Vec::new();
        encode(HEAD, &sample(), &mut bytes);
        let payload = peek(&bytes).unwrap().whole as usize - 8;
        for bit in 0..payload * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes).is_none_or(|(frame, _)| owned(&frame) == sample() && bit / 8 >= payload), "{bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for end in 0..payload {
            assert!(decode(&bytes[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn long_frames_are_written_in_parts_and_are_the_same() {
        let contents = [0, 1, PART - HEADER, PART, PART + 1, 3 * PART, 100];
        let many = (0..PART / 20).map(|n| Operation::new(format!("C/{n}"), Action::Remove, Before::Unknown));
        let large = contents.iter().zip(0..7).map(|(length, n)| {
            Operation::new(format!("L/{n}"), Action::File(vec![n; *length].into()), Before::Nothing)
        });
        for operations in [many.collect::<Vec<_>>(), large.clone().collect(), large.rev().collect()] {
            let mut bytes = Vec::new();
            let first = encode(HEAD, &operations, &mut bytes);
            let second = encode(Header { at: HEAD.at + first, ..HEAD }, &sample(), &mut bytes);
            assert_eq!(bytes.len() as u64, first + second);
            let (frame, length) = decode(&bytes).unwrap();
            assert!(frame.header == HEAD && owned(&frame) == operations && length == first);
            let (frame, _) = decode(&bytes[first as usize..]).unwrap();
            assert_eq!(owned(&frame), sample());
        }
    }

    #[test]
    fn frames_of_one_commit_are_written_together() {
        let mut all = Operations::default();
        sample().into_iter().for_each(|operation| all.push(operation));
        let size = Size::of(&all);
        let (mut bytes, mut writes) = (Vec::new(), 0);
        let mut write = |part: &[u8], at: u64| {
            assert_eq!(at, HEAD.at);
            bytes = part.to_vec();
            writes += 1;
            Ok(())
        };
        let mut pen = Pen::new(HEAD.at, 2 * size.frame(), &mut write);
        pen.frame(HEAD, size, &all).unwrap();
        pen.frame(Header { at: HEAD.at + size.frame(), ..HEAD }, size, &all).unwrap();
        pen.finish().unwrap();
        assert_eq!(writes, 1);
        let (_, length) = decode(&bytes).unwrap();
        let rest = &bytes[length as usize..];
        assert_eq!(owned(&decode(rest).unwrap().0), sample());
        assert_eq!(rest[length as usize..], [0; HEADER]);
    }
}
