//! Whether batches can be carried out, as far as that can be known before they take effect.
//!
//! What is found impossible only afterwards keeps every other commit waiting. So whatever the system would refuse is
//! looked for here: directories and entries that this process may not change, names that are taken, room on the disk,
//! links where the file system makes none. It takes two calls for each directory, one for each file that is replaced or
//! removed, and one for the disk.

use std::collections::HashSet;

use rustix::io::Errno;

use super::super::journal::state::State;
use super::super::layout::{is_within, names};
use super::super::operation::{Action, Before, Operation};
use super::super::operations::Part;
use super::super::publish::Publisher;
use super::super::sys::{self, Entry};
use super::super::{Filesystem, make};
use super::check::Planned;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::name::DATA;

/// What a small file takes on most disks.
const BLOCK: u64 = 4096;
/// How many files are made at once that then take the place of others.
const AT_ONCE: u64 = 2;

impl Filesystem {
    /// Refuses what would be found impossible only after it has taken effect. Returns how long the journal is.
    pub(super) fn check_feasible(&self, state: &State, group: &[Planned<'_>], frames: u64) -> Result<u64> {
        let mut publisher = Publisher::new(&self.root);
        let (mut checked, mut made) = (None, None);
        let mut room = Room::default();
        for part in group.iter().flat_map(|planned| planned.operations.parts()) {
            let directory = part.directory();
            // What this batch makes itself can be written.
            let is_made = made.is_some_and(|made| is_within(directory, made));
            if checked.as_ref().is_none_or(|(path, _)| *path != directory) && !is_made {
                let rights = publisher.check_way(directory).map_err(|errno| self.failed(&part.first(), errno))?;
                room.inodes += u64::from(rights.is_none());
                checked = Some((directory, rights));
            }
            let rights = checked.as_ref().and_then(|(_, rights)| rights.as_ref()).filter(|_| !is_made);
            if let (Part::One(operation), Some(rights)) = (part, rights)
                && operation.before != Before::Nothing
            {
                let kept = publisher.check_entry(operation, rights, entry(operation));
                kept.map_err(|errno| self.failed(operation, errno))?;
            }
            if let Part::One(Operation { path, action: Action::MakeDirectory, before: Before::Nothing }) = part
                && !is_made
            {
                made = Some(&**path);
            }
            room.add(part);
        }
        if self.root.folds() {
            self.check_spellings(group, &mut publisher)?;
        }
        if room.links {
            self.check_links()?;
        }
        let length = self.journal.length(&self.root)?;
        room.bytes += (state.committed + frames).saturating_sub(length);
        match sys::free(&self.root) {
            Ok(free) if free.bytes.is_some_and(|free| free < room.bytes) => Err(self.no_room("blocks")),
            Ok(free) if free.inodes.is_some_and(|free| free < room.inodes()) => Err(self.no_room("inodes")),
            _ => Ok(length),
        }
    }

    fn no_room(&self, of: &str) -> Error {
        let operation = format!("write the batch: the disk has too few {of}");
        Error::io(&operation, self.root.path(), Errno::NOSPC)
    }

    /// Refuses links where the file system makes none.
    fn check_links(&self) -> Result<()> {
        match make::probe_links(&self.root) {
            Err(errno @ (Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS)) => {
                let message = "the file system makes no symbolic links, which references are kept as: keep the store on \
                    another, or in SQLite";
                Err(Error::caused(ErrorKind::Io, message, std::io::Error::from(errno))
                    .at(self.root.path().to_string_lossy()))
            }
            // What else goes wrong says nothing about links.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Refuses what the file system would take for something else that is there, or comes.
    fn check_spellings(&self, group: &[Planned<'_>], publisher: &mut Publisher<'_>) -> Result<()> {
        let mut made = HashSet::new();
        group.iter().try_for_each(|planned| {
            planned.operations.try_each(&mut |operation| {
                let is_new = operation.before == Before::Nothing;
                match is_new && (!made.insert(operation.path.to_lowercase()) || publisher.is_taken(&operation.path)) {
                    true => Err(self.failed(operation, Errno::EXIST)),
                    false => Ok(()),
                }
            })
        })
    }
}

/// What an operation finds where it happens, as far as its path says.
fn entry(operation: &Operation<'_>) -> Entry {
    let is_file = names(&operation.path).count() == 2 || operation.path.rsplit('/').next() == Some(DATA);
    match operation.action {
        Action::RemoveDirectory | Action::MakeDirectory => Entry::Directory,
        Action::File(_) | Action::Remove if is_file => Entry::File,
        // A link has no attributes of its own.
        Action::File(_) | Action::Link(_) | Action::Remove => Entry::Link,
    }
}

/// What operations take of the disk at most. What is removed takes nothing, so that room can be made.
#[derive(Debug, Default)]
struct Room {
    bytes: u64,
    inodes: u64,
    replaces: bool,
    links: bool,
}

impl Room {
    /// Each takes a block besides its content.
    fn add(&mut self, part: &Part<'_>) {
        match part {
            Part::Links(links) => {
                self.bytes += BLOCK * links.count as u64;
                self.inodes += links.count as u64;
                self.links = true;
            }
            Part::One(operation) => {
                let is_new = operation.before == Before::Nothing;
                self.links |= matches!(operation.action, Action::Link(_));
                self.bytes += match &operation.action {
                    Action::File(content) => BLOCK + content.len() as u64,
                    Action::MakeDirectory | Action::Link(_) => BLOCK,
                    Action::Remove | Action::RemoveDirectory => return,
                };
                self.inodes += u64::from(is_new);
                self.replaces |= !is_new;
            }
        }
    }

    fn inodes(&self) -> u64 {
        self.inodes + if self.replaces { AT_ONCE } else { 0 }
    }
}
