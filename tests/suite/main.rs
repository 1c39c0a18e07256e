//! The suite: what the promises say, in every medium.

#![allow(clippy::redundant_closure_for_method_calls, reason = "what it suggests is no closure for every lifetime")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod adopt;
mod backup;
mod boards;
mod cache;
mod checksums;
mod copy;
mod elsewhere;
mod errors;
mod export;
mod gc;
mod generations;
mod history;
mod hostile;
mod many;
mod memory;
mod model;
mod opening;
mod rough;
mod shapes;
mod snapshots;
mod sqlite;
mod support;
mod transactions;
mod trees;
mod unchanged;
mod values;
mod verify;
