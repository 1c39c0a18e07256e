//! What was measured, and how it is kept: as lines of text with tabs, so that it can be read, compared and merged.

use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

use super::Result;

/// What figures count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    Micros,
    Bytes,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Micros => "µs",
            Self::Bytes => "bytes",
        })
    }
}

impl Unit {
    fn parse(text: &str) -> Option<Self> {
        [Self::Micros, Self::Bytes].into_iter().find(|unit| unit.to_string() == text)
    }
}

/// The figures of one operation, one for each side.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    unit: Unit,
    sides: Vec<(String, f64)>,
}

impl Row {
    pub(crate) fn new(unit: Unit) -> Self {
        Self { unit, sides: Vec::new() }
    }

    pub(crate) fn with(mut self, side: &str, figure: f64) -> Self {
        self.sides.push((side.to_owned(), figure));
        self
    }

    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }

    pub(crate) fn of(&self, side: &str) -> Option<f64> {
        self.sides.iter().find(|(name, _)| name == side).map(|(_, figure)| *figure)
    }

    pub(crate) fn sides(&self) -> impl Iterator<Item = (&str, f64)> {
        self.sides.iter().map(|(name, figure)| (name.as_str(), *figure))
    }

    /// How one side compares with another.
    pub(crate) fn ratio(&self, side: &str, base: &str) -> Option<f64> {
        Some(self.of(side)? / self.of(base)?)
    }

    /// The same for each of so many.
    pub(crate) fn per(mut self, count: usize) -> Self {
        for (_, figure) in &mut self.sides {
            *figure /= count as f64;
        }
        self
    }

    /// Adds the sides of another row.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.sides.extend(other.sides);
        self
    }

    /// Takes the sides of another row apart: those that `picks` names, under the names that it gives.
    pub(crate) fn split(&self, picks: impl Fn(&str) -> Option<&str>) -> Self {
        let sides = self.sides().filter_map(|(name, figure)| Some((picks(name)?.to_owned(), figure)));
        Self { unit: self.unit, sides: sides.collect() }
    }
}

/// Facts about a run, and the rows that it has measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    facts: Vec<(String, String)>,
    rows: Vec<(String, Row)>,
}

impl Results {
    pub(crate) fn new(facts: Vec<(String, String)>) -> Self {
        Self { facts, rows: Vec::new() }
    }

    pub(crate) fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == name).map(|(_, fact)| fact.as_str())
    }

    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|(known, _)| known == name).map(|(_, row)| row)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// Adds a row, in the place of one of the same name.
    pub(crate) fn put(&mut self, name: &str, row: Row) {
        match self.rows.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = row,
            None => self.rows.push((name.to_owned(), row)),
        }
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Writes the rows over those of the same name that a file has already, if any. Refuses to mix what was measured
    /// elsewhere or otherwise.
    pub(crate) fn save(&self, path: &Path) -> Result {
        let mut all = self.clone();
        if path.exists() {
            let before = Self::read(path)?;
            if before.facts != self.facts {
                let (path, before, now) = (path.display(), &before.facts, &self.facts);
                return Err(format!("{path} was measured otherwise: {before:?}; this is {now:?}").into());
            }
            all = before;
            for (name, row) in &self.rows {
                all.put(name, row.clone());
            }
        }
        fs::write(path, all.to_string())?;
        Ok(())
    }

    fn parse(text: &str) -> Result<Self> {
        let mut results = Self::default();
        for line in text.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            match fields[..] {
                ["fact", name, fact] => results.facts.push((name.to_owned(), fact.to_owned())),
                [operation, side, figure, unit] => {
                    let unit = Unit::parse(unit).ok_or_else(|| format!("there is no unit {unit:?}"))?;
                    let row = results.row(operation).cloned().unwrap_or(Row::new(unit));
                    results.put(operation, row.with(side, figure.parse()?));
                }
                _ => return Err(format!("this is neither a fact nor a figure: {line:?}").into()),
            }
        }
        Ok(results)
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, fact) in &self.facts {
            writeln!(f, "fact\t{name}\t{fact}")?;
        }
        for (name, row) in &self.rows {
            for (side, figure) in row.sides() {
                writeln!(f, "{name}\t{side}\t{}\t{}", significant(figure), row.unit)?;
            }
        }
        Ok(())
    }
}

/// Writes a figure with four digits that count, or all before its point.
pub(crate) fn significant(figure: f64) -> String {
    let before = if figure < 1.0 { 0 } else { figure.log10() as usize + 1 };
    let mut text = String::new();
    write!(text, "{figure:.*}", 4usize.saturating_sub(before)).expect("a string takes all");
    text
}

/// Writes a count with its thousands apart.
pub(crate) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
