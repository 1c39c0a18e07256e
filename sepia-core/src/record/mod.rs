//! Keys and records: what the store and its tools say to a backend, in plain data.
//!
//! ```
//! # use sepia_core as sepia;
//! use sepia::record::{Entries, Entry, Key, Name, Node, Record};
//!
//! # fn main() -> sepia::Result<()> {
//! let report = Key::new("Postit", "report")?;
//! assert_eq!(report.path(), "Postit/report");
//! assert_eq!(Key::new("Page", "a/b")?.path(), "Page/a%2Fb");
//!
//! // Board/work, with `data.json` and the link `pinned -> ../../Postit/report`.
//! let entries = vec![(Name::of("pinned")?, Entry::Link(report.clone()))];
//! let entries = Entries::new(entries).expect("one entry has one name");
//! let board = Record::Container(Node { data: b"{}\n".to_vec(), entries });
//! board.check()?;
//!
//! let Record::Container(node) = &board else { unreachable!() };
//! assert_eq!(node.entries.get("pinned"), Some(&Entry::Link(report)));
//! # Ok(())
//! # }
//! ```

pub mod batch;
// What no backend of this system keeps, and no archive either, needs no file.
#[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
pub(crate) mod catalog;
pub mod class;
pub(crate) mod error;
mod fingerprint;
pub(crate) mod foreign;
pub(crate) mod json;
mod key;
#[cfg(any(unix, feature = "backup"))]
pub(crate) mod link;
pub(crate) mod memory;
pub(crate) mod name;
pub(crate) mod problem;
pub(crate) mod shape;
pub(crate) mod shared;
mod tree;
mod words;

pub use fingerprint::Fingerprint;
pub use key::Key;
pub(crate) use tree::{ENTRY_SIZE, MAX_DIRECTORIES, MAX_ENTRY_NAME, MAX_NESTING, too_large};
pub use tree::{Entries, Entry, MAX_RECORD_SIZE, Name, Node, Record};
