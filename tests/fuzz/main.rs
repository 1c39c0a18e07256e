//! Fuzzers: what a stranger, or a bad disk, could have left in a store. Whatever that is, every call ends soon, takes
//! little memory, does not panic, and touches nothing outside.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod databases;
