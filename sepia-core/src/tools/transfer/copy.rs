//! From store to store.

use std::fmt;

use super::intake::{Hidden, Intake, IntakeReport, OnConflict, Source};
use super::moment::{self, Selection};
use super::spool::Spool;
use crate::backend::Backend;
use crate::record::class::Kind;
use crate::record::error::{Error, Result};
use crate::record::{Fingerprint, Key, Record};
use crate::store::Store;
use crate::tools::progress::{Progress, Reporter};
use crate::tools::roots::Root;

/// What a copy has done.
pub type CopyReport = IntakeReport;

/// A copy that is about to [run](CopyTo::run). Made by [`Store::copy_to`].
#[must_use = "nothing happens before `run`"]
pub struct CopyTo<'a> {
    from: &'a Store,
    to: &'a Store,
    roots: Option<Vec<Root>>,
    rule: OnConflict,
    reporter: Reporter<'a>,
}

impl Store {
    /// Begins to copy all objects of this store, or [some](CopyTo::roots), into another one of whatever kind.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::batch::{Batch, Expect};
    /// # use sepia::class::{Class, Format};
    /// # use sepia::record::{Key, Record};
    /// use sepia::Store;
    ///
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path();
    /// let store = Store::in_memory();
    /// # let mut batch = Batch::new();
    /// # batch.declare(&Class::serializable("Note", Format::Text))?;
    /// # batch.put(Key::new("Note", "a")?, Record::Leaf(b"Milk".to_vec()), Expect::Any);
    /// # store.backend().commit(batch)?;
    /// let on_disk = Store::open(path)?;
    /// assert_eq!(store.copy_to(&on_disk).run()?.added, 1);
    /// assert_eq!(store.copy_to(&on_disk).run()?.equal, 1); // as it is there by now
    /// # Ok(())
    /// # }
    /// ```
    pub fn copy_to<'a>(&'a self, to: &'a Store) -> CopyTo<'a> {
        CopyTo { from: self, to, roots: None, rule: OnConflict::default(), reporter: Reporter::default() }
    }
}

impl<'a> CopyTo<'a> {
    /// Copies only these objects and classes, and all that they lead to; in classes with generations, all
    /// generations of each.
    pub fn roots(mut self, roots: impl IntoIterator<Item: Into<Root>>) -> Self {
        self.roots.get_or_insert_default().extend(roots.into_iter().map(Into::into));
        self
    }

    /// Says what becomes of objects that the other store has with another content; [`OnConflict::Fail`] by default.
    pub fn on_conflict(mut self, rule: OnConflict) -> Self {
        self.rule = rule;
        self
    }

    /// Tells how far it has come.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.reporter = Reporter::new(tell);
        self
    }

    /// Copies. What is copied is one state of this store, between call and return. Others may read and write both
    /// stores meanwhile, but that while the last changes are read again, writers to this one wait; with
    /// [roots](Self::roots), while all links are followed again. If so much is written that what has changed cannot be
    /// told, everything is read again, the fourth time while writers wait.
    ///
    /// All of it is gathered in the system's directory for temporary files before, as large as what is copied, and
    /// compared with what is stored. Whatever is written is read back and compared, and durable on return.
    ///
    /// What was written before it fails stays in the other store, and another run goes on from there. If objects that
    /// were written have changed in this store by then, they are in conflict with what comes, and the rule is to say so:
    /// [`OnConflict::Replace`].
    ///
    /// # Errors
    /// `InvalidValue` if both are the same store; `NotFound` if a root is not there; `ClassClash` if a class is not what
    /// it is in the other store (what is of the other kind than its class is no object, and stays behind); `Conflict` by
    /// the rule, and if this store has both spellings of a generation 0: nothing was written then, unless others write to the other
    /// store meanwhile; whatever reading this store (`Corrupt`, ..) and [committing](crate::backend::Backend::commit) to the
    /// other one can return.
    pub fn run(mut self) -> Result<CopyReport> {
        let (from, to) = (self.from.backend(), self.to.backend());
        if from.identity() == to.identity() {
            return Err(Error::invalid_value("a store cannot be copied into itself"));
        }
        if self.roots.is_none() {
            // So that not everything is read for nothing.
            Intake::new(to, self.rule, &from.classes()?)?;
        }
        let mut spool = Spool::new()?;
        self.reporter.begin("read", None);
        let selection = Selection::of(self.roots.as_deref());
        let gathered = moment::gather(from, selection, &mut spool, &mut self.reporter)?;
        self.reporter.end();
        let mut classes = gathered.classes;
        if self.roots.is_some() {
            let come = spool.classes()?;
            classes.retain(|class| come.contains(class.name()));
        }
        let intake = Intake::new(to, self.rule, &classes)?;
        let mut source = Copied { spool, from };
        let report = intake.run(&mut source, ["compare", "copy"], &mut self.reporter)?;
        Ok(IntakeReport { strays: gathered.strays, ..report })
    }
}

/// What has been read, with what only its files tell.
struct Copied<'a> {
    spool: Spool,
    from: &'a dyn Backend,
}

impl Source for Copied<'_> {
    fn describe(&mut self, each: &mut dyn FnMut(&Key, Kind, Fingerprint) -> Result<()>) -> Result<()> {
        self.spool.describe(each)
    }

    fn records(&mut self, each: &mut dyn FnMut(&Key, Record, Hidden) -> Result<()>) -> Result<()> {
        let from = self.from;
        self.spool.records(&mut |key, record, _| {
            // Of one that has gone since, nobody knows any more.
            let is_hidden = from.root().is_some() && from.stat(key)?.is_none_or(|stat| stat.hidden);
            each(key, record, if is_hidden { Hidden::FromOthers } else { Hidden::No })
        })
    }
}

impl fmt::Debug for CopyTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CopyTo");
        debug.field("from", self.from).field("to", self.to).field("roots", &self.roots).field("rule", &self.rule);
        debug.finish_non_exhaustive()
    }
}
