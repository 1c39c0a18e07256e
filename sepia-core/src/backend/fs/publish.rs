//! Carrying out operations, each of them atomic by itself.
//!
//! A file appears under its name with its whole content, or not at all:
//! 1. A new file is written without a name (`O_TMPFILE`) and linked into its place; where that does
//!    not work, it is written in `.sepia/tmp` and renamed into its place.
//! 2. A file over another is written in `.sepia/tmp`, given the other's permissions, and renamed.
//! 3. A link over another is made in `.sepia/tmp` and renamed.
//!
//! A process that dies in between leaves a file in `.sepia/tmp`, which an open while nobody writes removes, and
//! the operations that it had carried out. Nothing is synced.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::{Errno, Result};

use super::layout::{TMP, is_within};
use super::plan::{Action, Operation};
use super::root::Root;
use super::sys::{self, Directory};
use crate::error::Error;

/// The most directories that are kept open.
const HANDLES: usize = 32;

/// Carries out operations, under the writer lock.
pub(super) struct Publisher<'a> {
    root: &'a Root,
    /// The open directories on the way to the last operation's, each with the path to it.
    way: Vec<(String, Directory)>,
    tmp: Option<Directory>,
    made: u64,
}

impl<'a> Publisher<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self { root, way: Vec::new(), tmp: None, made: 0 }
    }

    /// Carries out one operation.
    pub(super) fn carry_out(&mut self, operation: &Operation<'_>) -> crate::Result<()> {
        self.operate(operation).map_err(|errno| {
            let what = match operation.action {
                Action::MakeDirectory => "make the directory",
                Action::MakeFile(_) | Action::ReplaceFile(_) => "write the file",
                Action::MakeLink(_) | Action::ReplaceLink(_) => "make the link",
                Action::Remove => "remove",
                Action::RemoveDirectory => "remove the directory",
            };
            let place = self.root.place(&operation.path);
            if errno == Errno::EXIST && self.root.folds() {
                let message = "the file system takes this name for another that is there";
                return Error::invalid_name(message).at(place.to_string_lossy());
            }
            Error::io(what, &place, errno)
        })
    }

    fn operate(&mut self, operation: &Operation<'_>) -> Result<()> {
        let (parent, name) = operation.path.rsplit_once('/').unwrap_or(("", &operation.path));
        self.go_to(parent)?;
        match &operation.action {
            Action::MakeDirectory => sys::make_directory(self.here(), name),
            Action::MakeFile(content) => match sys::make_file_unnamed(self.here(), name, content) {
                Err(Errno::OPNOTSUPP) => {
                    self.by_way_of_tmp(name, Some(content), "", |tmp, place| sys::place(tmp, place))
                }
                made => made,
            },
            Action::ReplaceFile(content) => {
                self.by_way_of_tmp(name, Some(content), "", |tmp, place| sys::replace(tmp, place))
            }
            Action::MakeLink(target) => sys::make_link(self.here(), name, target),
            Action::ReplaceLink(target) => {
                self.by_way_of_tmp(name, None, target, |tmp, place| sys::replace(tmp, place))
            }
            Action::Remove => sys::remove(self.here(), name),
            Action::RemoveDirectory => {
                let removed = sys::remove_directory(self.here(), name);
                // The way may lead through it no more.
                self.way.retain(|(path, _)| !is_within(path, &operation.path));
                removed
            }
        }
    }

    fn by_way_of_tmp(
        &mut self,
        name: &str,
        content: Option<&[u8]>,
        target: &str,
        into_place: impl FnOnce((BorrowedFd<'_>, &str), (BorrowedFd<'_>, &str)) -> Result<()>,
    ) -> Result<()> {
        if self.tmp.is_none() {
            self.tmp = Some(open_tmp(self.root)?);
        }
        let (here, tmp) = (self.here(), self.tmp.as_ref().map_or(self.root.as_fd(), AsFd::as_fd));
        // The names of dead writers' left-overs are passed over; no other writer is at work.
        let mut made = self.made;
        let (made, file) = loop {
            made += 1;
            let name = made.to_string();
            let written = match content {
                Some(content) => sys::make_file(tmp, &name, content).map(Some),
                None => sys::make_link(tmp, &name, target).map(|()| None),
            };
            match written {
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
                Ok(file) => break (name, file),
            }
        };
        let kept = match file.map(|file| sys::copy_mode((here, name), file)) {
            None | Some(Ok(()) | Err(Errno::NOENT)) => Ok(()),
            Some(Err(errno)) => Err(errno),
        };
        let placed = kept.and_then(|()| into_place((tmp, &made), (here, name)));
        if placed.is_err() {
            // The error says what failed; what is left is removed by a later open.
            let _ = sys::remove(tmp, &made);
        }
        self.made += 1;
        placed
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.way.last().map_or(self.root.as_fd(), |(_, directory)| directory.as_fd())
    }

    /// Opens the directories on the way to `path` that the last way did not lead through.
    fn go_to(&mut self, path: &str) -> Result<()> {
        while self.way.last().is_some_and(|(open, _)| !is_within(path, open)) {
            self.way.pop();
        }
        loop {
            let at = self.way.last().map_or(0, |(open, _)| open.len() + 1);
            if at >= path.len() {
                return Ok(());
            }
            let end = path[at..].find('/').map_or(path.len(), |slash| at + slash);
            let name = &path[at..end];
            let directory = match sys::open_directory(self.here(), name) {
                // The directories of classes are made when they are needed.
                Err(Errno::NOENT) if at == 0 => {
                    sys::make_directory(self.root, name)?;
                    sys::open_directory(self.root, name)?
                }
                opened => opened?,
            };
            if self.way.len() == HANDLES {
                // Deeper trees are walked again from the root, rather than run out of handles.
                self.way.remove(0);
            }
            self.way.push((path[..end].to_owned(), directory));
        }
    }
}

fn open_tmp(root: &Root) -> Result<Directory> {
    match sys::open_directory_below(root, TMP) {
        Err(Errno::NOENT) => {
            let (parent, name) = TMP.split_once('/').unwrap_or((".", TMP));
            sys::make_directory(sys::open_directory(root, parent)?, name)?;
            sys::open_directory_below(root, TMP)
        }
        opened => opened,
    }
}

/// Removes what writers that died left in `.sepia/tmp`. Under the writer lock.
pub(super) fn clean_tmp(root: &Root) -> Result<()> {
    let tmp = match sys::open_directory_below(root, TMP) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut names = Vec::new();
    sys::list(&tmp, &mut |name, _| names.push(name.to_owned()))?;
    // What cannot be removed does not keep the rest.
    names.iter().map(|name| sys::remove(&tmp, name)).fold(Ok(()), Result::and)
}
