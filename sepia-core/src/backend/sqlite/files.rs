//! The files of a database, as they are before SQLite opens them.
//!
//! SQLite keeps files of its own beside a database, `-wal`, `-shm` and `-journal`, writes them in place, and believes
//! what is in them. It follows no symlink there. The rest is seen to here: that it waits for no pipe, that a journal
//! deletes no file elsewhere, and that what has other names (hard links, as `cp -al` makes them) is not written through
//! them.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

#[cfg(not(unix))]
use super::gate::Deadline;
use crate::record::error::{Error, ErrorKind, Result};

/// A file beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// What was committed, and is not in the database yet.
    Log,
    /// What is where in the log; it is made anew when nobody has the database open.
    Index,
    /// What a transaction has overwritten, where there is no log.
    Journal,
}

impl Side {
    const ALL: [Self; 3] = [Self::Log, Self::Index, Self::Journal];

    /// Returns its path, of that of the database, which is no symlink.
    pub(super) fn of(self, database: &Path) -> PathBuf {
        let suffix = match self {
            Self::Log => "-wal",
            Self::Index => "-shm",
            Self::Journal => "-journal",
        };
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        PathBuf::from(path)
    }
}

/// Checks that SQLite can open a database and what is beside it without waiting, and without touching anything else.
/// Nothing is opened of which SQLite may have locks.
///
/// # Errors
/// `NotAStore` if it is no file, `Corrupt` if something else is beside it, or a journal that names another file.
pub(super) fn check(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        // Whoever opens a pipe waits.
        Ok(found) if !found.is_file() => return Err(not_a_store("it is no file")),
        // SQLite would make what the link names.
        Err(_) if std::fs::symlink_metadata(path).is_ok_and(|link| link.is_symlink()) => {
            return Err(not_a_store("it is a symlink that leads to no file"));
        }
        _ => {}
    }
    let Ok(database) = std::fs::canonicalize(path) else { return Ok(()) };
    for side in Side::ALL {
        let place = side.of(&database);
        // SQLite follows no symlink there, and does not say so. That an index cannot be made is told in another way.
        let is_fit = |found: std::fs::Metadata| found.is_file() || side == Side::Index && found.is_symlink();
        if std::fs::symlink_metadata(&place).is_ok_and(|found| !is_fit(found)) {
            let message = "the database cannot be opened: beside it is something that is no file: move it away";
            return Err(Error::corrupt(message).at(place.to_string_lossy()));
        }
    }
    check_journal(&Side::Journal.of(&database))
}

/// Checks that a journal names no other file. SQLite deletes the one that is named once it has rolled back, whatever it
/// is: it should be what transactions over several databases leave.
fn check_journal(path: &Path) -> Result<()> {
    /// What a journal ends with that names one.
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && found.len() >= 16 => found,
        _ => return Ok(()),
    };
    let end = || {
        let (mut file, mut end) = (std::fs::File::open(path)?, [0; 8]);
        file.seek(SeekFrom::Start(found.len() - 8))?;
        file.read_exact(&mut end).map(|()| end)
    };
    let Ok(end) = end() else { return Ok(()) };
    if end != MAGIC {
        return Ok(());
    }
    let message = "the database cannot be opened: its journal names another file, which SQLite would delete. If a \
        transaction over several databases was broken off, open it with `sqlite3`, and move the journal away otherwise";
    Err(Error::corrupt(message).at(path.to_string_lossy()))
}

/// Whether a transaction that was broken off has left a journal, which whoever opens the database rolls back. Those
/// who only read cannot.
pub(super) fn has_journal(path: &Path) -> bool {
    std::fs::canonicalize(path)
        .and_then(|database| std::fs::symlink_metadata(Side::Journal.of(&database)))
        .is_ok_and(|journal| journal.len() > 0)
}

pub(super) fn not_a_store(why: &str) -> Error {
    Error::message(ErrorKind::NotAStore, format!("this is not a sepia store: {why}"))
}

/// Has the disk confirmed what is in the log, and that it is there.
pub(super) fn sync_log(path: &Path) -> std::io::Result<()> {
    let log = Side::Log.of(&std::fs::canonicalize(path)?);
    std::fs::File::open(&log)?.sync_all()?;
    if cfg!(unix) {
        std::fs::File::open(log.parent().unwrap_or(Path::new("/")))?.sync_all()?;
    }
    Ok(())
}

/// What is done about other names of the files of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// What would be written is replaced by a copy: all of it.
    Part,
    /// The same, but for the database itself, which is only read.
    PartSides,
}

#[cfg(not(unix))]
pub(super) fn part(_: &Path, _: Links, _: Deadline) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
pub(super) use links::part;

#[cfg(unix)]
mod links {
    #![expect(clippy::disallowed_methods, reason = "this is no file of the filesystem backend")]

    use std::fs::{self, File, Metadata};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::super::bounded::Bounded;
    use super::super::error::{failed, is_busy};
    use super::super::gate::{Deadline, retry};
    use super::super::pool::{Access, connect};
    use super::super::schema;
    use super::{Links, Side};
    use crate::record::error::{Error, ErrorKind, Result};

    /// Gives the files of a store inodes of their own, if they have other names.
    ///
    /// A database with two names has two logs: whoever opens it by the one does not see what was committed by the other,
    /// and writes over it. So it is replaced by a copy of itself, and what is behind the other names stays as it is.
    /// That takes that nobody has the database open, which SQLite's exclusive lock tells, whatever name was used. What
    /// is copied is equal, so it does not matter where this ends if the process is killed.
    ///
    /// While others have it open by this name, it is shared with them as it is.
    ///
    /// # Errors
    /// `Locked` if it is open by another name, `Io`.
    pub(in super::super) fn part(path: &Path, links: Links, deadline: Deadline) -> Result<()> {
        let Ok(database) = fs::canonicalize(path) else { return Ok(()) };
        let sides = Side::ALL.map(|side| linked(&side.of(&database)));
        if linked(&database).is_none() && sides.iter().all(Option::is_none) {
            return Ok(());
        }
        if Side::Journal.of(&database).exists() {
            let message = "the database has other names (hard links), and a journal that SQLite would roll back: copy both \
                with `cp`, and open the copy";
            return Err(Error::message(ErrorKind::Io, message));
        }
        let Some(locked) = lock(&database, deadline)? else { return Ok(()) };
        let replace = || {
            // As it is under the lock.
            let mut has_changed = false;
            let log = Side::Log.of(&database);
            if let Some(found) = linked(&log) {
                copy(&log, &found)?;
                has_changed = true;
            }
            let index = Side::Index.of(&database);
            if linked(&index).is_some() {
                fs::remove_file(&index)?;
                has_changed = true;
            }
            // Whoever closes a file takes the locks away that its process has on it.
            let mut kept = None;
            if links == Links::Part
                && let Some(found) = linked(&database)
            {
                kept = Some(copy(&database, &found)?);
                has_changed = true;
            }
            if has_changed {
                sync_parent(&database)?;
            }
            Ok(kept)
        };
        let kept = replace().map_err(|error: io::Error| {
            let message =
                "the database has other names (hard links), and could not be copied so that they stay as they are";
            Error::caused(ErrorKind::Io, message, error)
        })?;
        drop(locked);
        drop(kept);
        Ok(())
    }

    /// Returns what a file is that has other names.
    fn linked(path: &Path) -> Option<Metadata> {
        fs::symlink_metadata(path).ok().filter(|found| found.is_file() && found.nlink() > 1)
    }

    /// Locks the database, if it is a store or can become one, so that nobody has it open; `None` if it need not be.
    fn lock(database: &Path, deadline: Deadline) -> Result<Option<Bounded>> {
        let has_index = || Side::Index.of(database).exists();
        let attempt = || {
            let connection = connect(database, Access::KeepOff, Duration::ZERO)?;
            // Then SQLite keeps what is where in the log in its own memory, and locks the database itself.
            connection.pragma_update(None, "locking_mode", "exclusive")?;
            connection.execute_batch("BEGIN EXCLUSIVE")?;
            let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
            let is_ours = application == schema::APPLICATION_ID || fs::metadata(database).is_ok_and(|it| it.len() == 0);
            Ok(is_ours.then_some(connection))
        };
        match attempt() {
            Err(error) if is_busy(&error) && has_index() => Ok(None),
            Err(error) if is_busy(&error) => match retry(deadline, attempt) {
                Err(error) if is_busy(&error) && has_index() => Ok(None),
                Err(error) if is_busy(&error) => {
                    let message = "the database has other names (hard links), and is open by one of them: close it there, \
                        or open it by that name";
                    Err(Error::caused(ErrorKind::Locked, message, error))
                }
                done => done.map_err(failed("look for who has the database open")),
            },
            Ok(locked) => Ok(locked),
            // What keeps it from being opened is told by whoever opens it.
            Err(_) => Ok(None),
        }
    }

    /// Replaces a file by a copy of itself, and returns the file that was there.
    fn copy(path: &Path, found: &Metadata) -> io::Result<File> {
        let mut from = File::open(path)?;
        let mut made = path.as_os_str().to_owned();
        made.push("-sepia-copy");
        let made = PathBuf::from(made);
        match fs::remove_file(&made) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // A process was killed while it made one.
            _ => {}
        }
        let mut write = || {
            let mut to = File::options().write(true).create_new(true).mode(0o600).open(&made)?;
            copy_content(&mut from, &mut to, found.len())?;
            // Only the superuser can give files away.
            let _ = std::os::unix::fs::fchown(&to, Some(found.uid()), Some(found.gid()));
            to.set_permissions(fs::Permissions::from_mode(found.mode() & 0o777))?;
            to.sync_all()?;
            fs::rename(&made, path)
        };
        let written = write();
        if written.is_err() {
            // The first error tells more.
            let _ = fs::remove_file(&made);
        }
        written.map(|()| from)
    }

    /// Copies what is in a file, and no more than that: where it has holes, the copy has them too.
    #[cfg(target_os = "linux")]
    fn copy_content(from: &mut File, to: &mut File, length: u64) -> io::Result<()> {
        use std::io::{Read, Seek};

        use rustix::fs::{SeekFrom, seek};
        use rustix::io::Errno;

        let mut at = 0;
        loop {
            let data = match seek(&*from, SeekFrom::Data(at)) {
                // There is nothing behind it.
                Err(Errno::NXIO) => break,
                Err(Errno::INVAL) => at,
                found => found?,
            };
            let end = match seek(&*from, SeekFrom::Hole(data)) {
                Err(Errno::INVAL) => length,
                found => found?,
            };
            from.seek(io::SeekFrom::Start(data))?;
            to.seek(io::SeekFrom::Start(data))?;
            let copied = io::copy(&mut (&*from).take(end.saturating_sub(data)), to)?;
            if copied == 0 {
                break;
            }
            at = data + copied;
        }
        to.set_len(length)
    }

    #[cfg(not(target_os = "linux"))]
    fn copy_content(from: &mut File, to: &mut File, _: u64) -> io::Result<()> {
        io::copy(from, to).map(drop)
    }

    fn sync_parent(path: &Path) -> io::Result<()> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        File::open(parent)?.sync_all()
    }
}
