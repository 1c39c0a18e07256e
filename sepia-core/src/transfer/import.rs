//! From other programs.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use twox_hash::XxHash3_128;

use super::intake::{Intake, IntakeReport, OnConflict, undeclared};
use super::lines::{parse_header, parse_record};
use super::moment::Pass;
use crate::class::Class;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Progress, Reporter};
use crate::record::{Key, Record};
use crate::store::Store;

/// What an import has done.
pub type ImportReport = IntakeReport;

/// An import that is about to run. Made by [`Store::import`].
#[must_use = "nothing happens before `from_file` or `from_reader`"]
pub struct Import<'a> {
    store: &'a Store,
    rule: OnConflict,
    reporter: Reporter<'a>,
}

impl Store {
    /// Begins to take in objects that were [exported](Store::export), or written by another program in the same
    /// [form](crate::transfer#json-lines).
    pub fn import(&self) -> Import<'_> {
        Import { store: self, rule: OnConflict::default(), reporter: Reporter::default() }
    }
}

impl<'a> Import<'a> {
    /// Says what becomes of objects that are stored with another content; [`OnConflict::Fail`] by default.
    pub fn on_conflict(mut self, rule: OnConflict) -> Self {
        self.rule = rule;
        self
    }

    /// Tells how far it has come.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.reporter = Reporter::new(tell);
        self
    }

    /// Imports a file. All lines are read before anything is written. Whatever is written is read back and compared,
    /// and durable on return. In memory, it takes some bytes for each object.
    ///
    /// What was imported before it fails stays, and another run goes on from there.
    ///
    /// # Errors
    /// `Corrupt` if a line cannot be understood, with its number, or if an object is there twice;
    /// `UnsupportedFormat`; `Conflict` by the rule, and `ClassClash` if a class is not what it is in the store, or is
    /// not named in the first line: nothing was written then, unless others write meanwhile; `Io`; whatever
    /// [committing](crate::backend::Backend::commit) can return.
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<ImportReport> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::io("open the export", path, error))?;
        self.run(file)
            .map_err(|error| if error.kind() == ErrorKind::Corrupt { error.at(path.to_string_lossy()) } else { error })
    }

    /// Imports from wherever it comes, after all of it has come into a temporary file.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_reader(self, mut from: impl Read) -> Result<ImportReport> {
        let mut file = tempfile::tempfile().map_err(unreadable)?;
        io::copy(&mut from, &mut file).map_err(unreadable)?;
        self.run(file)
    }

    fn run(mut self, file: File) -> Result<ImportReport> {
        let mut lines = Lines { file: BufReader::with_capacity(1 << 16, file) };
        let mut intake = Intake::new(self.store.backend(), self.rule);
        self.reporter.begin("check", None);
        let (mut keys, mut newest) = (HashSet::new(), HashMap::new());
        let mut generational = HashSet::new();
        let (fails, compares) = (self.rule == OnConflict::Fail, intake.compares());
        lines.each(&mut |line| {
            match line {
                Line::Classes(classes) => {
                    let keeps = classes.iter().filter(|class| class.generations() == Some(true));
                    generational.extend(keeps.map(|class| class.name().to_owned()));
                    classes.iter().try_for_each(|class| intake.declare(class))?;
                }
                Line::Record(key, record) => {
                    if !intake.knows(key.class()) {
                        return Err(undeclared(&key));
                    }
                    if !keys.insert(XxHash3_128::oneshot(key.path().as_bytes())) {
                        let error = Error::corrupt("the object is there a second time");
                        return Err(error.object(key.class(), key.id()));
                    }
                    if fails {
                        intake.compare(&key, &record, &|_| Ok(None))?;
                    } else if compares && generational.contains(key.class()) {
                        let (base, generation) = key.generation();
                        let known = newest.entry(base).or_insert(generation);
                        *known = generation.max(*known);
                    }
                    self.reporter.advance(1);
                }
            }
            Ok(())
        })?;
        self.reporter.end();
        if compares && !fails {
            let newest = |base: &Key| Ok(newest.get(base).copied());
            lines.each(&mut |line| match line {
                Line::Classes(_) => Ok(()),
                Line::Record(key, record) => intake.compare(&key, &record, &newest),
            })?;
        }
        intake.settle()?;
        self.reporter.begin("import", Some(keys.len() as u64));
        lines.each(&mut |line| match line {
            Line::Classes(_) => Ok(()),
            Line::Record(key, record) => {
                self.reporter.advance(1);
                intake.put(&key, record, Pass::First)
            }
        })?;
        let report = intake.finish()?;
        self.reporter.end();
        Ok(report)
    }
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("store", self.store).field("rule", &self.rule).finish_non_exhaustive()
    }
}

struct Lines {
    file: BufReader<File>,
}

enum Line {
    Classes(Vec<Class>),
    Record(Key, Record),
}

impl Lines {
    /// Calls `each` with what is in every line, from the first on.
    fn each(&mut self, each: &mut dyn FnMut(Line) -> Result<()>) -> Result<()> {
        self.file.rewind().map_err(unreadable)?;
        let mut line = String::new();
        for number in 1_u64.. {
            line.clear();
            let numbered = |error: Error| Error::because(format!("line {number} of the export is refused"), error);
            let length = self.file.read_line(&mut line).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => numbered(Error::corrupt("it is not UTF-8")),
                _ => unreadable(error),
            })?;
            let parsed = match (number, length) {
                (1, _) => parse_header(&line).map(Line::Classes),
                (_, 0) => break,
                _ => parse_record(&line).map(|(key, record)| Line::Record(key, record)),
            };
            each(parsed.map_err(numbered)?)?;
        }
        Ok(())
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::caused(ErrorKind::Io, "the export cannot be read", error)
}
