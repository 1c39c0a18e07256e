//! Making and opening a store.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

use rusqlite::Connection;

use super::Sqlite;
use super::bounded::Bounded;
use super::catalog::{self, Declared};
use super::error::{at, failed, unopened};
use super::expected;
use super::files::{self, Links, not_a_store};
use super::gate::{Deadline, Gate, retry};
use super::identity::Identity;
use super::modes;
use super::pool::{Access, Pool, connect};
use super::schema;
use super::writer::{self, Writer};
use crate::backend::{OpenOptions, layers};
use crate::record::error::{Error, ErrorKind, Result};

/// How the texts of a store are encoded: SQLite takes bytes for text in the encoding of the database.
const ENCODING: &str = "UTF-8";

/// What a database is.
enum Content {
    /// A store, of this version.
    Store(i32),
    /// Empty: it can become one.
    Nothing,
    /// Somebody else's.
    Foreign,
}

impl Sqlite {
    /// Opens the store in a file, or makes it if the file is empty or not there. The path is always that of a file,
    /// `:memory:` too.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::Store;
    /// use sepia::backend::{OpenOptions, Sqlite};
    ///
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path().join("data.db");
    /// let store = Store::with_backend(Sqlite::open(&path, &OpenOptions::default())?);
    /// assert!(store.classes()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`StoreBuilder::sqlite`](crate::StoreBuilder::sqlite).
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let given = path.as_ref();
        if given.as_os_str().is_empty() {
            return Err(Error::message(ErrorKind::NotAStore, "this is not a sepia store: the path is empty"));
        }
        check_path(given)?;
        let path = std::path::absolute(given).map_err(|error| Error::io("find the database", given, error))?;
        Self::open_at(path, given, options).map_err(at(given))
    }

    fn open_at(path: PathBuf, given: &Path, options: &OpenOptions) -> Result<Self> {
        files::check(&path)?;
        let gate = Gate::new(options.lock_timeout);
        let deadline = Deadline::new(Instant::now(), options.lock_timeout);
        files::part(&path, if options.read_only { Links::PartSides } else { Links::Part }, deadline)?;
        let before = Identity::of(&path).ok();
        modes::check_reader(&path)?;
        modes::prepare_log(&path);
        let (writer, access) = if options.read_only {
            (None, readable(&path, options).map_err(modes::explain(&path))?)
        } else {
            #[cfg(unix)]
            if !options.assume_exclusive {
                crate::backend::medium::check_path(&path)?;
            }
            let connection = make(&path, options, deadline).map_err(modes::explain(&path))?;
            modes::settle(&connection, &path, options, deadline)?;
            (Some(Mutex::new(Writer::new(connection, options.max_record_size).map_err(unopened)?)), Access::Read)
        };
        let identity = Identity::of(&path).map_err(|error| Error::io("look at the database", given, error))?;
        // By now it is locked, and stays what it is.
        if let Some(before) = before {
            before.check(&path)?;
        }
        let readers = Pool::new(path.clone(), identity, access, (gate.timeout(), options.max_record_size));
        let observer = readers.open()?;
        if options.read_only {
            // From its first look on, nobody removes the files beside the database.
            writer::version(&observer)?;
        }
        modes::mend_log(&path);
        Ok(Self {
            shown: given.to_owned(),
            gate,
            writer,
            readers,
            observer: Mutex::new(observer),
            declared: Declared::default(),
            identity,
            path,
            poisoned: AtomicBool::new(false),
            moments: AtomicU64::new(0),
        })
    }
}

/// Checks that a path can be that of a file: no system takes zero bytes, and SQLite makes a file of a directory's path.
fn check_path(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let why = if bytes.contains(&0) {
        "it has a zero byte in it"
    } else if bytes.last().is_some_and(|last| std::path::is_separator(char::from(*last))) {
        "it is that of a directory"
    } else {
        return Ok(());
    };
    let message = format!("the path cannot be that of a database: {why}");
    Err(Error::message(ErrorKind::InvalidValue, message).at(path.to_string_lossy()))
}

/// Opens the database for writing, and makes it a store if it is empty.
fn make(path: &Path, options: &OpenOptions, deadline: Deadline) -> Result<Bounded> {
    modes::make(path, options.shared)?;
    let connection = connect(path, Access::Create, options.lock_timeout).map_err(unopened)?;
    let found = content(&connection)?;
    if let Content::Foreign = found {
        return Err(foreign());
    }
    let is_wal = |connection: &Connection| {
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
        Ok(mode.eq_ignore_ascii_case("wal"))
    };
    // It can be switched off; where it is on, nothing is written. This does not wait by itself for others who do the same.
    if !retry(deadline, || is_wal(&connection)).map_err(unopened)? {
        return Err(Error::message(ErrorKind::Io, "the file system cannot keep a database with a write-ahead log"));
    }
    if let Content::Store(schema::VERSION) = found {
        check_supported(&connection, options)?;
        keep_checksums(&connection, options)?;
        find_containers(&connection);
        return Ok(connection);
    }
    retry(deadline, || connection.execute_batch("BEGIN IMMEDIATE")).map_err(failed("make the store"))?;
    let made = match content(&connection) {
        // Made or migrated by another process meanwhile.
        Ok(Content::Store(schema::VERSION)) => check_supported(&connection, options),
        Ok(Content::Store(version)) => check_supported(&connection, options)
            .and_then(|()| schema::migrate(&connection, version).map_err(failed("migrate the store"))),
        Ok(Content::Nothing) => schema::migrate(&connection, 0)
            .map_err(failed("make the store"))
            .and_then(|()| catalog::require(&connection, &layers::required(&options.layers))),
        Ok(Content::Foreign) => Err(foreign()),
        Err(error) => Err(error),
    };
    made?;
    connection.execute_batch("COMMIT").map_err(failed("make the store"))?;
    keep_checksums(&connection, options)?;
    Ok(connection)
}

/// Checks that the program understands what it takes to use a store as it is opened.
fn check_supported(connection: &Connection, options: &OpenOptions) -> Result<()> {
    layers::check(&catalog::requires(connection)?, &options.layers, !options.read_only)
}

/// Turns checksums on, if that is wanted.
fn keep_checksums(connection: &Connection, options: &OpenOptions) -> Result<()> {
    if options.checksums && catalog::checksums(connection)? == catalog::Checksums::Off {
        catalog::keep_checksums(connection).map_err(failed("turn checksums on"))?;
    }
    Ok(())
}

/// Makes the index of containers where there is none yet.
fn find_containers(connection: &Bounded) {
    const IS_THERE: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1";
    connection.begin_operation();
    let is_there = connection.prepare(IS_THERE).and_then(|mut one| one.exists([schema::CONTAINERS]));
    if is_there.is_ok_and(|is_there| !is_there) {
        // It only makes lists faster, so a full disk, or another writer, keeps nobody from opening the store; whoever
        // opens it next tries again. What is damaged shows where it is read.
        let _ = connection.execute_batch(schema::FIND_CONTAINERS);
    }
    connection.begin_operation();
}

/// Finds how a database can be read without writing anything.
fn readable(path: &Path, options: &OpenOptions) -> Result<Access> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(not_a_store("there is no database, and nothing may be written"));
        }
        Err(error) => return Err(Error::io("look at the database", path, error)),
        Ok(_) => {}
    }
    let look = |access| {
        let connection = connect(path, access, options.lock_timeout).map_err(unopened)?;
        match content(&connection)? {
            Content::Store(_) => check_supported(&connection, options)?,
            Content::Nothing => return Err(not_a_store("it is empty, and nothing may be written")),
            Content::Foreign => return Err(foreign()),
        }
        if options.checksums && catalog::checksums(&connection)? == catalog::Checksums::Off {
            let message = "checksums would have to be turned on, and nothing may be written";
            return Err(Error::message(ErrorKind::ReadOnly, message));
        }
        let (shared, _) = (catalog::shared(&connection)?, catalog::checksums(&connection)?);
        if options.shared.is_some() && options.shared != shared {
            let message = "the store would have to be shared, and nothing may be written";
            return Err(Error::message(ErrorKind::ReadOnly, message));
        }
        Ok(access)
    };
    match look(Access::Read) {
        // Readers note in a file beside the database what they look at. Without one, nobody may write meanwhile: on a
        // medium that cannot be written, nobody does.
        Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::ReadOnly) => {
            if is_unchanging(path) && !has_log(path) {
                return look(Access::ReadImmutable).map_err(|_| error);
            }
            if !is_readable(path) {
                return Err(error);
            }
            let kind = error.kind();
            if files::has_journal(path) {
                let message = "a transaction that was broken off has left the file with -journal behind its name beside \
                    the database: open the store for writing once (`sepia verify --repair` does), which rolls it back";
                return Err(Error::because(message, error).of_kind(kind));
            }
            let message = "a reader has to be able to write the file with -shm behind its name beside the database, or a \
                writer has to have that open";
            Err(Error::because(message, error).of_kind(kind))
        }
        looked => looked,
    }
}

/// Whether nobody at all can write where a file is. Whoever may not write it himself knows nothing of others.
#[cfg(unix)]
fn is_unchanging(path: &Path) -> bool {
    use rustix::fs::StatVfsMountFlags;
    rustix::fs::statvfs(path).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(not(unix))]
fn is_unchanging(_: &Path) -> bool {
    false
}

/// Whether the file itself may be read, so that it is not that which failed.
#[cfg(unix)]
fn is_readable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::READ_OK).is_ok()
}

#[cfg(not(unix))]
fn is_readable(_: &Path) -> bool {
    true
}

/// Whether something that was committed is in the log alone, which is beside the file, and not beside a link to it.
fn has_log(path: &Path) -> bool {
    let Ok(file) = std::fs::canonicalize(path) else { return true };
    let mut log = file.into_os_string();
    log.push("-wal");
    match std::fs::metadata(log) {
        Ok(log) => log.len() > 0,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Looks at what a database is.
fn content(connection: &Connection) -> Result<Content> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let read = || {
        let is_empty: bool =
            connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", (), |row| row.get(0))?;
        let encoding: String = connection.pragma_query_value(None, "encoding", |row| row.get(0))?;
        let (application, version) = (number("application_id")?, number("user_version")?);
        Ok((application, version, is_empty, encoding))
    };
    // Others may be making it: all this must be of one state.
    let read_as_one = || {
        connection.execute_batch("SAVEPOINT look")?;
        let seen = read();
        connection.execute_batch("RELEASE look")?;
        seen
    };
    let (application, version, is_empty, encoding) = read_as_one().map_err(unopened)?;
    // Once there is a page, the encoding cannot be changed.
    let in_other = format!("its texts are in {encoding}, and those of a store are in {ENCODING}");
    match (application, version) {
        (schema::APPLICATION_ID, 1..=schema::VERSION) if encoding != ENCODING => {
            Err(Error::corrupt(format!("the database cannot be read: {in_other}")))
        }
        (0, 0) if is_empty && encoding != ENCODING => Err(not_a_store(&in_other)),
        (schema::APPLICATION_ID, 1..=schema::VERSION) => {
            if version == schema::VERSION {
                expected::check(connection)?;
            }
            Ok(Content::Store(version))
        }
        (schema::APPLICATION_ID, _) => {
            let newest = schema::VERSION;
            if version < newest {
                return Err(Error::corrupt(format!("the store has version {version}, which there is not")));
            }
            let message = format!("the store has version {version}, and this version of sepia reads up to {newest}");
            Err(Error::message(ErrorKind::UnsupportedFormat, message))
        }
        (0, 0) if is_empty => Ok(Content::Nothing),
        _ => Ok(Content::Foreign),
    }
}

fn foreign() -> Error {
    not_a_store("it is the database of something else")
}
