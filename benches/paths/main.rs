//! `cargo bench`: every operation beside its floor, and the same workload on every backend.
//!
//! `benches/bench` has the operations, and says what the command line takes; `backends` is only here.

mod backends;
#[path = "../bench/mod.rs"]
mod bench;

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::main(concat!(env!("CARGO_MANIFEST_DIR"), "/.."), &[], &[bench::WORKLOADS, &[backends::run]].concat())
}
