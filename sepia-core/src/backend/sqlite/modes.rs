//! Who may read and write the database, and the two files beside it.
//!
//! The database is for its owner alone, or for those with whom the store is shared, from its birth on; SQLite gives the
//! files beside it the same mode, and, if the superuser makes them, the same owner. Their group is left to be taken care
//! of: that of whoever makes them may not be one of the owner's, who would then be locked out.
//!
//! The database is never opened here: whoever closes it takes the locks of all connections of the process away.

#[cfg(unix)]
pub(super) use unix::*;

use super::catalog;
use super::error::failed;
use super::gate::{Deadline, retry};
use crate::backend::OpenOptions;
use crate::record::error::Result;
use rusqlite::Connection;
use std::path::Path;

/// Shares the store, if that is wanted, and sees to it that its files have the modes that go with the setting.
pub(super) fn settle(connection: &Connection, path: &Path, options: &OpenOptions, deadline: Deadline) -> Result<()> {
    let known = catalog::shared(connection)?;
    let wanted = options.shared.or(known);
    if known != wanted
        && let Some(wanted) = wanted
    {
        check_owner(path)?;
        retry(deadline, || catalog::share(connection, wanted)).map_err(failed("share the store"))?;
    }
    give_modes(path, wanted, known != wanted)
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsString;
    use std::fs::{self, Metadata, Permissions};
    use std::io::{self, ErrorKind as Io};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::{Path, PathBuf};

    use rustix::fs::{Access, AtFlags, CWD, accessat};
    use rustix::io::Errno;

    use crate::record::error::{Error, ErrorKind, Result};
    use crate::record::shared::Shared;

    /// The mode of the database, and of the files beside it.
    fn mode(shared: Option<Shared>) -> u32 {
        match shared {
            None => 0o600,
            Some(Shared::Group) => 0o660,
            Some(Shared::All) => 0o664,
        }
    }

    /// What beside the database belongs to it while it is open.
    fn beside(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
        // Beside the file itself, not beside a link to it.
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        ["-wal", "-shm"].into_iter().map(move |end| {
            let mut name = OsString::from(&file);
            name.push(end);
            name.into()
        })
    }

    fn access_to(path: &Path, access: Access) -> rustix::io::Result<()> {
        accessat(CWD, path, access, AtFlags::EACCESS)
    }

    fn is_mine(file: &Metadata) -> bool {
        file.uid() == rustix::process::geteuid().as_raw()
    }

    /// Makes the file of a database, if there is none, so that it is never open to more users than in the end.
    pub(in super::super) fn make(path: &Path, shared: Option<Shared>) -> Result<()> {
        let place = follow(path);
        if fs::symlink_metadata(&place).is_ok() {
            return Ok(());
        }
        let done = place_empty(&place, mode(shared), None);
        done.map_err(|error| Error::io("make the database", path, error))
    }

    /// Where a path leads, also if nothing is there.
    fn follow(path: &Path) -> PathBuf {
        const MOST: usize = 40;
        let mut place = path.to_owned();
        for _ in 0..MOST {
            let Ok(target) = fs::read_link(&place) else { break };
            place = place.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
        }
        place
    }

    /// Puts an empty file of this mode, and group, into its place, unless something is there.
    fn place_empty(place: &Path, mode: u32, group: Option<u32>) -> io::Result<()> {
        let directory = place.parent().unwrap_or(Path::new("/"));
        // It is closed before anybody can have it open as a database.
        let file = tempfile::Builder::new().prefix(".sepia-").suffix(".part").tempfile_in(directory)?.into_temp_path();
        if group.is_some() {
            std::os::unix::fs::chown(&file, None, group)?;
        }
        if mode != 0o600 {
            fs::set_permissions(&file, Permissions::from_mode(mode))?;
        }
        match file.persist_noclobber(place) {
            // Where nothing can be placed so, SQLite makes the file, which gets its mode then.
            Err(failed)
                if !matches!(failed.error.kind(), Io::AlreadyExists | Io::PermissionDenied | Io::Unsupported) =>
            {
                Err(failed.error)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_owner(path: &Path) -> Result<()> {
        let file = fs::metadata(path).map_err(|error| Error::io("look at the database", path, error))?;
        if is_mine(&file) || rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let message = format!("only its owner (user {}) can say with whom the store is shared", file.uid());
        Err(Error::message(ErrorKind::Io, message))
    }

    /// Gives the files the modes that go with the setting, if this process acts for their owner, or must. The database
    /// comes first: what SQLite makes from then on has its mode.
    pub(super) fn give_modes(path: &Path, shared: Option<Shared>, must: bool) -> Result<()> {
        let mode = mode(shared);
        let give = |file: &Path| -> io::Result<()> {
            let found = fs::metadata(file)?;
            if found.mode() & 0o777 == mode || !(must || is_mine(&found)) {
                return Ok(());
            }
            fs::set_permissions(file, Permissions::from_mode(mode))
        };
        let given = give(path);
        for file in beside(path) {
            // It may go with the last connection, and what somebody else has made has the mode that the database had.
            let _ = give(&file);
        }
        match given {
            // The file system keeps no modes, or cannot be written.
            Err(_) if !must => Ok(()),
            given => given.map_err(|error| Error::io("set the permissions", path, error)),
        }
    }

    /// Before SQLite may make the files beside the database: sees to it that they will be the group's, where they would
    /// be that of this process, and the directory does not see to it. So nobody is locked out, not even for a moment.
    pub(in super::super) fn prepare_log(path: &Path) {
        let Ok(database) = fs::metadata(path) else { return };
        // One that is empty is none yet.
        if !takes_care(path, &database) || database.len() == 0 {
            return;
        }
        for file in beside(path) {
            if fs::symlink_metadata(&file).is_err() {
                // If it cannot be made, SQLite says why.
                let _ = place_empty(&file, database.mode() & 0o777, Some(database.gid()));
            }
        }
    }

    /// After it may have made them nevertheless, since others had them removed in between.
    pub(in super::super) fn mend_log(path: &Path) {
        let Ok(database) = fs::metadata(path) else { return };
        if !takes_care(path, &database) {
            return;
        }
        for file in beside(path) {
            if fs::symlink_metadata(&file).is_ok_and(|file| is_mine(&file) && file.gid() != database.gid()) {
                // Whoever is in the group may do so. Whoever is not has not been let in.
                let _ = std::os::unix::fs::chown(&file, None, Some(database.gid()));
            }
        }
    }

    /// Whether the files that this process makes would be of another group than the database, with which that is shared.
    /// What the superuser makes, SQLite gives to the owner.
    fn takes_care(path: &Path, database: &Metadata) -> bool {
        const SHARED: u32 = 0o060;
        const SETGID: u32 = 0o2000;
        if database.mode() & SHARED != SHARED || rustix::process::geteuid().is_root() {
            return false;
        }
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let directory = file.parent().and_then(|directory| fs::metadata(directory).ok());
        // Where it is always that of the directory, this may take care in vain.
        let inherited = directory.filter(|directory| directory.mode() & SETGID != 0).map(|directory| directory.gid());
        inherited.unwrap_or_else(|| rustix::process::getegid().as_raw()) != database.gid()
    }

    /// Refuses to read as somebody whom the owner does not let write, where that would make files beside the database that
    /// the owner could not write.
    pub(in super::super) fn check_reader(path: &Path) -> Result<()> {
        let Ok(database) = fs::metadata(path) else { return Ok(()) };
        let may = |path: &Path, access| access_to(path, access).is_ok();
        if is_mine(&database) || may(path, Access::WRITE_OK) || beside(path).all(|file| file.exists()) {
            return Ok(());
        }
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !file.parent().is_some_and(|directory| may(directory, Access::WRITE_OK)) {
            // Nothing is made there.
            return Ok(());
        }
        let message = "whoever may not write the database can read it only while somebody who may has it open: SQLite \
            would make files beside it, and its owner could not write them";
        Err(Error::message(ErrorKind::Io, message))
    }

    /// Says why a database cannot be read, if that is because it is somebody else's.
    pub(in super::super) fn explain(path: &Path) -> impl Fn(Error) -> Error + '_ {
        move |error| {
            let denied = access_to(path, Access::READ_OK) == Err(Errno::ACCESS);
            let Ok(database) = fs::metadata(path) else { return error };
            if !denied || error.kind() != ErrorKind::Io {
                return error;
            }
            let (user, group) = (database.uid(), database.gid());
            let message = match database.mode() & 0o040 {
                0 => format!(
                    "the store is for its owner (user {user}) alone, who can share it with a group, or with all others, by \
                     `sepia init --shared` or `StoreBuilder::shared`"
                ),
                _ => format!(
                    "the store is for its owner (user {user}) and the members of its group (group {group}): the owner can \
                     share it with all others, by `sepia init --shared=all` or `StoreBuilder::shared`"
                ),
            };
            Error::because(message, error)
        }
    }
}

/// Systems without these modes.
#[cfg(not(unix))]
mod other {
    use std::path::Path;

    use crate::record::error::{Error, Result};
    use crate::record::shared::Shared;

    pub(in super::super) fn make(_: &Path, _: Option<Shared>) -> Result<()> {
        Ok(())
    }

    pub(super) fn check_owner(_: &Path) -> Result<()> {
        Ok(())
    }

    pub(super) fn give_modes(_: &Path, _: Option<Shared>, _: bool) -> Result<()> {
        Ok(())
    }

    pub(in super::super) fn prepare_log(_: &Path) {}

    pub(in super::super) fn mend_log(_: &Path) {}

    pub(in super::super) fn check_reader(_: &Path) -> Result<()> {
        Ok(())
    }

    pub(in super::super) fn explain(_: &Path) -> impl Fn(Error) -> Error + '_ {
        |error| error
    }
}
#[cfg(not(unix))]
pub(super) use other::*;
