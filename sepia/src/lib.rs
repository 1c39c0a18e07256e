//! Typed Rust objects as plain files and folders.

pub use sepia_core::*;
pub use sepia_derive::{Container, Reference, Serializable};

#[doc(hidden)]
pub use sepia_core::derive as __private;
