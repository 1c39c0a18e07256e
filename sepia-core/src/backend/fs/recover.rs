//! Completing what was committed, on the files themselves.
//!
//! Whether a commit's operation has been carried out is seen from what stands under its path. So
//! completing can be interrupted and begun again, by the same process or another. What is neither what
//! a commit found nor what one put there has been edited since, and stays: the commit's version of it
//! goes to `.sepia/conflicts`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rustix::io::Errno;

use super::layout::CONFLICTS;
use super::operation::{Action, Before, Operation};
use super::overlay::{Current, Final, Overlay, Verdict};
use super::publish::Publisher;
use super::root::Root;
use super::stuck::Stuck;
use super::sys::{self, Entry, Kind};
use crate::backend::{Edited, Recovered};
use crate::record::error::{Error, Result};

/// How thoroughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// What is there already is left alone.
    Due,
    /// What is there already is written again: the disk may not have it, though it says so.
    All,
}

/// Carries out what has not been carried out. Under the writer lock.
///
/// # Errors
/// The operation that the operating system refuses. The rest is left to be done.
pub(super) fn complete(root: &Root, overlay: &Overlay, effort: Effort) -> Result<Recovered, Stuck> {
    let mut publisher = Publisher::new(root);
    let mut report = Recovered { commits: overlay.commits, ..Recovered::default() };
    for (path, known) in overlay.ordered() {
        complete_one(root, &mut publisher, overlay, (path, known), effort, &mut report)
            .map_err(|errno| Stuck::new(path, &known.action, errno))?;
    }
    Ok(report)
}

/// Returns the first operation that has not been carried out and that the system would refuse, as far as that can be
/// told without trying it. Changes nothing.
pub(super) fn foresee(root: &Root, overlay: &Overlay) -> Option<Stuck> {
    let mut publisher = Publisher::new(root);
    overlay.ordered().find_map(|(path, known)| {
        let errno = foresee_one(root, &mut publisher, overlay, (path, known)).err()?;
        Some(Stuck::new(path, &known.action, errno))
    })
}

fn foresee_one(
    root: &Root,
    publisher: &mut Publisher<'_>,
    overlay: &Overlay,
    (path, known): (&str, &Final),
) -> rustix::io::Result<()> {
    let stands = match publisher.look_only(path, most_of(root, known)) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Stands::Nothing,
        stands => stands?,
    };
    if overlay.verdict(known, stands.current()) != Verdict::Due {
        return Ok(());
    }
    let entry = match stands {
        Stands::Nothing => None,
        Stands::Directory => Some(Entry::Directory),
        Stands::Link(_) => Some(Entry::Link),
        Stands::File(_) | Stands::Other => Some(Entry::File),
    };
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    if let (Some(rights), Some(entry)) = (publisher.check_way(parent)?, entry) {
        publisher.check_entry(&Operation::new(path, known.action.borrow(), Before::Unknown), &rights, entry)?;
    }
    let needed = match &known.action {
        Action::Remove | Action::RemoveDirectory => return Ok(()),
        Action::File(content) => content.len() as u64,
        Action::Link(_) | Action::MakeDirectory => 0,
    };
    let free = sys::free(root)?;
    let has_room = free.bytes.is_none_or(|free| free >= needed) && free.inodes.is_none_or(|free| free > 0);
    if has_room { Ok(()) } else { Err(Errno::NOSPC) }
}

/// How large a file can be that a commit has put there: a program that takes larger records may have done it.
fn most_of(root: &Root, known: &Final) -> u64 {
    match &known.action {
        Action::File(content) => root.max_record().max(content.len() as u64),
        _ => root.max_record(),
    }
}

fn complete_one(
    root: &Root,
    publisher: &mut Publisher<'_>,
    overlay: &Overlay,
    (path, known): (&str, &Final),
    effort: Effort,
    report: &mut Recovered,
) -> rustix::io::Result<()> {
    let most = most_of(root, known);
    let stands = match publisher.look(path, most) {
        Ok(stands) => stands,
        // The way to it is gone, and so is whatever would have been removed.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => match known.action {
            Action::Remove | Action::RemoveDirectory => return Ok(()),
            Action::File(_) | Action::Link(_) | Action::MakeDirectory => {
                return keep(root, overlay, (path, known), report);
            }
        },
        Err(errno) => return Err(errno),
    };
    let before = match &stands {
        Stands::Nothing => Before::Nothing,
        _ => Before::Unknown,
    };
    match overlay.verdict(known, stands.current()) {
        Verdict::Done if effort == Effort::All && matches!(known.action, Action::File(_)) => {}
        Verdict::Done => return Ok(()),
        Verdict::Due => {}
        Verdict::Edited => return keep(root, overlay, (path, known), report),
    }
    publisher.set_hidden(known.is_hidden);
    match (&stands, &known.action) {
        (Stands::Directory, Action::File(_) | Action::Link(_)) => {
            publisher.operate(&Operation::new(path, Action::RemoveDirectory, Before::Unknown))?;
            if !matches!(publisher.look(path, most)?, Stands::Nothing) {
                return keep(root, overlay, (path, known), report);
            }
            publisher.operate(&Operation::new(path, known.action.borrow(), Before::Nothing))?;
        }
        (Stands::File(_) | Stands::Link(_), Action::MakeDirectory) => {
            publisher.operate(&Operation::new(path, Action::Remove, Before::Unknown))?;
            publisher.operate(&Operation::new(path, Action::MakeDirectory, Before::Nothing))?;
        }
        (Stands::File(_) | Stands::Link(_), Action::RemoveDirectory) => {
            publisher.operate(&Operation::new(path, Action::Remove, Before::Unknown))?;
        }
        (Stands::Directory, Action::RemoveDirectory) => {
            publisher.operate(&Operation::new(path, Action::RemoveDirectory, Before::Unknown))?;
            if !matches!(publisher.look(path, most)?, Stands::Nothing) {
                // Something that is not ours is in it, now as before.
                return Ok(());
            }
        }
        _ => publisher.operate(&Operation::new(path, known.action.borrow(), before))?,
    }
    report.completed.push(path.to_owned());
    Ok(())
}

/// Leaves what stands under a path, and keeps the commit's version of it elsewhere.
fn keep(
    root: &Root,
    overlay: &Overlay,
    (path, known): (&str, &Final),
    report: &mut Recovered,
) -> rustix::io::Result<()> {
    let kept = match &known.action {
        Action::File(_) | Action::Link(_) => {
            let kept = format!("{CONFLICTS}/{}/{path}", overlay.sequence);
            let mut publisher = Publisher::new(root);
            publisher.make_way(&kept)?;
            match publisher.operate(&Operation::new(&*kept, known.action.borrow(), Before::Nothing)) {
                // Kept before, by a recovery that was interrupted.
                Ok(()) | Err(Errno::EXIST) => Some(kept),
                Err(errno) => return Err(errno),
            }
        }
        Action::MakeDirectory | Action::Remove | Action::RemoveDirectory => None,
    };
    report.edited.push(Edited { path: path.to_owned(), kept });
    Ok(())
}

/// What stands under a path.
#[derive(Debug)]
pub(super) enum Stands {
    Nothing,
    File(Vec<u8>),
    Link(Vec<u8>),
    Directory,
    Other,
}

impl Stands {
    fn current(&self) -> Current<'_> {
        match self {
            Self::Nothing => Current::Nothing,
            Self::File(content) => Current::File(content),
            Self::Link(target) => std::str::from_utf8(target).map_or(Current::Other, Current::Link),
            Self::Directory => Current::Directory,
            Self::Other => Current::Other,
        }
    }
}

/// From how many files on it is cheaper to sync the whole file system.
const MANY: usize = 64;

/// Why something is not known to be on the disk.
#[derive(Debug)]
pub(super) enum SyncFailure {
    /// The disk was not asked: a file could not be opened, say. Nothing has changed, and it can be tried again.
    NotAsked(Error),
    /// The disk was asked and did not confirm. It may have lost what was written, and would confirm it the next time.
    NotConfirmed(Error),
}

/// Waits until the files under these paths, and the directories that they are in, are on the disk.
pub(super) fn sync<'p>(root: &Root, paths: impl Iterator<Item = Cow<'p, str>>) -> Result<(), SyncFailure> {
    use SyncFailure::{NotAsked, NotConfirmed};
    let paths: BTreeSet<Cow<'_, str>> = paths.collect();
    if paths.len() > MANY && cfg!(any(target_os = "linux", target_os = "android")) {
        let fail = |errno| NotConfirmed(Error::io("sync the file system", root.path(), errno));
        return sys::sync_all(root).map_err(fail);
    }
    let mut directories = BTreeSet::new();
    for path in &paths {
        let fail = |errno| Error::io("sync", &root.place(&**path), errno);
        // Up to the root, as a directory's own entry may be new too.
        let mut inner: &str = path;
        while let Some((parent, _)) = inner.rsplit_once('/') {
            directories.insert(parent);
            inner = parent;
        }
        let file = match sys::kind_below(root, path) {
            Ok(Kind::File) => sys::open_below(root, path).map(Some),
            Ok(_) => Ok(None),
            Err(errno) => Err(errno),
        };
        match file {
            Ok(Some(file)) => sys::sync(file).map_err(|errno| NotConfirmed(fail(errno)))?,
            // No file, or not any more; what is made of it is in its directory.
            Ok(None) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => return Err(NotAsked(fail(errno))),
        }
    }
    for path in directories {
        let fail = |errno| Error::io("sync the directory", &root.place(path), errno);
        match sys::open_directory_below(root, path) {
            Ok(directory) => sys::sync(directory).map_err(|errno| NotConfirmed(fail(errno)))?,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => return Err(NotAsked(fail(errno))),
        }
    }
    sys::sync(root).map_err(|errno| NotConfirmed(Error::io("sync the directory", root.path(), errno)))
}

/// Adds what has been completed now to what was before.
pub(super) fn merge(report: &mut Recovered, more: Recovered) {
    report.commits += more.commits;
    report.completed.extend(more.completed);
    report.edited.extend(more.edited);
}

/// Returns whether anything had to be done.
pub(super) fn is_notable(report: &Recovered) -> bool {
    !report.completed.is_empty() || !report.edited.is_empty()
}
