//! Putting what is in archives into a store.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use super::archive::Archive;
use super::manifest::{Listed, Manifest};
use crate::record::class::Kind;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Fingerprint, Key, Record, too_large};
use crate::store::Store;
use crate::tools::progress::{Progress, Reporter};
use crate::tools::transfer::{Hidden, Intake, IntakeReport, OnConflict, Source};

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
    /// See [`backup`](crate::tools::backup).
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
    /// `Corrupt` if an archive is not exactly as it was made, or its file is changed meanwhile; `NotFound` if an object
    /// is in none of the archives; `ClassClash` if a class is not what it is in the store; `Conflict` by the rule, and if
    /// both spellings of a generation 0 come to a class of which only the store knows that it has generations: nothing
    /// was written then, unless others write, or an archive is changed, meanwhile; whatever
    /// [committing](crate::backend::Backend::commit) can return.
    pub fn run(mut self) -> Result<RestoreReport> {
        let (classes, manifest) = self.archive.contents()?;
        let mut sources = self.sources(&manifest)?;
        let mut intake = Intake::new(self.store.backend(), self.rule, &classes)?;
        let count = self.compare(&mut sources, &mut intake)?;
        intake.write(&mut sources, "restore", count, &mut self.reporter)
    }

    /// Does all that [`run`](Self::run) does before it writes anything, and no more.
    ///
    /// # Errors
    /// As [`run`](Self::run), but for those of committing.
    pub fn check(mut self) -> Result<()> {
        let (classes, manifest) = self.archive.contents()?;
        let mut sources = self.sources(&manifest)?;
        let mut intake = Intake::new(self.store.backend(), self.rule, &classes)?;
        self.compare(&mut sources, &mut intake).map(|_| ())
    }

    /// Verifies the archives, and compares what comes with what is stored. Returns how many records come.
    fn compare(&mut self, sources: &mut Sources<'_, '_>, intake: &mut Intake<'_>) -> Result<u64> {
        let most = self.store.max_record_size();
        if let Some(large) =
            sources.archives.iter().flat_map(|wanted| wanted.manifest.records()).find(|one| one.bytes > most)
        {
            let error = Error::invalid_value(too_large(Some(large.bytes), most));
            return Err(error.object(large.key.class(), large.key.id()));
        }
        let total = Some(sources.listed.records().len() as u64);
        self.reporter.begin("verify", total);
        for Wanted { archive, manifest, keys } in &sources.archives {
            archive
                .check(manifest, most, &mut |listed| self.reporter.advance(u64::from(keys.contains(&listed.key))))?;
        }
        self.reporter.end();
        intake.compare(sources, "compare", total, &mut self.reporter)
    }

    /// Finds out which record is to come from which archive.
    fn sources<'m>(&self, manifest: &'m Manifest) -> Result<Sources<'a, 'm>> {
        let mut missing: HashMap<&Key, &Listed> = HashMap::new();
        missing.extend(manifest.records().iter().filter(|listed| !listed.here).map(|listed| (&listed.key, listed)));
        let here = manifest.records().iter().filter(|listed| listed.here).map(|listed| listed.key.clone());
        let own = Wanted { archive: self.archive, manifest: Cow::Borrowed(manifest), keys: here.collect() };
        let mut archives = vec![own];
        for archive in &self.bases {
            let manifest = archive.manifest()?;
            let mut keys = HashSet::new();
            for listed in manifest.records().iter().filter(|listed| listed.here) {
                let is_it = |missed: &&Listed| (missed.kind, missed.hash) == (listed.kind, listed.hash);
                if missing.get(&listed.key).is_some_and(is_it) {
                    missing.remove(&listed.key);
                    keys.insert(listed.key.clone());
                }
            }
            archives.push(Wanted { archive, manifest: Cow::Owned(manifest), keys });
        }
        match missing.keys().min() {
            None => Ok(Sources { listed: manifest, archives, most: self.store.max_record_size() }),
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

/// What a backup lists, and where it is.
struct Sources<'a, 'm> {
    listed: &'m Manifest,
    archives: Vec<Wanted<'a, 'm>>,
    /// The most bytes of a record.
    most: u64,
}

/// An archive, and the keys of what is to come from it.
struct Wanted<'a, 'm> {
    archive: &'a Archive,
    manifest: Cow<'m, Manifest>,
    keys: HashSet<Key>,
}

impl Source for Sources<'_, '_> {
    fn describe(&mut self, each: &mut dyn FnMut(&Key, Kind, Fingerprint) -> Result<()>) -> Result<()> {
        self.listed.records().iter().try_for_each(|listed| each(&listed.key, listed.kind.of_class(), listed.hash))
    }

    fn records(&mut self, each: &mut dyn FnMut(&Key, Record, Hidden) -> Result<()>) -> Result<()> {
        for Wanted { archive, manifest, keys } in &self.archives {
            archive.records(manifest, self.most, &mut |listed, record, hidden| {
                if keys.contains(&listed.key) { each(&listed.key, record, hidden) } else { Ok(()) }
            })?;
        }
        Ok(())
    }
}
