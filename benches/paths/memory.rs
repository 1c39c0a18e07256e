//! The memory backend, beside a map of encoded objects behind a lock.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};

use sepia::{Id, Store};

use crate::ground::Ground;
use crate::measure::interleave;
use crate::objects::Note;
use crate::table::Row;
use crate::{Case, Result};

pub(crate) const CASES: &[Case] = &[("memory_new", new), ("memory_load", load)];

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

fn new(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let (store, floor) = (Store::in_memory(), Floor::default());
    let mut sepia = |at: usize| -> Result { Ok(store.save(&notes[at])?) };
    let mut by_floor = |at: usize| floor.save(&notes[at]);
    let times = interleave(ground.leaf_rounds(), [&mut sepia, &mut by_floor])?;
    check(&store, &floor, &notes)?;
    Ok(Row::new(times))
}

fn load(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let (store, floor) = (Store::in_memory(), Floor::default());
    for note in &notes {
        store.save(note)?;
        floor.save(note)?;
    }
    let mut sepia = |at: usize| -> Result {
        black_box(store.load::<Note>(&notes[at].id)?);
        Ok(())
    };
    let mut by_floor = |at: usize| -> Result {
        black_box(floor.load(&notes[at].id)?);
        Ok(())
    };
    let times = interleave(ground.leaf_rounds(), [&mut sepia, &mut by_floor])?;
    check(&store, &floor, &notes)?;
    Ok(Row::new(times))
}

fn check(store: &Store, floor: &Floor, notes: &[Note]) -> Result {
    for note in notes {
        assert_eq!((&store.load::<Note>(&note.id)?, &floor.load(&note.id)?), (note, note));
    }
    Ok(())
}
