//! `cargo bench`: every operation beside its floor, and the same workload on every backend.
//!
//! `benches/bench` has the operations, and says what the command line takes; `backends` and `report` are only here.

mod backends;
#[path = "../bench/mod.rs"]
mod bench;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::main(&[], &[bench::WORKLOADS, &[backends::run]].concat(), Some(report::run))
}
