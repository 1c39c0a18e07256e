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
use super::modes::Making;
use super::operation::{Action, Before, Operation};
use super::operations::Part;
use super::recover::Stands;
use super::root::Root;
use super::sys::{self, Directory, Entry, Kind, Rights};
use crate::record::name::{self, DATA};

/// The most directories that are kept open.
const HANDLES: usize = 32;

/// Carries out operations, under the writer lock.
pub(super) struct Publisher<'a> {
    root: &'a Root,
    /// The open directories on the way to the last operation's, each with the path to it.
    way: Vec<(String, Arc<Directory>)>,
    maker: Maker<'a>,
    /// What the directory says that files come from which replace others, once that was asked.
    tmp: Option<Rights>,
    /// What is made is for the owner alone.
    is_hidden: bool,
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
        Self { root, way: Vec::new(), maker: Maker::new(root), tmp: None, is_hidden: false }
    }

    /// One that works beside another, for the same writer.
    pub(super) fn second(root: &'a Root) -> Self {
        Self { root, way: Vec::new(), maker: Maker::second(root), tmp: None, is_hidden: false }
    }

    /// Has what is made from now on of objects be for the owner alone, or not.
    pub(super) fn set_hidden(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    /// How a file and a directory are made at a path.
    fn makings(&self, path: &str) -> (Making, Making) {
        let modes = self.root.modes();
        match self.is_hidden && !is_within(path, PRIVATE) {
            true => (modes.hidden_file(), modes.hidden_directory()),
            false => (modes.file(path), modes.directory(path)),
        }
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
        let (making, making_directory) = self.makings(path);
        let here = self.way.last().map_or(self.root.as_fd(), |(_, directory)| directory.as_fd());
        let place = (here, name);
        match &operation.action {
            Action::MakeDirectory => sys::make_directory(here, name, making_directory),
            Action::File(content) if is_new => self.maker.file(place, content, checksums, making),
            // Without its list of classes a store is none, whatever its objects survive.
            Action::File(content) if path == FORMAT_FILE => {
                self.maker.by_way_of_tmp(place, Made::Synced(content), Over::Anything, making)?;
                sys::sync(here)
            }
            Action::File(content) => {
                self.maker.by_way_of_tmp(place, Made::File(content, checksums), Over::Anything, making)
            }
            Action::Link(target) if is_new => sys::make_link(here, name, target),
            Action::Link(target) => self.maker.by_way_of_tmp(place, Made::Link(target), Over::Anything, making),
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

    /// Returns what stands under a path. A file of more than `most` bytes is none that a commit has put there.
    pub(super) fn look(&mut self, path: &str, most: u64) -> Result<Stands> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.go_to(parent)?;
        self.look_here(name, most)
    }

    /// The same, and makes nothing on the way.
    pub(super) fn look_only(&mut self, path: &str, most: u64) -> Result<Stands> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.go_to_existing(parent)?;
        self.look_here(name, most)
    }

    fn look_here(&self, name: &str, most: u64) -> Result<Stands> {
        Ok(match sys::kind(self.here(), name) {
            Err(Errno::NOENT) => Stands::Nothing,
            Ok(Kind::Directory) => Stands::Directory,
            Ok(Kind::Other) => Stands::Other,
            Ok(Kind::File) => match sys::open(self.here(), name).and_then(|file| sys::read(file, most)) {
                Ok(content) => Stands::File(content),
                Err(Errno::FBIG | Errno::NXIO) => Stands::Other,
                Err(errno) => return Err(errno),
            },
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
            match sys::make_directory(self.here(), name, self.root.modes().directory(way)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Writes a private file that may be lost at any time: in place, if it is one and has no other name, so that its
    /// directory stays as it is; else another takes its name.
    pub(super) fn put_note(&mut self, path: &str, content: &str) -> Result<()> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self.go_to_existing(parent) {
            Err(Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => {
                self.clear_way(path)?;
                self.make_way(path)?;
                self.go_to_existing(parent)?;
            }
            gone => gone?,
        }
        let here = self.way.last().map_or(self.root.as_fd(), |(_, directory)| directory.as_fd());
        match sys::open_or_make(here, name, self.root.modes().file(path)) {
            Ok(file) => {
                let inode = sys::inode(&file)?;
                if inode.is_unshared() {
                    sys::write(&file, content.as_bytes(), 0)?;
                    if inode.length > content.len() as u64 {
                        sys::set_length(&file, content.len() as u64)?;
                    }
                    return Ok(());
                }
            }
            Err(Errno::ISDIR) => sys::remove_directory(here, name)?,
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::NODEV) => {}
            Err(errno) => return Err(errno),
        }
        let made = Made::File(content.as_bytes(), Checksums::Off);
        match self.maker.by_way_of_tmp((here, name), made, Over::Anything, self.root.modes().file(path)) {
            // A directory that is not empty cannot be read as a note either.
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            put => put,
        }
    }

    /// Removes what is no directory on the way to a private file.
    fn clear_way(&mut self, path: &str) -> Result<()> {
        for (at, _) in path.match_indices('/').skip(1) {
            let (parent, name) = path[..at].rsplit_once('/').unwrap_or(("", &path[..at]));
            self.go_to_existing(parent)?;
            match sys::kind(self.here(), name) {
                Ok(Kind::Directory) => {}
                Ok(Kind::File | Kind::Link | Kind::Other) => return sys::remove(self.here(), name),
                Err(Errno::NOENT) => return Ok(()),
                Err(errno) => return Err(errno),
            }
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
            // Something else stands there.
            Err(Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => return self.remove_note(path),
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

    /// Makes sure that a directory can be written, as far as that can be known before, and returns what it says of what
    /// is in it; `None` if it is about to be made.
    pub(super) fn check_way(&mut self, parent: &str) -> Result<Option<Rights>> {
        match self.go_to_existing(parent) {
            Ok(()) => sys::rights(self.here()).map(Some),
            // In the last directory that is there.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => sys::rights(self.here()).map(|_| None),
            Err(errno) => Err(errno),
        }
    }

    /// Makes sure that an operation can replace or remove what stands under its path, in a directory that was checked.
    pub(super) fn check_entry(&mut self, operation: &Operation<'_>, rights: &Rights, entry: Entry) -> Result<()> {
        let (parent, name) = operation.path.rsplit_once('/').unwrap_or(("", &*operation.path));
        if matches!(operation.action, Action::File(_) | Action::Link(_)) {
            let tmp = match self.tmp {
                Some(known) => known,
                None => *self.tmp.insert(sys::rights(&*self.root.tmp()?)?),
            };
            sys::may_move(rights, &tmp)?;
        }
        self.go_to_existing(parent)?;
        sys::may_replace(self.here(), name, rights, entry)
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
                match sys::make_directory(self.root, class, self.root.modes().directory(class)) {
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
