//! The newest generation at the end of a short history and of a long one.

use std::hint::black_box;

use sepia::{Id, Serializable, Store};

use crate::Result;
use crate::ground::{Fresh, Ground};
use crate::measure::interleave;
use crate::table::{Table, thousands, times};

/// A leaf of a class that keeps generations.
#[derive(Clone, Serializable)]
#[sepia(generations)]
struct Draft {
    id: Id<Draft>,
    text: String,
}

/// Measures those operations that `selects` names.
pub(crate) fn print(ground: &Ground, selects: impl Fn(&str) -> bool) -> Result {
    let [short, long] = ground.histories();
    let columns = [format!("at {short}"), format!("at {}", thousands(long)), "ratio".to_owned()];
    let mut table = Table::new(&columns);
    for (name, operation) in [("history_load", load as Operation), ("history_update", update)] {
        if selects(name) {
            let (short, long) = (store(ground, short)?, store(ground, long)?);
            let mut at_short = |_| operation(&short);
            let mut at_long = |_| operation(&long);
            table.print(name, &times(interleave(ground.growth_rounds(), [&mut at_short, &mut at_long])?));
        }
    }
    Ok(())
}

type Operation = fn(&Store) -> Result;

/// A store with a history of so many generations.
fn store(ground: &Ground, generations: usize) -> Result<Fresh<Store>> {
    let store = ground.store()?;
    let mut draft = Draft { id: Id::first("draft"), text: "It weaves algebraic patterns.".to_owned() };
    store.save(&draft)?;
    for _ in 1..generations {
        store.save_next(&mut draft)?;
    }
    Ok(store)
}

fn load(store: &Store) -> Result {
    black_box(store.load::<Draft>("draft")?);
    Ok(())
}

fn update(store: &Store) -> Result {
    store.update::<Draft>("draft", |draft| {
        draft.text.push('.');
        draft.text.truncate(60);
        Ok(())
    })?;
    Ok(())
}
