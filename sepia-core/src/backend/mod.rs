//! Where records live: the contract that every backend keeps, and the backends of this crate.
//!
//! # Guarantees
//! - **Exact.** What [`read`](Backend::read) returns is equal, byte for byte, to what was last put,
//!   but for [strays](crate::record::Entry::Stray) that hands have left there, and for empty collections: they need
//!   not come back, and others may be there.
//! - **Absent** means that nothing is stored under the key. It is `None` or `false`, never an error.
//!   What is there and cannot be understood is an error, never absent.
//! - **Order.** A commit that has returned is seen by every read that begins afterwards, in every
//!   thread, and by every later commit's expectations. Commits take effect one after another.
//! - **Expectations** are checked for the whole batch before its first change, and no other commit
//!   comes in between. If one is not met, the commit is `Conflict` and nothing has changed.
//! - **Isolation.** A read of one key sees its record, with everything nested in it, as it was before or
//!   after any commit, never a mixture, also while a commit is under way, and after its writer has died.
//!   A listing has what is there all the while, and of what comes or goes meanwhile some.
//!   Reads one after another may see later and later states; whether they saw one and the same is told by
//!   [`moment`](Backend::moment).
//! - **Durability.** What a commit survives once it has returned is as its
//!   [`durability`](crate::record::batch::Durability) says, where the backend outlives the process at all. A
//!   commit that waits for the disk makes all that came before it durable, too.
//! - **Classes.** A put into a class that is not declared, there or in the same batch, is
//!   `ClassClash`, and so is a declaration that contradicts the stored one, and a put of a record of the other kind than
//!   its class (a leaf among containers, a container among serializable objects); retiring a class that has
//!   records which the batch does not delete is `Conflict`. Nothing has changed then.
//! - **Records.** A backend holds every record that passes [`Record::check`], and refuses any other with
//!   `InvalidValue`.
//! - **Names.** A backend holds every [`Key`] and every [`Name`](crate::record::Name), and tells
//!   any two apart. One that cannot (a file system that folds case) refuses the second with `InvalidName`;
//!   of two within one container it may find that out halfway, as in a failed commit.
//! - **A failed commit** has changed nothing.
//! - **Within `each`**, the callback of a listing, the backend can be read.
//!
//! # A backend of one's own
//!
//! Five methods have a default, which is right for a backend that knows no better. A backend that wraps another has to
//! pass them on, and the compiler does not say so:
//!
//! | method | what is lost without it |
//! |---|---|
//! | [`read_sealed`](Backend::read_sealed) and [`is_intact`](Backend::is_intact) | the cache reads everything again |
//! | [`backlinks`](Backend::backlinks) | the index: every record is looked at |
//! | [`root`](Backend::root) | errors name no path of a file, and do not advise to move away what other programs have put there |
//! | [`is_shared`](Backend::is_shared) | backups and exports of a shared store are for its owner alone |
//!
//! One that wraps another, and counts what is read from it:
//!
//! ```
//! # use sepia_core as sepia;
//! use std::ops::ControlFlow;
//! use std::path::Path;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! use sepia::backend::{Backend, Lock, Memory, Moment, Recovered, Seal, Stat, Track, Upkeep};
//! use sepia::batch::{Batch, Expect};
//! use sepia::class::{Class, Format};
//! use sepia::record::{Key, Record};
//! use sepia::{Result, Store};
//!
//! #[derive(Debug)]
//! struct Counted<B> {
//!     inner: B,
//!     reads: Arc<AtomicU64>,
//! }
//!
//! impl<B: Backend> Backend for Counted<B> {
//!     fn read(&self, key: &Key) -> Result<Option<Record>> {
//!         self.reads.fetch_add(1, Ordering::Relaxed);
//!         self.inner.read(key)
//!     }
//!
//!     fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
//!         self.reads.fetch_add(1, Ordering::Relaxed);
//!         self.inner.read_sealed(key)
//!     }
//!
//!     fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
//!         self.inner.is_intact(sealed)
//!     }
//!
//!     fn contains(&self, key: &Key) -> Result<bool> {
//!         self.inner.contains(key)
//!     }
//!
//!     fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
//!         self.inner.links(key)
//!     }
//!
//!     fn stat(&self, key: &Key) -> Result<Option<Stat>> {
//!         self.inner.stat(key)
//!     }
//!
//!     fn commit(&self, batch: Batch) -> Result<()> {
//!         self.inner.commit(batch)
//!     }
//!
//!     fn classes(&self) -> Result<Vec<Class>> {
//!         self.inner.classes()
//!     }
//!
//!     fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
//!         self.inner.ids(class, each)
//!     }
//!
//!     fn backlinks(&self, targets: &[Key], each: &mut dyn FnMut(&Key) -> ControlFlow<()>) -> Result<()> {
//!         self.inner.backlinks(targets, each)
//!     }
//!
//!     fn generations(&self, base: &Key) -> Result<Vec<Key>> {
//!         self.inner.generations(base)
//!     }
//!
//!     fn newest(&self, base: &Key) -> Result<Option<Key>> {
//!         self.inner.newest(base)
//!     }
//!
//!     fn lock(&self) -> Result<Box<dyn Lock + '_>> {
//!         self.inner.lock()
//!     }
//!
//!     fn moment(&self) -> Result<Moment> {
//!         self.inner.moment()
//!     }
//!
//!     fn track(&self) -> Result<Box<dyn Track + '_>> {
//!         self.inner.track()
//!     }
//!
//!     fn identity(&self) -> u64 {
//!         self.inner.identity()
//!     }
//!
//!     fn checkpoint(&self) -> Result<()> {
//!         self.inner.checkpoint()
//!     }
//!
//!     fn recovered(&self) -> Option<Recovered> {
//!         self.inner.recovered()
//!     }
//!
//!     fn upkeep(&self) -> &dyn Upkeep {
//!         self.inner.upkeep()
//!     }
//!
//!     fn root(&self) -> Option<&Path> {
//!         self.inner.root()
//!     }
//!
//!     fn is_shared(&self) -> bool {
//!         self.inner.is_shared()
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let reads = Arc::new(AtomicU64::new(0));
//! let backend = Counted { inner: Memory::new(), reads: Arc::clone(&reads) };
//!
//! let mut batch = Batch::new();
//! batch.declare(&Class::serializable("Note", Format::Text))?;
//! batch.put(Key::new("Note", "a")?, Record::Leaf(b"Milk".to_vec()), Expect::Absent);
//! backend.commit(batch)?;
//! assert_eq!(backend.read(&Key::new("Note", "a")?)?, Some(Record::Leaf(b"Milk".to_vec())));
//! assert_eq!(reads.load(Ordering::Relaxed), 1);
//!
//! let store = Store::with_backend(backend); // and objects on top
//! assert_eq!(store.classes()?, ["Note"]);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(unix)]
mod fs;
#[cfg(any(unix, feature = "sqlite"))]
mod layers;
#[cfg(unix)]
mod medium;
mod memory;
mod scan;
mod seal;
#[cfg(feature = "sqlite")]
mod sqlite;
mod told;

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use crate::record::batch::Batch;
use crate::record::class::Class;
use crate::record::error::Result;
use crate::record::problem::Problem;
use crate::record::shared::Shared;
use crate::record::{Key, MAX_RECORD_SIZE, Record};

#[cfg(unix)]
pub use fs::Filesystem;
#[cfg(all(unix, feature = "fault-injection"))]
#[doc(hidden)]
pub use fs::fault;
pub use memory::Memory;
pub(crate) use scan::to_the_end;
pub use seal::Seal;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use sqlite::Sqlite;
pub use told::{Edited, Examined, Moment, Recovered, Stat};

/// How a `Filesystem` or `Sqlite` is opened; what [`StoreBuilder`](crate::StoreBuilder) sets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Takes a directory that is no store yet for one. `false` by default.
    pub adopt_existing: bool,
    /// Writes nothing. `false` by default.
    pub read_only: bool,
    /// How long a write waits for other writers. Ten seconds by default.
    pub lock_timeout: Duration,
    /// Turns checksums on. `false` by default; once they are on, they stay.
    pub checksums: bool,
    /// Shares the store. `None`, which changes nothing, by default; once it is shared, it stays so.
    pub shared: Option<Shared>,
    /// The most bytes of a record: what is larger is neither saved nor loaded. [`MAX_RECORD_SIZE`] by default.
    pub max_record_size: u64,
    /// Writes also on file systems that other computers may write to, as none of them does. `false` by default.
    pub assume_exclusive: bool,
    /// The names of the layers through which the program reads and writes: of backends that wrap this one, and change
    /// what is stored, as encryption does. A store that is made with some requires them: opened without, it is
    /// `UnsupportedFormat`, and so is a store that was made without those that are given. Each should say whose it is, and
    /// its version (`example.org/cipher 1`). None by default.
    pub layers: Vec<String>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            adopt_existing: false,
            read_only: false,
            lock_timeout: Duration::from_secs(10),
            checksums: false,
            shared: None,
            max_record_size: MAX_RECORD_SIZE,
            assume_exclusive: false,
            layers: Vec::new(),
        }
    }
}

/// Stores records. The module's documentation is the contract; every backend passes the
/// `conformance` suite (feature `conformance`).
pub trait Backend: Debug + Send + Sync + 'static {
    /// Returns the record of a key, or `None` if it is absent.
    ///
    /// # Errors
    /// `Corrupt` if what is there cannot be understood, `Io`.
    fn read(&self, key: &Key) -> Result<Option<Record>>;

    /// Returns the record of a key as [`read`](Backend::read) does, with a seal, by which
    /// [`is_intact`](Backend::is_intact) tells whether it is still that, or still absent.
    ///
    /// A backend that cannot tell, or not of this record at this time, gives [`Seal::none`]. A backend that wraps
    /// another passes on what that one says.
    ///
    /// # Errors
    /// As [`read`](Backend::read).
    fn read_sealed(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        Ok((self.read(key)?, Seal::none()))
    }

    /// Returns whether all these records are what they were when they were sealed, each at some time of this call,
    /// whoever might have changed one: a commit of any process, or an editor. That is asked instead of reading them, so
    /// it must be cheaper. `false` says nothing but that they have to be read again.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    fn is_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> Result<bool> {
        let _ = sealed;
        Ok(false)
    }

    /// Returns whether the key has a record, without reading it.
    ///
    /// # Errors
    /// `Corrupt` if the class cannot be looked into, `Io`.
    fn contains(&self, key: &Key) -> Result<bool>;

    /// Returns where the links in a record lead, nested ones included, in no particular order, without
    /// reading the rest of it; `None` if it is absent.
    ///
    /// # Errors
    /// `Corrupt` if one leads to no object of the store, `Io`.
    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>>;

    /// Returns the size and age of a record, or `None` if it is absent.
    ///
    /// # Errors
    /// As [`read`](Backend::read).
    fn stat(&self, key: &Key) -> Result<Option<Stat>>;

    /// Makes every change of the batch, or refuses it and makes none. Once the batch has taken effect, nothing that goes
    /// wrong is an error of it.
    ///
    /// # Errors
    /// `Conflict`, `ClassClash`, `InvalidName`, `InvalidValue`, `Corrupt`, `UnsupportedFormat`, `ReadOnly`,
    /// `Locked`, `Io`, and `Poisoned`, after which every commit is that until the backend is opened anew; only then it is
    /// known whether the batch of the first one is stored.
    fn commit(&self, batch: Batch) -> Result<()>;

    /// Keeps other commits off, from every thread and process, until the lock commits or is dropped. A thread that
    /// has it and commits elsewhere than through it is `Locked`.
    ///
    /// # Errors
    /// `Locked` if others have it for longer than the backend waits, `Poisoned`, `Io`.
    fn lock(&self) -> Result<Box<dyn Lock + '_>>;

    /// Returns the moment. If two calls return equal moments, all reads that were made in between saw
    /// one and the same state: no commit has changed anything meanwhile. Other moments may be those of one state, too.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    fn moment(&self) -> Result<Moment>;

    /// Follows, from now on, which records commits change.
    ///
    /// # Errors
    /// `Locked`, `Corrupt`, `Io`.
    fn track(&self) -> Result<Box<dyn Track + '_>>;

    /// Returns the declared classes, sorted by name.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat` or `Io` if their list cannot be read.
    fn classes(&self) -> Result<Vec<Class>>;

    /// Calls `each` with every id of a class, in no particular order, until it breaks off; with one that is replaced
    /// meanwhile, maybe twice. A class that is not declared has none. What is of the other kind than its class, put there
    /// by hand, is no object, and not among them.
    ///
    /// # Errors
    /// `Corrupt` if the class cannot be looked into, `Io`. `each` may have been called before.
    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()>;

    /// Calls `each` with the key of every record that links to one of these targets, in no particular order, until
    /// it breaks off; and, where telling takes reading them, with those that cannot be read, as they may. What is
    /// committed meanwhile may be missing.
    ///
    /// A backend that does not know who links to what looks at every record, as this does if it is not overridden.
    ///
    /// # Errors
    /// As [`ids`](Backend::ids). `each` may have been called before.
    fn backlinks(&self, targets: &[Key], each: &mut dyn FnMut(&Key) -> ControlFlow<()>) -> Result<()> {
        scan::backlinks(self, targets, each)
    }

    /// Returns the keys of all stored generations of `base`, oldest first; `base` itself is
    /// generation 0.
    ///
    /// # Errors
    /// As [`ids`](Backend::ids).
    fn generations(&self, base: &Key) -> Result<Vec<Key>>;

    /// Returns the key of the newest stored generation of `base`; `base` itself is generation 0. It
    /// costs no more as the history grows.
    ///
    /// # Errors
    /// As [`ids`](Backend::ids).
    fn newest(&self, base: &Key) -> Result<Option<Key>>;

    /// Returns what tells these records from those of other backends: two handles to the same records
    /// return the same.
    fn identity(&self) -> u64;

    /// Makes all that has been committed as durable as [`Durability::Sync`](crate::record::batch::Durability).
    ///
    /// # Errors
    /// `Locked`, `Poisoned`, `Io`.
    fn checkpoint(&self) -> Result<()>;

    /// Returns what this handle has had to complete of the work of writers that died; `None` if nothing.
    fn recovered(&self) -> Option<Recovered>;

    /// Returns what looks after how the records are kept.
    fn upkeep(&self) -> &dyn Upkeep;

    /// Returns the directory in which the records are files, if they are. A backend that wraps
    /// another passes on what that one says.
    fn root(&self) -> Option<&Path> {
        None
    }

    /// Returns whether others than its owner may read the store. What is made from one that they may not read, a backup
    /// say, is for its owner alone, too. A backend that wraps another passes on what that one says.
    fn is_shared(&self) -> bool {
        false
    }
}

/// Keeps other commits off until it commits, or is dropped.
pub trait Lock: Debug {
    /// Commits a batch, as [`Backend::commit`], and lets others commit again, also if this fails.
    ///
    /// # Errors
    /// As [`Backend::commit`], but for `Locked`: `Poisoned` also where the batch is committed, and could not be made
    /// durable. `ReadOnly` from a backend that was opened for reading.
    fn commit(self: Box<Self>, batch: Batch) -> Result<()>;
}

/// Tells which records commits change. Made by [`Backend::track`].
pub trait Track: Debug {
    /// Returns the keys whose records may have been put or deleted since the last call, or since it was
    /// made: all of those that were, in any process, and maybe some that were not; a key may come twice.
    /// `None` if that is not known (any), after which the next call begins anew. Under the
    /// [lock](Backend::lock), nothing is missing; otherwise commits under way come with a later call.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    fn changed(&mut self) -> Result<Option<Vec<Key>>>;
}

/// Looks after how a backend keeps records: what cannot be seen in the records.
///
/// What is promised durably is so on return; of a thread that has the [lock](Backend::lock), at the latest once that has
/// committed a batch that waits for the disk. A backend may do it in the transaction of the lock: then it stays also if
/// the lock is given back without a batch, or the batch is refused, but is not durable before the next such commit, or
/// [`checkpoint`](Backend::checkpoint).
pub trait Upkeep: Debug {
    /// Calls `each` with what is wrong, beyond what [`read`](Backend::read) shows or because of what it fails.
    /// Nothing is changed. Work that is under way is not wrong.
    ///
    /// # Errors
    /// `Locked`, `Io`, and whatever keeps it from looking at the rest.
    fn examine(&self, each: &mut dyn FnMut(Problem)) -> Result<Examined>;

    /// Mends a problem that `examine` has found, or a [stray](crate::record::Entry::Stray), without losing
    /// anything: what has to go is moved into quarantine. Returns what was done, in a few words, durably; `None` if
    /// there is nothing to do, any more or at all. A thread that has the [lock](Backend::lock) may call this.
    ///
    /// # Errors
    /// `ReadOnly`, `Locked`, `Poisoned`, `Io`.
    fn mend(&self, problem: &Problem) -> Result<Option<String>>;

    /// Keeps a copy of a record in quarantine, durably, and returns where; strays are left out. A thread that has
    /// the [lock](Backend::lock) may call this.
    ///
    /// # Errors
    /// `ReadOnly`, `Locked`, `Io`.
    fn set_aside(&self, key: &Key, record: &Record) -> Result<String>;

    /// Notes down the checksums that are missing, where checksums are kept and the system does not refuse, and returns
    /// how many these were.
    ///
    /// # Errors
    /// `ReadOnly`, `Io`.
    fn note_checksums(&self) -> Result<u64>;
}
