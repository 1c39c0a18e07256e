//! Following commits: the frames of the journal tell what they change.
//!
//! While someone follows, the state says so (`followed`), and no batch goes without a frame. Whoever ends an epoch then
//! hands on what its frames have changed, in `.sepia/followed`: for each commit a line with its sequence, and one with
//! its sequence and the path of each record that it changed. That ends when the follower does, or when the file gets too
//! long, so that one who died does no harm for long. Whether commits are missing is seen from their sequence.

use std::borrow::Cow;
use std::fmt::Write;

use rustix::io::Errno;

use super::journal::state::State;
use super::journal::{Frames, Observed, START};
use super::layout::{FOLLOWED, PRIVATE, name_of, names};
use super::operations::Part;
use super::{Filesystem, sys};
use crate::backend::Track;
use crate::record::Key;
use crate::record::error::{Error, Result};
use crate::record::name;

/// The most bytes that are handed on.
const LIMIT: usize = 4 << 20;
/// How often a follower looks anew while epochs end.
const ATTEMPTS: usize = 4;

/// Up to where commits have been followed.
#[derive(Debug)]
pub(super) struct Tracker<'a> {
    filesystem: &'a Filesystem,
    /// `None` if it is not known.
    last: Option<State>,
}

impl Filesystem {
    pub(super) fn tracker(&self) -> Result<Tracker<'_>> {
        Ok(Tracker { filesystem: self, last: self.follow()? })
    }

    /// Asks writers to leave frames of all that they commit, and returns the state from which on they do.
    fn follow(&self) -> Result<Option<State>> {
        if !self.writable {
            // Some leave them anyway.
            return Ok(match self.journal.observe(&self.root)? {
                Observed::Trusted(state) if state.is_settled() => Some(state),
                _ => None,
            });
        }
        let _held = if self.lock.is_mine() { None } else { Some(self.lock.acquire(&self.root)?) };
        let mut state = self.begin()?;
        if !state.followed {
            self.forget_followed().map_err(|errno| Error::io("remove", &self.root.place(FOLLOWED), errno))?;
            state.followed = true;
            self.journal.set(&self.root, &mut state)?;
        }
        Ok(Some(state))
    }

    fn forget_followed(&self) -> rustix::io::Result<()> {
        sys::remove(sys::open_directory(&self.root, PRIVATE)?, name_of(FOLLOWED))
    }

    /// Hands on what the frames of an epoch have changed, before it ends. If that cannot be done, or is too much, followers
    /// see that something is missing. Under the lock.
    pub(super) fn hand_on(&self, state: &mut State) {
        if state.followed && state.committed > START {
            let frames = self.journal.frames(&self.root, state.epoch, START, state.committed);
            let handed = frames.is_ok_and(|frames| frames.is_some_and(|frames| self.try_hand_on(&frames).is_ok()));
            if !handed {
                state.followed = false;
                // It is not read any more.
                let _ = self.forget_followed();
            }
        }
    }

    fn try_hand_on(&self, frames: &Frames) -> rustix::io::Result<()> {
        let mut lines = String::from("\n");
        for frame in frames.iter() {
            let sequence = frame.header.sequence;
            // Writing to a text does not fail.
            let _ = writeln!(lines, "{sequence}");
            each_record(frame.operations.map(|operation| operation.path), &mut |path| {
                let _ = writeln!(lines, "{sequence} {path}");
            });
            if lines.len() > LIMIT {
                return Err(Errno::FBIG);
            }
        }
        let private = sys::open_directory(&self.root, PRIVATE)?;
        let file = sys::open_or_make(private, name_of(FOLLOWED), self.root.modes().private_file())?;
        let inode = sys::inode(&file)?;
        if !inode.is_unshared() {
            // What others have, too, is left to them.
            return Err(Errno::MLINK);
        }
        let length = inode.length;
        if length + lines.len() as u64 > LIMIT as u64 {
            return Err(Errno::FBIG);
        }
        sys::write(file, lines.as_bytes(), length)
    }

    /// Returns the keys that commits have changed between two states; `None` if that is not known of all of them.
    fn changed_between(&self, from: &State, to: &State) -> Result<Option<Vec<Key>>> {
        if from.token != to.token {
            // Other files have taken the place of these.
            return Ok(None);
        }
        let mut changed = Changed { keys: Vec::new(), sequence: from.sequence, bad: false };
        let start = if from.epoch == to.epoch {
            from.committed
        } else {
            let handed = sys::open_below(&self.root, FOLLOWED).and_then(|file| sys::read(file, LIMIT as u64));
            let Ok(handed) = handed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else { return Ok(None) };
            handed.lines().for_each(|line| changed.line(line, from.sequence));
            START
        };
        if to.committed < start || to.epoch < from.epoch {
            return Ok(None);
        }
        let Some(frames) = self.journal.frames(&self.root, to.epoch, start, to.committed)? else { return Ok(None) };
        for frame in frames.iter() {
            changed.sequence += 1;
            changed.bad |= frame.header.sequence != changed.sequence;
            each_record(frame.operations.map(|operation| operation.path), &mut |path| changed.record(path));
        }
        Ok((!changed.bad && changed.sequence == to.sequence).then_some(changed.keys))
    }
}

/// Calls `each` with the path of every record to which operations happen. Those of one record follow each other.
fn each_record<'p>(paths: impl Iterator<Item = Cow<'p, str>>, each: &mut dyn FnMut(&str)) {
    let mut previous = String::new();
    for path in paths {
        let Some(record) = record_of(&path) else { continue };
        if previous != record {
            each(record);
            record.clone_into(&mut previous);
        }
    }
}

/// Returns the path of every record that a batch changes.
pub(super) fn records<'p>(parts: &'p [Part<'_>]) -> impl Iterator<Item = &'p str> {
    let mut previous = "";
    let paths = parts.iter().map(|part| match part {
        Part::One(operation) => &*operation.path,
        // Links are in a directory that is a record's, or within one.
        Part::Links(links) => &*links.directory,
    });
    paths.filter_map(record_of).filter(move |record| std::mem::replace(&mut previous, record) != *record)
}

/// Returns the path of the record that a path belongs to.
fn record_of(path: &str) -> Option<&str> {
    let mut names = names(path);
    let class = names.next().filter(|class| *class != PRIVATE)?;
    let id = names.next()?;
    Some(&path[..class.len() + 1 + id.len()])
}

/// What has been changed, as far as it is gathered.
struct Changed {
    keys: Vec<Key>,
    /// The last commit of which it is known.
    sequence: u64,
    /// One is missing.
    bad: bool,
}

impl Changed {
    /// Takes a line of what was handed on. What a writer that died has handed on comes again.
    fn line(&mut self, line: &str, from: u64) {
        let (sequence, path) = line.split_once(' ').map_or((line, None), |(sequence, path)| (sequence, Some(path)));
        let Some(sequence) = sequence.parse::<u64>().ok().filter(|sequence| *sequence > from) else { return };
        match path {
            Some(path) => self.record(path),
            None if sequence == self.sequence + 1 => self.sequence = sequence,
            None => self.bad |= sequence > self.sequence,
        }
    }

    fn record(&mut self, path: &str) {
        if let Some((class, id)) = path.split_once('/')
            && let (Some(class), Some(id)) = (name::decode(class), name::decode(id))
        {
            // What is no key is no record.
            self.keys.extend(Key::new(&*class, &*id));
        }
    }
}

impl Track for Tracker<'_> {
    fn changed(&mut self) -> Result<Option<Vec<Key>>> {
        let Self { filesystem, last } = self;
        for _ in 0..ATTEMPTS {
            let (Some(from), Observed::Trusted(to)) = (*last, filesystem.journal.observe(&filesystem.root)?) else {
                break;
            };
            if let Some(keys) = filesystem.changed_between(&from, &to)? {
                *last = Some(to);
                return Ok(Some(keys));
            }
            // Something is missing, unless an epoch has just ended.
            if filesystem.journal.observe(&filesystem.root)? == Observed::Trusted(to) {
                break;
            }
        }
        self.last = self.filesystem.follow()?;
        Ok(None)
    }
}

impl Drop for Tracker<'_> {
    /// Lets writers do without frames again, if none is at work just now.
    fn drop(&mut self) {
        let Self { filesystem, last } = self;
        let Some(last) = last.filter(|_| filesystem.writable) else { return };
        let held =
            if filesystem.lock.is_mine() { None } else { filesystem.lock.try_acquire(&filesystem.root).ok().flatten() };
        if (held.is_some() || filesystem.lock.is_mine())
            && let Ok(Observed::Trusted(mut state)) = filesystem.journal.observe(&filesystem.root)
            && state.followed
            && state.epoch >= last.epoch
            && state.is_settled()
        {
            state.followed = false;
            if filesystem.journal.own(&filesystem.root, &mut state).is_ok() {
                let _ = filesystem.journal.try_set(&filesystem.root, &mut state);
            }
            let _ = filesystem.forget_followed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::backend::{Backend, OpenOptions};
    use crate::record::Record;
    use crate::record::batch::{Batch, Durability, Expect};
    use crate::record::class::{Class, Format};
    use crate::record::error::ErrorKind;

    fn commit(store: &Filesystem, id: &str, content: &str, durability: Durability) -> Result<()> {
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Note", Format::Text))?;
        batch.set_durability(durability);
        batch.put(Key::new("Note", id)?, Record::Leaf(content.into()), Expect::Any);
        store.commit(batch)
    }

    /// Programs that save something and close the store end an epoch each time.
    #[test]
    fn commits_are_followed_from_epoch_to_epoch() -> Result<()> {
        let directory = tempfile::tempdir().map_err(|error| Error::new(ErrorKind::Io, error))?;
        let open = || Filesystem::open(directory.path(), &OpenOptions::default());
        let store = open()?;
        commit(&store, "before", "", Durability::Buffered)?;
        let mut track = store.track()?;
        for round in 0..20 {
            let mut expected = BTreeSet::new();
            for (number, durability) in
                [Durability::Buffered, Durability::Sync, Durability::Buffered].iter().enumerate()
            {
                let other = open()?;
                let id = format!("{round} {number}");
                commit(&other, &id, "text", *durability)?;
                expected.insert(Key::new("Note", id)?);
                if round % 2 == number % 2 {
                    other.checkpoint()?;
                }
            }
            if round == 10 {
                // As left by a writer that died while it handed on.
                let path = directory.path().join(FOLLOWED);
                let mut handed = std::fs::read_to_string(&path).map_err(|error| Error::new(ErrorKind::Io, error))?;
                handed.push_str("\n7\n8 Note/x\n99");
                handed.truncate(handed.len() - 1);
                sys::write(sys::open_to_write(&store.root, FOLLOWED).map_err(|_| damaged())?, handed.as_bytes(), 0)
                    .map_err(|_| damaged())?;
            }
            let told: Option<BTreeSet<_>> = track.changed()?.map(|keys| keys.into_iter().collect());
            assert!(told.as_ref().is_some_and(|told| told.is_superset(&expected)), "{round}: {told:?}");
        }
        drop(track);
        assert!(!directory.path().join(FOLLOWED).exists());
        Ok(())
    }

    fn damaged() -> Error {
        Error::corrupt("the test cannot write")
    }

    #[test]
    fn a_follower_that_died_does_no_harm_for_long() -> Result<()> {
        let directory = tempfile::tempdir().map_err(|error| Error::new(ErrorKind::Io, error))?;
        let store = Filesystem::open(directory.path(), &OpenOptions::default())?;
        std::mem::forget(store.track()?);
        let followed = || match store.journal.observe(&store.root) {
            Ok(Observed::Trusted(state)) => state.followed,
            _ => false,
        };
        let (mut number, id) = (0, "x".repeat(190));
        while followed() {
            assert!(number < 40_000);
            let mut batch = Batch::new();
            batch.declare(&Class::serializable("Note", Format::Text))?;
            batch.set_durability(Durability::Buffered);
            for one in 0..1000 {
                batch.put(
                    Key::new("Note", format!("{one}{id}"))?,
                    Record::Leaf(format!("{number}").into()),
                    Expect::Any,
                );
            }
            store.commit(batch)?;
            store.checkpoint()?;
            number += 1000;
        }
        assert!(number > 10_000 && !directory.path().join(FOLLOWED).exists());
        Ok(())
    }
}
