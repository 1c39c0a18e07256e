//! One load, one save and the opening of a database that is small, and of one that is large.

use std::hint::black_box;
use std::path::Path;

use sepia::{Durability, Store};

use super::bare::{self, Bare};
use crate::Result;
use crate::ground::{Fresh, Ground};
use crate::measure::{Variant, interleave};
use crate::objects::Note;
use crate::table::{Row, Table, thousands};

/// A database of so many notes, on both sides.
struct Class {
    store: Fresh<Store>,
    bare: Fresh<Bare>,
    count: usize,
}

/// How many notes are made at once.
const AT_ONCE: usize = 10_000;

impl Class {
    fn new(ground: &Ground, count: usize) -> Result<Self> {
        let store = ground.sqlite(Durability::Buffered)?;
        let mut bare = ground.fresh_file(|path| Bare::open(path, Durability::Buffered))?;
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

pub(super) fn print(ground: &Ground) -> Result {
    let [small, large] = ground.database_growth();
    let at = |side: &str, count| format!("{side} at {}", thousands(count));
    let mut table = Table::new(&[
        at("sqlite", small),
        at("sqlite", large),
        "ratio".to_owned(),
        at("bare", small),
        at("bare", large),
        "ratio".to_owned(),
    ]);
    let (small, large) = (Class::new(ground, small)?, Class::new(ground, large)?);
    let measure = |sepia: &dyn Fn(&Class, usize) -> Result, floor: &dyn Fn(&Class, usize) -> Result| -> Result<Row> {
        let mut sepia_small = |at: usize| sepia(&small, at);
        let mut sepia_large = |at: usize| sepia(&large, at);
        let mut floor_small = |at: usize| floor(&small, at);
        let mut floor_large = |at: usize| floor(&large, at);
        let variants: [Variant<'_>; 4] = [&mut sepia_small, &mut sepia_large, &mut floor_small, &mut floor_large];
        Ok(Row::of_growth(interleave(ground.growth_rounds(), variants)?))
    };
    let open = |path: &Path| Store::builder().durability(Durability::Buffered).sqlite(path);
    let opening = measure(
        &|class, _| {
            black_box(open(class.store.path())?);
            Ok(())
        },
        &|class, _| {
            black_box(Bare::open(class.bare.path(), Durability::Buffered)?);
            Ok(())
        },
    )?;
    table.print("backends_growth_open", &opening);
    let loading = measure(
        &|class, at| {
            black_box(class.store.load::<Note>(&class.note(at).id)?);
            Ok(())
        },
        &|class, at| {
            black_box(class.bare.load(&class.note(at).id)?);
            Ok(())
        },
    )?;
    table.print("backends_growth_load", &loading);
    let saving = measure(&|class, at| Ok(class.store.save(&class.note(at).revised())?), &|class, at| {
        class.bare.save(&class.note(at).revised(), &mut Vec::new())
    })?;
    table.print("backends_growth_save", &saving);
    Ok(())
}
