//! `sepia stats`: how much of what a store holds.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Write};

use clap::Args;
use sepia::record::Key;
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::resolve::Records;
use crate::output::{DIM, NAME, PLUS};
use crate::progress::Bar;
use crate::render::object::Named;
use crate::render::text::{count, printable, size};
use crate::walk;

/// Where a store's journal stands: see `docs/format.md`.
const JOURNAL: &str = ".sepia/journal";

/// The width of the longest bar.
const BAR: u128 = 24;

/// Count objects, generations and bytes
///
/// The bytes are those of contents and values, as `ls --long` says them.
///
/// With --json, one object: {classes: [{class, objects, records, bytes}], objects, records, bytes, largest:
/// [{object, class, id, bytes}], journal}.
#[derive(Args, Debug)]
pub(crate) struct Stats {
    /// How many of the largest to name
    #[arg(long, value_name = "OBJECTS", default_value_t = 5)]
    largest: usize,
}

#[derive(Default, Serialize)]
struct Counts {
    classes: Vec<ClassLine>,
    #[serde(flatten)]
    all: Sum,
    largest: Vec<Large>,
    /// The bytes of the journal, if the store has one.
    journal: Option<u64>,
}

#[derive(Serialize)]
struct ClassLine {
    class: String,
    #[serde(flatten)]
    sum: Sum,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Sum {
    /// All generations of one object are one.
    objects: u64,
    records: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Large {
    #[serde(flatten)]
    name: Named,
    bytes: u64,
}

impl Stats {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&[], Access::Read)?;
        let records = Records::of(store.backend())?;
        let counts = self.count(&records, session)?;
        if session.out.is_for_programs() {
            session.out.json(&counts)?;
        } else {
            print(&counts, session)?;
        }
        Ok(Answer::Yes)
    }

    fn count(&self, records: &Records<'_>, session: &mut Session) -> Result<Counts> {
        let mut counts = Counts { journal: journal(records)?, ..Counts::default() };
        let mut largest: Vec<(Reverse<u64>, Key)> = Vec::new();
        let bar = Bar::new();
        bar.begin("count", None);
        for class in &records.classes {
            let mut sum = Sum::default();
            let mut bases = HashSet::new();
            for key in walk::keys(records.backend, class.name())? {
                bar.advance();
                let stat = match records.backend.stat(&key) {
                    Ok(Some(stat)) => stat,
                    // Deleted meanwhile.
                    Ok(None) => continue,
                    Err(error) => {
                        session.skip(error);
                        continue;
                    }
                };
                sum.records += 1;
                // Files with holes may claim more than there is.
                sum.bytes = sum.bytes.saturating_add(stat.bytes);
                if class.generations() == Some(true) {
                    bases.insert(key.generation().0);
                } else {
                    sum.objects += 1;
                }
                largest.push((Reverse(stat.bytes), key));
                // What will be dropped is dropped now and then, so that the memory stays small.
                if largest.len() > 2 * self.largest.max(512) {
                    largest.sort();
                    largest.truncate(self.largest);
                }
            }
            sum.objects += bases.len() as u64;
            counts.all.objects += sum.objects;
            counts.all.records += sum.records;
            counts.all.bytes = counts.all.bytes.saturating_add(sum.bytes);
            counts.classes.push(ClassLine { class: class.name().to_owned(), sum });
        }
        largest.sort();
        let largest = largest.into_iter().take(self.largest);
        counts.largest = largest.map(|(Reverse(bytes), key)| Large { name: (&key).into(), bytes }).collect();
        Ok(counts)
    }
}

fn journal(records: &Records<'_>) -> Result<Option<u64>> {
    let Some(root) = records.backend.root() else { return Ok(None) };
    let path = root.join(JOURNAL);
    match fs::metadata(&path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::system("look at", &path)(error)),
    }
}

fn print(counts: &Counts, session: &mut Session) -> Result<()> {
    let out = &mut session.out;
    let most = u128::from(counts.classes.iter().map(|line| line.sum.bytes).max().unwrap_or(0).max(1));
    let total = "all";
    let width = counts.classes.iter().map(|line| printable(&line.class).chars().count()).max().unwrap_or(0);
    let width = width.max(total.len());
    let head = format!("{:width$}  {:>10}  {:>10}  {:>10}", "", "objects", "records", "bytes");
    writeln!(out, "{}", out.paint(DIM, head))?;
    let row = |sum: &Sum| format!("{:>10}  {:>10}  {:>10}", sum.objects, sum.records, size(sum.bytes));
    for ClassLine { class, sum } in &counts.classes {
        let bar = "█".repeat(usize::try_from((u128::from(sum.bytes) * BAR).div_ceil(most)).unwrap_or(0));
        let name = format!("{:width$}", printable(class));
        writeln!(out, "{}  {}  {}", out.paint(NAME, name), row(sum), out.paint(PLUS, bar))?;
    }
    writeln!(out, "{total:width$}  {}", row(&counts.all))?;
    if !counts.largest.is_empty() {
        writeln!(out, "\n{}", out.paint(DIM, "largest"))?;
    }
    for large in &counts.largest {
        writeln!(out, "{:>10}  {}", size(large.bytes), out.paint(NAME, &large.name))?;
    }
    if let Some(journal) = counts.journal {
        writeln!(out, "\n{} {}", out.paint(DIM, "journal"), count(journal, "byte"))?;
    }
    Ok(())
}
