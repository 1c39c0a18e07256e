//! What memory a container takes that is saved or loaded, beside that of its objects alone. Each in a process of its
//! own, so that nothing lies about that another has freed.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use sepia::{Durability, Store};

use super::collection;
use crate::bench::measure::median;
use crate::bench::objects::{Album, Index, IsFolder};
use crate::bench::options::ALONE;
use crate::bench::results::{Row, Unit};
use crate::bench::table::Pair;
use crate::bench::{Bench, Result, calls, memory};

const LINKS: usize = 10_000;

/// The system counts what is resident in batches of pages, so one figure alone is a rough one.
const REPETITIONS: usize = 7;

/// What is compared: the most that was resident, the objects among it, and the objects by themselves.
const PEAK_AND_OBJECTS: Pair = ("sepia", "objects");

/// What a process does, and how.
type Subject = (&'static str, fn(&Path) -> Result<u64>);

const SUBJECTS: &[Subject] = &[
    ("make links", make::<Index>),
    ("save links", save::<Index>),
    ("load links", load::<Index>),
    ("make owned", make::<Album>),
    ("save owned", save::<Album>),
    ("load owned", load::<Album>),
    (collection::MARKING, collection::mark_alone),
    (calls::SUBJECT, calls::alone),
];

pub(super) fn run(bench: &Bench<'_>) -> Result {
    for what in ["links", "owned"] {
        let [saved, loaded] = ["save", "load"].map(|how| format!("peak_memory, {how} {LINKS} {what}"));
        if !bench.selects_any(&[&saved, &loaded]) {
            continue;
        }
        let mut figures = [const { Vec::new() }; 3];
        for _ in 0..REPETITIONS {
            let directory = bench.fresh();
            // What is loaded was saved by the one before.
            for (figures, how) in figures.iter_mut().zip(["make", "save", "load"]) {
                figures.push(apart(&format!("{how} {what}"), &directory)?);
            }
        }
        let [objects, by_save, by_load] = figures.map(median);
        for (name, most) in [(saved, by_save), (loaded, by_load)] {
            let row = Row::new(Unit::Bytes).with("sepia", most).with("objects", objects);
            bench.case_of(PEAK_AND_OBJECTS, &name, |_| Ok(row))?;
        }
    }
    Ok(())
}

/// Has a process measure a subject.
pub(super) fn apart(subject: &str, directory: &Path) -> Result<f64> {
    fs::create_dir_all(directory)?;
    let output = Command::new(std::env::current_exe()?).arg(ALONE).arg(subject).arg(directory).output()?;
    if !output.status.success() {
        return Err(format!("{subject}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Measures one subject in this process, and prints what it takes.
pub(crate) fn alone(subject: &str, directory: &Path) -> Result {
    let (_, measure) = SUBJECTS.iter().find(|(name, _)| *name == subject).ok_or("there is no such subject")?;
    println!("{}", measure(directory)?);
    Ok(())
}

/// Bytes that are resident beyond what was before: at most, or in the end.
pub(super) fn taken<T>(work: impl FnOnce() -> Result<T>) -> Result<u64> {
    let unknown = "this system does not tell what a process takes of memory";
    let before = memory::resident().ok_or(unknown)?;
    memory::forget();
    black_box(work()?);
    Ok(memory::most().ok_or(unknown)?.saturating_sub(before))
}

/// The objects by themselves.
fn make<T: IsFolder>(_: &Path) -> Result<u64> {
    taken(|| Ok(T::gathered("many", LINKS)))
}

fn save<T: IsFolder>(directory: &Path) -> Result<u64> {
    let store = store(directory)?;
    store.save(&T::gathered("few", 10))?;
    taken(|| {
        let folder = T::gathered("many", LINKS);
        store.save(&folder)?;
        Ok(folder)
    })
}

fn load<T: IsFolder>(directory: &Path) -> Result<u64> {
    let store = store(directory)?;
    black_box(store.load::<T>("few")?);
    taken(|| Ok(store.load::<T>("many")?))
}

fn store(directory: &Path) -> Result<Store> {
    Ok(Store::builder().durability(Durability::Buffered).open(directory.join("store"))?)
}
