//! The proof of the journal, and of databases: processes that die at every step, calls that fail, power that goes, and
//! many processes at once. The quick part runs with the other tests; the rest is behind `--ignored`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod bounds;
mod canary;
mod contained;
mod counts;
mod craft;
mod deep;
mod descriptors;
mod failures;
mod fair;
mod histories;
mod hostile;
mod kinds;
mod leavings;
mod model;
mod order;
mod power;
mod private;
mod races;
mod readers;
mod scenario;
mod shared;
mod sqlite;
mod steps;
mod stopped;
mod stopped_repair;
mod storm;
mod stuck;
mod support;
mod upkeep;
