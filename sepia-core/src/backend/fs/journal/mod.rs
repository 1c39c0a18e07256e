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
//! entirely or not at all. It counts up `sequence` in the state, and then does it. This is permitted
//! only in an epoch without durable frames, or the loss of power could bring an older frame back over
//! it.
//!
//! # Epochs
//! An *epoch* is one use of the journal from its beginning. In an epoch with `durable` frames all are
//! kept until a checkpoint, since files are not synced when they are written. In any other, frames matter
//! only until they are carried out, and the journal begins anew whenever it is long enough. The first
//! `Sync` commit after others makes those durable (one sync of the file system), and begins an epoch.
//!
//! # Readers
//! Take no lock. They read the state, then the files, then the state again; what was committed and
//! not yet applied at the first look, or came since, they lay over what they have read. A leaf needs
//! no second look: its file is replaced as a whole, so it is as at the first look or newer.
//!
//! # Trust
//! The state is never synced. It is believed only under its own [token]: after the loss of power, all
//! frames of the epoch may have to be carried out again, and are found by their checksums.

pub(super) mod frame;
mod scan;
pub(super) mod state;
mod token;

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::io::Errno;

use super::layout::{JOURNAL, PRIVATE, STATE, name_of};
use super::operations::Operations;
use super::root::Root;
use super::sys;
use crate::error::{Error, ErrorKind, Quoted, Result};
pub(super) use scan::Frames;
use scan::chain;
use state::{Read, State};

/// The format of journal and state.
pub(super) const FORMAT: u32 = 1;
const MAGIC: [u8; 12] = *b"SepiaJournal";
/// Where the first frame begins.
pub(super) const START: u64 = 64;
/// How long an epoch with durable frames gets before a checkpoint.
pub(super) const LIMIT: u64 = 32 << 20;
/// How long any other gets.
pub(super) const LIGHT_LIMIT: u64 = 1 << 20;
/// The journal grows by this much at least: to wait for the disk is cheaper in a file that has its
/// length already.
const GROWTH: u64 = 256 << 10;

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
        let (writing, reading, alone) = Default::default();
        Self { writable, writing, reading, alone, writer: uuid::Uuid::now_v7().as_u64_pair().1 }
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
        // What fails here has failed before, and keeps nobody from writing who can.
        let _ = sys::mend_mode(&state, making).and_then(|()| sys::mend_mode(&journal, making));
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
        let Some(files) = self.files(root)? else {
            return Ok(if self.alone.get().is_some() { Observed::Untrusted(None) } else { Observed::Nothing });
        };
        let mut bytes = [0; state::LENGTH];
        // A writer may be in the middle of it.
        for attempt in 0..100 {
            let read = sys::read_at(&files.state, &mut bytes, 0)
                .map_err(|errno| Error::io("read the state of the store", &root.place(STATE), errno))?;
            match State::decode(&bytes[..read]) {
                Read::State(state) if state.token == files.token && !state.poisoned => {
                    return Ok(Observed::Trusted(state));
                }
                Read::State(state) => return Ok(Observed::Untrusted(Some(state))),
                Read::Newer(format) => return Err(newer(root, format)),
                Read::Unreadable if read == 0 => break,
                Read::Unreadable if attempt > 10 => std::thread::yield_now(),
                Read::Unreadable => {}
            }
        }
        Ok(Observed::Untrusted(None))
    }

    /// Writes the state. Under the writer lock.
    pub(super) fn set(&self, root: &Root, state: &mut State) -> Result<()> {
        self.try_set(root, state).map_err(|errno| Error::io("write the state of the store", &root.place(STATE), errno))
    }

    /// Writes the state, for a caller that knows what to say if that fails.
    pub(super) fn try_set(&self, root: &Root, state: &mut State) -> rustix::io::Result<()> {
        let files = self.written(root).map_err(|_| Errno::BADF)?;
        state.token = files.token;
        state.writer = self.writer;
        sys::write(&files.state, &state.encode(), 0)
    }

    /// Whether this handle wrote the state.
    pub(super) fn is_mine(&self, state: &State) -> bool {
        state.writer == self.writer
    }

    /// Whether the state is still that of the store. Under the writer lock.
    pub(super) fn has_state(&self) -> bool {
        self.writing.get().is_some_and(|files| sys::has_name(&files.state))
    }

    /// Gives back what one large batch has made the journal longer than its limit. Under the writer lock.
    pub(super) fn trim(&self, root: &Root) -> Result<()> {
        let Files { journal, .. } = self.written(root)?;
        let fail = |errno| Error::io("trim the journal", &root.place(JOURNAL), errno);
        match sys::length(journal).map_err(fail)? {
            ..=LIMIT => Ok(()),
            _ => sys::set_length(journal, LIMIT).map_err(fail),
        }
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
        if end > length {
            let wanted = (end + GROWTH).next_multiple_of(GROWTH).min(LIMIT.max(end));
            // Invariant: less than twice the growth.
            sys::write(journal, &vec![0; (wanted - end) as usize], end).map_err(fail)?;
        }
        let mut write = |part: &[u8], at| sys::write(journal, part, at);
        let mut pen = frame::Pen::new(at, size, &mut write);
        let written = frames.iter().try_for_each(|(header, size, operations)| pen.frame(*header, *size, operations));
        written.and_then(|()| pen.finish()).map_err(fail)
    }

    /// Makes the frame at this place, which has not taken effect, one that never will. Under the writer
    /// lock.
    pub(super) fn void(&self, root: &Root, at: u64) -> Result<()> {
        let Files { journal, .. } = self.written(root)?;
        if at >= sys::length(journal).unwrap_or(u64::MAX) {
            return Ok(());
        }
        sys::write(journal, &[0; frame::HEADER], at)
            .map_err(|errno| Error::io("write the journal", &root.place(JOURNAL), errno))
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
    pub(super) fn empty(&self, root: &Root) -> Result<()> {
        let Files { journal, .. } = self.written(root)?;
        if sys::length(journal).is_ok_and(|length| length <= START) {
            return Ok(());
        }
        let emptied = sys::set_length(journal, START).and_then(|()| sys::sync(journal));
        emptied.map_err(|errno| Error::io("empty the journal", &root.place(JOURNAL), errno))
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
