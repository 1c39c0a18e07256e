//! Whatever stands in a store, a database or an archive, left by a stranger or a bad disk: no panic, no call that takes
//! long or much memory, and nothing outside the store is touched. Files that real stores have written (`corpus/`) are
//! changed at random, half of them with checksums that are right again, and everything is done with the result.
//!
//! The quick rounds run with the other tests, the same ones everywhere. `SEPIA_FUZZ_SECONDS=3600 cargo test -p sepia --test
//! fuzz -- --ignored for_long` runs each target for so long. What fails prints its seed; `SEPIA_FUZZ_SEED` runs that one alone. The corpus is made anew by
//! `cargo test -p sepia --test fuzz -- --ignored makes_the_corpus`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod archives;
#[path = "../crash/canary.rs"]
mod canary;
mod corpus;
#[allow(dead_code, reason = "shared with the tests of crashes")]
#[path = "../crash/craft.rs"]
mod craft;
mod databases;
mod files;
mod machine;
mod mutate;
