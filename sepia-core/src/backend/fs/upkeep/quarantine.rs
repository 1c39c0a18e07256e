//! `.sepia/quarantine`: where repair puts what cannot stay, under the time and the path at which it stood.
//!
//! Moving and copying are done when the disk has them.

use std::os::fd::AsFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::io::{Errno, Result};

use super::super::descent::{self, Descent, Next};
use super::super::layout::{MAX_DIRECTORIES, QUARANTINE, link_target, name_of};
use super::super::modes::Making;
use super::super::root::Root;
use super::super::sys::{self, Directory, Kind};
use super::walk;
use crate::record::error::Error;
use crate::record::name::DATA;
use crate::record::{Entries, Entry, Key, Node, Record};

/// A directory in quarantine, with those that it is in.
struct Place {
    directory: Directory,
    /// The directories that it is in, from the root on.
    way: Vec<Directory>,
    path: String,
}

/// How many repairs of one second find a place of their own.
const ATTEMPTS: usize = 10_000;

impl Place {
    /// Makes the place for what stands, or stood, under a path. Under the writer lock.
    fn make(root: &Root, path: &str) -> Result<Self> {
        let time = utc(SystemTime::now());
        for attempt in 1..=ATTEMPTS {
            let name = if attempt == 1 { time.clone() } else { format!("{time}-{attempt}") };
            if let Some(place) = Self::try_make(root, &name, path)? {
                return Ok(place);
            }
        }
        Err(Errno::EXIST)
    }

    /// `None` if something is there already.
    fn try_make(root: &Root, time: &str, path: &str) -> Result<Option<Self>> {
        let (parents, last) = path.rsplit_once('/').map_or((None, path), |(parents, last)| (Some(parents), last));
        // Something else that stands here stands here every time.
        let (mut directory, mut way) = open(root)?;
        for name in [time].into_iter().chain(parents.into_iter().flat_map(|parents| parents.split('/'))) {
            match enter(root, &directory, name) {
                Ok(inner) => way.push(std::mem::replace(&mut directory, inner)),
                Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
        let is_free = !sys::is_there(&directory, last);
        Ok(is_free.then(|| Self { directory, way, path: format!("{QUARANTINE}/{time}/{path}") }))
    }

    fn name(&self) -> &str {
        name_of(&self.path)
    }

    fn sync(&self) -> Result<()> {
        std::iter::once(&self.directory).chain(self.way.iter().rev()).try_for_each(sys::sync)
    }
}

/// Makes sure that there is a quarantine. Under the writer lock.
pub(super) fn ensure(root: &Root) -> crate::record::error::Result<()> {
    open(root).map(drop).map_err(|errno| match errno {
        Errno::LOOP | Errno::MLINK | Errno::NOTDIR => {
            let message =
                "cannot open the quarantine: something that is no directory stands in its place: move it away";
            Error::corrupt(message).at(root.place(QUARANTINE).to_string_lossy())
        }
        errno => Error::io("open the quarantine", &root.place(QUARANTINE), errno),
    })
}

/// Returns the quarantine, and the directories that it is in, from the root on.
fn open(root: &Root) -> Result<(Directory, Vec<Directory>)> {
    let (mut directory, mut way) = (sys::reopen_directory(root)?, Vec::new());
    for name in QUARANTINE.split('/') {
        // Nobody else shall read here what nobody else could read in the store.
        let inner = match sys::make_directory(&directory, name, root.modes().private_directory()) {
            Ok(()) | Err(Errno::EXIST) => sys::open_directory(&directory, name)?,
            Err(errno) => return Err(errno),
        };
        way.push(std::mem::replace(&mut directory, inner));
    }
    Ok((directory, way))
}

/// Opens the directory in which a path of the store stands.
fn open_above(root: &Root, path: &str) -> Result<Directory> {
    match path.rsplit_once('/') {
        Some((above, _)) => sys::open_directory_below(root, above),
        None => sys::reopen_directory(root),
    }
}

/// Opens a directory, which is made if it is not there.
fn enter(root: &Root, parent: &Directory, name: &str) -> Result<Directory> {
    match sys::make_directory(parent, name, root.modes().private_directory()) {
        Ok(()) | Err(Errno::EXIST) => sys::open_directory(parent, name),
        Err(errno) => Err(errno),
    }
}

/// Copies a record, without its strays, its files with their permissions. Returns where it is now.
pub(super) fn keep(root: &Root, key: &Key, record: &Record) -> Result<String> {
    let place = Place::make(root, &key.path())?;
    let parent = &place.directory;
    match record {
        Record::Leaf(content) => write_file(root, &key.path(), (parent, place.name()), content)?,
        Record::Container(Node { data, entries }) => {
            write_directory(root, &key.path(), &mut Descent::from(parent), (Some(data), entries))?;
        }
    }
    place.sync()?;
    Ok(place.path)
}

fn write_file(root: &Root, original: &str, (parent, name): (impl AsFd, &str), content: &[u8]) -> Result<()> {
    let making = like(root, original, Kind::File)?.unwrap_or_else(|| root.modes().private_file());
    let file = sys::make_file(parent, name, content, making)?;
    sys::seal(&file, making)?;
    sys::sync(file)
}

/// How something is made that is a copy; `None` if a hand has been quicker, and the original is gone.
fn like(root: &Root, original: &str, kind: Kind) -> Result<Option<Making>> {
    let original = open_above(root, original).and_then(|above| sys::permissions_at((above.as_fd(), name_of(original))));
    match original {
        Ok(original) => Ok((original.kind() == kind).then_some(Making::Like(original))),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Copies a directory of the path `original`, under its name. Links are written as they stand in the store.
fn write_directory(
    root: &Root,
    original: &str,
    parent: &mut Descent<'_>,
    (data, entries): (Option<&Vec<u8>>, &Entries),
) -> Result<()> {
    let name = name_of(original);
    let making = like(root, original, Kind::Directory)?.unwrap_or_else(|| root.modes().private_directory());
    sys::make_directory(parent.here()?, name, making)?;
    parent.enter(name)?;
    let directory = parent;
    let depth = original.split('/').count();
    for (name, entry) in entries.iter() {
        let inner = || format!("{original}/{}", name.as_str());
        match entry {
            Entry::Link(key) => sys::make_link(directory.here()?, name.as_str(), &link_target(depth, key))?,
            Entry::Container(Node { data, entries }) => {
                write_directory(root, &inner(), directory, (Some(data), entries))?;
            }
            Entry::Collection(entries) => write_directory(root, &inner(), directory, (None, entries))?,
            Entry::Stray => {}
        }
    }
    if let Some(data) = data {
        write_file(root, &format!("{original}/{DATA}"), (directory.here()?, DATA), data)?;
    }
    sys::sync(directory.here()?)?;
    directory.leave();
    Ok(())
}

/// Moves whatever stands under a path, but for what is foreign in it. Returns where it is now.
pub(super) fn take(root: &Root, path: &str) -> Result<String> {
    let (parent, name) = (open_above(root, path), name_of(path));
    let place = Place::make(root, path)?;
    let parent = parent?;
    let (from, to) = (&mut Descent::from(&parent), &mut Descent::from(&place.directory));
    let moved = take_from(from, name, to, place.name());
    // What has been moved stays moved.
    moved.and(place.sync())?;
    Ok(place.path)
}

fn take_from(from: &mut Descent<'_>, name: &str, to: &mut Descent<'_>, as_name: &str) -> Result<()> {
    let parent = from.here()?;
    // What stands in the place of a file is in the way with all that is in it.
    let is_directory = name != DATA && sys::kind(&parent, name)? == Kind::Directory;
    let is_deep = from.depth() > MAX_DIRECTORIES;
    if !is_directory || is_deep || !holds_foreign(&sys::open_directory(&parent, name)?)? {
        sys::place((parent.as_fd(), name), (to.here()?.as_fd(), as_name))?;
        return sys::sync(parent);
    }
    // Only the last directories of each way stay open.
    drop(parent);
    from.enter(name)?;
    sys::make_directory(to.here()?, as_name, Making::Like(sys::permissions(from.here()?)?))?;
    to.enter(as_name)?;
    let mut ours = Vec::new();
    sys::list(from.here()?, &mut |name, kind| {
        if !is_foreign(name, kind) {
            ours.push(name.to_owned());
        }
    })?;
    // What marks the container goes first.
    ours.sort_by_key(|name| name != DATA);
    ours.iter().try_for_each(|name| take_from(from, name, to, name))?;
    sys::sync(to.here()?)?;
    from.leave();
    to.leave();
    Ok(())
}

fn is_foreign(name: &str, kind: Kind) -> bool {
    name != DATA && walk::is_foreign(name, kind)
}

fn holds_foreign(directory: &Directory) -> Result<bool> {
    let mut holds = false;
    let visit = &mut |descent: &mut Descent<'_>| {
        let mut directories = Vec::new();
        sys::list_all(descent.here()?, &mut |name, kind| match std::str::from_utf8(name) {
            Ok(name) if !is_foreign(name, kind) => {
                if kind == Kind::Directory && name != DATA {
                    directories.push(name.to_owned());
                }
            }
            _ => holds = true,
        })?;
        if holds {
            return Ok(Next::Stop);
        }
        Ok(Next::Into(if descent.depth() > MAX_DIRECTORIES { Vec::new() } else { directories }))
    };
    descent::walk::<Errno>(&mut Descent::from(directory), visit, &mut |_, _| Ok(()))?;
    Ok(holds)
}

/// The time as a name, to the second: `2024-01-15T10-30-00Z`.
fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Eras of 400 years, each beginning on the first of March.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, name) in [
            (0, "1970-01-01T00-00-00Z"),
            (951_782_399, "2000-02-28T23-59-59Z"),
            (951_782_400, "2000-02-29T00-00-00Z"),
            (1_705_314_600, "2024-01-15T10-30-00Z"),
            (4_107_542_400, "2100-03-01T00-00-00Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), name);
        }
    }
}
