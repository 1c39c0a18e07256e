//! What is loaded, beside what is got from a cache: validated each time, or trusted.

use std::hint::black_box;
use std::time::Duration;

use sepia::{CacheOptions, Durability, Id, Object, Store};

use crate::Result;
use crate::ground::Ground;
use crate::measure::{Rounds, interleave};
use crate::objects::{Album, Cover, Folder, IsFolder, Note, Notes};
use crate::table::{Table, side_by_side};

/// How long files must have been as they are before the cache goes by their times.
const SETTLING: Duration = Duration::from_millis(200);

/// More than all objects take.
const BUDGET: u64 = 1 << 30;

pub(super) fn print(ground: &Ground) -> Result {
    let mut table = Table::new(&["files µs", "memory µs", "sqlite µs"]);
    let notes = ground.notes();
    let albums: Vec<Album> = (0..ground.container_rounds(10).operations()).map(album).collect();
    let (files, sqlite) = (ground.store()?, ground.sqlite(Durability::Buffered)?);
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
    table.print("backends_cached, load leaf", &side_by_side(each(&plain, rounds, &ids, load)?));
    table.print("backends_cached, get leaf", &side_by_side(each(&validated, rounds, &ids, get)?));
    table.print("… trusted", &side_by_side(each(&trusted, rounds, &ids, get)?));

    let rounds = ground.container_rounds(10);
    let ids: Vec<_> = albums.iter().map(|album| album.id().clone()).collect();
    table.print("backends_cached, load 10 owned", &side_by_side(each(&plain, rounds, &ids, load)?));
    table.print("backends_cached, get 10 owned", &side_by_side(each(&validated, rounds, &ids, get)?));
    table.print("… trusted", &side_by_side(each(&trusted, rounds, &ids, get)?));
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
) -> Result<[f64; 3]> {
    for store in stores {
        ids.iter().try_for_each(|id| operation(store, id))?;
    }
    let [files, memory, sqlite] = stores;
    let mut on_files = |at: usize| operation(files, &ids[at]);
    let mut in_memory = |at: usize| operation(memory, &ids[at]);
    let mut in_sqlite = |at: usize| operation(sqlite, &ids[at]);
    interleave(rounds, [&mut on_files, &mut in_memory, &mut in_sqlite])
}

fn load<T: Object>(store: &Store, id: &Id<T>) -> Result {
    black_box(store.load::<T>(id)?);
    Ok(())
}

fn get<T: Object + Send + Sync>(store: &Store, id: &Id<T>) -> Result {
    black_box(store.get::<T>(id)?);
    Ok(())
}
