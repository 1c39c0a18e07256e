//! Records without types: read, changed and written by what they hold, for programs that do not know the types.
//!
//! A [`Document`] is one object as [`Store::document`](crate::Store::document) reads it and
//! [`Store::put_document`](crate::Store::put_document) writes it. Values are JSON text, so that no digit of a number is
//! lost; links, nested documents and collections are [`Member`]s. A document that was not changed is not written; of one
//! that was, only the files are that changed, in the form in which typed saves write them.
//!
//! ```
//! # use sepia_core as sepia;
//! use sepia::Store;
//! use sepia::batch::Batch;
//! use sepia::class::Class;
//! use sepia::document::Document;
//! use sepia::record::Key;
//!
//! # fn main() -> sepia::Result<()> {
//! # let store = Store::in_memory();
//! # let mut batch = Batch::new();
//! # batch.declare(&Class::container("Board"))?;
//! # store.backend().commit(batch)?;
//! let key = Key::new("Board", "work")?; // of a class that the store declares
//! let mut board = Document::container(key.clone());
//! board.set("name", "Work")?;
//! board.set_json("budget", "12345678901234567890123.50")?;
//! store.put_document(&mut board)?;
//!
//! let mut board = store.document(&key)?;
//! board.set("name", "Play")?;
//! store.put_document(&mut board)?; // `Conflict` if somebody else has changed it meanwhile
//! assert_eq!(store.document(&key)?.value("budget"), Some("12345678901234567890123.50"));
//! # Ok(())
//! # }
//! ```

mod body;
mod collection;
mod content;
mod members;
mod read;
mod write;

pub use body::Body;
pub use collection::{Collection, Member};
pub use content::Document;
