//! What is loaded, beside what is got from a cache: validated each time, or trusted.

use std::hint::black_box;
use std::time::Duration;

use sepia::{CacheOptions, Durability, Id, Object, Store};

use super::database;
use crate::bench::measure::{Race, Rounds};
use crate::bench::objects::{Album, Cover, Folder, IsFolder, Note, Notes};
use crate::bench::results::Row;
use crate::bench::table::Pair;
use crate::bench::{Bench, Result};

/// How long files must have been as they are before the cache goes by their times.
const SETTLING: Duration = Duration::from_millis(200);

/// More than all objects take.
const BUDGET: u64 = 1 << 30;

/// What is compared.
const FILES_AND_SQLITE: Pair = ("files", "sqlite");

pub(super) fn run(ground: &Bench<'_>) -> Result {
    if !ground.selects("backends_cached") {
        return Ok(());
    }
    let print = |name: &str, row| ground.case_of(FILES_AND_SQLITE, &format!("backends_cached, {name}"), |_| row);
    let notes = ground.notes();
    let albums: Vec<Album> = (0..ground.container_rounds(10).operations()).map(album).collect();
    let (files, sqlite) = (ground.store()?, database(ground, Durability::Buffered)?);
    let memory = Store::in_memory();
    let stores = [&*files, &memory, &*sqlite];
    for store in stores {
        store.save_all(&notes)?;
        store.save_all(&albums)?;
    }
    std::thread::sleep(SETTLING);
    let validated = stores.map(|store| store.with_cache(CacheOptions::new(BUDGET)));
    let trusted = stores.map(|store| store.with_cache(CacheOptions::new(BUDGET).trust(Duration::from_secs(3600))));

    let rounds = ground.leaf_rounds();
    let ids: Vec<_> = notes.iter().map(|note| note.id.clone()).collect();
    let plain = stores.map(Store::clone);
    print("load leaf", each(&plain, rounds, &ids, load))?;
    print("get leaf", each(&validated, rounds, &ids, get))?;
    print("get leaf, trusted", each(&trusted, rounds, &ids, get))?;

    let rounds = ground.container_rounds(10);
    let ids: Vec<_> = albums.iter().map(|album| album.id().clone()).collect();
    print("load 10 owned", each(&plain, rounds, &ids, load))?;
    print("get 10 owned", each(&validated, rounds, &ids, get))?;
    print("get 10 owned, trusted", each(&trusted, rounds, &ids, get))?;
    Ok(())
}

/// An album with ten notes of its own.
fn album(number: usize) -> Album {
    let notes = (0..10).map(|at| Note::numbered(500_000 + 10 * number + at)).collect();
    Folder { id: format!("album-{number:06}"), cover: Cover::numbered(number), notes: Notes::Owned(notes) }.into()
}

/// Measures an operation on each of three stores; once before, so that what can be kept is.
fn each<T: Object + Send + Sync>(
    stores: &[Store; 3],
    rounds: Rounds,
    ids: &[Id<T>],
    operation: fn(&Store, &Id<T>) -> Result,
) -> Result<Row> {
    for store in stores {
        ids.iter().try_for_each(|id| operation(store, id))?;
    }
    let [files, memory, sqlite] = stores;
    Race::default()
        .side("files", |at| operation(files, &ids[at]))
        .side("memory", |at| operation(memory, &ids[at]))
        .side("sqlite", |at| operation(sqlite, &ids[at]))
        .run(rounds)
}

fn load<T: Object>(store: &Store, id: &Id<T>) -> Result {
    black_box(store.load::<T>(id)?);
    Ok(())
}

fn get<T: Object + Send + Sync>(store: &Store, id: &Id<T>) -> Result {
    black_box(store.get::<T>(id)?);
    Ok(())
}
