//! Which records the latest commits with frames have changed, as far as readers need to know.
//!
//! A reader lays over a container what was committed while it read it. If the epoch has ended meanwhile, those frames
//! are gone, and the reader would have to begin again, though hardly ever anything has happened to its own record. So
//! each commit with frames notes its number for every record that it changes, before it takes effect: behind the state,
//! in the same file, from byte 1024 on.
//!
//! There are 512 buckets, and the XXH3-64 of a record's path leads to one of them. A bucket is 80 bytes:
//!
//! ```text
//! 0   four entries: XXH3-64 of a record's path, and the number of the last commit that changed it
//! 64  floor      no commit after this number has changed a record that has no entry here
//! 72  checksum   XXH3-64 of bytes 0 to 71; a bucket of zeros is one without entries
//! ```
//!
//! A fifth record takes the place of the one that was changed first, whose number becomes the floor. So the numbers here
//! may be too great for a record, which has a reader begin again for nothing, and are never too small. What a writer has
//! noted and then did not commit does no harm either. The state says from which number on they are `known`.
//!
//! Nobody else has noted anything as long as the state is as one handle wrote it: so that keeps the buckets that it has
//! written, and does not read them again.
//!
//! Commits without frames note nothing: what they change is a single file, which is as it was or as it shall be.

use std::os::fd::AsFd;

use rustix::io::Result;
use twox_hash::XxHash3_64;

use super::super::sys;

/// Where the buckets begin.
const START: u64 = 1024;
/// How many there are.
const BUCKETS: u64 = 512;
/// How long one is.
const BUCKET: usize = 80;
/// So many are written one by one, and more with all the others.
const FEW: usize = 8;

const _: () = assert!(super::state::LENGTH as u64 <= START);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    entries: [Entry; 4],
    floor: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    record: u64,
    /// 0 if there is none.
    number: u64,
}

impl Bucket {
    /// Where the bucket of a record is.
    fn place(record: u64) -> u64 {
        START + record % BUCKETS * BUCKET as u64
    }

    fn touch(&mut self, record: u64, number: u64) {
        let at = self.entries.iter().position(|entry| entry.record == record).unwrap_or_else(|| {
            // The one that was changed first.
            let first = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.number);
            let at = first.map_or(0, |(at, _)| at);
            self.floor = self.floor.max(self.entries[at].number);
            at
        });
        self.entries[at] = Entry { record, number };
    }

    fn last(&self, record: u64) -> u64 {
        let entry = self.entries.iter().find(|entry| entry.record == record && entry.number > 0);
        entry.map_or(self.floor, |entry| entry.number)
    }

    fn encode(&self) -> [u8; BUCKET] {
        let mut bytes = [0; BUCKET];
        let numbers = self.entries.iter().flat_map(|entry| [entry.record, entry.number]).chain([self.floor]);
        for (slot, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        let sum = XxHash3_64::oneshot(&bytes[..72]);
        bytes[72..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// `None` if it is being written, or is damaged.
    fn decode(bytes: &[u8; BUCKET]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).map(|number| {
            // Invariant: eight bytes.
            u64::from_le_bytes(number.try_into().unwrap_or_default())
        });
        let mut next = || numbers.next().unwrap_or_default();
        let entries = [(); 4].map(|()| Entry { record: next(), number: next() });
        let bucket = Self { entries, floor: next() };
        let is_whole = bucket.encode() == *bytes || *bytes == [0; BUCKET];
        is_whole.then_some(bucket)
    }

    /// Notes in the bytes of a bucket that a record is changed. Of a damaged one, nothing is known up to now.
    fn touch_in(bytes: &mut [u8; BUCKET], record: u64, number: u64) {
        let mut bucket = Self::decode(bytes).unwrap_or(Self { floor: number, ..Self::default() });
        bucket.touch(record, number);
        *bytes = bucket.encode();
    }
}

/// The buckets as a handle has written them, as long as no other has written the state since.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<Option<[u8; BUCKET]>>);

impl Known {
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn get(&mut self, record: u64) -> &mut Option<[u8; BUCKET]> {
        self.0.resize(BUCKETS as usize, None);
        &mut self.0[(record % BUCKETS) as usize]
    }

    /// Returns all buckets, if all are known.
    fn all(&self) -> Option<Vec<[u8; BUCKET]>> {
        self.0.iter().copied().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    }
}

fn hash(path: &str) -> u64 {
    XxHash3_64::oneshot(path.as_bytes())
}

/// Notes the number of a commit for all records that it changes, given by their paths. Under the writer lock.
pub(super) fn note<'p>(
    state: impl AsFd,
    known: &mut Known,
    paths: impl Iterator<Item = &'p str>,
    number: u64,
) -> Result<()> {
    let noted = try_note(state, known, paths, number);
    if noted.is_err() {
        known.forget();
    }
    noted
}

fn try_note<'p>(state: impl AsFd, known: &mut Known, paths: impl Iterator<Item = &'p str>, number: u64) -> Result<()> {
    let records: Vec<u64> = paths.map(hash).collect();
    if records.len() <= FEW {
        return records.into_iter().try_for_each(|record| {
            let (known, place) = (known.get(record), Bucket::place(record));
            let bytes = match known {
                Some(bytes) => bytes,
                None => {
                    let mut bytes = [0; BUCKET];
                    sys::read_at(&state, &mut bytes, place)?;
                    known.insert(bytes)
                }
            };
            Bucket::touch_in(bytes, record, number);
            sys::write(&state, bytes, place)
        });
    }
    let mut all = match known.all() {
        Some(all) => all,
        None => {
            let mut all = vec![[0; BUCKET]; BUCKETS as usize];
            sys::read_at(&state, all.as_flattened_mut(), START)?;
            all
        }
    };
    for record in records {
        Bucket::touch_in(&mut all[(record % BUCKETS) as usize], record, number);
    }
    sys::write(&state, all.as_flattened(), START)?;
    known.0 = all.into_iter().map(Some).collect();
    Ok(())
}

/// Returns a number after which no commit with frames has changed the record of this path.
pub(super) fn last(state: impl AsFd, path: &str) -> Result<u64> {
    let (mut bytes, record) = ([0; BUCKET], hash(path));
    sys::read_at(state, &mut bytes, Bucket::place(record))?;
    // What is being written just now may be any commit's.
    Ok(Bucket::decode(&bytes).map_or(u64::MAX, |bucket| bucket.last(record)))
}

#[cfg(test)]
mod tests {
    use super::super::super::Filesystem;
    use super::super::Observed;
    use super::*;
    use crate::backend::{Backend, OpenOptions};
    use crate::record::batch::{Batch, Expect};
    use crate::record::class::{Class, Format};
    use crate::record::{Key, Record};

    #[test]
    fn every_record_is_known_by_the_last_commit_that_changed_it_or_a_later_one() {
        let state: std::os::fd::OwnedFd = tempfile::tempfile().unwrap().into();
        let path = |number: u64| format!("Note/{number}");
        assert_eq!(last(&state, "Note/x"), Ok(0));
        let paths: Vec<String> = (0..10 * BUCKETS).map(path).collect();
        let (mut number, mut known) = (0, Known::default());
        let mut note = |paths: &[String]| {
            number += 1;
            note(&state, &mut known, paths.iter().map(String::as_str), number).unwrap();
            number
        };
        let numbers: Vec<u64> = [&paths[..100], &paths[100..1000], &paths[1000..]]
            .into_iter()
            .zip([FEW, 50, 1])
            .flat_map(|(paths, size)| paths.chunks(size))
            .flat_map(|some| vec![note(some); some.len()])
            .collect();
        for (path, number) in paths.iter().zip(&numbers) {
            assert!(last(&state, path).unwrap() >= *number, "{path}");
        }
        // Those that are changed again and again have no part in what is known of others.
        let before: Vec<u64> = paths.iter().map(|path| last(&state, path).unwrap()).collect();
        for _ in 0..10 {
            note(&paths[5000..5020]);
        }
        let others = (0..5000).filter(|at| last(&state, &paths[*at]).unwrap() > before[*at]).count();
        assert!(others < 500, "{others}");
        assert!(paths[5000..5020].iter().all(|path| last(&state, path).unwrap() > before[5000]));
    }

    #[test]
    fn a_bucket_that_is_half_written_says_nothing_of_any_commit() {
        let mut bucket = Bucket::default();
        assert_eq!(Bucket::decode(&[0; BUCKET]), Some(bucket));
        (1..=9).for_each(|number| bucket.touch(number, number));
        let old = bucket.encode();
        assert_eq!(Bucket::decode(&old), Some(bucket));
        assert_eq!((bucket.floor, bucket.last(6), bucket.last(5), bucket.last(1)), (5, 6, 5, 5));
        bucket.touch(6, 10);
        let new = bucket.encode();
        assert_eq!((bucket.floor, bucket.last(6)), (5, 10));
        for at in 1..BUCKET {
            let mut torn = new;
            torn[at..].copy_from_slice(&old[at..]);
            assert!(torn == old || torn == new || Bucket::decode(&torn).is_none(), "{at}");
        }
        let mut torn = new;
        torn[7] ^= 1;
        Bucket::touch_in(&mut torn, 6, 11);
        let mended = Bucket::decode(&torn).unwrap();
        assert_eq!((mended.last(6), mended.last(5), mended.last(7)), (11, 11, 11));
    }
    /// Of several handles, each finds what the others have noted, also in a bucket that it has written itself before.
    #[test]
    fn what_another_handle_has_noted_stays_noted() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Filesystem::open(directory.path(), &OpenOptions::default()).unwrap();
        let mut ids: Vec<String> = (0..).map(|number| number.to_string()).take(100_000).collect();
        let bucket = |id: &str| hash(&format!("Note/{id}")) % BUCKETS;
        let first = bucket("0");
        ids.retain(|id| bucket(id) == first);
        let commit = |store: &Filesystem, ids: &[String]| {
            let mut batch = Batch::new();
            batch.declare(&Class::serializable("Note", Format::Text)).unwrap();
            for id in ids {
                batch.put(Key::new("Note", &**id).unwrap(), Record::Leaf("x".into()), Expect::Any);
            }
            store.commit(batch).unwrap();
        };
        let last = |store: &Filesystem, id: &str| {
            let Ok(Observed::Trusted(state)) = store.journal.observe(&store.root) else {
                unreachable!("it is written")
            };
            let files = store.journal.files(&store.root).unwrap().unwrap();
            (last(&files.state, &format!("Note/{id}")).unwrap(), state.sequence)
        };
        let (one, another) = (open(), open());
        for (store, at) in [(&one, 0), (&another, 2), (&one, 4), (&one, 6), (&another, 8)] {
            commit(store, &ids[at..at + 2]);
            let (noted, sequence) = last(store, &ids[at]);
            assert_eq!(noted, sequence, "{at}");
            // A bucket holds those of the last two commits.
            if at > 0 {
                assert_eq!(last(store, &ids[at - 1]).0, sequence - 1, "{at}");
            }
        }
    }
}
