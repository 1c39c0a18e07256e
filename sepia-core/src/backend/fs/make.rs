//! Making files and links, each whole before it has its name:
//! 1. A new file is written without a name (`O_TMPFILE`) and linked into its place; where that does
//!    not work, it is written in `.sepia/tmp` and renamed into its place.
//! 2. A file over another is written in `.sepia/tmp`, given the other's permissions, and renamed.
//! 3. A link over another is made in `.sepia/tmp` and renamed.
//!
//! In a store that keeps checksums, a file has its own before it is linked or renamed.
//!
//! A process that dies in between leaves a file in `.sepia/tmp`, which an open while nobody writes removes.

use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use super::checksum::{self, Checksums};
use super::layout::{PRIVATE, TMP, name_of};
use super::root::Root;
use super::sys::{self, Directory, Permissions, Place};

/// Makes files and links, under the writer lock.
pub(super) struct Maker<'a> {
    root: &'a Root,
    /// The number of the last thing made in `.sepia/tmp`, which is its name.
    made: u64,
}

/// No writer makes so many at once.
const SECOND: u64 = 1 << 32;

/// What is made in `.sepia/tmp`.
#[derive(Clone, Copy)]
pub(super) enum Made<'a> {
    File(&'a [u8], Checksums),
    /// A file that is on the disk before it is moved.
    Synced(&'a [u8]),
    Link(&'a str),
}

/// What stands in the place that something is moved to.
#[derive(Clone, Copy)]
pub(super) enum Over {
    /// Nothing; it is `EEXIST` otherwise.
    Nothing,
    /// A file with these permissions, which the new one gets.
    File(Permissions),
    /// Whatever is there.
    Anything,
}

impl<'a> Maker<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self { root, made: 0 }
    }

    /// One that works beside another, for the same writer: their names are not the same.
    pub(super) fn second(root: &'a Root) -> Self {
        Self { root, made: SECOND }
    }

    /// Makes a file where nothing is; `EEXIST` if something is there.
    pub(super) fn file(&mut self, place: Place<'_>, content: &[u8], checksums: Checksums) -> Result<()> {
        match sys::make_file_unnamed(place.0, place.1, content, checksums) {
            Err(Errno::OPNOTSUPP) => self.by_way_of_tmp(place, Made::File(content, checksums), Over::Nothing),
            made => made,
        }
    }

    /// Makes something in `.sepia/tmp`, and moves it into its place.
    pub(super) fn by_way_of_tmp(&mut self, place: Place<'_>, made: Made<'_>, over: Over) -> Result<()> {
        match self.make_in(&*self.root.tmp()?, place, made, over) {
            // It may have been removed since it was opened.
            Err(Errno::NOENT) => self.make_in(&*self.root.reopen_tmp()?, place, made, over),
            done => done,
        }
    }

    fn make_in(&mut self, tmp: &Directory, place: Place<'_>, made: Made<'_>, over: Over) -> Result<()> {
        let tmp = tmp.as_fd();
        // The names of dead writers' left-overs are passed over; no other writer is at work.
        let (temporary, file) = loop {
            self.made += 1;
            let name = self.made.to_string();
            let written = match made {
                Made::File(content, checksums) => sys::make_file(tmp, &name, content).map(|file| {
                    checksum::keep(checksums, &file, content);
                    Some(file)
                }),
                Made::Synced(content) => {
                    sys::make_file(tmp, &name, content).and_then(|file| sys::sync(&file).map(|()| Some(file)))
                }
                Made::Link(target) => sys::make_link(tmp, &name, target).map(|()| None),
            };
            match written {
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    let _ = sys::remove(tmp, &name);
                    return Err(errno);
                }
                Ok(file) => break (name, file),
            }
        };
        let kept = file.map_or(Ok(()), |file| keep_permissions(place, over, file));
        let placed = kept.and_then(|()| match over {
            Over::Nothing => sys::place((tmp, &temporary), place),
            Over::File(_) | Over::Anything => sys::replace((tmp, &temporary), place),
        });
        if placed.is_err() {
            // The error says what failed; what is left is removed by a later open.
            let _ = sys::remove(tmp, &temporary);
        }
        placed
    }
}

/// Gives a file the permissions of the one that it will replace.
fn keep_permissions(place: Place<'_>, over: Over, file: impl AsFd) -> Result<()> {
    match over {
        Over::Nothing => Ok(()),
        Over::File(permissions) => sys::set_permissions(file, permissions),
        Over::Anything => match sys::permissions_at(place) {
            Err(Errno::NOENT) => Ok(()),
            permissions => sys::set_permissions(file, permissions?),
        },
    }
}

/// Opens the directory of what is being made, or makes it.
pub(super) fn open_tmp(root: impl AsFd) -> Result<Directory> {
    let root = root.as_fd();
    match sys::open_directory_below(root, TMP) {
        Err(errno @ (Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NOTDIR)) => {
            let private = sys::open_directory(root, PRIVATE)?;
            if errno != Errno::NOENT {
                // What is made must not come to stand elsewhere.
                sys::remove(&private, name_of(TMP))?;
            }
            match sys::make_directory(private, name_of(TMP)) {
                // Another thread may have been quicker.
                Ok(()) | Err(Errno::EXIST) => sys::open_directory_below(root, TMP),
                Err(errno) => Err(errno),
            }
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
