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
    /// What keeps it from being met where it is not, and what was tried.
    pub(super) why: &'static str,
}

const fn of(row: &'static str, path: &'static str, base: Base, most: f64, why: &'static str) -> Target {
    Target { row, path, base, most: [Some(most), Some(most)], why }
}

/// What touches no disk, or is counted in memory, is the same on both.
const fn anywhere(row: &'static str, path: &'static str, base: Base, most: f64, why: &'static str) -> Target {
    Target { row, path, base, most: [Some(most), None], why }
}

/// Where it is about waiting for the disk: tmpfs has none.
const fn on_disk(row: &'static str, path: &'static str, base: Base, most: f64, why: &'static str) -> Target {
    Target { row, path, base, most: [None, Some(most)], why }
}

use Base::{Floor, Micros, Side};

// Why targets are missed. What was tried stands under "What did not pay" with its figures.

const COMMIT: &str = "A commit takes the lock and gives it back, reads in the state what others have done, looks whether \
                      state and class still stand in their places, and says in the state what it does: six calls, and \
                      `getpid`, beside four of the floor. Not looking, and keeping the lock, did not pay.";
const READ: &str = "A reader takes no lock and looks at the state instead, and at what it has opened before it reads it: \
                    two calls beside three of the floor. And `openat2`, which follows no symlink on the way, stands for `openat`.";
const REPLACE: &str = "Lock and state, as for a new leaf. And what is replaced is read first, by five calls that the \
                       floor has not: what another has saved meanwhile is not lost, what is equal is not written. \
                       Exchanging files, and using one again, did not pay.";
const DURABLE: &str = "Lock and state, as for a new leaf. And before the leaf is confirmed: is it there already, may it \
                       be written, is there room, does the journal stand in its place. Then it appears whole; the floor \
                       writes it under its name. Doing likewise did not pay.";
const TOGETHER: &str = "Each leaf is looked for first, its frame is put together and checked, and it appears whole by \
                        four calls, beside three of the floor. Two threads do that; that they write files under their \
                        names did not pay.";
const SLED: &str = "Threads share their waits. sled's `flush` leaves what it confirms in the disk's own cache, and Sepia \
                    does not.";
const FRAME: &str = "Several files are one commit only by a frame in the journal that holds all of them: lock and state, \
                     as for a new leaf, and some ten calls more. A file with all links in place of symlinks was measured \
                     and not built.";
const CONTAINER: &str = "The state is looked at before and after, as a container is several files, and again for each \
                         leaf in it. What stands at its name is tried as a file first. Names of links are checked, and \
                         made into ids that are kept.";
const ENCODE: &str = "The same calls as loading; what is to be saved is encoded besides, and compared.";
const CHANGE: &str = "Saving what is unchanged takes no lock and writes nothing. With ten links, a commit alone (lock, \
                      state, frame) costs more than this target leaves between the two; with 10,000, that does not \
                      explain it.";
const OWNED: &str = "Each leaf is read and compared, with a look at the state; then comes the container's own commit with \
                     its frame.";
const LIST: &str = "Every name is checked, and what is committed and not yet carried out is laid over what is listed; \
                    the directory is opened anew each time, below the store's handle.";
const MEMORY: &str = "Every object is encoded when it is saved and decoded when it is loaded: what is loaded is nobody \
                      else's. A hash table beside the tree, one allocation for an id, and keys escaped at compile time \
                      did not pay.";
const PEAK: &str = "While a commit is made, what it saves is held encoded, and once more in the frame that makes several \
                    files one.";

pub(super) const TARGETS: &[Target] = &[
    Target { row: "new_leaf", path: "new leaf", base: Floor, most: [Some(1.3), Some(1.15)], why: COMMIT },
    of("unchanged_leaf", "unchanged leaf", Floor, 1.2, READ),
    of("overwrite_leaf", "overwritten leaf", Floor, 1.15, REPLACE),
    of("load_leaf", "load a leaf", Floor, 1.15, READ),
    of("durable_leaf", "durable leaf", Floor, 1.15, DURABLE),
    on_disk("durable_leaf", "durable leaf, beside redb", Side("redb"), 1.0, DURABLE),
    on_disk("durable_leaf", "… beside LMDB", Side("LMDB"), 1.0, DURABLE),
    of("durable_together, each", "10,000 leaves in one durable transaction, each", Floor, 1.2, TOGETHER),
    of("durable_threads 16", "durable leaf, 16 threads, beside sled", Side("sled"), 1.3, SLED),
    of("new_10_links", "container of 10 links, new", Floor, 1.15, FRAME),
    of("load_10_links", "… load", Floor, 1.2, CONTAINER),
    of("unchanged_10_links", "… unchanged, beside its load", Side("sepia's load"), 1.1, ENCODE),
    of("change_10_links", "… one change, beside unchanged", Side("sepia, unchanged"), 1.05, CHANGE),
    of("change_10_links", "… one change, beside its floor", Floor, 1.15, FRAME),
    of("new_10000_links", "container of 10,000 links, new", Floor, 1.15, FRAME),
    of("load_10000_links", "… load", Floor, 1.2, CONTAINER),
    of("unchanged_10000_links", "… unchanged, beside its load", Side("sepia's load"), 1.1, ENCODE),
    of("change_10000_links", "… one change, beside unchanged", Side("sepia, unchanged"), 1.05, CHANGE),
    of("new_10_owned", "container of 10 leaves of its own, new", Floor, 1.15, OWNED),
    of("load_10_owned", "… load", Floor, 1.2, CONTAINER),
    of("unchanged_10_owned", "… unchanged, beside its load", Side("sepia's load"), 1.1, ENCODE),
    of("new_10000_owned", "container of 10,000 leaves of its own, new", Floor, 1.15, OWNED),
    of("load_10000_owned", "… load", Floor, 1.2, CONTAINER),
    of("unchanged_10000_owned", "… unchanged, beside its load", Side("sepia's load"), 1.1, ENCODE),
    of("change_10000_owned", "… one change, beside unchanged", Side("sepia, unchanged"), 1.05, CHANGE),
    of("new_tree", "tree of 1,111 containers with 3,333 leaves, new", Floor, 1.2, FRAME),
    of("load_tree", "… load", Floor, 1.2, CONTAINER),
    of("list_ids, per id", "list the ids of a class, each", Floor, 1.5, LIST),
    of("collection_mark, per link", "mark 100,000 links, each", Floor, 1.15, LIST),
    anywhere("memory_new", "new leaf in memory", Micros(1.0), 1.0, MEMORY),
    anywhere("memory_load", "load a leaf from memory", Micros(1.0), 1.0, MEMORY),
    anywhere("peak_memory, save 10000 links", "peak memory, 10,000 links saved", Side("objects"), 3.0, PEAK),
    anywhere("peak_memory, load 10000 links", "… loaded", Side("objects"), 3.0, PEAK),
    anywhere(
        "peak_memory, save 10000 owned",
        "peak memory, 10,000 leaves saved with their container",
        Side("objects"),
        3.0,
        PEAK,
    ),
    anywhere("peak_memory, load 10000 owned", "… loaded", Side("objects"), 3.0, PEAK),
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
