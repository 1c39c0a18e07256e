//! The memory backend, beside a map of encoded objects behind a lock.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};

use sepia::{Id, Store};

use crate::bench::measure::Race;
use crate::bench::objects::Note;
use crate::bench::results::Row;
use crate::bench::{Bench, Result};

pub(super) fn run(bench: &Bench<'_>) -> Result {
    bench.case("memory_new", new)?;
    bench.case("memory_load", load)
}

#[derive(Default)]
struct Floor(RwLock<BTreeMap<Box<str>, Vec<u8>>>);

impl Floor {
    fn save(&self, note: &Note) -> Result {
        let mut content = Vec::with_capacity(256);
        note.encode(&mut content)?;
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(note.id.as_str().into(), content);
        Ok(())
    }

    fn load(&self, id: &Id<Note>) -> Result<Note> {
        let notes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Note::decode(id, notes.get(id.as_str()).ok_or("the note is not there")?)
    }
}

fn new(bench: &Bench<'_>) -> Result<Row> {
    let notes = bench.notes();
    let (store, floor) = (Store::in_memory(), Floor::default());
    let row = Race::default()
        .side("sepia", |at| Ok(store.save(&notes[at])?))
        .side("floor", |at| floor.save(&notes[at]))
        .run(bench.leaf_rounds())?;
    check(&store, &floor, &notes)?;
    Ok(row)
}

fn load(bench: &Bench<'_>) -> Result<Row> {
    let notes = bench.notes();
    let (store, floor) = (Store::in_memory(), Floor::default());
    for note in &notes {
        store.save(note)?;
        floor.save(note)?;
    }
    let row = Race::default()
        .side("sepia", |at| {
            black_box(store.load::<Note>(&notes[at].id)?);
            Ok(())
        })
        .side("floor", |at| {
            black_box(floor.load(&notes[at].id)?);
            Ok(())
        })
        .run(bench.leaf_rounds())?;
    check(&store, &floor, &notes)?;
    Ok(row)
}

fn check(store: &Store, floor: &Floor, notes: &[Note]) -> Result {
    for note in notes {
        assert_eq!((&store.load::<Note>(&note.id)?, &floor.load(&note.id)?), (note, note));
    }
    Ok(())
}
