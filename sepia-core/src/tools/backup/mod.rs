//! Backups: a whole store, or part of it, as of one moment in one tar archive; and restoring them.
//!
//! - [`Store::backup`](crate::Store::backup) makes one, also while others write, also relative to an earlier one.
//! - [`Archive`] reads one: what is in it, and whether it is intact.
//! - [`Store::restore`](crate::Store::restore) puts it into a store, empty or not.
//!
//! The archive is a plain tar file, compressed with the feature `zstd` if asked for: `tar tvf` lists it, and what
//! `tar x` makes of its `objects` is a store. Its format is specified in `docs/backup.md`.
//!
//! ```
//! # use sepia_core as sepia;
//! # use sepia::batch::{Batch, Expect};
//! # use sepia::class::{Class, Format};
//! # use sepia::record::{Key, Record};
//! use sepia::Store;
//! use sepia::backup::Archive;
//!
//! # fn main() -> sepia::Result<()> {
//! # let directory = tempfile::tempdir().expect("a temporary directory");
//! # let path = directory.path().join("monday.tar");
//! # let tuesday = directory.path().join("tuesday.tar");
//! let store = Store::in_memory();
//! # let mut batch = Batch::new();
//! # batch.declare(&Class::serializable("Note", Format::Text))?;
//! # batch.put(Key::new("Note", "a")?, Record::Leaf(b"Milk".to_vec()), Expect::Any);
//! # store.backend().commit(batch)?;
//! store.backup().to_file(&path)?;
//! let monday = Archive::open(&path)?;
//! let known = monday.verify()?;
//! assert_eq!(known.records().len(), 1);
//!
//! // What has not changed since is not in the next one.
//! let report = store.backup().since(&known).to_file(&tuesday)?;
//! assert_eq!((report.records, report.included), (1, 0));
//!
//! let empty = Store::in_memory();
//! empty.restore(&Archive::open(&tuesday)?).base(&monday).run()?;
//! assert_eq!(empty.classes()?, ["Note"]);
//! # Ok(())
//! # }
//! ```

mod archive;
mod header;
mod manifest;
mod output;
mod read;
mod record;
mod restore;
mod tar;
mod write;

pub use archive::Archive;
pub use header::Header;
pub use manifest::{Listed, Manifest, RecordKind};
pub use restore::{Restore, RestoreReport};
pub use write::{Backup, BackupReport};

/// The first entry: what this is.
const HEADER: &str = "sepia-backup.json";
/// The directory of the objects, which is a store.
const OBJECTS: &str = "objects";
/// The last entry: what there should be.
const MANIFEST: &str = "manifest.jsonl";
