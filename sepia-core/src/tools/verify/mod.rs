//! Finding what is wrong in a store, and mending it: [`Store::verify`].
//!
//! ```
//! # use sepia_core as sepia;
//! use sepia::batch::{Batch, Expect};
//! use sepia::class::Class;
//! use sepia::record::{Entries, Entry, Key, Name, Node, Record};
//! use sepia::{ProblemKind, Store};
//!
//! # fn main() -> sepia::Result<()> {
//! let store = Store::in_memory();
//! let entries = vec![(Name::of("pinned")?, Entry::Link(Key::new("Postit", "gone")?))];
//! let entries = Entries::new(entries).expect("one entry has one name");
//! let mut batch = Batch::new();
//! batch.declare(&Class::container("Board"))?;
//! batch.put(Key::new("Board", "work")?, Record::Container(Node { data: b"{}\n".to_vec(), entries }), Expect::Any);
//! store.backend().commit(batch)?;
//!
//! let report = store.verify().run()?;
//! assert!(!report.is_clean());
//! assert_eq!(report.problems[0].problem.kind, ProblemKind::Dangling);
//! assert_eq!(report.problems[0].problem.path, "Board/work/pinned");
//!
//! // Only the program knows whether a board can be without `pinned`.
//! let report = store.verify().repair().run()?;
//! assert!(!report.is_clean() && report.problems[0].refused.is_some());
//!
//! // A copy of the board goes into quarantine, and the board loses the link.
//! assert!(store.verify().remove_dangling().run()?.is_clean());
//! assert!(store.verify().run()?.problems.is_empty());
//! # Ok(())
//! # }
//! ```

mod index;
mod judge;
mod list;
mod mend;
mod repair;
mod survey;
mod values;

use std::collections::HashSet;

use crate::backend::Backend;
use crate::record::error::{Error, Result};
use crate::record::problem::{Problem, Severity};
use crate::store::Store;
use crate::tools::progress::{Progress, Reporter};

use mend::Dangling;

/// Verifies a store. Made by [`Store::verify`]; [`run`](Verify::run) does it.
#[must_use = "nothing is verified before `run`"]
#[derive(Debug)]
pub struct Verify<'a> {
    backend: &'a dyn Backend,
    intent: Intent,
    reporter: Reporter<'a>,
}

/// What is done about problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    Tell,
    Repair(Dangling),
}

/// What [`Verify::run`] has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// How many records were read.
    pub objects: u64,
    /// The bytes of their contents.
    pub bytes: u64,
    /// How many files were compared with their checksums.
    pub checked: u64,
    /// How many files have no checksum, in a store that [keeps them](crate::StoreBuilder::checksums).
    pub unchecked: u64,
    /// How many of these were given one by the repair. They are `checked` as well.
    pub noted: u64,
    /// What is or was wrong, and what is worth knowing: first what was mended.
    pub problems: Vec<Found>,
}

/// A problem, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// What was found.
    pub problem: Problem,
    /// What the repair did, in a few words; `None` if nothing.
    pub mended: Option<String>,
    /// Why the repair could not mend it, or must not; `None` if it did, if it did not try, or if there is nothing to be
    /// mended.
    pub refused: Option<String>,
}

/// What is said of a problem that is gone since something else was mended.
const WENT_ALONG: &str = "gone with what else was mended";

/// How often everything is looked at during a repair, at most: others may go on breaking things.
const ROUNDS: usize = 32;

impl VerifyReport {
    /// Returns whether nothing is wrong, or not any more. What is only worth knowing does not count.
    pub fn is_clean(&self) -> bool {
        !self.problems.iter().any(Found::is_wrong)
    }
}

impl Store {
    /// Reads everything, and finds what is wrong: dangling links, links out of the store, records that cannot be
    /// understood, files in the wrong places, leftovers of writers that died, and, in a store with
    /// [checksums](crate::StoreBuilder::checksums), what the medium has changed.
    /// [`ProblemKind`](crate::ProblemKind) lists them all.
    ///
    /// An object whose name is that of a program's conflict copy, or of another program's file, is told of, and stays.
    ///
    /// Values are checked as JSON, not as the fields of a type. Names that begin with a dot, which other programs put
    /// everywhere, are passed over.
    pub fn verify(&self) -> Verify<'_> {
        Verify { backend: self.backend(), intent: Intent::Tell, reporter: Reporter::default() }
    }
}

impl<'a> Verify<'a> {
    /// Mends what can be mended without losing anything, until nothing is left to be mended:
    ///
    /// - A record with dangling links in its collections is copied into quarantine, and loses these links; one with two
    ///   list elements of one index is copied, too, and the list numbered anew.
    /// - Records that no type can load, or that the medium has changed, go into quarantine whole.
    /// - Strays, leftovers and links out of the store are moved there as they are.
    /// - Wrong hints are set right, and checksums noted for files that have none, or were edited by hand, and have no other
    ///   names (hard links).
    ///
    /// What takes a type to be told is left, and [`refused`](Found::refused): a dangling link that is a field by itself,
    /// which the type may need (or its target is yet to be saved); see [`remove_dangling`](Self::remove_dangling). Two
    /// elements of one index where other indices are missing, since they may be the keys of a map. And what only a type
    /// can load that ignores what it does not know: a reserved key in the wrong place, values that nest too deep.
    ///
    /// Links to what has gone into quarantine dangle, and are removed from collections as any others are. Whoever moves
    /// it back finds the records that had them in quarantine, too.
    ///
    /// A collection that loses its last dangling link is there, and empty; one of which a link out of the store was the
    /// last is gone, and was unreadable before. Nothing is deleted that is not in quarantine, and foreign files stay. In
    /// a store on disk, the quarantine is `.sepia/quarantine`, and in it the time and the path in the store; nothing
    /// ever cleans it up.
    ///
    /// Each change is a commit of its own, or a few are one: if this fails halfway, what was mended stays mended.
    pub fn repair(mut self) -> Self {
        if self.intent == Intent::Tell {
            self.intent = Intent::Repair(Dangling::Elements);
        }
        self
    }

    /// [Repairs](Self::repair), and removes also the dangling links that are fields by themselves, after the record is
    /// copied into quarantine. An object whose type cannot do without the field is not loaded any more then: "the field
    /// is missing", where the link was to an object that is saved later.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # fn main() -> sepia::Result<()> {
    /// let store = sepia::Store::in_memory();
    /// let report = store.verify().remove_dangling().run()?;
    /// assert!(report.is_clean());
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_dangling(mut self) -> Self {
        self.intent = Intent::Repair(Dangling::All);
        self
    }

    /// Tells how far it has come. The phases are `list`, `read` and `examine`, once more each time that a repair has
    /// mended something.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.reporter = Reporter::new(tell);
        self
    }

    /// Verifies the store. Writers can go on meanwhile: what looks wrong is looked at again while they are kept
    /// off, a few records at a time, before it is reported. It takes memory for what is found, and some 40 bytes
    /// for each object, or twice that in classes that keep generations.
    ///
    /// # Errors
    /// `Locked`, `Io`, and `Corrupt` or `UnsupportedFormat` if the list of classes cannot be read; with
    /// [`repair`](Self::repair) also `ReadOnly` and `Poisoned`. What else the system refuses is reported.
    pub fn run(mut self) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        let mut left: Vec<Found> = Vec::new();
        for round in 1.. {
            let surveyed = survey::survey(self.backend, &mut self.reporter)?;
            (report.objects, report.bytes) = (surveyed.objects, surveyed.bytes);
            (report.checked, report.unchecked) = (surveyed.examined.checked, surveyed.examined.unchecked);
            // What lay in a record that had to go went with it.
            let places: HashSet<_> = surveyed.problems.iter().map(Problem::place).collect();
            let gone = left.drain(..).filter(|found| found.is_wrong() && !places.contains(&found.problem.place()));
            report.problems.extend(gone.map(|found| Found { mended: Some(WENT_ALONG.to_owned()), ..found }));
            let tried = match self.intent {
                Intent::Tell => surveyed.problems.into_iter().map(Found::untouched).collect(),
                Intent::Repair(dangling) => repair::repair(self.backend, surveyed.problems, dangling)?,
            };
            let noted = match self.intent {
                Intent::Repair(_) if report.unchecked > 0 => self.backend.upkeep().note_checksums()?,
                Intent::Tell | Intent::Repair(_) => 0,
            };
            report.noted += noted;
            let mended;
            (mended, left) = tried.into_iter().partition::<Vec<Found>, _>(|found| found.mended.is_some());
            // What is mended may show, or bring about, something else.
            let is_done = (mended.is_empty() && noted == 0) || round == ROUNDS;
            report.problems.extend(mended);
            if is_done {
                break;
            }
        }
        report.problems.extend(left);
        Ok(report)
    }
}

impl Found {
    fn untouched(problem: Problem) -> Self {
        Self { problem, mended: None, refused: None }
    }

    /// Whether it is still wrong.
    fn is_wrong(&self) -> bool {
        self.mended.is_none() && self.problem.kind.severity() == Severity::Problem
    }
}

/// An error with its causes, in one line.
fn told(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}
