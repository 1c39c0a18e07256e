//! What is common to commands that take objects into a store: the rule for conflicts, and what has become of them.

use std::io::Write;

use clap::ValueEnum;
use sepia::transfer::{IntakeReport, OnConflict};
use serde::Serialize;

use crate::failure::Result;
use crate::output::Output;
use crate::render::text::size;

/// What becomes of objects that are stored already, with another content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rule {
    /// Write nothing at all
    #[default]
    Fail,
    /// What is stored stays
    Keep,
    /// What comes takes its place
    Replace,
    /// Add the generations that are missing, and keep what the side with the newer one has
    Newest,
}

impl From<Rule> for OnConflict {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Fail => Self::Fail,
            Rule::Keep => Self::Keep,
            Rule::Replace => Self::Replace,
            Rule::Newest => Self::NewestGeneration,
        }
    }
}

/// Prints what has become of the objects.
pub(crate) fn print(out: &mut Output, report: &IntakeReport) -> Result<()> {
    #[derive(Serialize)]
    struct Line {
        added: u64,
        replaced: u64,
        equal: u64,
        kept: u64,
        bytes: u64,
        strays: u64,
    }
    let IntakeReport { added, replaced, equal, kept, bytes, strays, .. } = *report;
    if out.is_for_programs() {
        return out.json(&Line { added, replaced, equal, kept, bytes, strays });
    }
    write!(out, "{added} added, {replaced} replaced, {equal} there already")?;
    if kept > 0 {
        write!(out, ", {kept} kept that differ")?;
    }
    writeln!(out, "; {} written", size(bytes))?;
    if strays > 0 {
        writeln!(out, "files in {strays} of them are not Sepia's, and were left behind")?;
    }
    Ok(())
}
