//! `sepia gc`: what nothing leads to goes.

use std::io::Write;
use std::time::Duration;

use clap::{Args, ValueHint};
use sepia::gc::{ClassReport, GcReport};
use sepia::record::Key;
use serde::Serialize;

use crate::age;
use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::locate::Access;
use crate::locate::object;
use crate::locate::resolve::Records;
use crate::output::{DIM, NAME, WRONG};
use crate::progress::Bar;
use crate::render::object::Named;
use crate::render::text::{count, printable, size};

/// Delete what no link leads to
///
/// Follows links from the roots: objects, and whole classes. Others can use the store meanwhile; what was saved within
/// the last hour is spared, as it may be linked later (--grace).
///
/// With --json, one object: {dry_run, live, swept, bytes, classes: [{class, live, spared, swept, pruned, bytes}],
/// dangling: [{from, to}], refused: [{object, class, id}], ahead: [..], list: [..]}. Exits with 1 if links dangle or something could
/// not be deleted.
#[derive(Args, Debug)]
pub(crate) struct Gc {
    /// What stays, with all that it leads to: Class/id, or a class
    #[arg(value_name = "ROOT", required_unless_present = "everything", value_hint = ValueHint::AnyPath)]
    roots: Vec<String>,
    /// Go ahead without roots: delete everything
    #[arg(long)]
    everything: bool,
    /// Only say what would be deleted
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// List what is deleted
    #[arg(long, short)]
    list: bool,
    /// Keep only the newest of each object's generations, this many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    keep_generations: Option<u64>,
    /// Spare what was changed since: 2d, 12h
    #[arg(long, value_name = "AGE", value_parser = age::parse)]
    older_than: Option<Duration>,
    /// Spare what was saved since and may yet be linked [default: 1h]
    #[arg(long, value_name = "AGE", value_parser = age::parse)]
    grace: Option<Duration>,
}

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    live: u64,
    swept: u64,
    bytes: u64,
    classes: Vec<ClassLine>,
    dangling: Vec<Link>,
    refused: Vec<Named>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ahead: Vec<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Vec<Named>>,
}

#[derive(Serialize)]
struct ClassLine {
    class: String,
    live: u64,
    spared: u64,
    swept: u64,
    pruned: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Link {
    from: Named,
    to: Named,
}

impl Gc {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let access = if self.dry_run { Access::Read } else { Access::Write };
        let store = session.store(&self.roots, access)?;
        let records = Records::of(store.backend())?;
        let roots: Vec<_> = self.roots.iter().map(|root| object::root(&records, root)).collect::<Result<_>>()?;
        let bar = Bar::new();
        let mut gc = store.gc(roots).on_progress(|progress| bar.show(progress));
        if self.everything {
            gc = gc.even_without_roots();
        }
        if self.dry_run {
            gc = gc.dry_run();
        }
        if self.list {
            gc = gc.list();
        }
        if let Some(number) = self.keep_generations {
            gc = gc.keep_generations(number);
        }
        if let Some(age) = self.older_than {
            gc = gc.older_than(age);
        }
        if let Some(age) = self.grace {
            gc = gc.grace(age);
        }
        let report = gc.run()?;
        drop(bar);
        if session.out.is_for_programs() {
            session.out.json(&self.report(&report))?;
        } else {
            self.print(&report, session)?;
        }
        Ok(Answer::is(report.dangling.is_empty() && report.refused.is_empty()))
    }

    fn report(&self, report: &GcReport) -> Report {
        let named = |keys: &[Key]| keys.iter().map(Named::from).collect();
        let class = |line: &ClassReport| {
            let ClassReport { live, spared, swept, pruned, bytes, .. } = *line;
            ClassLine { class: line.class.clone(), live, spared, swept, pruned, bytes }
        };
        Report {
            dry_run: report.dry_run,
            live: report.live(),
            swept: report.swept(),
            bytes: report.bytes(),
            classes: report.classes.iter().map(class).collect(),
            dangling: report.dangling.iter().map(|d| Link { from: (&d.from).into(), to: (&d.to).into() }).collect(),
            refused: named(&report.refused),
            ahead: named(&report.ahead),
            list: self.list.then(|| named(&report.swept)),
        }
    }

    fn print(&self, report: &GcReport, session: &mut Session) -> Result<()> {
        let out = &mut session.out;
        let width = report.classes.iter().map(|line| printable(&line.class).chars().count()).max().unwrap_or(0);
        let head = format!("{:width$}  {:>10}  {:>10}  {:>10}  {:>10}", "", "live", "spared", "swept", "bytes");
        writeln!(out, "{}", out.paint(DIM, head))?;
        for line in &report.classes {
            let name = format!("{:width$}", printable(&line.class));
            let (live, spared, swept) = (line.live, line.spared, line.swept);
            let row = format!("{live:>10}  {spared:>10}  {swept:>10}  {:>10}", size(line.bytes));
            writeln!(out, "{}  {row}", out.paint(NAME, name))?;
        }
        for key in &report.swept {
            writeln!(out, "{}", out.paint(DIM, key.path()))?;
        }
        for link in &report.dangling {
            let (from, to) = (link.from.path(), link.to.path());
            writeln!(out, "{} {from} -> {to}", out.paint(WRONG, "dangling"))?;
        }
        for key in &report.refused {
            writeln!(out, "{} {}: see `sepia verify`", out.paint(WRONG, "could not be deleted"), key.path())?;
        }
        for key in &report.ahead {
            let what = out.paint(WRONG, "dated ahead");
            writeln!(out, "{what} {}: its age counts from the first collection that meets it", key.path())?;
        }
        let done = if report.dry_run { "would sweep" } else { "swept" };
        writeln!(out, "{done} {}, {}", count(report.swept(), "record"), size(report.bytes()))?;
        Ok(())
    }
}
