//! From store to store, and to other programs and back.
//!
//! - [`Store::copy_to`](crate::Store::copy_to) copies into another store, of whatever kind.
//! - `Store::export` writes JSON Lines, and `Store::import` reads them (feature `export`).
//!
//! What is read is of one moment, however much there is of it and whoever writes meanwhile. What is written is compared
//! with what is stored first, in one way: [`OnConflict`]; and what a store may not hold is refused before anything is
//! written: a file in a class of containers or the other way round, and both spellings of one generation 0.
//!
//! # JSON Lines
//!
//! The first line is `{"sepia":{"format":1,"classes":{..}}}`, with the classes as in a store's `format.json`; each
//! other line is an object of the store, in no particular order:
//!
//! ```json
//! {"class":"Board","id":"work","data":{"name":"Work"},"entries":{"pinned":{"link":["Postit","report"]}}}
//! {"class":"Postit","id":"report","text":"The report"}
//! ```
//!
//! A serializable object has, by the content of its class, a `json`, a `text` or a `base64`. A container has
//! `entries`, by name: links; nested containers, which look like others, but for class and id; and collections,
//! `{"collection":{..}}`. `data` is the JSON of its `data.json`.
//!
//! An import makes the files of this JSON as Sepia writes them, number by number as they stand there. Where a file
//! does not look so, because it was formatted by hand, its `text` stands beside the JSON, and where it is no JSON at
//! all, alone, as `text` or `base64`.

mod copy;
pub(crate) mod draft;
#[cfg(feature = "export")]
mod export;
pub(crate) mod fit;
#[cfg(feature = "export")]
mod import;
mod intake;
#[cfg(feature = "export")]
mod lines;
pub(crate) mod moment;
#[cfg(any(feature = "backup", feature = "export"))]
pub(crate) mod place;
mod spool;

pub use copy::{CopyReport, CopyTo};
#[cfg(feature = "export")]
#[cfg_attr(docsrs, doc(cfg(feature = "export")))]
pub use export::{Export, ExportReport};
#[cfg(feature = "export")]
#[cfg_attr(docsrs, doc(cfg(feature = "export")))]
pub use import::{Import, ImportReport};
pub use intake::{IntakeReport, OnConflict};

#[cfg(feature = "backup")]
pub(crate) use intake::{Hidden, Intake, Source};
