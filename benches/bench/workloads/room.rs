//! What leaves take on the disk.

use std::fs;

use sepia::Durability;

use crate::bench::ground::room;
use crate::bench::results::{Row, Unit};
use crate::bench::{Bench, Result};

pub(super) fn run(bench: &Bench<'_>) -> Result {
    bench.case("room, per leaf", leaves)
}

/// Each store is closed before it is looked at, as far as it can be.
fn leaves(bench: &Bench<'_>) -> Result<Row> {
    let notes = bench.notes();
    let (store, class) = super::both_with(bench, &notes)?;
    let path = store.path().to_owned();
    store.into_inner().close()?;
    let mut row = Row::new(Unit::Bytes).with("sepia", room(&path)? as f64).with("floor", room(class.path())? as f64);
    for peer in &bench.peers {
        let directory = bench.fresh();
        fs::create_dir_all(&directory)?;
        if let Some(database) = peer.open(&directory, Durability::Buffered)? {
            database.save_all(&notes, Vec::new())?;
            drop(database);
            row = row.with(peer.name(), room(&directory)? as f64);
        }
    }
    Ok(row.per(notes.len()))
}
