//! The same typed workload on every backend, side by side, and beside SQLite by itself.

mod bare;
mod cached;
mod growth;

use std::fs;
use std::hint::black_box;
use std::path::Path;

use sepia::{Durability, Id, Store};

use crate::bench::ground::{Fresh, Ground, room};
use crate::bench::measure::{Race, Rounds};
use crate::bench::objects::{Cover, Folder, Index, IsFolder, Note, Notes};
use crate::bench::results::{Row, Unit};
use crate::bench::table::Pair;
use crate::bench::{Bench, Result};
use bare::Bare;

/// What is compared.
const SQLITE_AND_BARE: Pair = ("sqlite", "bare sqlite");

type Operation = (&'static str, fn(&Ground) -> Result<Row>);

const OPERATIONS: &[Operation] = &[
    ("backends_new_leaf", new),
    ("backends_unchanged_leaf", unchanged),
    ("backends_overwrite_leaf", overwrite),
    ("backends_load_leaf", load),
    ("backends_exists_leaf", exists),
    ("backends_durable_leaf", durable),
    ("backends_durable_together, each", together),
    ("backends_durable_all, each", all),
    ("backends_new_10_links", new_folder::<10>),
    ("backends_load_10_links", load_folder::<10>),
    ("backends_new_10000_links", new_folder::<10_000>),
    ("backends_load_10000_links", load_folder::<10_000>),
    ("backends_list, per id", list),
    ("backends_room, per leaf", room_taken),
];

/// Measures what is asked for.
pub(crate) fn run(bench: &Bench<'_>) -> Result {
    for (name, measure) in OPERATIONS {
        bench.case_of(SQLITE_AND_BARE, name, |bench| measure(bench))?;
    }
    cached::run(bench)?;
    growth::run(bench)
}

/// A store of each kind, and a database without one.
struct Sides {
    files: Fresh<Store>,
    memory: Store,
    sqlite: Fresh<Store>,
    bare: Fresh<Bare>,
}

impl Sides {
    fn new(ground: &Ground, durability: Durability) -> Result<Self> {
        Ok(Self {
            files: ground.store_with(durability)?,
            memory: Store::in_memory().with_durability(durability),
            sqlite: database(ground, durability)?,
            bare: fresh_file(ground, |path| Bare::open(path, durability))?,
        })
    }

    fn with(ground: &Ground, notes: &[Note]) -> Result<Self> {
        let mut sides = Self::new(ground, Durability::Buffered)?;
        for store in [&*sides.files, &sides.memory, &*sides.sqlite] {
            for notes in notes.chunks(10_000) {
                store.save_all(notes)?;
            }
        }
        let mut buffer = Vec::new();
        sides
            .bare
            .together(|transaction| notes.iter().try_for_each(|note| bare::save(transaction, note, &mut buffer)))?;
        Ok(sides)
    }

    /// Measures an operation on each.
    fn measure(
        &mut self,
        rounds: Rounds,
        sepia: impl Fn(&Store, usize) -> Result,
        mut bare: impl FnMut(&mut Bare, usize) -> Result,
    ) -> Result<Row> {
        let Self { files, memory, sqlite, bare: floor } = self;
        Race::default()
            .side("files", |at| sepia(files, at))
            .side("memory", |at| sepia(memory, at))
            .side("sqlite", |at| sepia(sqlite, at))
            .side("bare sqlite", |at| bare(floor, at))
            .run(rounds)
    }

    /// Makes sure that all have the same notes.
    fn check(&self, notes: &[Note]) -> Result {
        for note in notes {
            for store in [&*self.files, &self.memory, &*self.sqlite] {
                assert_eq!(&store.load::<Note>(&note.id)?, note);
            }
            assert_eq!(&self.bare.load(&note.id)?, note);
        }
        Ok(())
    }
}

fn new(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::new(ground, Durability::Buffered)?;
    save(&mut sides, ground.leaf_rounds(), &notes)
}

fn overwrite(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let revised: Vec<_> = notes.iter().map(Note::revised).collect();
    save(&mut sides, ground.leaf_rounds(), &revised)
}

fn durable(ground: &Ground) -> Result<Row> {
    let rounds = ground.durable_rounds();
    let notes: Vec<_> = (0..rounds.operations()).map(Note::numbered).collect();
    let mut sides = Sides::new(ground, Durability::Sync)?;
    save(&mut sides, rounds, &notes)
}

fn save(sides: &mut Sides, rounds: Rounds, notes: &[Note]) -> Result<Row> {
    let mut buffer = Vec::new();
    let sepia = |store: &Store, at: usize| Ok(store.save(&notes[at])?);
    let row = sides.measure(rounds, sepia, |bare, at| bare.save(&notes[at], &mut buffer))?;
    sides.check(notes)?;
    Ok(row)
}

fn unchanged(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let mut buffer = Vec::new();
    let sepia = |store: &Store, at: usize| Ok(store.save(&notes[at])?);
    let row = sides.measure(ground.leaf_rounds(), sepia, |bare, at| {
        assert!(bare.is_stored(&notes[at], &mut buffer)?);
        Ok(())
    })?;
    Ok(row)
}

fn load(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let sepia = |store: &Store, at: usize| {
        black_box(store.load::<Note>(&notes[at].id)?);
        Ok(())
    };
    let row = sides.measure(ground.leaf_rounds(), sepia, |bare, at| {
        black_box(bare.load(&notes[at].id)?);
        Ok(())
    })?;
    sides.check(&notes)?;
    Ok(row)
}

fn exists(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let sepia = |store: &Store, at: usize| {
        assert!(store.exists(&notes[at].id)?);
        Ok(())
    };
    let row = sides.measure(ground.leaf_rounds(), sepia, |bare, at| {
        assert!(bare.has(&notes[at].id)?);
        Ok(())
    })?;
    Ok(row)
}

fn together(ground: &Ground) -> Result<Row> {
    as_one(ground, |store, notes| {
        Ok(store.transaction(|transaction| notes.iter().try_for_each(|note| transaction.save(note)))?)
    })
}

fn all(ground: &Ground) -> Result<Row> {
    as_one(ground, |store, notes| Ok(store.save_all(notes)?))
}

fn as_one(ground: &Ground, save: impl Fn(&Store, &[Note]) -> Result) -> Result<Row> {
    let (count, rounds) = (ground.together(), Rounds { count: 4, size: 1 });
    let notes: Vec<_> = (0..rounds.operations() * count).map(Note::numbered).collect();
    let of = |round: usize| &notes[round * count..(round + 1) * count];
    let mut sides = Sides::new(ground, Durability::Sync)?;
    let mut buffer = Vec::new();
    let sepia = |store: &Store, round| save(store, of(round));
    let row = sides.measure(rounds, sepia, |bare, round| {
        bare.together(|transaction| of(round).iter().try_for_each(|note| bare::save(transaction, note, &mut buffer)))
    })?;
    sides.check(&notes)?;
    Ok(row.per(count))
}

fn folders(ground: &Ground, links: usize) -> Vec<Folder> {
    let ids: Vec<Id<Note>> = (0..links).map(|number| Note::numbered(number).id).collect();
    let folder = |number| Folder {
        id: format!("folder-{number:06}"),
        cover: Cover::numbered(number),
        notes: Notes::Linked(ids.clone()),
    };
    (0..ground.container_rounds(links).operations()).map(folder).collect()
}

fn new_folder<const LINKS: usize>(ground: &Ground) -> Result<Row> {
    let (folders, mut sides) = (folders(ground, LINKS), Sides::new(ground, Durability::Buffered)?);
    let objects: Vec<Index> = self::folders(ground, LINKS).into_iter().map(Index::from).collect();
    let mut buffer = Vec::new();
    let sepia = |store: &Store, at: usize| Ok(store.save(&objects[at])?);
    let rounds = ground.container_rounds(LINKS);
    let row = sides.measure(rounds, sepia, |bare, at| bare.save_folder(&folders[at], &mut buffer))?;
    Ok(row)
}

fn load_folder<const LINKS: usize>(ground: &Ground) -> Result<Row> {
    let (folders, mut sides) = (folders(ground, LINKS), Sides::new(ground, Durability::Buffered)?);
    let objects: Vec<Index> = self::folders(ground, LINKS).into_iter().map(Index::from).collect();
    for object in &objects {
        for store in [&*sides.files, &sides.memory, &*sides.sqlite] {
            store.save(object)?;
        }
    }
    let mut buffer = Vec::new();
    folders.iter().try_for_each(|folder| sides.bare.save_folder(folder, &mut buffer))?;
    let sepia = |store: &Store, at: usize| {
        black_box(store.load::<Index>(objects[at].id())?);
        Ok(())
    };
    let row = sides.measure(ground.container_rounds(LINKS), sepia, |bare, at| {
        black_box(bare.load_folder(&folders[at].id)?);
        Ok(())
    })?;
    for (object, folder) in objects.iter().zip(&folders) {
        assert!(sides.sqlite.load::<Index>(object.id())? == *object);
        assert!(Index::from(sides.bare.load_folder(&folder.id)?) == *object);
    }
    Ok(row)
}

fn list(ground: &Ground) -> Result<Row> {
    let notes: Vec<_> = (0..10 * ground.together()).map(Note::numbered).collect();
    let mut sides = Sides::with(ground, &notes)?;
    let sepia = |store: &Store, _| {
        assert_eq!(store.ids::<Note>()?.len(), notes.len());
        Ok(())
    };
    let row = sides.measure(ground.list_rounds(), sepia, |bare, _| {
        assert_eq!(bare.ids()?.len(), notes.len());
        Ok(())
    })?;
    Ok(row.per(notes.len()))
}

/// What the same notes take on the disk.
fn room_taken(ground: &Ground) -> Result<Row> {
    let notes: Vec<_> = (0..ground.together()).map(Note::numbered).collect();
    let Sides { files, sqlite, bare, .. } = Sides::with(ground, &notes)?;
    let (files_at, sqlite_at, bare_at) = (files.path().to_owned(), sqlite.path().to_owned(), bare.path().to_owned());
    files.into_inner().close()?;
    sqlite.into_inner().close()?;
    drop(bare);
    let mut row = Row::new(Unit::Bytes);
    for (side, path) in [("files", &files_at), ("sqlite", &sqlite_at), ("bare sqlite", &bare_at)] {
        row = row.with(side, room(path)? as f64);
    }
    Ok(row.per(notes.len()))
}

/// Opens a store in a database of its own.
fn database(ground: &Ground, durability: Durability) -> Result<Fresh<Store>> {
    fresh_file(ground, |path| Ok(Store::builder().durability(durability).sqlite(path)?))
}

/// Makes something in a file of its own, alone in a directory.
fn fresh_file<T>(ground: &Ground, make: impl FnOnce(&Path) -> Result<T>) -> Result<Fresh<T>> {
    let directory = ground.fresh();
    fs::create_dir_all(&directory)?;
    let path = directory.join("data.db");
    Ok(Fresh::new(make(&path)?, path))
}
