//! `sepia diff`: how two objects differ.

mod fields;

use std::io::Write;
use std::time::Duration;

use clap::{Args, ValueHint};
use sepia::class::{Format, Kind};
use serde::Serialize;
use similar::udiff::UnifiedHunkHeader;
use similar::{ChangeTag, TextDiff};

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::locate::Access;
use crate::locate::object::{Ids, Object, Part};
use crate::locate::resolve::Records;
use crate::output::{FIELD, MINUS, NAME, Output, PLUS};
use crate::render::text::{count, printable};
use crate::walk;
use fields::{Fields, Side};

/// The equal lines that are shown around what differs.
const CONTEXT: usize = 3;

/// How long the shortest difference of one field is looked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Show how two objects differ
///
/// Two generations or any two objects, or parts of them: field by field, long values and texts line by line. Lists are
/// compared as such: an element that has moved is told from one that has changed.
///
/// With --json, one object a line: {field, change, from, to}, where change is added, removed or changed. Exits with 1 if
/// they differ.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// One object
    #[arg(value_hint = ValueHint::AnyPath)]
    from: String,
    /// The other
    #[arg(value_hint = ValueHint::AnyPath)]
    to: String,
    #[command(flatten)]
    ids: Ids,
}

#[derive(Serialize)]
struct Line<'a> {
    field: &'a str,
    change: &'static str,
    from: Option<&'a Side<'a>>,
    to: Option<&'a Side<'a>>,
}

impl Diff {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let names = [self.from, self.to];
        let store = session.store(&names, Access::Read)?;
        let records = Records::of(store.backend())?;
        let objects = walk::steadily(records.backend, || {
            names.iter().map(|name| Object::find(&records, &self.ids, name)).collect::<Result<Vec<_>>>()
        })?;
        // Invariant: of two names come two objects.
        let [from, to] = [&objects[0], &objects[1]];
        if is_equal(from.part(), to.part()) {
            return Ok(Answer::Yes);
        }
        let (a, b) = (fields_of(&records, from), fields_of(&records, to));
        let changes = changes(&a, &b);
        let out = &mut session.out;
        if out.is_for_programs() {
            for line in &changes {
                out.json(line)?;
            }
            return Ok(Answer::No);
        }
        writeln!(out, "{}", out.paint(NAME, format_args!("--- {}", from.path())))?;
        writeln!(out, "{}", out.paint(NAME, format_args!("+++ {}", to.path())))?;
        for line in &changes {
            print(out, line)?;
        }
        if changes.is_empty() {
            writeln!(out, "only the way in which they are written differs")?;
        }
        Ok(Answer::No)
    }
}

fn is_equal(a: Part<'_>, b: Part<'_>) -> bool {
    match (a, b) {
        (Part::Leaf(a), Part::Leaf(b)) => a == b,
        (Part::Container(a), Part::Container(b)) => a == b,
        (Part::Collection(a), Part::Collection(b)) => a == b,
        _ => false,
    }
}

fn fields_of<'r>(records: &Records<'_>, object: &'r Object) -> Fields<'r> {
    match object.part() {
        Part::Container(node) => Fields::of_container(node),
        Part::Collection(entries) => Fields::of_collection(entries),
        Part::Leaf(content) => {
            let kind = records.class(object.key.class()).map(sepia::class::Class::kind);
            Fields::of_content(content, kind == Some(Kind::Serializable(Some(Format::Json))))
        }
    }
}

/// What differs: what is in the first in its order, then what is in the second alone.
fn changes<'f>(a: &'f Fields<'_>, b: &'f Fields<'_>) -> Vec<Line<'f>> {
    let mut changes = Vec::new();
    for (field, from) in a.iter() {
        match b.get(field) {
            None => changes.push(Line { field, change: "removed", from: Some(from), to: None }),
            Some(to) if to == from => {}
            to => changes.push(Line { field, change: "changed", from: Some(from), to }),
        }
    }
    for (field, to) in b.iter().filter(|(field, _)| a.get(field).is_none()) {
        changes.push(Line { field, change: "added", from: None, to: Some(to) });
    }
    changes
}

fn print(out: &mut Output, change: &Line<'_>) -> Result<()> {
    let lines = |side: Option<&Side<'_>>, beside| side.map(|side| side.lines(beside)).unwrap_or_default();
    let (from, to) = (lines(change.from, change.to), lines(change.to, change.from));
    let field = printable(change.field);
    if let (Some(Side::Bytes(a)), Some(Side::Bytes(b))) = (change.from, change.to) {
        let (a, b) = (count(a.len() as u64, "byte"), count(b.len() as u64, "byte"));
        writeln!(out, "the contents are no text, and differ: {a}, {b}")?;
        return Ok(());
    }
    let from: Vec<&str> = from.iter().map(String::as_str).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let diff = TextDiff::configure().timeout(PATIENCE).diff_slices(&from, &to);
    for group in diff.grouped_ops(CONTEXT) {
        // Where a line is the whole value, its number says nothing.
        let place = if from.len() > 1 || to.len() > 1 || field.is_empty() {
            let header = UnifiedHunkHeader::new(&group).to_string();
            let lines = header.trim_matches(['@', ' ']);
            if field.is_empty() { header.clone() } else { format!("@@ {field} {lines} @@") }
        } else {
            format!("@@ {field} @@")
        };
        writeln!(out, "{}", out.paint(FIELD, place))?;
        for operation in &group {
            for change in diff.iter_changes(operation) {
                let (sign, style) = match change.tag() {
                    ChangeTag::Equal => (' ', anstyle::Style::new()),
                    ChangeTag::Delete => ('-', MINUS),
                    ChangeTag::Insert => ('+', PLUS),
                };
                writeln!(out, "{}", out.paint(style, format_args!("{sign}{}", change.value())))?;
            }
        }
    }
    Ok(())
}
