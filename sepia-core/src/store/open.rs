//! Opening: the one place that names backends.

use std::path::Path;
use std::time::Duration;

use super::Store;
use crate::backend::{Memory, OpenOptions};
use crate::record::batch::Durability;
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::shared::Shared;

/// The URLs that there are, for messages.
const URLS: &str = if cfg!(feature = "sqlite") { "file:PATH, sqlite:PATH or memory:" } else { "file:PATH or memory:" };

/// How a store is opened. Made by [`Store::builder`].
///
/// ```
/// # use sepia_core as sepia;
/// use std::time::Duration;
///
/// use sepia::{ErrorKind, Store};
///
/// # fn main() -> sepia::Result<()> {
/// # let directory = tempfile::tempdir().expect("a temporary directory");
/// # let path = directory.path();
/// let store = Store::builder().lock_timeout(Duration::from_secs(60)).open(path)?;
/// let reader = Store::builder().read_only().open(path)?;
/// store.clear()?;
/// assert_eq!(reader.clear().map_err(|error| error.kind()), Err(ErrorKind::ReadOnly));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct StoreBuilder {
    options: OpenOptions,
    durability: Durability,
    checks_saves: bool,
    max_load: Option<u64>,
    #[cfg(feature = "cache")]
    cache: Option<crate::store::cache::CacheOptions>,
}

impl Store {
    /// Opens the store in a directory, and makes it if the directory is empty or not there.
    ///
    /// # Errors
    /// `NotAStore` if the directory holds something else, if a file stands there, or if the path is
    /// empty; `UnsupportedFormat` if a newer version of Sepia wrote the store; `Corrupt` if its list
    /// of classes cannot be understood; `Locked` if another program is making it and does not end;
    /// `ReadOnly` if it is not there and the medium cannot be written, or if other computers may write there, too (see
    /// [`StoreBuilder::assume_exclusive`]); `Io`, also if the store is private, and somebody else's.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// Opens the store in a database of SQLite, and makes it if the file is empty or not there.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::Store;
    ///
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path().join("data.db");
    /// let store = Store::sqlite(&path)?;
    /// assert!(store.classes()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `NotAStore` if the file holds something else, if a directory stands there, or if the path is empty;
    /// `InvalidValue` if the path can be that of no file; `UnsupportedFormat` if a newer version of Sepia wrote the store;
    /// `Corrupt` if the database is damaged, or its texts are not in UTF-8; `Locked` if another program is making it and
    /// does not end; `ReadOnly` if it cannot be written, or if other computers may write there, too (see
    /// [`StoreBuilder::assume_exclusive`]); `Io`, also if its directory is not there, or if the database is private, and
    /// somebody else's.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().sqlite(path)
    }

    /// Makes an empty store in memory, which ends with its last clone.
    pub fn in_memory() -> Self {
        Self::with_backend(Memory::new())
    }
}

impl StoreBuilder {
    /// Takes a directory that is no store yet for one: one that the Crystal original wrote, or that
    /// was laid out by hand. Every directory in it whose name can be a class becomes one, of
    /// containers if it holds directories with a `data.json`, and of serializable objects if it holds
    /// files. One that holds neither is left alone; for one that holds both, the opening is
    /// `NotAStore`. Nothing is moved or rewritten. Off by default. A directory that is a store
    /// already opens as it is. Of databases, none is taken for a store that is not one.
    #[must_use]
    pub fn adopt_existing(mut self) -> Self {
        self.options.adopt_existing = true;
        self
    }

    /// Opens the store for reading: nothing is written, and whatever would write is `ReadOnly`. A
    /// directory or database that is not there, or is no store, is not made one, but `NotAStore`. Off by
    /// default.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.options.read_only = true;
        self
    }

    /// Sets what commits survive once they have returned: the loss of power ([`Durability::Sync`], the default), or
    /// the death of the process.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets how long a write waits for other writers, threads and processes, before it is `Locked`.
    /// Ten seconds by default.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.options.lock_timeout = timeout;
        self
    }

    /// Sets whether each object that is saved is read back before it is committed: decoded from its record and encoded
    /// again, which must give the same. serde can write values that it does not read, or reads as others (`docs/values.md`
    /// in the repository lists them); with this, such a save is
    /// [`InvalidValue`](crate::ErrorKind::InvalidValue), with class, id, field and cause, and nothing was written. It
    /// applies to whatever saves objects, in transactions too, with their children. Off by default: a save takes the time
    /// of a load as well. [`testing::assert_round_trip`](crate::store::testing::assert_round_trip) does the same in a test.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::Store;
    ///
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path();
    /// let store = Store::builder().check_saves(cfg!(debug_assertions)).open(path)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn check_saves(mut self, yes: bool) -> Self {
        self.checks_saves = yes;
        self
    }

    /// Sets the most bytes of a record: of the file of a serializable object, or of a container with everything nested in
    /// it, each of its entries counted as 64 more. What is larger is neither saved (`InvalidValue`, and nothing is
    /// written) nor loaded (`Corrupt`): a record is in memory as a whole, and what stands in a store that comes from a
    /// stranger may be of any size. [`MAX_RECORD_SIZE`](crate::record::MAX_RECORD_SIZE), 1 GiB, by default. In a
    /// directory, all that one commit writes has at most 4 GiB.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::batch::{Batch, Expect};
    /// use sepia::class::{Class, Format};
    /// use sepia::record::{Key, Record};
    /// use sepia::{ErrorKind, Store};
    ///
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path();
    /// let store = Store::builder().max_record_size(1 << 20).open(path)?;
    /// let mut batch = Batch::new();
    /// batch.declare(&Class::serializable("Note", Format::Text))?;
    /// batch.put(Key::new("Note", "long")?, Record::Leaf(vec![b'x'; 2 << 20]), Expect::Any);
    /// let refused = store.backend().commit(batch);
    /// assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::InvalidValue));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_record_size(mut self, bytes: u64) -> Self {
        self.options.max_record_size = bytes;
        self
    }

    /// Writes to the store also where other computers may write, as the caller knows that none does while it is open.
    ///
    /// On file systems that are shared with other computers (NFS, SMB, FUSE, 9P, clusters, folders of a virtual
    /// machine's host), the locks of stores and databases keep off no program on another one, and two that write at
    /// once would damage the store. So opening it for writing is `ReadOnly` there, unless this is said; reading takes
    /// no lock, and is possible everywhere with [`read_only`](Self::read_only). FUSE file systems of one computer alone
    /// cannot be told from others. Off by default.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path();
    /// // On a NAS that only this program writes to.
    /// let store = sepia::Store::builder().assume_exclusive().open(path)?;
    /// assert!(store.classes()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn assume_exclusive(mut self) -> Self {
        self.options.assume_exclusive = true;
        self
    }

    /// Sets how many bytes of records one load may read, with all that its links lead to; 1 GiB by default. A load that
    /// would read more is `Corrupt`. An object that several links lead to is counted once for each, and once if they are
    /// [`Arc`](std::sync::Arc)s, of which one load makes but one; [`Ref`](crate::Ref)s are loads of their own. So a few
    /// links in a store from a stranger do not fill the memory.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// let store = sepia::Store::builder().max_load_size(64 << 20).open_url("memory:")?;
    /// # Ok::<(), sepia::Error>(())
    /// ```
    #[must_use]
    pub fn max_load_size(mut self, bytes: u64) -> Self {
        self.max_load = Some(bytes);
        self
    }

    /// Keeps objects in memory for [`Store::get`] (feature `cache`). Off by default.
    #[cfg(feature = "cache")]
    #[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
    #[must_use]
    pub fn cache(mut self, options: crate::store::cache::CacheOptions) -> Self {
        self.cache = Some(options);
        self
    }

    /// Keeps a checksum of every file, so that [`Store::verify`] finds what the medium has changed, and tells it from
    /// what was edited by hand. Off by default; once it is on, it stays on for the store, whoever opens it. Files
    /// that are there already get theirs when other content is saved, or by [`repair`](crate::tools::verify::Verify::repair).
    /// Reading costs nothing; writing a file takes two system calls more, 1.5 to 3.5 µs on ext4 and tmpfs: up to a fifth
    /// of the time of a new file, where nobody waits for the disk. In a database, the checksum is a column of the record's
    /// row, and that of a container is of all that is in it, so whichever entry changes, it is computed anew. A store in
    /// memory needs none.
    ///
    /// # Errors
    /// Then [`open`](Self::open) is also `Io` where the file system has no extended attributes of users (a database needs
    /// none), and `ReadOnly` if they would have to be turned on, and nothing may be written.
    #[must_use]
    pub fn checksums(mut self) -> Self {
        self.options.checksums = true;
        self
    }

    /// Shares the store: with the members of the group that its directory (or database) belongs to, or with everybody.
    /// Else it is for its owner alone: others may read the files of objects as far as the umask of the writer lets them,
    /// and nothing in `.sepia`, without which they cannot open the store. The setting stays with the store, whoever opens
    /// it. In a store that is there already, it is changed, as by `git init --shared`: everything that is Sepia's gets the
    /// permissions which that takes. If a process dies in between, the owner's next opening for writing goes on. What is
    /// open to more users than it takes stays so, but for `.sepia`. A store in memory is nobody else's.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::{Shared, Store};
    ///
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path();
    /// let store = Store::builder().shared(Shared::Group).open(path)?;
    /// assert!(store.backend().is_shared());
    /// assert!(Store::open(path)?.backend().is_shared());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Then [`open`](Self::open) is also `Io` if the setting would have to be changed by somebody who is not the owner of
    /// the store, or if something in it belongs to somebody else and cannot be shared: it is then, but for that; and
    /// `ReadOnly` if it would have to be changed, and nothing may be written.
    #[must_use]
    pub fn shared(mut self, shared: Shared) -> Self {
        self.options.shared = Some(shared);
        self
    }

    /// Opens the store in a directory, and makes it if the directory is empty or not there.
    ///
    /// # Errors
    /// As [`Store::open`]; and `NotAStore` for [`read_only`](Self::read_only), if there is no store,
    /// and for [`adopt_existing`](Self::adopt_existing), if a directory in it cannot be a class.
    #[cfg(unix)]
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store> {
        let backend = crate::backend::Filesystem::open(path, &self.options)?;
        Ok(self.furnish(&Store::with_backend(backend)))
    }

    /// Opens the store in a database of SQLite, and makes it if the file is empty or not there. The path is always that of
    /// a file, `:memory:` too.
    ///
    /// Opened for [reading](Self::read_only), it is not written; but SQLite makes the files `{path}-wal` and `{path}-shm`
    /// beside it, by which readers and writers know of each other, and leaves them there; and what reads one state of many
    /// records keeps writers off in the end, if they come in between all the time. Where it cannot, only a database
    /// that a writer has open is read, or one on a file system that is mounted read-only; any other is refused, as it
    /// might change unseen.
    ///
    /// # Errors
    /// As [`Store::sqlite`]; and `NotAStore` for [`read_only`](Self::read_only), if there is no store.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite(&self, path: impl AsRef<Path>) -> Result<Store> {
        let backend = crate::backend::Sqlite::open(path, &self.options)?;
        Ok(self.furnish(&Store::with_backend(backend)))
    }

    /// Opens the store that a URL names: `file:` and a path, a path alone, `sqlite:` and a path (feature `sqlite`), or
    /// `memory:`, which is empty and ends with its last clone. A path that would look like another URL is written
    /// `./name:of:it`. The case of the first word means nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open) or [`Store::sqlite`]; `InvalidValue` for a URL of another kind.
    pub fn open_url(&self, url: &str) -> Result<Store> {
        let (scheme, rest) = match url.split_once(':') {
            // A single letter is a drive.
            Some((scheme, rest)) if scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                (scheme, rest)
            }
            _ => ("file", url),
        };
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match &*scheme.to_ascii_lowercase() {
            "file" => self.open(path),
            #[cfg(feature = "sqlite")]
            "sqlite" => self.sqlite(path),
            "memory" if rest.is_empty() => {
                let memory = Memory::new().with_max_record_size(self.options.max_record_size);
                Ok(self.furnish(&Store::with_backend(memory)))
            }
            _ => {
                let message = format!("no store can be opened by the URL {}: use {URLS}", Quoted(url));
                Err(Error::message(ErrorKind::InvalidValue, message))
            }
        }
    }

    /// Gives a store what is no matter of its backend.
    fn furnish(&self, store: &Store) -> Store {
        let mut store = store.with_durability(self.durability);
        (store.checks_saves, store.max_record_size) = (self.checks_saves, self.options.max_record_size);
        if let Some(bytes) = self.max_load {
            store.max_load = bytes;
        }
        #[cfg(feature = "cache")]
        if let Some(options) = &self.cache {
            return store.with_cache(options.clone());
        }
        store
    }

    /// Opens the store in a directory, where the system has the calls that it takes.
    ///
    /// # Errors
    /// Always, on this system.
    #[cfg(not(unix))]
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store> {
        let _ = path;
        Err(Error::new(ErrorKind::Other, "the filesystem backend needs a Unix system"))
    }
}
