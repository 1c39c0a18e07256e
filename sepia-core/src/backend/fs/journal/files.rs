//! The two files of the journal: opening them, and having them for this store alone.
//!
//! Whatever has the name of one may be anything: a link that leads elsewhere, a pipe, or a file that has other names,
//! too, as in a copy by `cp -al`. What is no file counts as missing. A file with other names is read, and never written:
//! under the writer lock, another takes its name, with what matters of its content. So whoever has one of them open
//! makes sure that it still is the one under the name: under the lock, whenever it is about to be written; readers, whenever
//! they have not for [`LEASE`]. Whoever gives the names to other files waits for longer than that before the next batch
//! takes effect, so no reader misses it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;

use super::super::layout::{JOURNAL, PRIVATE, STATE, name_of};
use super::super::root::Root;
use super::super::sys::{self, Directory, Inode, Kind};
use super::state::State;
use super::{FORMAT, Journal, MAGIC, START, check_alone, damaged, newer, token};
use crate::record::error::{Error, ErrorKind, Result};

/// For so long a reader takes it for true that the names are still those of the files that it has open.
pub(super) const LEASE: Duration = Duration::from_millis(5);
/// So long waits whoever gives the names to other files.
const NOTICE: Duration = Duration::from_millis(20);
/// How much is copied at once.
const PART: usize = 256 << 10;

/// The files, open.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) state: OwnedFd,
    pub(super) journal: OwnedFd,
    /// Under which the state is believed.
    pub(super) token: u128,
    pub(super) is_writable: bool,
    identities: [(u64, u64); 2],
}

/// What is open of them.
#[derive(Clone, Debug, Default)]
pub(super) enum Opened {
    #[default]
    Nothing,
    Both(Arc<Files>),
    /// The journal, where the state is gone.
    Journal(Arc<OwnedFd>),
}

impl Opened {
    pub(super) fn journal(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Nothing => None,
            Self::Both(files) => Some(files.journal.as_fd()),
            Self::Journal(journal) => Some(journal.as_fd()),
        }
    }
}

/// What stands under the name of a file that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The file, which has no other name.
    Own,
    /// The file, which has other names, too; or what is no file.
    Shared,
    /// Another file.
    Other,
    Nothing,
}

impl Files {
    fn new(root: &Root, state: OwnedFd, journal: OwnedFd, is_writable: bool) -> Result<Self> {
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
        let identities = [sys::identity(&state).map_err(fail)?, sys::identity(&journal).map_err(fail)?];
        let token = token::token(&state, &journal).map_err(fail)?;
        Ok(Self { state, journal, token, is_writable, identities })
    }

    fn standing(&self, root: &Root) -> Standing {
        match stands(root, STATE, self.identities[0]) {
            Standing::Own => stands(root, JOURNAL, self.identities[1]),
            other => other,
        }
    }
}

/// What stands under one of the names, compared with what is open.
fn stands(root: &Root, path: &str, identity: (u64, u64)) -> Standing {
    match sys::inode_at(root, path) {
        Err(_) => Standing::Nothing,
        Ok(inode) if inode.kind != Kind::File => Standing::Shared,
        Ok(inode) if inode.identity != identity => Standing::Other,
        Ok(inode) if inode.is_unshared() => Standing::Own,
        Ok(_) => Standing::Shared,
    }
}

/// Opens a file by its path below the root; `None` if there is none, or something else.
fn open(root: &Root, path: &str, to_write: bool) -> rustix::io::Result<Option<(OwnedFd, Inode)>> {
    let opened = if to_write { sys::open_to_write(root, path) } else { sys::open_below(root, path) };
    match opened {
        Ok(file) => {
            let inode = sys::inode(&file)?;
            Ok((inode.kind == Kind::File).then_some((file, inode)))
        }
        Err(Errno::NOENT) => Ok(None),
        // A symlink, a directory, a socket or a device; unless it is on the way.
        Err(errno) => match sys::kind_below(root, path) {
            Ok(Kind::Link | Kind::Directory | Kind::Other) => Ok(None),
            _ => Err(errno),
        },
    }
}

impl Journal {
    /// Makes the files if they are not there. Under the writer lock.
    pub(in super::super) fn make(&self, root: &Root) -> Result<()> {
        if matches!(self.opened(), Opened::Both(files) if files.is_writable) {
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
        let state = match open(root, STATE, true).map_err(fail(STATE))? {
            Some((state, _)) => state,
            None => make(root, &private, name_of(STATE)).map_err(fail(STATE))?,
        };
        let journal = match open(root, JOURNAL, true).map_err(fail(JOURNAL))? {
            // Of an empty one, nothing is lost.
            Some((journal, inode)) if inode.length > 0 || inode.is_unshared() => journal,
            found => {
                if found.is_none() {
                    check_alone(root, &state)?;
                }
                make(root, &private, name_of(JOURNAL)).map_err(fail(JOURNAL))?
            }
        };
        if sys::inode(&journal).map_err(fail(JOURNAL))?.length == 0 {
            sys::write(&journal, &header(), 0).map_err(fail(JOURNAL))?;
        }
        let making = root.modes().private_file();
        for file in [&state, &journal] {
            // What others have, too, is left to them; and what fails here has failed before, and keeps nobody from
            // writing who can.
            if sys::inode(file).is_ok_and(|inode| inode.is_unshared()) {
                let _ = sys::mend_mode(file, making);
            }
        }
        self.set_opened(Opened::Both(Arc::new(Files::new(root, state, journal, true)?)));
        Ok(())
    }

    /// Opens the files if they are there, both of them.
    pub(super) fn files(&self, root: &Root) -> Result<Option<Arc<Files>>> {
        if matches!(self.opened(), Opened::Both(_)) {
            if self.is_due() {
                self.catch_up(root)?;
            }
        } else {
            self.open(root)?;
        }
        match self.opened() {
            Opened::Both(files) => Ok(Some(files)),
            Opened::Nothing | Opened::Journal(_) => Ok(None),
        }
    }

    /// Opens the files that have the names now, if they are others than those that are open, and returns whether they
    /// are. If there are none, those that are open are read on: whoever writes says that they are gone.
    pub(super) fn catch_up(&self, root: &Root) -> Result<bool> {
        let Opened::Both(files) = self.opened() else { return Ok(false) };
        if stands(root, STATE, files.identities[0]) != Standing::Other {
            return Ok(false);
        }
        self.open(root)?;
        Ok(matches!(self.opened(), Opened::Both(now) if !Arc::ptr_eq(&now, &files)))
    }

    /// Whether it has not been made sure for a while that the names are still those of the files.
    fn is_due(&self) -> bool {
        let now = u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let last = self.compared.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(last) > LEASE.as_nanos() as u64;
        if is_due {
            self.compared.store(now, Ordering::Relaxed);
        }
        is_due
    }

    /// Opens what is there, if that is enough to read.
    fn open(&self, root: &Root) -> Result<()> {
        let fail = |errno| super::super::read::refused(errno, &root.place(JOURNAL));
        let open_both = |to_write| {
            let (state, journal) = (open(root, STATE, to_write)?, open(root, JOURNAL, to_write)?);
            // One that is being made is empty, and means nothing.
            rustix::io::Result::Ok((state, journal.filter(|(_, inode)| inode.length > 0)))
        };
        if self.writable {
            match open_both(true) {
                Ok((Some((state, _)), Some((journal, _)))) => {
                    self.set_opened(Opened::Both(Arc::new(Files::new(root, state, journal, true)?)));
                    return Ok(());
                }
                // A medium that cannot be written can still be read.
                Ok(_) | Err(Errno::ROFS | Errno::ACCESS | Errno::PERM) => {}
                Err(errno) => return Err(fail(errno)),
            }
        }
        match open_both(false).map_err(fail)? {
            (Some((state, _)), Some((journal, _))) => {
                self.set_opened(Opened::Both(Arc::new(Files::new(root, state, journal, false)?)));
            }
            // Whoever writes next makes another state.
            (None, Some((journal, inode))) if inode.length > START => {
                self.set_opened(Opened::Journal(Arc::new(journal)));
            }
            (Some((state, _)), None) => check_alone(root, &state)?,
            _ => {}
        }
        Ok(())
    }

    /// Makes sure that the files that are open are those under the names, and opens those if they are others. Returns
    /// whether the state, which every commit writes, is the store's own. Under the writer lock.
    ///
    /// # Errors
    /// `Corrupt` if they were removed.
    pub(in super::super) fn keep_up(&self, root: &Root) -> Result<bool> {
        let files = self.written(root)?;
        let standing = match stands(root, STATE, files.identities[0]) {
            Standing::Other => {
                self.set_opened(Opened::Nothing);
                self.make(root)?;
                stands(root, STATE, self.written(root)?.identities[0])
            }
            standing => standing,
        };
        match standing {
            Standing::Own => Ok(true),
            Standing::Shared => Ok(false),
            Standing::Other | Standing::Nothing => Err(removed(root)),
        }
    }

    /// Whether the journal is a file that no other store has. Under the writer lock.
    pub(in super::super) fn owns_journal(&self, root: &Root) -> bool {
        self.written(root).is_ok_and(|files| stands(root, JOURNAL, files.identities[1]) == Standing::Own)
    }

    /// Whether both are files that no other store has. Under the writer lock.
    pub(in super::super) fn owns_files(&self, root: &Root) -> bool {
        self.written(root).is_ok_and(|files| files.standing(root) == Standing::Own)
    }

    /// Makes sure that both files are the store's own, before they are written, and takes others if somebody else has
    /// them, too: with the frames before `committed`, and this state. Under the writer lock.
    ///
    /// # Errors
    /// `Corrupt` if they were removed or replaced, `Io`. Nothing has been written then, or both are there.
    pub(in super::super) fn own(&self, root: &Root, state: &mut State) -> Result<()> {
        let files = self.written(root)?;
        match files.standing(root) {
            Standing::Own => Ok(()),
            Standing::Shared => self.renew(root, &files, state),
            Standing::Other | Standing::Nothing => Err(removed(root)),
        }
    }

    /// Makes files of the store's own, and gives them the names.
    fn renew(&self, root: &Root, old: &Files, state: &mut State) -> Result<()> {
        let fail = |errno| Error::io("make a journal of the store's own", &root.place(JOURNAL), errno);
        let tmp = root.reopen_tmp().map_err(fail)?;
        let private = sys::open_directory(root, PRIVATE).map_err(fail)?;
        let make = |name: &str| make(root, &tmp, name).map_err(fail);
        let (fresh_state, fresh) = (make(name_of(STATE))?, make(name_of(JOURNAL))?);
        copy(&old.journal, &fresh, state.committed).map_err(fail)?;
        let files = Files::new(root, fresh_state, fresh, true)?;
        state.token = files.token;
        state.writer = self.writer;
        // What the last commits have changed is not noted in the new file: readers begin anew.
        (state.done, state.known) = (state.sequence, state.sequence);
        let (bytes, length) = state.encode(None);
        sys::write(&files.state, &bytes[..length], 0).map_err(fail)?;
        // Killed between the two: a state that is not trusted, and all frames that it needs.
        let placed = sys::sync_data(&files.journal).and_then(|()| sys::sync_data(&files.state)).and_then(|()| {
            for name in [JOURNAL, STATE].map(name_of) {
                if sys::kind(&private, name) == Ok(Kind::Directory) {
                    sys::remove_directory(&private, name)?;
                }
                sys::replace((tmp.as_fd(), name), (private.as_fd(), name))?;
            }
            sys::sync(&private)
        });
        placed.map_err(fail)?;
        self.set_opened(Opened::Both(Arc::new(files)));
        std::thread::sleep(NOTICE);
        Ok(())
    }
}

fn removed(root: &Root) -> Error {
    let message = "the journal was removed while the store was open: open it again";
    Error::corrupt(message).at(root.place(JOURNAL).to_string_lossy())
}

/// How a journal begins.
fn header() -> [u8; START as usize] {
    let mut header = [0; START as usize];
    header[..12].copy_from_slice(&MAGIC);
    header[12..16].copy_from_slice(&FORMAT.to_le_bytes());
    header
}

/// Makes an empty file in the place of whatever is there.
fn make(root: &Root, directory: &Directory, name: &str) -> rustix::io::Result<OwnedFd> {
    match sys::kind(directory, name) {
        Err(Errno::NOENT) => {}
        Ok(Kind::Directory) => sys::remove_directory(directory, name)?,
        _ => sys::remove(directory, name)?,
    }
    sys::open_or_make(directory, name, root.modes().private_file())
}

/// Copies the beginning of a journal, zeros behind it.
fn copy(from: &OwnedFd, to: &OwnedFd, length: u64) -> rustix::io::Result<()> {
    sys::write(to, &header(), 0)?;
    let (mut buffer, mut at) = (vec![0; PART], START);
    while at < length {
        let part = usize::try_from(length - at).map_or(PART, |left| left.min(PART));
        let read = sys::read_at(from, &mut buffer[..part], at)?;
        if read == 0 {
            break;
        }
        sys::write(to, &buffer[..read], at)?;
        at += read as u64;
    }
    Ok(())
}
