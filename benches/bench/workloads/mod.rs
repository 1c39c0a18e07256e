//! The operations.

mod collection;
mod containers;
mod durable;
mod growth;
mod history;
mod leaves;
mod memory;
mod peak;
mod room;
mod tree;

use super::Workload;

pub(crate) use leaves::both_with;
pub(crate) use peak::alone;

/// In the order in which they disturb each other least: overwriting and sweeping free blocks, and what is made soon
/// afterwards is slower.
pub(crate) const WORKLOADS: &[Workload] = &[
    leaves::run,
    containers::run,
    tree::run,
    memory::run,
    history::run,
    collection::run,
    room::run,
    peak::run,
    growth::run,
    leaves::run_overwriting,
    containers::run_changing,
    durable::run,
    collection::run_sweeping,
];
