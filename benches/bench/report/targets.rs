//! What every path is to cost at most, and beside what.

/// What Sepia's figure is divided by.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// The bare system calls for the same.
    Floor,
    /// Another side of the same row.
    Side(&'static str),
    /// So many µs.
    Micros(f64),
}

/// A path with its target.
pub(super) struct Target {
    /// The row of the results.
    pub(super) row: &'static str,
    /// What a reader calls it.
    pub(super) path: &'static str,
    pub(super) base: Base,
    /// At most so many times the base, on tmpfs and on a disk. `None` where it makes no difference.
    pub(super) most: [Option<f64>; 2],
}

const fn of(row: &'static str, path: &'static str, base: Base, most: f64) -> Target {
    Target { row, path, base, most: [Some(most), Some(most)] }
}

/// What touches no disk, or is counted in memory, is the same on both.
const fn anywhere(row: &'static str, path: &'static str, base: Base, most: f64) -> Target {
    Target { row, path, base, most: [Some(most), None] }
}

/// Where it is about waiting for the disk: tmpfs has none.
const fn on_disk(row: &'static str, path: &'static str, base: Base, most: f64) -> Target {
    Target { row, path, base, most: [None, Some(most)] }
}

use Base::{Floor, Micros, Side};

pub(super) const TARGETS: &[Target] = &[
    Target { row: "new_leaf", path: "new leaf", base: Floor, most: [Some(1.3), Some(1.15)] },
    of("unchanged_leaf", "unchanged leaf", Floor, 1.2),
    of("overwrite_leaf", "overwritten leaf", Floor, 1.15),
    of("load_leaf", "load a leaf", Floor, 1.15),
    of("durable_leaf", "durable leaf", Floor, 1.15),
    on_disk("durable_leaf", "durable leaf, beside redb", Side("redb"), 1.0),
    on_disk("durable_leaf", "… beside LMDB", Side("LMDB"), 1.0),
    of("durable_together, each", "10,000 leaves in one durable transaction, each", Floor, 1.2),
    of("durable_threads 16", "durable leaf, 16 threads, beside sled", Side("sled"), 1.3),
    of("new_10_links", "container of 10 links, new", Floor, 1.15),
    of("load_10_links", "… load", Floor, 1.2),
    of("unchanged_10_links", "… unchanged, beside its load", Side("sepia's load"), 1.1),
    of("change_10_links", "… one change, beside unchanged", Side("sepia, unchanged"), 1.05),
    of("change_10_links", "… one change, beside its floor", Floor, 1.15),
    of("new_10000_links", "container of 10,000 links, new", Floor, 1.15),
    of("load_10000_links", "… load", Floor, 1.2),
    of("unchanged_10000_links", "… unchanged, beside its load", Side("sepia's load"), 1.1),
    of("change_10000_links", "… one change, beside unchanged", Side("sepia, unchanged"), 1.05),
    of("new_10_owned", "container of 10 leaves of its own, new", Floor, 1.15),
    of("load_10_owned", "… load", Floor, 1.2),
    of("unchanged_10_owned", "… unchanged, beside its load", Side("sepia's load"), 1.1),
    of("new_10000_owned", "container of 10,000 leaves of its own, new", Floor, 1.15),
    of("load_10000_owned", "… load", Floor, 1.2),
    of("unchanged_10000_owned", "… unchanged, beside its load", Side("sepia's load"), 1.1),
    of("change_10000_owned", "… one change, beside unchanged", Side("sepia, unchanged"), 1.05),
    of("new_tree", "tree of 1,111 containers with 3,333 leaves, new", Floor, 1.2),
    of("load_tree", "… load", Floor, 1.2),
    of("list_ids, per id", "list the ids of a class, each", Floor, 1.5),
    of("collection_mark, per link", "mark 100,000 links, each", Floor, 1.15),
    anywhere("memory_new", "new leaf in memory", Micros(1.0), 1.0),
    anywhere("memory_load", "load a leaf from memory", Micros(1.0), 1.0),
    anywhere("peak_memory, save 10000 links", "peak memory, 10,000 links saved", Side("objects"), 3.0),
    anywhere("peak_memory, load 10000 links", "… loaded", Side("objects"), 3.0),
    anywhere(
        "peak_memory, save 10000 owned",
        "peak memory, 10,000 leaves saved with their container",
        Side("objects"),
        3.0,
    ),
    anywhere("peak_memory, load 10000 owned", "… loaded", Side("objects"), 3.0),
];

/// Rows that peers have figures in, too.
pub(super) const COMPARED: &[(&str, &str)] = &[
    ("new_leaf", "new leaf"),
    ("unchanged_leaf", "unchanged leaf"),
    ("overwrite_leaf", "overwritten leaf"),
    ("load_leaf", "load a leaf"),
    ("list_ids, per id", "list 10,000 ids, each"),
    ("durable_leaf", "durable leaf"),
    ("durable_together, each", "10,000 in one durable batch, each"),
    ("durable_threads 16", "durable leaf, 16 threads, each"),
    ("new_10_links", "container of 10 links, new"),
    ("load_10_links", "… load"),
    ("load_10_owned", "… load, with its 10 leaves"),
    ("new_10000_links", "container of 10,000 links, new"),
    ("load_10000_links", "… load"),
    ("unchanged_10000_links", "… unchanged"),
    ("change_10000_links", "… one change"),
    ("load_10000_owned", "… load, with its 10,000 leaves"),
    ("new_tree", "tree of 1,111 containers, 3,333 leaves, new"),
    ("load_tree", "… load"),
];

/// Those of the peers, in the order of their columns.
pub(super) const PEERS: &[&str] = &["fjall", "sled", "LMDB", "redb", "SQLite", "cacache", "fs::write"];

/// Rows of which there are two: in a small class, and in a large one.
pub(super) const GROWING: &[(&str, &str)] = &[
    ("growth_new", "new leaf"),
    ("growth_unchanged", "unchanged leaf"),
    ("growth_overwrite", "overwritten leaf"),
    ("growth_load", "load a leaf"),
    ("growth_exists", "is it there?"),
    ("growth_durable", "durable leaf"),
    ("growth_list, per id", "list ids, each"),
    ("growth_new_10_owned", "container of 10 leaves of the class, new"),
    ("growth_load_10_owned", "… load"),
];

/// At most so many times what the floor itself loses.
pub(super) const GROWTH: f64 = 1.15;
