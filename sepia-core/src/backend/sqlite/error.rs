//! What SQLite's errors are in the store's terms.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::error::{Error, ErrorKind};

/// Makes an error of one of SQLite in `operation`. The place is added where it is known.
pub(super) fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| Error::caused(kind(&error), format!("cannot {operation}"), error)
}

/// Names the database file, and the way below it if there is one.
pub(super) fn at(path: &Path) -> impl Fn(Error) -> Error + '_ {
    |error| error.at(path.to_string_lossy())
}

/// Whether another connection was in the way.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    kind(error) == ErrorKind::Locked
}

/// Whether the disk did not confirm what was written, so that nobody knows what is on it.
pub(super) fn is_failed_sync(error: &rusqlite::Error) -> bool {
    const SYNCS: [i32; 2] = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if SYNCS.contains(&error.extended_code))
}

/// Makes an error of one of SQLite in opening a file, which may be no database at all.
pub(super) fn unopened(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::caused(ErrorKind::NotAStore, "this is not a sepia store", error),
        _ => failed("open the database")(error),
    }
}

fn kind(error: &rusqlite::Error) -> ErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Locked,
        Some(ErrorCode::ReadOnly) => ErrorKind::ReadOnly,
        Some(ErrorCode::TooBig) => ErrorKind::InvalidValue,
        // `Unknown` is what SQLite says of tables that are not as they were made.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => ErrorKind::Corrupt,
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport,
        ) => ErrorKind::Io,
        Some(_) => ErrorKind::Other,
        // What is in a row is not of the type that the column is read as.
        None => ErrorKind::Corrupt,
    }
}
