//! Where records live: the contract that every backend keeps, and the backends of this crate.
//!
//! # Guarantees
//! - **Exact.** What [`read`](Backend::read) returns is equal, byte for byte, to what was last put,
//!   but for [strays](crate::record::Entry::Stray) and empty collections that hands have left there.
//! - **Absent** means that nothing is stored under the key. It is `None` or `false`, never an error.
//!   What is there and cannot be understood is an error, never absent.
//! - **Order.** A commit that has returned is seen by every read that begins afterwards, in every
//!   thread, and by every later commit's expectations. Commits take effect one after another.
//! - **Expectations** are checked for the whole batch before its first change, and no other commit
//!   comes in between. If one is not met, the commit is `Conflict` and nothing has changed.
//! - **Isolation.** Of a leaf, a read sees the content before or after any commit, never a mixture. Of a
//!   container, and of several records read one after another, it may see some of a commit and not the
//!   rest, and a read that runs beside a commit may be `Corrupt` or lack what the commit moves.
//! - **Classes.** A put into a class that is not declared, there or in the same batch, is
//!   `ClassClash`, and so is a declaration that contradicts the stored one; retiring a class that has
//!   records which the batch does not delete is `Conflict`. Nothing has changed then.
//! - **Records.** A backend holds every record that passes [`Record::check`], and refuses any other with
//!   `InvalidValue`.
//! - **Names.** A backend holds every [`Key`] and every [`Name`](crate::record::Name), and tells
//!   any two apart. One that cannot (a file system that folds case) refuses the second with `InvalidName`;
//!   of two within one container it may find that out halfway, as in a failed commit.
//! - **A failed commit** other than by a refusal named here (an error of the system in the middle)
//!   may leave some of the batch's records changed, each of them whole: a leaf's file is old or new,
//!   never partial.
//!
//! # A backend of one's own
//!
//! One that wraps another, and counts what is read from it:
//!
//! ```
//! # use sepia_core as sepia;
//! use std::path::Path;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! use sepia::backend::{Backend, Memory};
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
//!     fn contains(&self, key: &Key) -> Result<bool> {
//!         self.inner.contains(key)
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
//!     fn ids(&self, class: &str, each: &mut dyn FnMut(&str)) -> Result<()> {
//!         self.inner.ids(class, each)
//!     }
//!
//!     fn generations(&self, base: &Key) -> Result<Vec<Key>> {
//!         self.inner.generations(base)
//!     }
//!
//!     fn root(&self) -> Option<&Path> {
//!         self.inner.root()
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
mod memory;

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use crate::batch::Batch;
use crate::class::Class;
use crate::error::Result;
use crate::record::{Key, Record};

#[cfg(unix)]
pub use fs::Filesystem;
pub use memory::Memory;

/// How a `Filesystem` is opened; what [`StoreBuilder`](crate::StoreBuilder) sets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Takes a directory that is no store yet for one. `false` by default.
    pub adopt_existing: bool,
    /// Writes nothing. `false` by default.
    pub read_only: bool,
    /// How long a write waits for other writers. Ten seconds by default.
    pub lock_timeout: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { adopt_existing: false, read_only: false, lock_timeout: Duration::from_secs(10) }
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

    /// Returns whether the key has a record, without reading it.
    ///
    /// # Errors
    /// `Corrupt` if the class cannot be looked into, `Io`.
    fn contains(&self, key: &Key) -> Result<bool>;

    /// Makes every change of the batch, or refuses it and makes none.
    ///
    /// # Errors
    /// `Conflict`, `ClassClash`, `InvalidName`, `InvalidValue`, `Corrupt`, `UnsupportedFormat`, `ReadOnly`,
    /// `Locked`: nothing has changed. Any other: see *a failed commit* in the [module](self)'s
    /// documentation.
    fn commit(&self, batch: Batch) -> Result<()>;

    /// Returns the declared classes, sorted by name.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat` or `Io` if their list cannot be read.
    fn classes(&self) -> Result<Vec<Class>>;

    /// Calls `each` with every id of a class, in no particular order. A class that is not declared
    /// has none.
    ///
    /// # Errors
    /// `Corrupt` if the class cannot be looked into, `Io`. `each` may have been called before.
    fn ids(&self, class: &str, each: &mut dyn FnMut(&str)) -> Result<()>;

    /// Returns the keys of all stored generations of `base`, oldest first; `base` itself is
    /// generation 0.
    ///
    /// # Errors
    /// As [`ids`](Backend::ids).
    fn generations(&self, base: &Key) -> Result<Vec<Key>>;

    /// Returns the directory in which the records are files, if they are. A backend that wraps
    /// another passes on what that one says.
    fn root(&self) -> Option<&Path> {
        None
    }
}
