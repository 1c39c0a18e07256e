//! From store to store.

use std::fmt;

use super::intake::{Intake, IntakeReport, OnConflict, undeclared};
use super::moment::{self, Pass, Selection, Sink};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::progress::{Progress, Reporter};
use crate::record::{Key, Record};
use crate::roots::Root;
use crate::store::Store;

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

    /// Copies. Others may read and write both stores meanwhile: what is copied is one state of this one, between
    /// call and return. Whatever is written is read back and compared, and durable on return.
    ///
    /// What has come before it fails stays in the other store, and another run goes on from there.
    ///
    /// # Errors
    /// `InvalidValue` if both are the same store; `Conflict` by the rule, and `ClassClash` if a class is not what it
    /// is in the other store: nothing was written then, unless one of the stores was changed after the comparison;
    /// `NotFound` if a root is not there; whatever reading this store (`Corrupt`, ..) and
    /// [committing](Backend::commit) to the other one can return.
    pub fn run(mut self) -> Result<CopyReport> {
        let (from, to) = (self.from.backend(), self.to.backend());
        if from.identity() == to.identity() {
            return Err(Error::invalid_value("a store cannot be copied into itself"));
        }
        let selection = Selection::of(self.roots.as_deref());
        let intake = Intake::new(to, self.rule).remembering();
        let mut copy = Copying { from, intake, step: Step::Compare };
        if self.roots.is_none() {
            from.classes()?.iter().try_for_each(|class| copy.intake.declare(class))?;
        }
        // What the roots reach tells which classes come.
        if copy.intake.compares() || self.roots.is_some() {
            self.reporter.begin("compare", None);
            moment::skim(from, selection, &mut copy, &mut self.reporter)?;
            copy.intake.settle()?;
            self.reporter.end();
        }
        copy.step = Step::Put;
        self.reporter.begin("copy", None);
        let gathered = moment::gather(from, selection, &mut copy, &mut self.reporter)?;
        let report = copy.intake.finish()?;
        self.reporter.end();
        Ok(IntakeReport { strays: gathered.strays, ..report })
    }
}

impl fmt::Debug for CopyTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CopyTo");
        debug.field("from", self.from).field("to", self.to).field("roots", &self.roots).field("rule", &self.rule);
        debug.finish_non_exhaustive()
    }
}

struct Copying<'a> {
    from: &'a dyn Backend,
    intake: Intake<'a>,
    step: Step,
}

#[derive(PartialEq)]
enum Step {
    Compare,
    Put,
}

impl Sink for Copying<'_> {
    fn put(&mut self, key: &Key, record: Record, pass: Pass) -> Result<()> {
        if !self.intake.knows(key.class()) {
            let classes = self.from.classes()?;
            let class = classes.iter().find(|class| class.name() == key.class()).ok_or_else(|| undeclared(key))?;
            self.intake.declare(class)?;
        }
        match self.step {
            Step::Put => self.intake.put(key, record, pass),
            Step::Compare if self.intake.compares() => {
                let newest = |base: &Key| Ok(self.from.newest(base)?.map(|newest| newest.generation().1));
                self.intake.compare(key, &record, &newest)
            }
            Step::Compare => Ok(()),
        }
    }

    fn forget(&mut self, key: &Key) -> Result<()> {
        self.intake.forget(key)
    }

    fn restart(&mut self) -> Result<()> {
        self.intake.restart();
        Ok(())
    }
}
