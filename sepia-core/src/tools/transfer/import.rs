//! From other programs.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use twox_hash::XxHash3_128;

use super::fit::kind_of;
use super::intake::{Hidden, Intake, IntakeReport, OnConflict, Source};
use super::lines::{parse_header, parse_record};
use crate::record::class::{Class, Kind};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Fingerprint, Key, Record};
use crate::store::Store;
use crate::tools::progress::{Progress, Reporter};

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
    /// [form](crate::tools::transfer#json-lines).
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
    /// `UnsupportedFormat`; `Conflict` by the rule, and if both spellings of a generation 0 come; `ClassClash` if a class
    /// is not what it is in the store, or is not named in the first line, or an object is of another kind than its class:
    /// nothing was written then, unless others write meanwhile; `Io`; whatever
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
        // A byte takes six characters at most, and so does an entry but for its name and where it leads.
        let longest = self.store.max_record_size().saturating_mul(6).saturating_add(MAX_HEADER);
        let mut lines = Lines { file: BufReader::with_capacity(1 << 16, file), longest };
        let intake = Intake::new(self.store.backend(), self.rule, &lines.classes()?)?;
        intake.run(&mut lines, ["check", "import"], &mut self.reporter)
    }
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("store", self.store).field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// The most bytes of the first line.
const MAX_HEADER: u64 = 64 << 20;

struct Lines {
    file: BufReader<File>,
    /// The most bytes of any other.
    longest: u64,
}

impl Lines {
    /// Reads the first line.
    fn classes(&mut self) -> Result<Vec<Class>> {
        self.file.rewind().map_err(unreadable)?;
        let mut line = String::new();
        self.next(1, &mut line)?;
        parse_header(&line).map_err(|error| numbered(1, error))
    }

    /// Reads a line, of this number, and returns whether there was one.
    fn next(&mut self, number: u64, line: &mut String) -> Result<bool> {
        line.clear();
        let longest = if number == 1 { MAX_HEADER } else { self.longest };
        let length =
            (&mut self.file).take(longest.saturating_add(1)).read_line(line).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => numbered(number, Error::corrupt("it is not UTF-8")),
                _ => unreadable(error),
            })?;
        if length as u64 > longest {
            let message = format!("it has more than {longest} bytes, and no object of this store has so many");
            return Err(numbered(number, Error::corrupt(message)));
        }
        Ok(length > 0)
    }
}

impl Source for Lines {
    fn describe(&mut self, each: &mut dyn FnMut(&Key, Kind, Fingerprint) -> Result<()>) -> Result<()> {
        let mut keys = HashSet::new();
        self.records(&mut |key, record, _| {
            if !keys.insert(XxHash3_128::oneshot(key.path().as_bytes())) {
                return Err(Error::corrupt("the object is there a second time").object(key.class(), key.id()));
            }
            each(key, kind_of(&record), record.fingerprint())
        })
    }

    fn records(&mut self, each: &mut dyn FnMut(&Key, Record, Hidden) -> Result<()>) -> Result<()> {
        self.classes()?;
        let mut line = String::new();
        for number in 2_u64.. {
            if !self.next(number, &mut line)? {
                break;
            }
            let (key, record) = parse_record(&line).map_err(|error| numbered(number, error))?;
            each(&key, record, Hidden::No)?;
        }
        Ok(())
    }
}

fn numbered(number: u64, error: Error) -> Error {
    Error::because(format!("line {number} of the export is refused"), error)
}

fn unreadable(error: io::Error) -> Error {
    Error::caused(ErrorKind::Io, "the export cannot be read", error)
}
