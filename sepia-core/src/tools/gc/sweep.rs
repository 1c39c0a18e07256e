//! Sweeping: deleting what nothing leads to, in chunks, beside writers.
//!
//! 1. Commits are tracked from here on, and all is listed and marked, without the lock.
//! 2. What is too young counts as a root, if nothing leads to it.
//! 3. For each chunk, under the lock: what was committed since is taken in (it counts as reached, with all that
//!    it leads to); of the chunk, what is still not reached and still old enough is deleted.
//!
//! If it is not known what was committed, all is marked anew; after a few rounds of that, under the lock, which
//! ends with the commit that deletes what was found, or a large part of it.

use std::time::{Duration, SystemTime};

use super::Options;
use super::index::{At, GONE, REACHED, SPARED, SWEPT};
use super::mark::Reached;
use super::order::{self, Doomed};
use super::report::GcReport;
use crate::backend::{Backend, Lock, Stat, Track};
use crate::record::Key;
use crate::record::batch::{Batch, Expect};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::problem::{self, Problem, ProblemKind};
use crate::tools::progress::Reporter;
use crate::tools::roots::Root;

/// How many objects go in one commit, for which writers wait. Those that lead to each other are never divided.
const CHUNK: usize = 1000;
/// How many go in one commit once others are kept off while all is marked, so that not all is in memory at once.
const LARGE: usize = 200 * CHUNK;
/// How often all is marked anew beside writers, before they are kept off.
const ATTEMPTS: usize = 3;
/// How often what has come is taken in without the lock, at most.
const ROUNDS: usize = 10;

pub(super) fn collect(
    backend: &dyn Backend,
    roots: &[Root],
    options: &Options,
    reporter: &mut Reporter<'_>,
) -> Result<GcReport> {
    let mut report = GcReport { dry_run: options.dry_run, ..GcReport::default() };
    if options.dry_run {
        let mut sweep = Sweep::mark(backend, roots, options, reporter)?;
        for chunk in chunks(&sweep.doomed()?) {
            let going = sweep.choose(chunk, &mut report)?;
            sweep.count(going, &mut report);
        }
        sweep.finish(&mut report)?;
        return Ok(report);
    }
    let mut track = backend.track()?;
    for _ in 0..ATTEMPTS {
        let mut sweep = Sweep::mark(backend, roots, options, reporter)?;
        if sweep.all(&mut *track, &mut report, reporter)? == Sight::Kept {
            sweep.finish(&mut report)?;
            return Ok(report);
        }
    }
    drop(track);
    loop {
        let lock = backend.lock()?;
        let mut sweep = Sweep::mark(backend, roots, options, reporter)?;
        if sweep.large_part(lock, &mut report)? == Part::Last {
            sweep.finish(&mut report)?;
            return Ok(report);
        }
    }
}

/// Whether it is known what others have committed since all was marked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    Kept,
    Lost,
}

/// Whether more is left to sweep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    First,
    Last,
}

/// Splits after about a chunk, and never between what goes together.
fn chunks(doomed: &[Doomed]) -> impl Iterator<Item = &[Doomed]> {
    let mut rest = doomed;
    std::iter::from_fn(move || {
        let mut end = rest.len().min(CHUNK);
        while end < rest.len() && rest[end].is_joined {
            end += 1;
        }
        let (chunk, others) = rest.split_at(end);
        rest = others;
        (!chunk.is_empty()).then_some(chunk)
    })
}

struct Sweep<'a> {
    backend: &'a dyn Backend,
    options: &'a Options,
    reached: Reached<'a>,
    now: SystemTime,
    /// What nothing leads to and is spared, although it cannot be read.
    damaged: Vec<Key>,
    /// What is spared as it is dated ahead.
    ahead: Vec<Key>,
}

impl<'a> Sweep<'a> {
    fn mark(
        backend: &'a dyn Backend,
        roots: &[Root],
        options: &'a Options,
        reporter: &mut Reporter<'_>,
    ) -> Result<Self> {
        // Before anything is looked at: what is saved meanwhile is young.
        let now = SystemTime::now();
        reporter.begin("mark", None);
        let mut reached = Reached::list(backend, options.keep)?;
        reached.follow_roots(roots, reporter)?;
        reporter.end();
        if options.needs_roots && !reached.has_roots && reached.index.all().next().is_some() {
            let message = "there are no roots, so nothing is live and everything would be swept: \
                           that must be asked for by `even_without_roots`";
            return Err(Error::invalid_value(message));
        }
        let mut sweep = Self { backend, options, reached, now, damaged: Vec::new(), ahead: Vec::new() };
        sweep.spare_young()?;
        Ok(sweep)
    }

    /// What nothing leads to and is young may be linked soon, with all that it leads to.
    fn spare_young(&mut self) -> Result<()> {
        let index = &self.reached.index;
        let is_container = |at: &At| index.members(*at).is_container();
        let unreached: Vec<At> = index.all().filter(is_container).filter(|at| !index.has(*at, REACHED)).collect();
        for at in unreached {
            self.spare_if_young(at)?;
        }
        Ok(())
    }

    /// Finds out whether an object may go. One that is young stays, with all that it leads to.
    fn spare_if_young(&mut self, at: At) -> Result<Fate> {
        if self.reached.index.has(at, REACHED | SPARED) {
            return Ok(Fate::Stays);
        }
        let key = self.reached.index.key(at)?;
        let stat = match self.backend.stat(&key) {
            Ok(Some(stat)) => stat,
            Ok(None) => return Ok(Fate::Stays),
            // Something else stands in its place, or it cannot be looked at.
            Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(Fate::Refused(key)),
            Err(error) => return Err(error),
        };
        if !self.is_young(at, &key, stat) && !self.is_of_young_history(at)? {
            return Ok(Fate::Goes(Going { at, key, bytes: stat.bytes }));
        }
        self.reached.index.mark(at, SPARED);
        if self.reached.index.members(at).is_container() {
            self.damaged.extend(self.reached.revive(at)?);
        }
        Ok(Fate::Stays)
    }

    /// Whether an object has a newer generation that is young: whoever comes to link that one keeps all.
    fn is_of_young_history(&mut self, at: At) -> Result<bool> {
        let Some(newest) = self.reached.newer(at).filter(|_| !self.reached.is_pruned(at)) else { return Ok(false) };
        let key = self.reached.index.key(newest)?;
        let Ok(Some(stat)) = self.backend.stat(&key) else { return Ok(false) };
        Ok(self.is_young(newest, &key, stat))
    }

    /// What is from the future is young, as it is once a clock was set back: it may have been saved just now. That is
    /// taken note of, so that it does not last until then.
    fn is_young(&mut self, at: At, key: &Key, stat: Stat) -> bool {
        let age = self.now.duration_since(stat.since).unwrap_or(Duration::ZERO);
        let is_young = self.least_age(at).is_some_and(|least| age <= least);
        if is_young && problem::is_ahead(stat.since) {
            self.ahead.push(key.clone());
        }
        is_young
    }

    fn least_age(&self, at: At) -> Option<Duration> {
        let Options { older_than, grace, .. } = *self.options;
        let least = if self.reached.is_pruned(at) { older_than } else { older_than.max(grace) };
        (!least.is_zero()).then_some(least)
    }

    fn doomed(&self) -> Result<Vec<Doomed>> {
        order::doomed(&self.reached)
    }

    /// Sweeps everything that is doomed, chunk by chunk, beside writers.
    fn all(&mut self, track: &mut dyn Track, report: &mut GcReport, reporter: &mut Reporter<'_>) -> Result<Sight> {
        let doomed = self.doomed()?;
        // What has come while all was marked is taken in before writers have to wait for that.
        for _ in 0..ROUNDS {
            let Some(changed) = track.changed()? else { return Ok(Sight::Lost) };
            let few = changed.len() < CHUNK;
            self.take_in(changed)?;
            if few {
                break;
            }
        }
        reporter.begin("sweep", Some(doomed.len() as u64));
        for chunk in chunks(&doomed) {
            if self.chunk(chunk, track, report)? == Sight::Lost {
                return Ok(Sight::Lost);
            }
            reporter.advance(chunk.len() as u64);
        }
        reporter.end();
        Ok(Sight::Kept)
    }

    /// Deletes a chunk in one commit; if something in it cannot be deleted, each by itself.
    fn chunk(&mut self, chunk: &[Doomed], track: &mut dyn Track, report: &mut GcReport) -> Result<Sight> {
        let lock = self.backend.lock()?;
        match track.changed()? {
            Some(changed) => self.take_in(changed)?,
            None => return Ok(Sight::Lost),
        }
        let going = self.choose(chunk, report)?;
        match lock.commit(self.batch(&going)) {
            Ok(()) => self.count(going, report),
            Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
            Err(_) => match chunk {
                [_] => report.refused.extend(going.into_iter().map(|one| one.key)),
                _ => {
                    for one in chunk {
                        if self.chunk(std::slice::from_ref(one), track, report)? == Sight::Lost {
                            return Ok(Sight::Lost);
                        }
                    }
                }
            },
        }
        Ok(Sight::Kept)
    }

    /// Deletes all that is doomed, or a large part of it, in one commit, before which nobody else could commit.
    fn large_part(&mut self, lock: Box<dyn Lock + '_>, report: &mut GcReport) -> Result<Part> {
        let doomed = self.doomed()?;
        let (mut going, mut looked_at) = (Vec::new(), 0);
        for chunk in chunks(&doomed) {
            let chosen = self.choose(chunk, report)?;
            // What cannot be deleted would keep the others from it.
            for one in chosen {
                match self.backend.read(&one.key) {
                    Ok(record) if record.as_ref().is_none_or(|record| record.check().is_ok()) => going.push(one),
                    _ => report.refused.push(one.key),
                }
            }
            looked_at += chunk.len();
            if going.len() >= LARGE {
                break;
            }
        }
        lock.commit(self.batch(&going))?;
        self.count(going, report);
        Ok(if looked_at < doomed.len() { Part::First } else { Part::Last })
    }

    /// Takes in what others have committed: not what has gone here, and not come back.
    fn take_in(&mut self, mut changed: Vec<Key>) -> Result<()> {
        let index = &self.reached.index;
        changed.retain(|key| {
            let is_swept = index.find(key).is_some_and(|at| index.has(at, SWEPT));
            !is_swept || !matches!(self.backend.contains(key), Ok(false))
        });
        self.reached.take_in(&changed)
    }

    /// Chooses those of a chunk that go.
    fn choose(&mut self, chunk: &[Doomed], report: &mut GcReport) -> Result<Vec<Going>> {
        let mut going = Vec::new();
        for doomed in chunk {
            match self.spare_if_young(doomed.at)? {
                Fate::Stays => {}
                Fate::Goes(one) => going.push(one),
                Fate::Refused(key) => report.refused.push(key),
            }
        }
        // One that is young keeps others, maybe of this very chunk.
        going.retain(|one| !self.reached.index.has(one.at, REACHED));
        Ok(going)
    }

    /// Reports what has gone.
    fn count(&self, going: Vec<Going>, report: &mut GcReport) {
        for Going { at, key, bytes } in going {
            self.reached.index.mark(at, SWEPT);
            let is_pruned = self.reached.is_pruned(at);
            let class = report.class(key.class());
            class.swept += 1;
            class.pruned += u64::from(is_pruned);
            class.bytes += bytes;
            if self.options.list {
                report.swept.push(key);
            }
        }
    }

    fn batch(&self, going: &[Going]) -> Batch {
        let mut batch = Batch::new();
        batch.set_durability(self.options.durability);
        for Going { key, .. } in going {
            batch.delete(key.clone(), Expect::Any);
        }
        batch
    }

    /// Completes the report.
    fn finish(&mut self, report: &mut GcReport) -> Result<()> {
        self.ahead.sort_unstable();
        self.ahead.dedup();
        if !self.options.dry_run && !self.ahead.is_empty() {
            let _lock = self.backend.lock()?;
            for key in &self.ahead {
                self.backend.upkeep().mend(&Problem::within(key, ProblemKind::DatedAhead, "", problem::AHEAD))?;
            }
        }
        report.ahead = std::mem::take(&mut self.ahead);
        let index = &self.reached.index;
        for members in &index.classes {
            report.class(members.name());
        }
        for at in index.all().filter(|at| !index.has(*at, SWEPT | GONE)) {
            let class = report.class(index.members(at).name());
            class.live += 1;
            class.spared += u64::from(index.has(at, SPARED));
        }
        for key in self.reached.late() {
            report.class(key.class()).live += 1;
        }
        report.dangling = self.reached.dangling()?;
        report.refused.extend_from_slice(&self.damaged);
        report.refused.sort_unstable();
        report.refused.dedup();
        report.swept.sort_unstable();
        Ok(())
    }
}

/// What becomes of an object that nothing leads to.
enum Fate {
    Stays,
    Goes(Going),
    Refused(Key),
}

struct Going {
    at: At,
    key: Key,
    bytes: u64,
}
