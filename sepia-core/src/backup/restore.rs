//! Putting what is in archives into a store.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::archive::Archive;
use super::manifest::{Listed, Manifest};
use crate::class::Class;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Progress, Reporter};
use crate::record::{Key, Record};
use crate::store::Store;
use crate::transfer::moment::Pass;
use crate::transfer::{Intake, IntakeReport, OnConflict};

/// What a restoration has done.
pub type RestoreReport = IntakeReport;

/// A restoration that is about to [run](Restore::run). Made by [`Store::restore`].
#[must_use = "nothing happens before `run`"]
pub struct Restore<'a> {
    store: &'a Store,
    archive: &'a Archive,
    bases: Vec<&'a Archive>,
    rule: OnConflict,
    reporter: Reporter<'a>,
}

impl Store {
    /// Begins to put into this store, empty or not, what a backup lists. What is stored beside stays as it is.
    /// See [`backup`](crate::backup).
    pub fn restore<'a>(&'a self, archive: &'a Archive) -> Restore<'a> {
        let (bases, reporter) = (Vec::new(), Reporter::default());
        Restore { store: self, archive, bases, rule: OnConflict::default(), reporter }
    }
}

impl<'a> Restore<'a> {
    /// Adds an earlier archive, in which the backup may find what had not changed when it was made; in any order.
    pub fn base(mut self, earlier: &'a Archive) -> Self {
        self.bases.push(earlier);
        self
    }

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

    /// Restores. All archives are [verified](Archive::verify) before anything is written. Whatever is written is read
    /// back and compared, and durable on return. Of earlier archives, only what this backup lists is restored,
    /// exactly as it lists it.
    ///
    /// What was restored before it fails stays, and another run goes on from there.
    ///
    /// # Errors
    /// `Corrupt` if an archive is not exactly as it was made; `NotFound` if an object is in none of the archives;
    /// `Conflict` by the rule, and `ClassClash` if a class is not what it is in the store: nothing was written then,
    /// unless others write meanwhile; whatever [committing](crate::backend::Backend::commit) can return.
    pub fn run(mut self) -> Result<RestoreReport> {
        let (classes, manifest) = self.archive.contents()?;
        let sources = self.sources(&manifest)?;
        let mut intake = Intake::new(self.store.backend(), self.rule);
        classes.iter().try_for_each(|class| intake.declare(class))?;

        let total = manifest.records().len() as u64;
        self.reporter.begin("verify", Some(total));
        let fails = self.rule == OnConflict::Fail;
        let nothing = |_: &Key| Ok(None);
        each(&sources, &mut self.reporter, &mut |key, record| {
            if fails { intake.compare(key, &record, &nothing) } else { Ok(()) }
        })?;
        self.reporter.end();
        if self.rule == OnConflict::NewestGeneration {
            let newest = newest(&classes, &manifest);
            let newest = |base: &Key| Ok(newest.get(base).copied());
            self.reporter.begin("compare", Some(total));
            each(&sources, &mut self.reporter, &mut |key, record| intake.compare(key, &record, &newest))?;
            self.reporter.end();
        }
        intake.settle()?;
        self.reporter.begin("restore", Some(total));
        each(&sources, &mut self.reporter, &mut |key, record| intake.put(key, record, Pass::First))?;
        let report = intake.finish()?;
        self.reporter.end();
        Ok(report)
    }

    /// Finds out which record is to come from which archive.
    fn sources(&self, manifest: &Manifest) -> Result<Vec<Source<'a>>> {
        let mut missing: HashMap<&Key, &Listed> = HashMap::new();
        missing.extend(manifest.records().iter().filter(|listed| !listed.here).map(|listed| (&listed.key, listed)));
        let here = manifest.records().iter().filter(|listed| listed.here).map(|listed| listed.key.clone());
        let own = Source { archive: self.archive, manifest: manifest.clone(), wanted: here.collect() };
        let mut sources = vec![own];
        for archive in &self.bases {
            let manifest = archive.manifest()?;
            let mut wanted = HashSet::new();
            for listed in manifest.records().iter().filter(|listed| listed.here) {
                if missing.get(&listed.key).is_some_and(|missed| missed.hash == listed.hash) {
                    missing.remove(&listed.key);
                    wanted.insert(listed.key.clone());
                }
            }
            sources.push(Source { archive, manifest, wanted });
        }
        match missing.keys().min() {
            None => Ok(sources),
            Some(key) => {
                let message = format!(
                    "the backup is relative to an earlier one: {} of its objects, this one among them, are in none of \
                     the archives that were given",
                    missing.len()
                );
                Err(Error::message(ErrorKind::NotFound, message).object(key.class(), key.id()))
            }
        }
    }
}

impl fmt::Debug for Restore<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Restore");
        debug.field("store", self.store).field("archive", self.archive).field("bases", &self.bases);
        debug.field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// An archive, and what is to come from it.
struct Source<'a> {
    archive: &'a Archive,
    manifest: Manifest,
    wanted: HashSet<Key>,
}

/// Calls `put` with every wanted record.
fn each(
    sources: &[Source<'_>],
    reporter: &mut Reporter<'_>,
    put: &mut dyn FnMut(&Key, Record) -> Result<()>,
) -> Result<()> {
    for Source { archive, manifest, wanted } in sources {
        archive.records(manifest, &mut |listed, record| {
            if wanted.contains(&listed.key) {
                reporter.advance(1);
                put(&listed.key, record)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The newest generation of each base, in classes that keep them.
fn newest(classes: &[Class], manifest: &Manifest) -> HashMap<Key, u64> {
    let keeps: HashSet<&str> =
        classes.iter().filter(|class| class.generations() == Some(true)).map(Class::name).collect();
    let mut newest = HashMap::new();
    for listed in manifest.records().iter().filter(|listed| keeps.contains(listed.key.class())) {
        let (base, generation) = listed.key.generation();
        let known = newest.entry(base).or_insert(generation);
        *known = generation.max(*known);
    }
    newest
}
