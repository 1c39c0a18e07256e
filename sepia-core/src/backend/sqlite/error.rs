//! What SQLite's errors are in the store's terms.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::record::error::{Error, ErrorKind};

/// Makes an error of one of SQLite in `operation`. The place is added where it is known.
pub(super) fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| {
        if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
            let message =
                format!("cannot {operation}: it takes more steps than a sound database of this size. {ADVICE}");
            return Error::caused(ErrorKind::Corrupt, message, error);
        }
        // No statement of a store reads JSON.
        if error.to_string().contains("malformed JSON") {
            let message = format!(
                "cannot {operation}: an index that another program has put on the tables reads JSON, and this is none: \
                 drop it with `sqlite3`, or make it anew `WHERE class = ..`"
            );
            return Error::caused(ErrorKind::Other, message, error);
        }
        Error::caused(kind(&error), format!("cannot {operation}"), error)
    }
}

/// What can be done about a database that is damaged.
pub(super) const ADVICE: &str = "`sepia verify` tells what is damaged; `REINDEX` in `sqlite3` makes its indexes anew from \
    the tables, and `.recover` a database from what can be read";

/// An error of rows that do not come in the order of their key: no such index is sound, and following it may never end.
pub(super) fn disordered(operation: &'static str) -> Error {
    Error::corrupt(format!("cannot {operation}: the rows are not in the order of their key. {ADVICE}"))
}

/// The same, where errors are SQLite's.
pub(super) fn disordered_rows() -> rusqlite::Error {
    let message = format!("the rows are not in the order of their key. {ADVICE}");
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(message))
}

/// Names the database file, and the way below it if there is one.
pub(super) fn at(path: &Path) -> impl Fn(Error) -> Error + '_ {
    |error| error.at(path.to_string_lossy())
}

/// Whether another connection was in the way.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    kind(error) == ErrorKind::Locked
}

/// Makes an error of one of SQLite in an operation that waits for the disk. If that did not confirm what was written,
/// nobody knows what is on it.
pub(super) fn unwritten(operation: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    // The last ones come when a commit stands in the log, and the index of the log cannot grow for it: what was refused
    // would come back after a crash.
    const SYNCS: [i32; 5] = [
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_DIR_FSYNC,
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMMAP,
    ];
    move |error| match &error {
        rusqlite::Error::SqliteFailure(code, _) if SYNCS.contains(&code.extended_code) => {
            Error::new(ErrorKind::Poisoned, error)
        }
        _ => failed(operation)(error),
    }
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
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::Unknown
            // More steps than a sound database takes.
            | ErrorCode::OperationInterrupted,
        ) => ErrorKind::Corrupt,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_is_told_from_other_failures() {
        let kind = |code| unwritten("commit")(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).kind();
        assert_eq!(kind(ffi::SQLITE_IOERR_FSYNC), ErrorKind::Poisoned);
        // The commit stands in the log already.
        assert_eq!(kind(ffi::SQLITE_IOERR_SHMSIZE), ErrorKind::Poisoned);
        assert_eq!(kind(ffi::SQLITE_IOERR_WRITE), ErrorKind::Io);
        assert_eq!(kind(ffi::SQLITE_FULL), ErrorKind::Io);
        assert_eq!(kind(ffi::SQLITE_BUSY_SNAPSHOT), ErrorKind::Locked);
        assert_eq!(kind(ffi::SQLITE_READONLY_DBMOVED), ErrorKind::ReadOnly);
    }
}
