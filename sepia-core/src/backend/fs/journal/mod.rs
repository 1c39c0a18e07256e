//! The journal: how a batch of many operations takes effect at once, and for good.
//!
//! Two private files. `journal` holds [frames](frame), one for each batch; `state` is a small
//! [record](state) that says up to where they have taken effect (`committed`), and up to where they
//! have been carried out on the files (`applied`).
//!
//! # Writers
//! Under the writer lock:
//! 1. Adopt: what a dead writer committed and did not carry out is carried out. *Killed here: nothing
//!    of the batch is there.*
//! 2. The batch is checked against what is stored, and planned as operations, each absolute.
//! 3. The frame is written behind the last one. *Killed: the frame lies beyond `committed` and means
//!    nothing; the next one is written over it.*
//! 4. `Sync` only: wait for the disk. *Power lost from here on: the frame is found by its checksum.*
//! 5. `committed` is set behind the frame. **This is the moment at which the batch takes effect**: every
//!    reader lays it over what it reads. *Killed: the batch has taken effect.*
//! 6. The operations are carried out. *Killed: whoever writes next continues; readers do as in 5.*
//! 7. `applied` is set to `committed`. *Killed: nothing is left to be done.*
//!
//! `applied` before 6, or `committed` after it, would show readers half a batch; without 1, a later
//! batch would be overtaken by an earlier one.
//!
//! # One operation without the journal
//! A batch of one operation on one file, under `Buffered`, needs no frame: the file system does it
//! entirely or not at all. It counts up `sequence` in the state, which also says what the operation leaves under
//! which path, and then does it. This is permitted only in an epoch without durable frames, or the loss of power could
//! bring an older frame back over it.
//!
//! *Whether it has been carried out* is seen under its path. So the moment of a reader is `sequence`, and with it
//! whether that operation can be seen, and no reader waits for a writer that is held up in between.
//!
//! # Epochs
//! An *epoch* is one use of the journal from its beginning. In an epoch with `durable` frames all are
//! kept until a checkpoint, since files are not synced when they are written. In any other, frames matter
//! only until they are carried out, and the journal begins anew whenever it is long enough. The first
//! `Sync` commit after others makes those durable (one sync of the file system), and begins an epoch.
//!
//! # Failures
//! Until 5, an error means that nothing has changed. Nothing after 5 turns success into an error: what cannot be carried
//! out is carried out by whoever writes next.
//! - A frame whose writing fails, or that the state cannot be made to count, is made void; where frames are durable, the
//!   disk confirms that, or the loss of power could bring it back.
//! - A *sync* that fails poisons the state, and the handle: the disk may have dropped what it did not confirm, and would
//!   confirm the next time. The poisoned state says up to where frames count (`committed`), and recovery believes that
//!   also where a later frame is whole, so that a rejected one does not return.
//! - If neither the frame can be made void nor the state be written, the kind is `Poisoned` too: whether the batch is
//!   stored is known when the store has been opened again.
//! - What fails before the disk is asked (no descriptor to open a file with, say) has changed nothing, and poisons
//!   nothing.
//!
//! How long the file gets, `size` says.
//!
//! # Readers
//! Take no lock. They read the state, then the files, then the state again; what was committed and
//! not yet applied at the first look, or came since, they lay over what they have read. A leaf needs
//! no second look: its file is replaced as a whole, so it is as at the first look or newer.
//!
//! The frames in between may be gone, if their epoch has ended. Then what was read stands nevertheless, unless one of
//! them has changed this record, which [`touched`] tells: every commit with frames notes its number there before step
//! 5, for each record that it changes. *Noted later, or compared with the number of the last commit instead of the last
//! that was carried out at the first look (`done`), readers would take half a batch for a whole one.* A reader begins
//! again only if its own record may have been changed.
//!
//! # Trust
//! The state is never synced. It is believed only under its own [token]: after the loss of power, all
//! frames of the epoch may have to be carried out again, and are found by their checksums.

mod files;
pub(super) mod frame;
mod proper;
mod scan;
mod size;
pub(super) mod state;
mod token;
mod touched;

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use rustix::io::Errno;

use super::layout::{JOURNAL, STATE};
use super::operations::{Operations, Part};
use super::recover::SyncFailure;
use super::root::Root;
use super::sys;
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use files::{Files, Opened};
pub(super) use scan::Frames;
pub(super) use size::RESERVE;
use state::{Read, Single, State};

/// The format of journal and state.
pub(super) const FORMAT: u32 = 1;
const MAGIC: [u8; 12] = *b"SepiaJournal";
/// Where the first frame begins.
pub(super) const START: u64 = 64;
/// How long an epoch with durable frames gets before a checkpoint.
pub(super) const LIMIT: u64 = 32 << 20;
/// How long any other gets.
pub(super) const LIGHT_LIMIT: u64 = 1 << 20;
/// The longest frame.
pub(super) const MAX_FRAME: u64 = 4 << 30;

/// A frame before it is written.
pub(super) type Unwritten<'a> = (frame::Header, frame::Size, &'a Operations<'a>);

/// The journal and the state of a store.
#[derive(Debug)]
pub(super) struct Journal {
    writable: bool,
    opened: RwLock<Opened>,
    /// When this was made, and how many nanoseconds later the files were last compared with what has their names.
    made: Instant,
    compared: AtomicU64,
    /// Tells this handle from all others that write the state.
    writer: u64,
    /// The first frame is one of an epoch that has ended, and could not be made void.
    is_unvoided: AtomicBool,
    /// What this handle has noted of changed records.
    touched: Mutex<touched::Known>,
    /// The number of the last commit of which this handle wrote the state.
    wrote: AtomicU64,
}

/// What the state says, and whether it can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observed {
    /// There is no journal yet.
    Nothing,
    Trusted(State),
    /// Frames may have to be carried out that the state takes for applied.
    Untrusted(Option<State>),
}

impl Journal {
    pub(super) fn new(writable: bool) -> Self {
        let (opened, compared, is_unvoided, touched, wrote) = Default::default();
        let writer = uuid::Uuid::now_v7().as_u64_pair().1;
        Self { writable, opened, made: Instant::now(), compared, writer, is_unvoided, touched, wrote }
    }

    fn opened(&self) -> Opened {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_opened(&self, opened: Opened) {
        // The names may be those of other files.
        self.reread_touched();
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = opened;
    }

    /// Returns the state.
    pub(super) fn observe(&self, root: &Root) -> Result<Observed> {
        self.look(root, &mut [0; state::LENGTH]).map(|(observed, _)| observed)
    }

    /// Returns the state, and the single operation of the last commit, if that is known and can be believed.
    pub(super) fn observe_single(&self, root: &Root) -> Result<(Observed, Option<Single<'static>>)> {
        let mut bytes = [0; state::LENGTH];
        let (observed, length) = self.look(root, &mut bytes)?;
        let single = match observed {
            Observed::Trusted(state) if state.single => Single::decode(&bytes[..length]),
            _ => None,
        };
        Ok((observed, single))
    }

    /// Reads the state into a buffer, and returns also how much that was.
    fn look(&self, root: &Root, bytes: &mut [u8; state::LENGTH]) -> Result<(Observed, usize)> {
        let Some(files) = self.files(root)? else {
            let is_alone = matches!(self.opened(), Opened::Journal(_));
            return Ok((if is_alone { Observed::Untrusted(None) } else { Observed::Nothing }, 0));
        };
        // A writer may be in the middle of it.
        for attempt in 0..100 {
            let read = sys::read_at(&files.state, bytes, 0)
                .map_err(|errno| Error::io("read the state of the store", &root.place(STATE), errno))?;
            match State::decode(&bytes[..read]) {
                Read::State(state) if state.token == files.token && !state.poisoned => {
                    return Ok((Observed::Trusted(state), read));
                }
                Read::State(state) => return Ok((Observed::Untrusted(Some(state)), read)),
                Read::Newer(format) => return Err(newer(root, format)),
                Read::Unreadable if read == 0 => break,
                Read::Unreadable if attempt > 10 => std::thread::yield_now(),
                Read::Unreadable => {}
            }
        }
        Ok((Observed::Untrusted(None), 0))
    }

    /// Writes the state. Under the writer lock: so the last single operation is not under way any more.
    pub(super) fn set(&self, root: &Root, state: &mut State) -> Result<()> {
        self.try_set(root, state).map_err(|errno| Error::io("write the state of the store", &root.place(STATE), errno))
    }

    /// Writes the state, for a caller that knows what to say if that fails.
    pub(super) fn try_set(&self, root: &Root, state: &mut State) -> rustix::io::Result<()> {
        state.single = false;
        self.write_state(root, state, None)
    }

    /// Writes the state of a commit of a single operation, which comes next. Under the writer lock.
    pub(super) fn try_set_single(
        &self,
        root: &Root,
        state: &mut State,
        single: Option<&Single<'_>>,
    ) -> rustix::io::Result<()> {
        state.single = true;
        self.write_state(root, state, single)
    }

    fn write_state(&self, root: &Root, state: &mut State, single: Option<&Single<'_>>) -> rustix::io::Result<()> {
        let files = self.written(root).map_err(|_| Errno::BADF)?;
        state.token = files.token;
        state.writer = self.writer;
        if state.is_settled() {
            state.done = state.sequence;
        }
        let (bytes, length) = state.encode(single);
        self.wrote.store(state.sequence, Ordering::Relaxed);
        sys::write(&files.state, &bytes[..length], 0)
    }

    /// Notes which records the commit of this number changes, before it takes effect. Under the writer lock.
    pub(super) fn note_touched<'p>(
        &self,
        root: &Root,
        paths: impl Iterator<Item = &'p str>,
        number: u64,
    ) -> Result<()> {
        let state = &self.written(root)?.state;
        let mut known = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = touched::note(state, &mut known, paths, number);
        noted.map_err(|errno| Error::io("write the state of the store", &root.place(STATE), errno))
    }

    /// Returns whether what was read of a record stands: whether no frame has changed it that was not carried out yet
    /// in the state `from`, or that was committed up to the state `to`. `false` also where that is not known.
    pub(super) fn is_untouched(&self, root: &Root, path: &str, from: &State, to: &State) -> Result<bool> {
        let Some(files) = self.files(root)?.filter(|_| to.known <= from.done && from.sequence <= to.sequence) else {
            return Ok(false);
        };
        if files.token != to.token {
            // What was noted then stands in another file.
            return Ok(false);
        }
        let last = touched::last(&files.state, path);
        let last = last.map_err(|errno| Error::io("read the state of the store", &root.place(STATE), errno))?;
        Ok(last <= from.done)
    }

    /// Forgets which records were changed, as the numbers of commits may begin anew. Under the writer lock.
    pub(super) fn forget_touched(&self, root: &Root) -> Result<()> {
        self.reread_touched();
        let state = &self.written(root)?.state;
        let forgotten = match sys::length(state) {
            Ok(length) if length <= state::LENGTH as u64 => Ok(()),
            Ok(_) => sys::set_length(state, state::LENGTH as u64),
            Err(errno) => Err(errno),
        };
        forgotten.map_err(|errno| Error::io("write the state of the store", &root.place(STATE), errno))
    }

    /// Whether nobody has committed since this handle last wrote the state. A fork writes it in the name of the same
    /// handle, and goes on from the same number.
    pub(super) fn is_last(&self, state: &State) -> bool {
        self.is_mine(state) && self.wrote.load(Ordering::Relaxed) == state.sequence
    }

    /// Takes note that others may have noted which records they have changed.
    pub(super) fn reread_touched(&self) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).forget();
    }

    /// Whether this handle wrote the state.
    pub(super) fn is_mine(&self, state: &State) -> bool {
        state.writer == self.writer
    }

    /// Whether this handle has begun an epoch without making the first frame of the one before void.
    pub(super) fn is_unvoided(&self) -> bool {
        self.is_unvoided.load(Ordering::Relaxed)
    }

    /// Returns what is open, the journal at least.
    fn journal(&self, root: &Root) -> Result<Opened> {
        match self.files(root)? {
            Some(files) => Ok(Opened::Both(files)),
            None => match self.opened() {
                Opened::Nothing => Err(damaged(root, "it is gone")),
                opened => Ok(opened),
            },
        }
    }

    fn written(&self, root: &Root) -> Result<Arc<Files>> {
        match self.opened() {
            Opened::Both(files) if files.is_writable => Ok(files),
            _ => Err(damaged(root, "it has not been opened")),
        }
    }

    /// Writes frames that follow each other, from `at` on, into a journal of this `length`, as far as that is known. Under
    /// the writer lock.
    pub(super) fn write(&self, root: &Root, at: u64, frames: &[Unwritten<'_>], length: Option<u64>) -> Result<()> {
        let journal = &self.written(root)?.journal;
        let fail = |errno| Error::io("write the journal", &root.place(JOURNAL), errno);
        frames.iter().try_for_each(|frame| check(root, frame))?;
        let size: u64 = frames.iter().map(|(_, size, _)| size.frame()).sum();
        let end = at + size + frame::HEADER as u64;
        let length = length.map_or_else(|| sys::length(journal), Ok).map_err(fail)?;
        let mut write = |part: &[u8], at| sys::write(journal, part, at);
        let mut pen = frame::Pen::new(at, size, &mut write);
        let written = frames.iter().try_for_each(|(header, size, operations)| pen.frame(*header, *size, operations));
        written.and_then(|()| pen.finish()).map_err(fail)?;
        if end > length {
            self.grow(root, end);
        }
        Ok(())
    }

    /// Makes the frame at this place, which has not taken effect, one that never will. Under the writer
    /// lock.
    pub(super) fn void(&self, root: &Root, at: u64) -> Result<()> {
        let journal = &self.written(root)?.journal;
        if at >= sys::inode(journal).map_or(u64::MAX, |inode| inode.length) {
            return Ok(());
        }
        let voided = sys::write(journal, &[0; frame::HEADER], at)
            .map_err(|errno| Error::io("write the journal", &root.place(JOURNAL), errno));
        if at == START {
            self.is_unvoided.store(voided.is_err(), Ordering::Relaxed);
        }
        voided
    }

    /// Makes the first frame, of an epoch that has ended, void for good. Under the writer lock.
    pub(super) fn void_for_good(&self, root: &Root) -> Result<(), SyncFailure> {
        self.void(root, START).map_err(SyncFailure::NotAsked)?;
        self.sync(root).map_err(SyncFailure::NotConfirmed)
    }

    /// Waits until the journal is on the disk.
    pub(super) fn sync(&self, root: &Root) -> Result<()> {
        let journal = &self.written(root)?.journal;
        sys::sync_data(journal).map_err(|errno| Error::io("sync the journal", &root.place(JOURNAL), errno))
    }

    /// Empties the journal, for good, so that nothing in it is ever taken for a frame again. Under the writer lock.
    pub(super) fn empty(&self, root: &Root) -> Result<(), SyncFailure> {
        let files = self.written(root).map_err(SyncFailure::NotAsked)?;
        let journal = &files.journal;
        if sys::inode(journal).is_ok_and(|inode| inode.length <= START) {
            return Ok(());
        }
        let fail = |errno| Error::io("empty the journal", &root.place(JOURNAL), errno);
        sys::set_length(journal, START).map_err(|errno| SyncFailure::NotAsked(fail(errno)))?;
        sys::sync(journal).map_err(|errno| SyncFailure::NotConfirmed(fail(errno)))
    }
}

/// Makes sure that whoever reads a frame will believe it: none must take effect that nobody could carry out.
fn check(root: &Root, (_, size, operations): &Unwritten<'_>) -> Result<()> {
    if size.frame() > MAX_FRAME {
        let message = format!(
            "the batch has {} bytes, and a batch can have {MAX_FRAME}: commit it in several parts",
            size.frame()
        );
        return Err(Error::invalid_value(message).at(root.place(JOURNAL).to_string_lossy()));
    }
    operations.parts().iter().try_for_each(|part| {
        let (path, checked) = match part {
            Part::One(operation) => (&*operation.path, proper::check(operation)),
            // Invariant: their names and keys are proper ones.
            Part::Links(links) => (&*links.directory, proper::check_directory(&links.directory)),
        };
        checked.map_err(|why| {
            Error::invalid_value(format!("this cannot be written: {why}")).at(root.place(path).to_string_lossy())
        })
    })
}

/// Makes sure that a state without a journal needs none.
fn check_alone(root: &Root, state: &OwnedFd) -> Result<()> {
    let mut bytes = [0; state::LENGTH];
    let fail = |errno| Error::io("read the state of the store", &root.place(STATE), errno);
    let read = sys::read_at(state, &mut bytes, 0).map_err(fail)?;
    match State::decode(&bytes[..read]) {
        Read::State(state) if state.durable || state.applied < state.committed => Err(damaged(root, "it is gone")),
        Read::Newer(format) => Err(newer(root, format)),
        Read::State(_) | Read::Unreadable => Ok(()),
    }
}

fn newer(root: &Root, format: u32) -> Error {
    let message = format!("the journal has format {format}, and this version of sepia reads up to {FORMAT}");
    Error::message(ErrorKind::UnsupportedFormat, message).at(root.place(JOURNAL).to_string_lossy())
}

/// A journal that cannot be read must be put aside by someone who knows.
pub(super) fn damaged(root: &Root, why: &str) -> Error {
    let message = format!(
        "the journal is damaged: {why}. To go on with the files as they are, move {} and {} away",
        Quoted(JOURNAL),
        Quoted(STATE)
    );
    Error::corrupt(message).at(root.place(JOURNAL).to_string_lossy())
}
