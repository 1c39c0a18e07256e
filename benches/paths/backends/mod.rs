//! The same typed workload on every backend, side by side, and beside SQLite by itself.

mod bare;
mod cached;
mod growth;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use sepia::{Durability, Id, Store};

use crate::Result;
use crate::ground::{Fresh, Ground};
use crate::measure::{Rounds, Variant, interleave};
use crate::objects::{Cover, Folder, Index, IsFolder, Note, Notes};
use crate::table::{Row, Table, thousands};
use bare::Bare;

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
];

/// Measures those operations that `selects` names.
pub(crate) fn print(ground: &Ground, selects: impl Fn(&str) -> bool) -> Result {
    let mut table = Table::new(&["files µs", "memory µs", "sqlite µs", "bare sqlite µs", "sqlite : bare"]);
    for (name, measure) in OPERATIONS.iter().filter(|(name, _)| selects(name)) {
        table.print(name, &measure(ground)?);
    }
    if selects("backends_cached") {
        cached::print(ground)?;
    }
    if selects("backends_growth") {
        growth::print(ground)?;
    }
    if selects("backends_room") {
        print_room(ground)?;
    }
    Ok(())
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
            sqlite: ground.sqlite(durability)?,
            bare: ground.fresh_file(|path| Bare::open(path, durability))?,
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
    ) -> Result<[f64; 4]> {
        let Self { files, memory, sqlite, bare: floor } = self;
        let mut on_files = |at| sepia(files, at);
        let mut in_memory = |at| sepia(memory, at);
        let mut in_sqlite = |at| sepia(sqlite, at);
        let mut by_hand = |at| bare(floor, at);
        let variants: [Variant<'_>; 4] = [&mut on_files, &mut in_memory, &mut in_sqlite, &mut by_hand];
        interleave(rounds, variants)
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
    let times = save(&mut sides, ground.leaf_rounds(), &notes)?;
    Ok(Row::of_backends(times))
}

fn overwrite(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let revised: Vec<_> = notes.iter().map(Note::revised).collect();
    Ok(Row::of_backends(save(&mut sides, ground.leaf_rounds(), &revised)?))
}

fn durable(ground: &Ground) -> Result<Row> {
    let rounds = ground.durable_rounds();
    let notes: Vec<_> = (0..rounds.operations()).map(Note::numbered).collect();
    let mut sides = Sides::new(ground, Durability::Sync)?;
    Ok(Row::of_backends(save(&mut sides, rounds, &notes)?))
}

fn save(sides: &mut Sides, rounds: Rounds, notes: &[Note]) -> Result<[f64; 4]> {
    let mut buffer = Vec::new();
    let sepia = |store: &Store, at: usize| Ok(store.save(&notes[at])?);
    let times = sides.measure(rounds, sepia, |bare, at| bare.save(&notes[at], &mut buffer))?;
    sides.check(notes)?;
    Ok(times)
}

fn unchanged(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let mut buffer = Vec::new();
    let sepia = |store: &Store, at: usize| Ok(store.save(&notes[at])?);
    let times = sides.measure(ground.leaf_rounds(), sepia, |bare, at| {
        assert!(bare.is_stored(&notes[at], &mut buffer)?);
        Ok(())
    })?;
    Ok(Row::of_backends(times))
}

fn load(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let sepia = |store: &Store, at: usize| {
        black_box(store.load::<Note>(&notes[at].id)?);
        Ok(())
    };
    let times = sides.measure(ground.leaf_rounds(), sepia, |bare, at| {
        black_box(bare.load(&notes[at].id)?);
        Ok(())
    })?;
    sides.check(&notes)?;
    Ok(Row::of_backends(times))
}

fn exists(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let mut sides = Sides::with(ground, &notes)?;
    let sepia = |store: &Store, at: usize| {
        assert!(store.exists(&notes[at].id)?);
        Ok(())
    };
    let times = sides.measure(ground.leaf_rounds(), sepia, |bare, at| {
        assert!(bare.has(&notes[at].id)?);
        Ok(())
    })?;
    Ok(Row::of_backends(times))
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
    let times = sides.measure(rounds, sepia, |bare, round| {
        bare.together(|transaction| of(round).iter().try_for_each(|note| bare::save(transaction, note, &mut buffer)))
    })?;
    sides.check(&notes)?;
    Ok(Row::of_backends(times.map(|time| time / count as f64)))
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
    let times = sides.measure(rounds, sepia, |bare, at| bare.save_folder(&folders[at], &mut buffer))?;
    Ok(Row::of_backends(times))
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
    let times = sides.measure(ground.container_rounds(LINKS), sepia, |bare, at| {
        black_box(bare.load_folder(&folders[at].id)?);
        Ok(())
    })?;
    for (object, folder) in objects.iter().zip(&folders) {
        assert!(sides.sqlite.load::<Index>(object.id())? == *object);
        assert!(Index::from(sides.bare.load_folder(&folder.id)?) == *object);
    }
    Ok(Row::of_backends(times))
}

fn list(ground: &Ground) -> Result<Row> {
    let notes: Vec<_> = (0..10 * ground.together()).map(Note::numbered).collect();
    let mut sides = Sides::with(ground, &notes)?;
    let sepia = |store: &Store, _| {
        assert_eq!(store.ids::<Note>()?.len(), notes.len());
        Ok(())
    };
    let times = sides.measure(ground.list_rounds(), sepia, |bare, _| {
        assert_eq!(bare.ids()?.len(), notes.len());
        Ok(())
    })?;
    Ok(Row::of_backends(times.map(|time| time / notes.len() as f64)))
}

/// Prints what the same notes take on the disk.
fn print_room(ground: &Ground) -> Result {
    let notes: Vec<_> = (0..ground.together()).map(Note::numbered).collect();
    let Sides { files, sqlite, bare, .. } = Sides::with(ground, &notes)?;
    let (files_at, sqlite_at, bare_at) = (files.path().to_owned(), sqlite.path().to_owned(), bare.path().to_owned());
    files.into_inner().close()?;
    sqlite.into_inner().close()?;
    drop(bare);
    let each = |bytes: u64| bytes / notes.len() as u64;
    println!(
        "\nbackends_room, bytes on the disk for each of {} leaves:  files {}, sqlite {}, bare sqlite {}",
        thousands(notes.len()),
        each(room(&files_at)?),
        each(room(&sqlite_at)?),
        each(room(&bare_at)?)
    );
    Ok(())
}

/// What a file takes on the disk, or a directory with everything in it.
fn room(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path)?;
    let mut room = metadata.blocks() * 512;
    if metadata.is_dir() {
        let entries: Vec<PathBuf> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        for entry in entries {
            room += self::room(&entry)?;
        }
    }
    Ok(room)
}
