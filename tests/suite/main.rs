//! The suite: what the promises say, in every medium.

#![allow(clippy::redundant_closure_for_method_calls, reason = "what it suggests is no closure for every lifetime")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod adopt;
mod ahead;
mod backup;
mod boards;
mod cache;
mod check_saves;
mod checksums;
mod copy;
mod documents;
mod editors;
mod elsewhere;
mod errors;
mod exclusive;
mod export;
mod foreign;
mod gc;
mod generations;
mod gone;
mod hidden;
mod history;
mod hostile;
mod journal;
mod limits;
mod listing;
mod many;
mod marks;
mod memory;
mod model;
mod opening;
mod order;
mod oversize;
mod private;
mod requires;
mod rough;
mod serde_attributes;
mod shapes;
mod sides;
mod snapshots;
mod sqlite;
mod support;
mod transactions;
mod trees;
mod unchanged;
mod values;
mod verify;
