//! Garbage collection beside its floor: listing, reading and looking up every link, and unlinking what goes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sepia::batch::Batch;
use sepia::class::{Class, Format};
use sepia::{Root, Store};

use super::peak;
use crate::bench::floor::{self, Directory};
use crate::bench::ground::Fresh;
use crate::bench::measure::{Race, Rounds};
use crate::bench::results::{Row, Unit};
use crate::bench::{Bench, Result, machine};

/// How many links a container has.
const LINKS: usize = 1000;

pub(super) fn run(bench: &Bench<'_>) -> Result {
    bench.case("collection_mark, per link", mark)?;
    bench.case("collection_memory, per object", room)
}

pub(super) fn run_sweeping(bench: &Bench<'_>) -> Result {
    bench.case("collection_sweep, per object", sweep)
}

fn collect(store: &Store) -> sepia::gc::Gc<'_> {
    store.gc([Root::class("Folder")]).grace(Duration::ZERO)
}

/// Decides what is to go: nothing.
fn mark(bench: &Bench<'_>) -> Result<Row> {
    let count = bench.collected();
    let store = fill(bench, count)?;
    let row = Race::default()
        .side("sepia", |_| {
            let report = collect(&store).dry_run().run()?;
            assert_eq!((report.live(), report.swept()), ((count + count / LINKS) as u64, 0));
            Ok(())
        })
        .side("floor", |_| floor::mark(store.path(), count, machine::cores()))
        .run(bench.collection_rounds())?;
    Ok(row.per(count))
}

/// Marks, and sweeps half of the notes. It can be done but once, so each round of each side has a store of its own.
fn sweep(bench: &Bench<'_>) -> Result<Row> {
    let (count, rounds) = (bench.swept(), Rounds { count: 3, size: 1 });
    let stores = || (0..rounds.operations()).map(|_| fill(bench, count)).collect::<Result<Vec<_>>>();
    let (stores, others) = (stores()?, stores()?);
    for store in stores.iter().chain(&others) {
        for number in 0..count / LINKS / 2 {
            fs::remove_dir_all(store.path().join("Folder").join(number.to_string()))?;
        }
    }
    let half = count / LINKS / 2 * LINKS;
    let row = Race::default()
        .side("sepia", |at| {
            assert_eq!(collect(&stores[at]).run()?.swept(), half as u64);
            Ok(())
        })
        .side("floor", |at| {
            let path = others[at].path();
            floor::mark(path, count, machine::cores())?;
            let notes = Directory::open(&path.join("Note"))?;
            (0..half).try_for_each(|number| Ok(notes.remove(&name(number))?))
        })
        .run(rounds)?;
    Ok(row.per(half))
}

/// What marking takes of memory at most.
fn room(bench: &Bench<'_>) -> Result<Row> {
    let count = bench.collected();
    let most = peak::apart(MARKING, fill(bench, count)?.path())?;
    Ok(Row::new(Unit::Bytes).with("sepia", most).per(count))
}

/// The subject of a process of its own: what [`room`] measures.
pub(super) const MARKING: &str = "mark";

pub(super) fn mark_alone(directory: &Path) -> Result<u64> {
    let store = Store::open(directory)?;
    peak::taken(|| Ok(collect(&store).dry_run().run()?))
}

/// Of the length that ids have by default.
fn name(number: usize) -> String {
    format!("note-0192f0c1-7a51-7cc3-9d3e-{number:012}")
}

/// Makes a store by hand: so many notes, and folders that link to all of them.
fn fill(bench: &Bench<'_>, count: usize) -> Result<Fresh<Store>> {
    let store = bench.store()?;
    let path = store.path();
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Note", Format::Text))?;
    batch.declare(&Class::container("Folder"))?;
    store.backend().commit(batch)?;
    for class in ["Note", "Folder"] {
        fs::create_dir_all(path.join(class))?;
    }
    let notes = Directory::open(&path.join("Note"))?;
    let folders = Directory::open(&path.join("Folder"))?;
    for folder in 0..count / LINKS {
        let directory = folders.make_directory(&format!("{folder}"))?;
        let links = directory.make_directory("notes")?;
        for at in 0..LINKS {
            let name = name(folder * LINKS + at);
            notes.make_bare(&name, b"")?;
            links.link(&format!("{at:04}_{name}"), &format!("../../../Note/{name}"))?;
        }
        directory.make_bare("data.json", b"{}\n")?;
    }
    Ok(store)
}
