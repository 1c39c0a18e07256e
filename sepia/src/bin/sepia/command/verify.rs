//! `sepia verify`: what is wrong in a store.

use std::io::Write;

use clap::Args;
use sepia::Severity;
use sepia::verify::{Found, VerifyReport};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::locate::Access;
use crate::output::{DIM, NAME, Output, PLUS, WRONG};
use crate::progress::Bar;
use crate::render::object::Named;
use crate::render::text::{count, printable, size};

/// Find what is wrong, and mend it
///
/// Reads everything: dangling links, broken values, files in the wrong places, leftovers of programs that died, and, in a
/// store with checksums, what the disk has changed. --repair mends it without losing anything: what has to go is moved
/// into .sepia/quarantine. What only your program knows is left: whether a field may be missing whose link dangles, and
/// whether names with gaps in their numbers are those of a list.
///
/// With --json, one object: {records, bytes, checked, unchecked, noted, clean, problems: [{kind, severity, object, path,
/// message, mended, refused}]}. Exits with 1 if something is wrong and not mended.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Mend what is wrong
    #[arg(long)]
    repair: bool,
    /// Also remove dangling links that are a field by themselves; an object that needs the field cannot be loaded then
    #[arg(long, requires = "repair")]
    remove_dangling: bool,
    /// Do not print what is only worth knowing
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    records: u64,
    bytes: u64,
    checked: u64,
    unchecked: u64,
    noted: u64,
    clean: bool,
    problems: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    severity: &'static str,
    #[serde(flatten)]
    object: Option<Named>,
    path: &'a str,
    message: &'a str,
    mended: Option<&'a str>,
    refused: Option<&'a str>,
}

impl Verify {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let access = if self.repair { Access::Write } else { Access::Read };
        let store = session.store(&[], access)?;
        let bar = Bar::new();
        let mut verify = store.verify().on_progress(|progress| bar.show(progress));
        if self.repair {
            verify = if self.remove_dangling { verify.remove_dangling() } else { verify.repair() };
        }
        let report = verify.run()?;
        drop(bar);
        let found: Vec<&Found> = report.problems.iter().filter(|found| !self.quiet || is_wrong(found)).collect();
        let out = &mut session.out;
        if out.is_for_programs() {
            let VerifyReport { objects, bytes, checked, unchecked, noted, .. } = report;
            let (clean, problems) = (report.is_clean(), found.into_iter().map(line).collect());
            out.json(&Report { records: objects, bytes, checked, unchecked, noted, clean, problems })?;
        } else {
            found.into_iter().try_for_each(|found| print(out, found))?;
            summary(out, &report)?;
        }
        Ok(Answer::is(report.is_clean()))
    }
}

fn is_wrong(found: &Found) -> bool {
    found.problem.kind.severity() == Severity::Problem
}

fn line(found: &Found) -> Line<'_> {
    let problem = &found.problem;
    Line {
        kind: problem.kind.as_str(),
        severity: if is_wrong(found) { "problem" } else { "notice" },
        object: problem.key.as_ref().map(Named::from),
        path: &problem.path,
        message: &problem.message,
        mended: found.mended.as_deref(),
        refused: found.refused.as_deref(),
    }
}

fn print(out: &mut Output, found: &Found) -> Result<()> {
    let problem = &found.problem;
    let style = if is_wrong(found) { WRONG } else { DIM };
    write!(out, "{}  {}", out.paint(style, problem.kind), out.paint(NAME, printable(&problem.path)))?;
    writeln!(out, ": {}", printable(&problem.message))?;
    if let Some(mended) = &found.mended {
        writeln!(out, "  {}: {}", out.paint(PLUS, "mended"), printable(mended))?;
    }
    if let Some(refused) = &found.refused {
        writeln!(out, "  {}: {}", out.paint(WRONG, "not mended"), printable(refused))?;
    }
    Ok(())
}

fn summary(out: &mut Output, report: &VerifyReport) -> Result<()> {
    let number = |which: &dyn Fn(&&Found) -> bool| report.problems.iter().filter(which).count() as u64;
    let wrong = number(&|found| is_wrong(found) && found.mended.is_none());
    let mended = number(&|found| found.mended.is_some());
    let notices = number(&|found| !is_wrong(found) && found.mended.is_none());
    write!(out, "{}, {}", count(report.objects, "record"), size(report.bytes))?;
    if report.checked + report.unchecked > 0 {
        write!(out, ", {} of {} files have checksums", report.checked, report.checked + report.unchecked)?;
    }
    write!(out, ": {}", if wrong == 0 { "nothing is wrong".to_owned() } else { count(wrong, "problem") })?;
    if mended > 0 {
        write!(out, ", {mended} mended")?;
    }
    if notices > 0 {
        write!(out, ", {notices} worth knowing")?;
    }
    writeln!(out)?;
    Ok(())
}
