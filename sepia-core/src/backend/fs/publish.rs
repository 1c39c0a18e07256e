//! Carrying out operations, each of them atomic by itself.
//!
//! A process that dies in between leaves the operations that it had carried out, and what [`make`](super::make) says:
//! the journal has the rest. Nothing is synced here.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::checksum::Checksums;
use super::descent::{self, Descent, Next};
use super::layout::{FORMAT_FILE, MAX_DIRECTORIES, PRIVATE, is_within};
use super::make::{Made, Maker, Over};
use super::operation::{Action, Before, Operation};
use super::operations::Part;
use super::recover::Stands;
use super::root::Root;
use super::sys::{self, Directory, Kind};
use crate::name::{self, DATA};

/// The most directories that are kept open.
const HANDLES: usize = 32;

/// Carries out operations, under the writer lock.
pub(super) struct Publisher<'a> {
    root: &'a Root,
    /// The open directories on the way to the last operation's, each with the path to it.
    way: Vec<(String, Arc<Directory>)>,
    maker: Maker<'a>,
}

/// Whether a directory is deeper than that of any record, by the number of names in its path: such a one is removed
/// together with what is in it, by one operation, as its path and those below it have no end.
pub(super) fn is_beyond(names: usize) -> bool {
    names >= 2 + MAX_DIRECTORIES
}

/// Removes what is in a directory, however deep, as far as it `goes`.
fn remove_in(directory: &BorrowedFd<'_>, goes: impl Fn(&str, Kind) -> bool) -> Result<()> {
    let visit = &mut |descent: &mut Descent<'_>| {
        let (here, mut directories, mut others) = (descent.here()?, Vec::new(), Vec::new());
        sys::list(&here, &mut |name, kind| match kind {
            _ if !goes(name, kind) => {}
            Kind::Directory => directories.push(name.to_owned()),
            Kind::File | Kind::Link | Kind::Other => others.push(name.to_owned()),
        })?;
        others.iter().try_for_each(|name| sys::remove(&here, name))?;
        Ok(Next::Into(directories))
    };
    let leave = &mut |descent: &mut Descent<'_>, name: &str| sys::remove_directory(descent.here()?, name);
    descent::walk(&mut Descent::from(directory), visit, leave)
}

impl<'a> Publisher<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self { root, way: Vec::new(), maker: Maker::new(root) }
    }

    /// One that works beside another, for the same writer.
    pub(super) fn second(root: &'a Root) -> Self {
        Self { root, way: Vec::new(), maker: Maker::second(root) }
    }

    /// Carries out a part of what a batch does.
    pub(super) fn carry_out(&mut self, part: &Part<'_>) -> Result<()> {
        match part {
            Part::One(operation) => self.operate(operation),
            Part::Links(links) => {
                self.go_to(&links.directory)?;
                links.try_each(&mut |name, target| sys::make_link(self.here(), name, target))
            }
        }
    }

    /// Carries out one operation.
    pub(super) fn operate(&mut self, operation: &Operation<'_>) -> Result<()> {
        let path = &*operation.path;
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.go_to(parent)?;
        let is_new = operation.before == Before::Nothing;
        let checksums = self.checksums(path);
        let here = self.way.last().map_or(self.root.as_fd(), |(_, directory)| directory.as_fd());
        let place = (here, name);
        match &operation.action {
            Action::MakeDirectory => sys::make_directory(here, name),
            Action::File(content) if is_new => self.maker.file(place, content, checksums),
            // Without its list of classes a store is none, whatever its objects survive.
            Action::File(content) if path == FORMAT_FILE => {
                self.maker.by_way_of_tmp(place, Made::Synced(content), Over::Anything)?;
                sys::sync(here)
            }
            Action::File(content) => self.maker.by_way_of_tmp(place, Made::File(content, checksums), Over::Anything),
            Action::Link(target) if is_new => sys::make_link(here, name, target),
            Action::Link(target) => self.maker.by_way_of_tmp(place, Made::Link(target), Over::Anything),
            Action::Remove => sys::remove(here, name),
            Action::RemoveDirectory => {
                if is_beyond(path.split('/').count()) {
                    return self.remove_beyond(path);
                }
                let removed = sys::remove_directory(here, name);
                // The way may lead through it no more.
                self.way.retain(|(open, _)| !is_within(open, path));
                removed
            }
        }
    }

    /// Opens, or makes, the directory of a class that a path leads through.
    pub(super) fn open_way(&mut self, path: &str) -> Result<()> {
        self.go_to(path.rsplit_once('/').map_or("", |(parent, _)| parent))
    }

    /// Returns what stands under a path.
    pub(super) fn look(&mut self, path: &str) -> Result<Stands> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.go_to(parent)?;
        Ok(match sys::kind(self.here(), name) {
            Err(Errno::NOENT) => Stands::Nothing,
            Ok(Kind::Directory) => Stands::Directory,
            Ok(Kind::Other) => Stands::Other,
            Ok(Kind::File) => Stands::File(sys::read(sys::open(self.here(), name)?)?),
            Ok(Kind::Link) => {
                let target = sys::read_link(self.here(), name, &mut [std::mem::MaybeUninit::uninit(); _])?.to_vec();
                Stands::Link(target)
            }
            Err(errno) => return Err(errno),
        })
    }

    /// Returns whether anything stands under a path, for the file system.
    pub(super) fn is_taken(&mut self, path: &str) -> bool {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        // Opened, not looked up: a name of a moment ago may still be known in another spelling.
        self.go_to_existing(parent).is_ok() && !matches!(sys::open(self.here(), name), Err(Errno::NOENT))
    }

    /// Makes the directories on the way to a path.
    pub(super) fn make_way(&mut self, path: &str) -> Result<()> {
        for (at, _) in path.match_indices('/') {
            let way = &path[..at];
            let (parent, name) = way.rsplit_once('/').unwrap_or(("", way));
            self.go_to(parent)?;
            match sys::make_directory(self.here(), name) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Writes a private file that may be lost at any time.
    pub(super) fn put_note(&mut self, path: &str, content: &str) -> Result<()> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self.go_to_existing(parent) {
            Err(Errno::NOENT) => {
                self.make_way(path)?;
                self.go_to_existing(parent)?;
            }
            gone => gone?,
        }
        let file = sys::open_or_make(self.here(), name)?;
        sys::write(&file, content.as_bytes(), 0)?;
        if sys::length(&file)? > content.len() as u64 {
            sys::set_length(&file, content.len() as u64)?;
        }
        Ok(())
    }

    /// Removes a private file.
    pub(super) fn remove_note(&mut self, path: &str) -> Result<()> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.go_to_existing(parent)?;
        sys::remove(self.here(), name)
    }

    /// Removes a private directory with all that is in it.
    pub(super) fn remove_tree(&mut self, path: &str) -> Result<()> {
        match self.go_to_existing(path) {
            Err(Errno::NOENT) => return Ok(()),
            gone => gone?,
        }
        remove_in(&self.here(), |_, _| true)?;
        self.operate(&Operation::new(path, Action::RemoveDirectory, Before::Unknown))
    }

    /// Removes a directory that is deeper than any record's can be, with what is Sepia's in it.
    fn remove_beyond(&mut self, path: &str) -> Result<()> {
        match self.go_to_existing(path) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => return Ok(()),
            gone => gone?,
        }
        remove_in(&self.here(), |name, kind| match kind {
            Kind::File => name == DATA,
            Kind::Link => name == DATA || name::decode(name).is_some(),
            Kind::Directory => name::decode(name).is_some(),
            Kind::Other => false,
        })?;
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.go_to_existing(parent)?;
        sys::remove_directory(self.here(), name)
    }

    /// Makes sure that a directory can be written, as far as that can be known before.
    pub(super) fn check_way(&mut self, parent: &str) -> Result<()> {
        match self.go_to_existing(parent) {
            // It is about to be made, in the last directory that is there.
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => sys::may_write(self.here()),
            Err(errno) => Err(errno),
        }
    }

    /// What is private has no checksum.
    fn checksums(&self, path: &str) -> Checksums {
        if is_within(path, PRIVATE) { Checksums::Off } else { self.root.checksums() }
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.way.last().map_or(self.root.as_fd(), |(_, directory)| directory.as_fd())
    }

    /// Opens the directories on the way to `path`. Those of classes are made when they are needed.
    fn go_to(&mut self, path: &str) -> Result<()> {
        match self.go_to_existing(path) {
            Err(Errno::NOENT) => {
                let class = path.split_once('/').map_or(path, |(class, _)| class);
                match sys::make_directory(self.root, class) {
                    // Another thread may have been quicker.
                    Ok(()) | Err(Errno::EXIST) => self.go_to_existing(path),
                    Err(errno) => Err(errno),
                }
            }
            gone => gone,
        }
    }

    /// Opens the directories on the way to `path` that the last way did not lead through.
    fn go_to_existing(&mut self, path: &str) -> Result<()> {
        while self.way.last().is_some_and(|(open, _)| !is_within(path, open)) {
            self.way.pop();
        }
        loop {
            let at = self.way.last().map_or(0, |(open, _)| open.len() + 1);
            if at >= path.len() {
                return Ok(());
            }
            let end = path[at..].find('/').map_or(path.len(), |slash| at + slash);
            let directory = match at {
                0 => self.root.directory(&path[..end])?,
                _ => Arc::new(sys::open_directory(self.here(), &path[at..end])?),
            };
            if self.way.len() == HANDLES {
                // Deeper trees are walked again from the root, rather than run out of handles.
                self.way.remove(0);
            }
            self.way.push((path[..end].to_owned(), directory));
        }
    }
}
