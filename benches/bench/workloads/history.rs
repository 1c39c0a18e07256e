//! The newest generation at the end of a short history and of a long one.

use std::hint::black_box;

use sepia::{Id, Serializable, Store};

use crate::bench::floor::{Directory, buffer};
use crate::bench::ground::Fresh;
use crate::bench::measure::Race;
use crate::bench::results::{Row, thousands};
use crate::bench::{Bench, Result};

/// A leaf of a class that keeps generations.
#[derive(Clone, Serializable)]
#[sepia(generations)]
struct Draft {
    id: Id<Draft>,
    text: String,
}

/// What the file of a [`Draft`] holds.
#[derive(serde::Deserialize)]
struct DraftFields {
    text: String,
}

pub(super) fn run(bench: &Bench<'_>) -> Result {
    for generations in bench.histories() {
        let name = |operation| format!("history_{operation} at {}", thousands(generations));
        bench.case(&name("load"), |bench| load(bench, generations))?;
        bench.case(&name("update"), |bench| update(bench, generations))?;
    }
    Ok(())
}

/// A store with a history of so many generations.
fn store(bench: &Bench<'_>, generations: usize) -> Result<Fresh<Store>> {
    let store = bench.store()?;
    let mut draft = Draft { id: Id::first("draft"), text: "It weaves algebraic patterns.".to_owned() };
    store.save(&draft)?;
    for _ in 1..generations {
        store.save_next(&mut draft)?;
    }
    Ok(store)
}

/// The floor knows which generation is the newest, and makes sure that there is no newer one.
fn load(bench: &Bench<'_>, generations: usize) -> Result<Row> {
    let store = store(bench, generations)?;
    let class = Directory::open(&store.path().join("Draft"))?;
    let [newest, next] = [generations - 1, generations].map(|number| format!("draft.{number}"));
    Race::default()
        .side("sepia", |_| {
            black_box(store.load::<Draft>("draft")?);
            Ok(())
        })
        .side("floor", |_| {
            let DraftFields { text } = serde_json::from_slice(class.read(&newest, &mut buffer())?)?;
            black_box(Draft { id: newest.as_str().into(), text });
            if class.exists(&next)? { Err("there is a newer one".into()) } else { Ok(()) }
        })
        .run(bench.growth_rounds())
}

fn update(bench: &Bench<'_>, generations: usize) -> Result<Row> {
    let store = store(bench, generations)?;
    Race::default()
        .side("sepia", |_| {
            store.update::<Draft>("draft", |draft| {
                draft.text.push('.');
                draft.text.truncate(60);
                Ok(())
            })?;
            Ok(())
        })
        .run(bench.growth_rounds())
}
