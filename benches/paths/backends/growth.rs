//! One load, one save and the opening of a database that is small, and of one that is large.

use std::hint::black_box;
use std::path::Path;

use sepia::{Durability, Store};

use super::bare::{self, Bare};
use super::{SQLITE_AND_BARE, database, fresh_file};
use crate::bench::ground::{Fresh, Ground};
use crate::bench::measure::Race;
use crate::bench::objects::Note;
use crate::bench::results::thousands;
use crate::bench::{Bench, Result};

/// A database of so many notes, on both sides.
struct Class {
    store: Fresh<Store>,
    bare: Fresh<Bare>,
    count: usize,
}

/// How many notes a small database has.
const SMALL: usize = 1000;

/// How many notes are made at once.
const AT_ONCE: usize = 10_000;

impl Class {
    fn new(ground: &Ground, count: usize) -> Result<Self> {
        let store = database(ground, Durability::Buffered)?;
        let mut bare = fresh_file(ground, |path| Bare::open(path, Durability::Buffered))?;
        let mut buffer = Vec::new();
        for first in (0..count).step_by(AT_ONCE) {
            let notes: Vec<_> = (first..count.min(first + AT_ONCE)).map(Note::numbered).collect();
            store.save_all(&notes)?;
            bare.together(|tx| notes.iter().try_for_each(|note| bare::save(tx, note, &mut buffer)))?;
        }
        // What the bare one does not do by itself, neither does.
        store.with_durability(Durability::Sync).save(&Note::numbered(0))?;
        Ok(Self { store, bare, count })
    }

    /// A note from somewhere in the class.
    fn note(&self, at: usize) -> Note {
        // A prime number, so that no note comes twice before all have come.
        Note::numbered(at * 7919 % self.count)
    }
}

pub(super) fn run(bench: &Bench<'_>) -> Result {
    if !bench.selects("backends_growth") {
        return Ok(());
    }
    let [small, large] = [SMALL, bench.growth()[1]].map(|count| Class::new(bench, count));
    let (small, large) = (small?, large?);
    let print =
        |name: &str, sepia: &dyn Fn(&Class, usize) -> Result, floor: &dyn Fn(&Class, usize) -> Result| -> Result {
            let row = Race::default()
                .side("small sqlite", |at| sepia(&small, at))
                .side("large sqlite", |at| sepia(&large, at))
                .side("small bare sqlite", |at| floor(&small, at))
                .side("large bare sqlite", |at| floor(&large, at))
                .run(bench.growth_rounds())?;
            for (prefix, class) in [("small ", &small), ("large ", &large)] {
                let name = format!("backends_growth_{name} at {}", thousands(class.count));
                bench.case_of(SQLITE_AND_BARE, &name, |_| Ok(row.split(|side| side.strip_prefix(prefix))))?;
            }
            Ok(())
        };
    let open = |path: &Path| Store::builder().durability(Durability::Buffered).sqlite(path);
    print(
        "open",
        &|class, _| {
            black_box(open(class.store.path())?);
            Ok(())
        },
        &|class, _| {
            black_box(Bare::open(class.bare.path(), Durability::Buffered)?);
            Ok(())
        },
    )?;
    print(
        "load",
        &|class, at| {
            black_box(class.store.load::<Note>(&class.note(at).id)?);
            Ok(())
        },
        &|class, at| {
            black_box(class.bare.load(&class.note(at).id)?);
            Ok(())
        },
    )?;
    print("save", &|class, at| Ok(class.store.save(&class.note(at).revised())?), &|class, at| {
        class.bare.save(&class.note(at).revised(), &mut Vec::new())
    })?;
    Ok(())
}
