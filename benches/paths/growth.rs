//! The same operations in a small class and in a large one: nothing may cost more as its class
//! grows, beyond what the file system itself takes more.

use std::hint::black_box;

use sepia::Store;

use crate::Result;
use crate::floor::Directory;
use crate::ground::{Fresh, Ground};
use crate::leaves::{self, both_with};
use crate::measure::{Rounds, Variant, interleave};
use crate::objects::Note;
use crate::table::{Row, Table, thousands};

type Operation = (&'static str, fn(&Classes) -> Result<Row>);

/// Overwriting comes last: it frees blocks, and what is made soon afterwards is slower.
const OPERATIONS: &[Operation] =
    &[("growth_load", load), ("growth_unchanged", unchanged), ("growth_new", new), ("growth_overwrite", overwrite)];

/// Measures those operations that `selects` names.
pub(crate) fn print(ground: &Ground, selects: impl Fn(&str) -> bool) -> Result {
    let mut selected = OPERATIONS.iter().filter(|(name, _)| selects(name)).peekable();
    if selected.peek().is_none() {
        return Ok(());
    }
    let [small, large] = ground.growth();
    let at = |side: &str, count| format!("{side} at {}", thousands(count));
    let mut table = Table::new(&[
        at("sepia", small),
        at("sepia", large),
        "ratio".to_owned(),
        at("floor", small),
        at("floor", large),
        "ratio".to_owned(),
    ]);
    let rounds = ground.growth_rounds();
    let classes = Classes { small: Class::new(ground, small)?, large: Class::new(ground, large)?, rounds };
    for (name, measure) in selected {
        table.print(name, &measure(&classes)?);
    }
    classes.small.check(small)?;
    classes.large.check(large)
}

struct Classes {
    small: Class,
    large: Class,
    rounds: Rounds,
}

/// A class on both sides.
struct Class {
    store: Fresh<Store>,
    floor: Fresh<Directory>,
    /// Some of its notes, from everywhere in it.
    notes: Vec<Note>,
}

impl Class {
    fn new(ground: &Ground, count: usize) -> Result<Self> {
        let (store, floor) = both_with(ground, (0..count).map(Note::numbered))?;
        // A prime number, so that no note comes twice before all have come.
        let number = |operation| operation * 7919 % count;
        let notes =
            (0..ground.growth_rounds().operations()).map(|operation| Note::numbered(number(operation))).collect();
        Ok(Self { store, floor, notes })
    }

    fn check(&self, least: usize) -> Result {
        assert!(self.store.count::<Note>()? >= least as u64);
        self.store.check_same(&self.floor)
    }
}

impl Classes {
    /// Measures an operation that both sides do with one note.
    fn measure(
        &self,
        notes: impl Fn(&Class) -> Vec<Note>,
        sepia: impl Fn(&Store, &Note) -> Result,
        floor: impl Fn(&Directory, &Note) -> Result,
    ) -> Result<Row> {
        let (small, large) = (&self.small, &self.large);
        let (few, many) = (notes(small), notes(large));
        let mut sepia_small = |at: usize| sepia(&small.store, &few[at]);
        let mut sepia_large = |at: usize| sepia(&large.store, &many[at]);
        let mut floor_small = |at: usize| floor(&small.floor, &few[at]);
        let mut floor_large = |at: usize| floor(&large.floor, &many[at]);
        let variants: [Variant<'_>; 4] = [&mut sepia_small, &mut sepia_large, &mut floor_small, &mut floor_large];
        let times = interleave(self.rounds, variants)?;
        Ok(Row::of_growth(times))
    }
}

fn load(classes: &Classes) -> Result<Row> {
    classes.measure(
        |class| class.notes.clone(),
        |store, note| {
            black_box(store.load::<Note>(&note.id)?);
            Ok(())
        },
        |class, note| {
            black_box(leaves::read(class, &note.id)?);
            Ok(())
        },
    )
}

fn unchanged(classes: &Classes) -> Result<Row> {
    classes.measure(
        |class| class.notes.clone(),
        |store, note| Ok(store.save(note)?),
        |class, note| {
            assert!(leaves::is_stored(class, note, &mut Vec::new())?);
            Ok(())
        },
    )
}

fn overwrite(classes: &Classes) -> Result<Row> {
    classes.measure(
        |class| class.notes.iter().map(Note::revised).collect(),
        |store, note| Ok(store.save(note)?),
        |class, note| leaves::replace(class, note, &mut Vec::new()),
    )
}

fn new(classes: &Classes) -> Result<Row> {
    classes.measure(
        |class| (0..class.notes.len()).map(|number| Note::numbered(900_000 + number)).collect(),
        |store, note| Ok(store.save(note)?),
        |class, note| leaves::make(class, note, &mut Vec::new()),
    )
}
