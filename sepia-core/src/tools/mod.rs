//! What works on any store without its types: on records.

#[cfg(feature = "backup")]
pub mod backup;
pub mod gc;
pub(crate) mod progress;
pub(crate) mod roots;
pub mod transfer;
pub mod verify;
