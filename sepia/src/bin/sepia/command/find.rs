//! `sepia find`: a text in ids, values and contents.

use std::io::Write;
use std::ops::Range;

use clap::Args;
use sepia::record::{Key, Record};
use serde::Serialize;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::locate::resolve::Records;
use crate::locate::{Access, object};
use crate::output::{DIM, FIELD, NAME, Output, PLUS};
use crate::render::json::Json;
use crate::render::object::Named;
use crate::render::text::printable;
use crate::walk::{self, join};

/// The most characters of a line that are shown, around what was found.
const WIDTH: usize = 100;

/// Find a text in ids, values and contents
///
/// With --json, one object a line: {object, class, id, in, field, line, text}, where in is id, value or content; with
/// --list or --ids only {object, class, id}. Exits with 1 if nothing is found.
#[derive(Args, Debug)]
pub(crate) struct Find {
    /// The text
    text: String,
    /// Take capital and small letters for the same
    #[arg(long, short)]
    ignore_case: bool,
    /// Look at ids only, and print them
    #[arg(long)]
    ids: bool,
    /// Look at the objects of this class only
    #[arg(long, short, value_name = "CLASS")]
    class: Option<String>,
    /// Print each object once, and nothing else
    #[arg(long, short)]
    list: bool,
}

/// Where something was found.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Where {
    Id,
    Value,
    Content,
}

#[derive(Serialize)]
struct Hit<'a> {
    #[serde(flatten)]
    name: &'a Named,
    r#in: Where,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl Find {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(&[], Access::Read)?;
        let records = Records::of(store.backend())?;
        let only = self.class.as_deref().map(|class| object::class(&records, class)).transpose()?;
        let mut search =
            Search { pattern: Pattern::new(&self.text, self.ignore_case), list: self.list || self.ids, any: false };
        for class in &records.classes {
            if only.as_deref().is_some_and(|only| only != class.name()) {
                continue;
            }
            for key in walk::keys(records.backend, class.name())? {
                if search.id(&mut session.out, &key)? || self.ids {
                    continue;
                }
                match records.backend.read(&key) {
                    Ok(None) => {}
                    Ok(Some(record)) => search.record(&mut session.out, &key, &record)?,
                    Err(error) => session.skip(error),
                }
            }
        }
        Ok(Answer::is(search.any))
    }
}

struct Search {
    pattern: Pattern,
    /// Only objects are printed.
    list: bool,
    any: bool,
}

impl Search {
    /// Returns whether no more needs to be looked for in the object.
    fn id(&mut self, out: &mut Output, key: &Key) -> Result<bool> {
        let Some(range) = self.pattern.find(key.id()) else { return Ok(false) };
        let hit = Hit { name: &key.into(), r#in: Where::Id, field: None, line: None, text: Some(key.id()) };
        self.print(out, key, &hit, range)?;
        Ok(self.list)
    }

    fn record(&mut self, out: &mut Output, key: &Key, record: &Record) -> Result<()> {
        let mut hits: Vec<(String, Option<usize>, String)> = Vec::new();
        let mut r#in = Where::Value;
        match record {
            Record::Leaf(content) => {
                r#in = Where::Content;
                self.content(content, &mut hits);
            }
            Record::Container(_) => {
                for (path, node) in walk::nodes(record) {
                    self.values(&node.data, &path, &mut hits);
                }
            }
        }
        let name = Named::from(key);
        for (field, line, text) in &hits {
            let field = (!field.is_empty()).then_some(field.as_str());
            let range = self.pattern.find(text).unwrap_or(0..0);
            self.print(out, key, &Hit { name: &name, r#in, field, line: *line, text: Some(text) }, range)?;
            if self.list {
                break;
            }
        }
        Ok(())
    }

    fn values(&self, data: &[u8], path: &str, hits: &mut Vec<(String, Option<usize>, String)>) {
        match Json::parse_object(data) {
            Ok(fields) => {
                for (name, value) in fields {
                    value.each_scalar(&join(path, &name), &mut |field, text| {
                        if self.pattern.find(&text).is_some() {
                            hits.push((field.to_owned(), None, text.into_owned()));
                        }
                    });
                }
            }
            // Broken, and still somebody's text.
            Err(_) => self.content(data, hits),
        }
    }

    fn content(&self, content: &[u8], hits: &mut Vec<(String, Option<usize>, String)>) {
        for (at, line) in String::from_utf8_lossy(content).lines().enumerate() {
            if self.pattern.find(line).is_some() {
                hits.push((String::new(), Some(at + 1), line.to_owned()));
            }
        }
    }

    fn print(&mut self, out: &mut Output, key: &Key, hit: &Hit<'_>, range: Range<usize>) -> Result<()> {
        self.any = true;
        if out.is_for_programs() {
            return if self.list { out.json(hit.name) } else { out.json(hit) };
        }
        write!(out, "{}", out.paint(NAME, key.path()))?;
        if !self.list {
            if hit.r#in == Where::Id {
                write!(out, "  {}", out.paint(DIM, "id"))?;
            }
            if let Some(field) = hit.field {
                write!(out, "  {}", out.paint(FIELD, printable(field)))?;
            }
            if let Some(line) = hit.line {
                write!(out, "  {}", out.paint(DIM, line))?;
            }
            if let Some(text) = hit.text {
                let (start, end) = around(text, &range);
                write!(out, ": {}", if start > 0 { "…" } else { "" })?;
                write!(out, "{}", printable(&text[start..range.start]))?;
                write!(out, "{}", out.paint(PLUS, printable(&text[range.start..range.end.min(end)])))?;
                write!(out, "{}", printable(&text[range.end.min(end)..end]))?;
                write!(out, "{}", if end < text.len() { "…" } else { "" })?;
            }
        }
        writeln!(out)?;
        Ok(())
    }
}

/// The part of a text that is shown: what was found, and something of what is around it.
fn around(text: &str, found: &Range<usize>) -> (usize, usize) {
    let before = text[..found.start].char_indices().rev().take(WIDTH / 4).last();
    let start = before.map_or(found.start, |(at, _)| at);
    let end = text[start..].char_indices().nth(WIDTH).map_or(text.len(), |(at, _)| start + at);
    (start, end)
}

struct Pattern {
    text: String,
    ignore_case: bool,
}

impl Pattern {
    fn new(text: &str, ignore_case: bool) -> Self {
        Self { text: if ignore_case { text.to_lowercase() } else { text.to_owned() }, ignore_case }
    }

    /// Returns where it is first found; at the start, where letters take more or fewer bytes in small.
    fn find(&self, text: &str) -> Option<Range<usize>> {
        if !self.ignore_case {
            let at = text.find(&self.text)?;
            return Some(at..at + self.text.len());
        }
        let small = text.to_lowercase();
        let at = small.find(&self.text)?;
        let range = at..at + self.text.len();
        let is_alike =
            small.len() == text.len() && text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
        Some(if is_alike { range } else { 0..0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_grow_are_found() {
        let pattern = Pattern::new("STRASSE", true);
        assert_eq!(pattern.find("Hauptstrasse"), Some(5..12));
        assert_eq!(Pattern::new("b", true).find("İİB"), Some(0..0));
        assert_eq!(pattern.find("weg"), None);
    }

    #[test]
    fn what_is_shown_ends_at_characters() {
        let text = "é".repeat(300);
        let (start, end) = around(&text, &(200..202));
        assert!(start < 200 && end > 202 && end - start == 2 * WIDTH);
        assert_eq!(around("short", &(0..5)), (0, 5));
    }
}
