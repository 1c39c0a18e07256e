//! With whom a store is shared, and making it so.
//!
//! The setting is in `format.json`, and is written first. Then everything gets the modes that go with it, `.sepia` last
//! of all: as long as that has another mode, everybody who opens the store for writing and owns it goes on. So it is with
//! a store that an earlier version has made, or `git clone`, or `tar`: its private files become private.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result as IoResult};

use super::layout::{FORMAT_FILE, PRIVATE, QUARANTINE, is_within};
use super::modes::{Making, Modes};
use super::operation::{Action, Before, Operation};
use super::publish::Publisher;
use super::root::Root;
use super::sys::{self, Kind};
use super::{Filesystem, catalog};
use crate::record::catalog::Settings;
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::name::{self, DATA};
use crate::record::shared::Shared;

impl Filesystem {
    /// Has everything private get the modes that go with the setting, and in a store that is shared everything else, too,
    /// if this process acts for the owner and that is still to be done. While somebody else writes, it is left to the next.
    pub(super) fn settle_modes(&self) {
        let wanted = self.root.modes().private_directory();
        let is_due = sys::permissions_at((self.root.as_fd(), PRIVATE))
            .is_ok_and(|private| private.is_mine() && !wanted.is_kept_by(private.mode()));
        if is_due && let Ok(Some(_held)) = self.lock.try_acquire(&self.root) {
            // What belongs to somebody else, or is on a medium that cannot be written, stays as it is.
            let _ = give_modes(&self.root, &self.class_names());
            let _ = give_mode(&self.root, PRIVATE, wanted);
        }
    }

    /// Shares the store from now on, with everything in it.
    pub(super) fn share(&self, shared: Shared) -> Result<()> {
        self.declared()?;
        if self.root.modes().shared == Some(shared) {
            return Ok(());
        }
        self.check_writable()?;
        let fail = |errno| Error::io("share the store", &self.root.place(PRIVATE), errno);
        let owner = sys::permissions_at((self.root.as_fd(), PRIVATE)).map_err(fail)?;
        if !owner.is_mine() && !sys::is_superuser() {
            let message = format!("only its owner (user {}) can say with whom the store is shared", owner.owner());
            return Err(Error::message(ErrorKind::Io, message).at(self.root.path().to_string_lossy()));
        }
        let _held = self.lock.acquire(&self.root)?;
        // The list of classes must not be written over by what the journal holds.
        self.begin_single(None)?;
        let classes = self.catalog.current(&self.root)?;
        let settings = Settings { shared: Some(shared), ..(*self.catalog.settings()).clone() };
        let content = catalog::print(&classes, &settings)?;
        let operation = Operation::new(FORMAT_FILE, Action::File(content.into()), Before::Unknown);
        let written = Publisher::new(&self.root).operate(&operation);
        written.map_err(|errno| Error::io("share the store", &self.root.place(FORMAT_FILE), errno))?;
        self.catalog.reread(&self.root)?;
        give_modes(&self.root, &self.class_names())?;
        give_mode(&self.root, PRIVATE, self.root.modes().private_directory()).map_err(fail)
    }

    fn class_names(&self) -> Vec<String> {
        names(&self.catalog.known())
    }
}

fn names(classes: &[Class]) -> Vec<String> {
    classes.iter().map(|class| name::encode(class.name()).into_owned()).collect()
}

/// Shares what is in a directory that becomes a store, if that is to be shared. Under the writer lock.
pub(super) fn share_all(root: &Root, classes: &[Class]) -> Result<()> {
    if root.modes().shared.is_some() { give_modes(root, &names(classes)) } else { Ok(()) }
}

/// Lets those with whom a store is shared make directories of classes in it.
fn open_root(root: &Root) -> Result<()> {
    let Making::AtLeast(mode) = root.modes().object_directory() else { return Ok(()) };
    match sys::widen(root, mode) {
        // Somebody else's directory, in which the group may write: it hands its group on, or not.
        Err(Errno::PERM) if sys::permissions(root).is_ok_and(|root| root.mode().contains(mode & sys::PLAIN)) => Ok(()),
        widened => widened.map_err(|errno| Error::io("share the directory", root.path(), errno)),
    }
}

/// Gives everything the modes that go with the setting, but `.sepia` itself. Under the writer lock.
///
/// # Errors
/// What the system refuses first. Everything else is done nevertheless.
fn give_modes(root: &Root, classes: &[String]) -> Result<()> {
    let mut refused = None;
    let mut note = |path: &str, done: IoResult<()>| match done {
        // Gone, or replaced by something that has no mode, by a hand.
        Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
        Err(errno) => {
            refused.get_or_insert_with(|| Error::io("set the permissions", &root.place(path), errno));
        }
    };
    let mut opened = Ok(());
    if root.modes().shared.is_some() {
        opened = open_root(root);
        classes.iter().for_each(|class| below(root, class, &mut note));
    }
    below(root, PRIVATE, &mut note);
    opened.and(refused.map_or(Ok(()), Err))
}

/// Gives what is below a directory its modes, and, but for `.sepia`, the directory.
fn below(root: &Root, path: &str, note: &mut dyn FnMut(&str, IoResult<()>)) {
    let mut paths = vec![path.to_owned()];
    while let Some(path) = paths.pop() {
        let mut entries = Vec::new();
        let listed = sys::open_directory_below(root, &path).and_then(|directory| {
            if path != PRIVATE {
                set(&directory, root.modes().directory(&path))?;
            }
            // What repairs have moved or copied there stays as it was in the store, in this directory.
            if path != QUARANTINE {
                sys::list(&directory, &mut |name, kind| {
                    if is_within(&path, PRIVATE) || name == DATA || name::decode(name).is_some() {
                        entries.push((name.to_owned(), kind));
                    }
                })?;
            }
            Ok(directory)
        });
        note(&path, listed.as_ref().map(drop).map_err(|errno| *errno));
        let Ok(directory) = listed else { continue };
        for (name, kind) in entries {
            let inner = format!("{path}/{name}");
            match kind {
                Kind::Directory => paths.push(inner),
                Kind::File => {
                    let opened = sys::open(&directory, &name);
                    let done = opened.and_then(|file| set_file(&file, root.modes().file(&inner)));
                    note(&inner, done);
                }
                Kind::Link | Kind::Other => {}
            }
        }
    }
}

fn give_mode(root: &Root, path: &str, making: Making) -> IoResult<()> {
    set(&sys::open_directory_below(root, path)?, making)
}

/// A file that has other names, too, may belong elsewhere under those, and stays as it is.
fn set_file(file: &OwnedFd, making: Making) -> IoResult<()> {
    let inode = sys::inode(file)?;
    if inode.kind != Kind::File || making.is_kept_by(sys::permissions(file)?.mode()) {
        return Ok(());
    }
    if inode.is_unshared() { set(file, making) } else { Err(Errno::MLINK) }
}

fn set(file: impl AsFd, making: Making) -> IoResult<()> {
    match making {
        Making::Usual | Making::Like(_) => Ok(()),
        Making::AtLeast(mode) => sys::widen(file, mode),
        Making::Exactly(mode) => sys::set_mode(file, mode),
    }
}

/// Makes a directory private, or open to those with whom the store is shared, that a process which died has left.
pub(super) fn claim_private(root: &Root, modes: Modes) -> IoResult<()> {
    give_mode(root, PRIVATE, modes.private_directory())
}
