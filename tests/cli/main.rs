//! The command `sepia`, driven as a process on real stores.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

mod changing;
mod databases;
mod docs;
mod documents;
mod example;
mod finding;
mod foreign;
mod help;
mod hostile;
mod looking;
mod moving;
mod oversize;
mod private;
mod stores;
mod terminal;
mod verifying;
