//! From store to store, and to other programs: [`CopyTo`], [`Export`], [`Import`].
//!
//! What is read is of one moment, however much there is of it and whoever writes meanwhile. What is written
//! is compared with what is stored first, in one way: [`OnConflict`].

mod copy;
pub(crate) mod draft;
mod intake;
pub(crate) mod moment;

pub use copy::{CopyReport, CopyTo};
pub use intake::{IntakeReport, OnConflict};

pub(crate) use intake::Intake;
