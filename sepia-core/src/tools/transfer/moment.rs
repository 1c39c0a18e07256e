//! Reading much as of one moment, while writers run: everything once without keeping anybody off, then what has
//! changed meanwhile again, the last of it under the lock.

use std::collections::HashSet;
use std::ops::ControlFlow;

use crate::backend::Backend;
use crate::record::class::{Class, Kind};
use crate::record::error::Result;
use crate::record::{Entries, Entry, Key, Record};
use crate::tools::gc::mark::Reached;
use crate::tools::progress::Reporter;
use crate::tools::roots::Root;

/// How often everything is read, in the hope that it can be told what has changed meanwhile, before others are kept off
/// from the beginning.
const ATTEMPTS: usize = 3;

/// How often what has changed is read again before others are kept off.
const ROUNDS: usize = 4;

/// So few changes are read while others are kept off.
const FEW: usize = 64;

/// Whether a record comes for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It does, since the beginning or the last restart.
    First,
    /// It may have come before, and counts instead of that.
    Again,
}

/// Takes in records.
pub(crate) trait Sink {
    /// Takes in the record of a key.
    fn put(&mut self, key: &Key, record: Record, pass: Pass) -> Result<()>;

    /// There is no record of this key after all, if there was one.
    fn forget(&mut self, key: &Key) -> Result<()>;

    /// Nothing that has come counts: everything comes anew.
    fn restart(&mut self) -> Result<()>;
}

/// What was read beside the records.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// The classes of the store at that moment.
    pub(crate) classes: Vec<Class>,
    /// How many records had files in them that are not Sepia's.
    pub(crate) strays: u64,
}

/// What is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Selection<'a> {
    Everything,
    /// What these reach, themselves included.
    Reached(&'a [Root]),
}

impl<'a> Selection<'a> {
    /// No list of roots is everything; an empty one is nothing.
    pub(crate) fn of(roots: Option<&'a [Root]>) -> Self {
        roots.map_or(Self::Everything, Self::Reached)
    }
}

/// Gives the sink every selected record as it was at one moment between call and return.
pub(crate) fn gather(
    backend: &dyn Backend,
    selection: Selection<'_>,
    sink: &mut dyn Sink,
    reporter: &mut Reporter<'_>,
) -> Result<Gathered> {
    let (strays, classes) = (HashSet::new(), backend.classes()?);
    let mut reading = Reading { backend, selection, sink, reporter, strays, classes };
    for _ in 0..ATTEMPTS {
        if let Some(classes) = reading.attempt()? {
            return Ok(Gathered { classes, strays: reading.strays.len() as u64 });
        }
        reading.sink.restart()?;
        reading.strays.clear();
    }
    let lock = backend.lock()?;
    reading.all()?;
    let classes = backend.classes()?;
    drop(lock);
    Ok(Gathered { classes, strays: reading.strays.len() as u64 })
}

struct Reading<'r, 'p> {
    backend: &'r dyn Backend,
    selection: Selection<'r>,
    sink: &'r mut dyn Sink,
    reporter: &'r mut Reporter<'p>,
    /// What had strays when it was read last.
    strays: HashSet<Key>,
    /// The classes, as they were when they were last asked for.
    classes: Vec<Class>,
}

impl<'r> Reading<'r, '_> {
    /// Reads everything that is selected, and again what changes meanwhile. Returns the classes; or `None` if it cannot
    /// be told what has changed.
    fn attempt(&mut self) -> Result<Option<Vec<Class>>> {
        let before = self.backend.moment()?;
        let mut track = self.backend.track()?;
        let reached = self.all()?;
        let classes = self.backend.classes()?;
        if self.backend.moment()? == before {
            return Ok(Some(classes));
        }
        let mut pending = Vec::new();
        for _ in 0..ROUNDS {
            match track.changed()? {
                // What is reached is found out at the end, in any case.
                Some(keys) if keys.len() > FEW && reached.is_none() => self.again(keys)?,
                Some(keys) => {
                    pending = keys;
                    break;
                }
                None => return Ok(None),
            }
        }
        let lock = self.backend.lock()?;
        let Some(last) = track.changed()? else { return Ok(None) };
        pending.extend(last);
        match reached {
            None => self.again(pending)?,
            Some(reached) => self.reach_again(&reached, pending)?,
        }
        let classes = self.backend.classes()?;
        drop(lock);
        Ok(Some(classes))
    }

    /// Reads everything that is selected; returns what was reached, if not simply everything.
    fn all(&mut self) -> Result<Option<Reached<'r>>> {
        match self.selection {
            Selection::Everything => {
                for class in self.backend.classes()? {
                    self.class(class.name())?;
                }
                Ok(None)
            }
            Selection::Reached(roots) => {
                let reached = Reached::from(self.backend, roots)?;
                self.each_of(&reached, |_| Some(Pass::First))?;
                Ok(Some(reached))
            }
        }
    }

    fn class(&mut self, class: &str) -> Result<()> {
        // The keys of a class share its name.
        let mut previous: Option<Key> = None;
        let mut read = Ok(());
        let backend = self.backend;
        backend.ids(class, &mut |id| {
            let key = match &previous {
                Some(previous) => previous.sibling(id),
                None => Key::new(class, id),
            };
            read = key.and_then(|key| {
                self.one(&key, Pass::First)?;
                previous = Some(key);
                Ok(())
            });
            if read.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        read
    }

    /// Reads those keys of `reached` for which `wanted` says how.
    fn each_of(&mut self, reached: &Reached<'_>, wanted: impl Fn(&Key) -> Option<Pass>) -> Result<()> {
        reached.each(&mut |key| match wanted(key) {
            Some(pass) => self.one(key, pass),
            None => Ok(()),
        })
    }

    fn one(&mut self, key: &Key, pass: Pass) -> Result<()> {
        let record = match self.backend.read(key)? {
            Some(record) if self.is_of_class(key, &record)? => Some(record),
            _ => None,
        };
        match (record, pass) {
            (Some(mut record), _) => {
                if tidy(&mut record) {
                    self.strays.insert(key.clone());
                } else {
                    self.strays.remove(key);
                }
                self.sink.put(key, record, pass)?;
            }
            (None, Pass::First) => {}
            (None, Pass::Again) => self.forget(key)?,
        }
        self.reporter.advance(1);
        Ok(())
    }

    /// Whether a record is of the kind of its class. What is not is no object, and nobody could take it in.
    fn is_of_class(&mut self, key: &Key, record: &Record) -> Result<bool> {
        let is_container = matches!(record, Record::Container(_));
        let fits = |class: &Class| (class.kind() == Kind::Container) == is_container;
        if !self.classes.iter().any(|class| class.name() == key.class() && fits(class)) {
            // It may have been declared meanwhile, or anew.
            self.classes = self.backend.classes()?;
        }
        Ok(self.classes.iter().find(|class| class.name() == key.class()).is_none_or(fits))
    }

    fn forget(&mut self, key: &Key) -> Result<()> {
        self.strays.remove(key);
        self.sink.forget(key)
    }

    fn again(&mut self, mut keys: Vec<Key>) -> Result<()> {
        keys.sort_unstable();
        keys.dedup();
        keys.iter().try_for_each(|key| self.one(key, Pass::Again))
    }

    /// Reads what is reached now and has changed or was not reached before, and forgets what is reached no more.
    fn reach_again(&mut self, before: &Reached<'_>, mut changed: Vec<Key>) -> Result<()> {
        let Selection::Reached(roots) = self.selection else { return Ok(()) };
        changed.sort_unstable();
        let now = Reached::from(self.backend, roots)?;
        let is_old = |key: &Key| before.contains(key) && changed.binary_search(key).is_err();
        self.each_of(&now, |key| (!is_old(key)).then_some(Pass::Again))?;
        before.each(&mut |key| if now.contains(key) { Ok(()) } else { self.forget(key) })
    }
}

/// Takes out of a record what it need not give back: strays, and collections without anything in them. Returns
/// whether there were strays.
fn tidy(record: &mut Record) -> bool {
    fn entries(of: &mut Entries) -> bool {
        let mut strays = false;
        of.retain(|_, entry| match entry {
            Entry::Link(_) => true,
            Entry::Stray => {
                strays = true;
                false
            }
            Entry::Container(node) => {
                strays |= entries(&mut node.entries);
                true
            }
            Entry::Collection(inner) => {
                strays |= entries(inner);
                !inner.is_empty()
            }
        });
        strays
    }
    match record {
        Record::Leaf(_) => false,
        Record::Container(node) => entries(&mut node.entries),
    }
}
