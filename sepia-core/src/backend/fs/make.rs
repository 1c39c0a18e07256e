//! Making files and links, each whole before it has its name:
//! 1. A new file is written without a name (`O_TMPFILE`) and linked into its place; where the system does
//!    not do that, or does not let this process, it is written in `.sepia/tmp` and renamed into its place.
//! 2. A file over another is made in `.sepia/tmp` with the other's permissions, written, and renamed.
//! 3. A link over another is made in `.sepia/tmp` and renamed.
//!
//! In a store that keeps checksums, a file has its own before it is linked or renamed.
//!
//! A process that dies in between leaves a file in `.sepia/tmp`, which an open while nobody writes removes.

use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use super::checksum::{self, Checksums};
use super::layout::{PRIVATE, TMP, name_of};
use super::modes::Making;
use super::root::Root;
use super::sys::{self, Directory, Kind, Permissions, Place};

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
    pub(super) fn file(
        &mut self,
        place: Place<'_>,
        content: &[u8],
        checksums: Checksums,
        making: Making,
    ) -> Result<()> {
        match sys::make_file_unnamed(place.0, place.1, content, checksums, making) {
            // If it is the place that cannot be written, renaming says so, too.
            Err(errno) if is_not_allowed(errno) => {
                self.by_way_of_tmp(place, Made::File(content, checksums), Over::Nothing, making)
            }
            made => made,
        }
    }

    /// Makes something in `.sepia/tmp`, and moves it into its place. A file that replaces one of an object gets its
    /// permissions, any other those of `making`.
    pub(super) fn by_way_of_tmp(&mut self, place: Place<'_>, made: Made<'_>, over: Over, making: Making) -> Result<()> {
        let making = permissions_over(place, made, over, making)?;
        match self.make_in(&*self.root.tmp()?, place, made, over, making) {
            // It may have been removed since it was opened.
            Err(Errno::NOENT) => self.make_in(&*self.root.reopen_tmp()?, place, made, over, making),
            done => done,
        }
    }

    fn make_in(&mut self, tmp: &Directory, place: Place<'_>, made: Made<'_>, over: Over, making: Making) -> Result<()> {
        let tmp = tmp.as_fd();
        // The names of dead writers' left-overs are passed over; no other writer is at work.
        let temporary = loop {
            self.made += 1;
            let name = self.made.to_string();
            let written = match made {
                Made::File(content, checksums) => sys::make_file(tmp, &name, content, making).and_then(|file| {
                    checksum::keep(checksums, &file, content);
                    sys::seal(&file, making)
                }),
                Made::Synced(content) => sys::make_file(tmp, &name, content, making).and_then(sys::sync),
                Made::Link(target) => sys::make_link(tmp, &name, target),
            };
            match written {
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    let _ = sys::remove(tmp, &name);
                    return Err(errno);
                }
                Ok(()) => break name,
            }
        };
        let placed = match over {
            Over::Nothing => sys::place((tmp, &temporary), place),
            Over::File(_) | Over::Anything => sys::replace((tmp, &temporary), place),
        };
        if placed.is_err() {
            // The error says what failed; what is left is removed by a later open.
            let _ = sys::remove(tmp, &temporary);
        }
        placed
    }
}

/// Whether an error means that the system, the file system or a policy does not make files in this way.
fn is_not_allowed(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::OPNOTSUPP
            | Errno::NOSYS
            | Errno::INVAL
            | Errno::PERM
            | Errno::ACCESS
            | Errno::MLINK
            | Errno::XDEV
            | Errno::NOENT
            | Errno::ISDIR
    )
}

/// Returns the permissions with which something is made that will stand in a place.
fn permissions_over(place: Place<'_>, made: Made<'_>, over: Over, making: Making) -> Result<Making> {
    match (made, over, making) {
        // What is private has its own, whatever somebody gave it.
        (Made::Link(_), ..) | (_, Over::Nothing, _) | (_, _, Making::Exactly(_)) => Ok(making),
        (_, Over::File(permissions), _) => Ok(Making::Like(permissions)),
        (_, Over::Anything, _) => match sys::permissions_at(place) {
            Err(Errno::NOENT) => Ok(making),
            // A symlink has the permissions of nothing.
            Ok(permissions) if permissions.kind() != Kind::File => Ok(making),
            permissions => Ok(Making::Like(permissions?)),
        },
    }
}

/// Makes a symlink and removes it, to see whether the file system makes any; once that has worked, it is remembered.
/// Under the writer lock.
pub(super) fn probe_links(root: &Root) -> Result<()> {
    const NAME: &str = "probe";
    if root.makes_links() {
        return Ok(());
    }
    let made = match sys::make_link(&*root.tmp()?, NAME, NAME) {
        // It may have been removed since it was opened.
        Err(Errno::NOENT) => sys::make_link(&*root.reopen_tmp()?, NAME, NAME),
        made => made,
    };
    match made {
        // Left by a process that died here.
        Ok(()) | Err(Errno::EXIST) => root.note_links(),
        Err(errno) => return Err(errno),
    }
    sys::remove(&*root.tmp()?, NAME)
}

/// Opens the directory of what is being made, or makes it.
pub(super) fn open_tmp(root: impl AsFd, making: Making) -> Result<Directory> {
    let root = root.as_fd();
    match sys::open_directory_below(root, TMP) {
        Err(errno @ (Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NOTDIR)) => {
            let private = sys::open_directory(root, PRIVATE)?;
            if errno != Errno::NOENT {
                // What is made must not come to stand elsewhere.
                sys::remove(&private, name_of(TMP))?;
            }
            match sys::make_directory(private, name_of(TMP), making) {
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
