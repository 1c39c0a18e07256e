//! The bench with peers: what people would use instead of Sepia, in the same run.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --dir DIRECTORY
//! … -- --peers redb,LMDB new_leaf load_leaf       these peers and operations
//! … -- --save docs/performance/disk.tsv           what the documentation is made of
//! ```
//!
//! `benches/bench` has the operations, and says what else the command line takes. Every peer gets the same JSON under a
//! key that is class and id, and promises what its file says: `Sync` is like Sepia's with all of them but sled, `Buffered` is
//! not.

#[path = "../../bench/mod.rs"]
mod bench;
mod cacache;
mod files;
mod fjall;
mod lmdb;
mod redb;
mod sled;
mod sqlite;

use std::process::ExitCode;

fn main() -> ExitCode {
    let peers = [
        &fjall::Fjall as &dyn bench::peer::Peer,
        &sled::Sled,
        &lmdb::Lmdb,
        &redb::Redb,
        &sqlite::Sqlite,
        &cacache::Cacache,
        &files::Files,
    ];
    bench::main(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."), &peers, bench::WORKLOADS)
}
