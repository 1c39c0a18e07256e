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

pub(super) mod frame;
mod scan;
mod size;
pub(super) mod state;
mod token;
mod touched;

use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

use super::layout::{JOURNAL, PRIVATE, STATE, name_of};
use super::operations::Operations;
use super::recover::SyncFailure;
use super::root::Root;
use super::sys;
use crate::error::{Error, ErrorKind, Quoted, Result};
pub(super) use scan::Frames;
use scan::chain;
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
/// A frame before it is written.
pub(super) type Unwritten<'a> = (frame::Header, frame::Size, &'a Operations<'a>);

/// The journal and the state of a store.
#[derive(Debug)]
pub(super) struct Journal {
    writable: bool,
    /// For writing, and for reading too.
    writing: OnceLock<Files>,
    /// For reading, where they cannot be written.
    reading: OnceLock<Files>,
    /// The journal, where the state is gone.
    alone: OnceLock<OwnedFd>,
    /// Tells this handle from all others that write the state.
    writer: u64,
    /// The first frame is one of an epoch that has ended, and could not be made void.
    is_unvoided: AtomicBool,
}

#[derive(Debug)]
struct Files {
    state: OwnedFd,
    journal: OwnedFd,
    token: u128,
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

impl Files {
    fn new(root: &Root, state: OwnedFd, journal: OwnedFd) -> Result<Self> {
        let fail = |errno| Error::io("open the journal", &root.place(JOURNAL), errno);
        let mut header = [0; START as usize];
        sys::read_at(&journal, &mut header, 0).map_err(fail)?;
        let known = header[..12] == MAGIC;
        let format = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
        if known && format > FORMAT {
            return Err(newer(root, format));
        }
        if !known || format != FORMAT {
            return Err(damaged(root, "its beginning cannot be understood"));
        }
        let token = token::token(&state, &journal).map_err(fail)?;
        Ok(Self { state, journal, token })
    }
}

impl Journal {
    pub(super) fn new(writable: bool) -> Self {
        let (writing, reading, alone, is_unvoided) = Default::default();
        Self { writable, writing, reading, alone, writer: uuid::Uuid::now_v7().as_u64_pair().1, is_unvoided }
    }

    /// Makes the files if they are not there. Under the writer lock.
    pub(super) fn make(&self, root: &Root) -> Result<()> {
        if self.writing.get().is_some() {
            return Ok(());
        }
        let fail = |name| {
            move |errno| {
                let error = Error::io("open the journal", &root.place(name), errno);
                // Whoever may not write here may not write at all.
                if matches!(errno, Errno::ACCESS | Errno::PERM) { error.of_kind(ErrorKind::ReadOnly) } else { error }
            }
        };
        let private = sys::open_directory(root, PRIVATE).map_err(fail(PRIVATE))?;
        let making = root.modes().private_file();
        let state = sys::open_or_make(&private, name_of(STATE), making).map_err(fail(STATE))?;
        if !sys::is_there(&private, name_of(JOURNAL)) {
            check_alone(root, &state)?;
        }
        let journal = sys::open_or_make(&private, name_of(JOURNAL), making).map_err(fail(JOURNAL))?;
        if sys::length(&journal).map_err(fail(JOURNAL))? == 0 {
            let mut header = [0; START as usize];
            header[..12].copy_from_slice(&MAGIC);
            header[12..16].copy_from_slice(&FORMAT.to_le_bytes());
            sys::write(&journal, &header, 0).map_err(fail(JOURNAL))?;
        }
        let _ = self.writing.set(Files::new(root, state, journal)?);
        Ok(())
    }

    /// Opens the files if they are there, both of them.
    fn files(&self, root: &Root) -> Result<Option<&Files>> {
        if let Some(files) = self.writing.get().or_else(|| self.reading.get()) {
            return Ok(Some(files));
        }
        let fail = |errno| super::read::refused(errno, &root.place(JOURNAL));
        let open = |opener: fn(&Root, &str) -> rustix::io::Result<OwnedFd>| {
            let open = |path| match opener(root, path) {
                Err(Errno::NOENT) => Ok(None),
                opened => opened.map(Some),
            };
            let (state, journal) = (open(STATE)?, open(JOURNAL)?);
            // One that is being made is empty, and means nothing.
            match journal {
                Some(journal) if sys::length(&journal)? == 0 => Ok((state, None)),
                journal => Ok((state, journal)),
            }
        };
        if self.writable {
            match open(|root, path| sys::open_to_write(root, path)) {
                Ok((Some(state), Some(journal))) => {
                    let files = Files::new(root, state, journal)?;
                    return Ok(Some(self.writing.get_or_init(|| files)));
                }
                // A medium that cannot be written can still be read.
                Ok(_) | Err(Errno::ROFS | Errno::ACCESS | Errno::PERM) => {}
                Err(errno) => return Err(fail(errno)),
            }
        }
        match open(|root, path| sys::open_below(root, path)).map_err(fail)? {
            (Some(state), Some(journal)) => {
                let files = Files::new(root, state, journal)?;
                return Ok(Some(self.reading.get_or_init(|| files)));
            }
            (None, Some(journal)) if sys::length(&journal).map_err(fail)? > START => {
                // Whoever writes next makes another state.
                let _ = self.alone.set(journal);
            }
            (Some(state), None) => check_alone(root, &state)?,
            _ => {}
        }
        Ok(None)
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
            return Ok((if self.alone.get().is_some() { Observed::Untrusted(None) } else { Observed::Nothing }, 0));
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
        sys::write(&files.state, &bytes[..length], 0)
    }

    /// Notes which records the commit of this number changes, before it takes effect. Under the writer lock.
    pub(super) fn note_touched<'p>(
        &self,
        root: &Root,
        paths: impl Iterator<Item = &'p str>,
        number: u64,
    ) -> Result<()> {
        let Files { state, .. } = self.written(root)?;
        let noted = touched::note(state, paths, number);
        noted.map_err(|errno| Error::io("write the state of the store", &root.place(STATE), errno))
    }

    /// Returns whether what was read of a record stands: whether no frame has changed it that was not carried out yet
    /// in the state `from`, or that was committed up to the state `to`. `false` also where that is not known.
    pub(super) fn is_untouched(&self, root: &Root, path: &str, from: &State, to: &State) -> Result<bool> {
        let Some(files) = self.files(root)?.filter(|_| to.known <= from.done && from.sequence <= to.sequence) else {
            return Ok(false);
        };
        let last = touched::last(&files.state, path);
        let last = last.map_err(|errno| Error::io("read the state of the store", &root.place(STATE), errno))?;
        Ok(last <= from.done)
    }

    /// Forgets which records were changed, as the numbers of commits may begin anew. Under the writer lock.
    pub(super) fn forget_touched(&self, root: &Root) -> Result<()> {
        let Files { state, .. } = self.written(root)?;
        let forgotten = match sys::length(state) {
            Ok(length) if length <= state::LENGTH as u64 => Ok(()),
            Ok(_) => sys::set_length(state, state::LENGTH as u64),
            Err(errno) => Err(errno),
        };
        forgotten.map_err(|errno| Error::io("write the state of the store", &root.place(STATE), errno))
    }

    /// Whether this handle wrote the state.
    pub(super) fn is_mine(&self, state: &State) -> bool {
        state.writer == self.writer
    }

    /// Whether the state is still that of the store. Under the writer lock.
    pub(super) fn has_state(&self) -> bool {
        self.writing.get().is_some_and(|files| sys::has_name(&files.state))
    }

    /// Whether this handle has begun an epoch without making the first frame of the one before void.
    pub(super) fn is_unvoided(&self) -> bool {
        self.is_unvoided.load(Ordering::Relaxed)
    }

    /// Makes sure that the files are still those of the store. Under the writer lock.
    pub(super) fn check_place(&self, root: &Root) -> Result<()> {
        let files = self.written(root)?;
        if self.has_state() && sys::has_name(&files.journal) {
            return Ok(());
        }
        let message = "the journal was removed while the store was open: open it again";
        Err(Error::corrupt(message).at(root.place(JOURNAL).to_string_lossy()))
    }

    fn journal(&self, root: &Root) -> Result<&OwnedFd> {
        match (self.files(root)?, self.alone.get()) {
            (Some(files), _) => Ok(&files.journal),
            (None, Some(journal)) => Ok(journal),
            (None, None) => Err(damaged(root, "it is gone")),
        }
    }

    fn written(&self, root: &Root) -> Result<&Files> {
        self.writing.get().ok_or_else(|| damaged(root, "it has not been opened"))
    }

    /// Writes frames that follow each other, from `at` on. Under the writer lock.
    pub(super) fn write(&self, root: &Root, at: u64, frames: &[Unwritten<'_>]) -> Result<()> {
        let Files { journal, .. } = self.written(root)?;
        let fail = |errno| Error::io("write the journal", &root.place(JOURNAL), errno);
        let size: u64 = frames.iter().map(|(_, size, _)| size.frame()).sum();
        let end = at + size + frame::HEADER as u64;
        let length = sys::length(journal).map_err(fail)?;
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
        let Files { journal, .. } = self.written(root)?;
        if at >= sys::length(journal).unwrap_or(u64::MAX) {
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
        let Files { journal, .. } = self.written(root)?;
        sys::sync_data(journal).map_err(|errno| Error::io("sync the journal", &root.place(JOURNAL), errno))
    }

    /// Reads the frames between two places; `None` if they are not all there.
    pub(super) fn frames(&self, root: &Root, epoch: u64, from: u64, to: u64) -> Result<Option<Frames>> {
        let journal = self.journal(root)?;
        let fail = |errno| Error::io("read the journal", &root.place(JOURNAL), errno);
        if to > sys::length(journal).map_err(fail)? {
            return Ok(None);
        }
        // Invariant: no longer than the file.
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(usize::MAX)];
        let read = sys::read_at(journal, &mut bytes, from).map_err(fail)?;
        bytes.truncate(read);
        let used = chain(&bytes, epoch, from).used;
        Ok((used as u64 == to - from).then(|| Frames::new(bytes, used)))
    }

    /// Empties the journal, for good, so that nothing in it is ever taken for a frame again. Under the writer lock.
    pub(super) fn empty(&self, root: &Root) -> Result<(), SyncFailure> {
        let Files { journal, .. } = self.written(root).map_err(SyncFailure::NotAsked)?;
        if sys::length(journal).is_ok_and(|length| length <= START) {
            return Ok(());
        }
        let fail = |errno| Error::io("empty the journal", &root.place(JOURNAL), errno);
        sys::set_length(journal, START).map_err(|errno| SyncFailure::NotAsked(fail(errno)))?;
        sys::sync(journal).map_err(|errno| SyncFailure::NotConfirmed(fail(errno)))
    }
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
