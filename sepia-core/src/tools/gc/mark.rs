//! Marking: following links from the roots, by number.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::index::{At, EXACT, Index, REACHED, SWEPT, parts};
use crate::backend::Backend;
use crate::object::source::{Committed, find};
use crate::record::Key;
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::tools::progress::Reporter;
use crate::tools::roots::Root;

/// A link that leads to an object that is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Dangling {
    /// The object in which the link is.
    pub from: Key,
    /// Where it leads.
    pub to: Key,
}

/// Up to here, threads cost more than they bring.
const FEW: usize = 64;

/// What roots reach in a store.
pub(crate) struct Reached<'b> {
    backend: &'b dyn Backend,
    pub(super) index: Index,
    /// How many generations of a base it takes along, if not all.
    keep: Option<u64>,
    /// What is reached and was not there when the store was listed.
    late: HashSet<Key>,
    /// Links to what was not listed.
    unknown: Vec<Dangling>,
    /// Whether the roots were any object at all.
    pub(super) has_roots: bool,
}

impl<'b> Reached<'b> {
    /// Lists a store.
    pub(crate) fn list(backend: &'b dyn Backend, keep: Option<u64>) -> Result<Self> {
        let index = Index::list(backend)?;
        Ok(Self { backend, index, keep, late: HashSet::new(), unknown: Vec::new(), has_roots: false })
    }

    /// Lists a store, and follows all links from the roots.
    pub(crate) fn from(backend: &'b dyn Backend, roots: &[Root]) -> Result<Self> {
        let mut reached = Self::list(backend, None)?;
        reached.follow_roots(roots, &mut Reporter::default())?;
        Ok(reached)
    }

    /// Follows all links from the roots.
    pub(crate) fn follow_roots(&mut self, roots: &[Root], reporter: &mut Reporter<'_>) -> Result<()> {
        let mut frontier = Vec::new();
        for root in roots {
            match root {
                Root::Object(key) => {
                    if !self.reach(key, &mut frontier) {
                        return Err(Error::message(ErrorKind::NotFound, "a root is not in the store")
                            .object(key.class(), key.id()));
                    }
                    self.has_roots = true;
                }
                Root::Class(name) | Root::ClassIfAny(name) => match (self.index.class(name), root) {
                    (Some(class), _) => self.reach_class(class, &mut frontier),
                    (None, Root::ClassIfAny(_)) => {}
                    (None, _) => {
                        let message = format!("the store has no class {}, which is to be a root", Quoted(name));
                        return Err(Error::message(ErrorKind::NotFound, message));
                    }
                },
            }
        }
        self.follow(frontier, reporter)
    }

    /// Reaches every object of a class, as by links to their bases.
    fn reach_class(&mut self, class: u32, frontier: &mut Vec<At>) {
        let members = &self.index.classes[class as usize];
        self.has_roots |= members.len() > 0;
        let mut object = 0;
        while object < members.len() {
            if members.may_keep_generations() {
                let base = members.base(parts(members.id(object)).0);
                object = base.end;
                self.reach_base(class, base, frontier);
            } else {
                self.mark(At { class, object }, REACHED, frontier);
                object += 1;
            }
        }
    }

    /// Whether a key is reached.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.index.find(key).is_some_and(|at| self.index.has(at, REACHED)) || self.late.contains(key)
    }

    /// Calls `each` with every key that is reached.
    pub(crate) fn each(&self, each: &mut dyn FnMut(&Key) -> Result<()>) -> Result<()> {
        for at in self.index.all().filter(|at| self.index.has(*at, REACHED) && !self.index.has(*at, SWEPT)) {
            each(&self.index.key(at)?)?;
        }
        self.late.iter().try_for_each(each)
    }

    /// Takes in what commits have changed: all of it counts as reached.
    pub(super) fn take_in(&mut self, changed: &[Key]) -> Result<()> {
        let mut found = Vec::new();
        let changed: HashSet<&Key> = changed.iter().collect();
        for key in changed {
            self.reach_late(key, &mut found)?;
            // It may lead elsewhere than before.
            found.push(key.clone());
        }
        self.follow_late(found, &mut |_, error| Err(error))
    }

    /// Counts an object as reached that the index has and that nothing leads to, with all that it leads to. Returns
    /// what of that cannot be read, and so leads nowhere.
    pub(super) fn revive(&mut self, at: At) -> Result<Vec<Key>> {
        let mut damaged = Vec::new();
        if self.index.mark(at, REACHED) {
            let found = vec![self.index.key(at)?];
            self.follow_late(found, &mut |key, error| {
                damaged.push(key);
                if error.kind() == ErrorKind::Corrupt { Ok(()) } else { Err(error) }
            })?;
        }
        Ok(damaged)
    }

    /// Follows the links in records one by one, as they are now, also to what was not listed.
    fn follow_late(&mut self, mut found: Vec<Key>, refuse: &mut dyn FnMut(Key, Error) -> Result<()>) -> Result<()> {
        while let Some(key) = found.pop() {
            let links = match self.links(&key) {
                Ok(links) => {
                    self.note_presence(&key, links.is_some());
                    links.unwrap_or_default()
                }
                Err(error) => {
                    refuse(key, error)?;
                    continue;
                }
            };
            for link in links {
                let mut frontier = Vec::new();
                if self.reach(&link, &mut frontier) {
                    for at in frontier {
                        found.push(self.index.key(at)?);
                    }
                } else {
                    self.reach_late(&link, &mut found)?;
                }
            }
        }
        Ok(())
    }

    /// Others delete, and put anew.
    fn note_presence(&self, key: &Key, is_there: bool) {
        if let Some(at) = self.index.find(key) {
            self.index.set_gone(at, !is_there);
        }
    }

    /// Returns what is reached and was not there when the store was listed.
    pub(super) fn late(&self) -> impl Iterator<Item = &Key> {
        self.late.iter()
    }

    /// Reaches whatever is stored under a key now, and all generations of its base.
    fn reach_late(&mut self, key: &Key, found: &mut Vec<Key>) -> Result<()> {
        let may_keep_generations = match self.index.class(key.class()) {
            Some(class) => self.index.classes[class as usize].may_keep_generations(),
            // Declared since.
            None => {
                self.backend.classes()?.iter().any(|class| class.name() == key.class() && class.may_keep_generations())
            }
        };
        let mut keys = vec![key.clone()];
        if may_keep_generations {
            keys.extend(self.backend.generations(&key.generation().0)?);
        }
        for key in keys {
            let is_new = match self.index.find(&key) {
                Some(at) => self.index.mark(at, REACHED | EXACT),
                None => self.backend.contains(&key)? && self.late.insert(key.clone()),
            };
            if is_new {
                found.push(key);
            }
        }
        Ok(())
    }

    /// Reaches what a link leads to, among what was listed, and returns whether that is anything.
    fn reach(&self, link: &Key, frontier: &mut Vec<At>) -> bool {
        let Some(class) = self.index.class(link.class()) else { return false };
        let members = &self.index.classes[class as usize];
        let exact = members.find(link.id());
        if !members.may_keep_generations() {
            return exact.is_some_and(|object| {
                self.mark(At { class, object }, REACHED, frontier);
                true
            });
        }
        let (base, generation) = parts(link.id());
        let generations = members.base(base);
        // A bare base is generation 0, under either name.
        let exact = exact
            .or_else(|| generations.clone().next().filter(|first| generation == Some(0) && members.id(*first) == base));
        if let Some(object) = exact {
            self.mark(At { class, object }, REACHED | EXACT, frontier);
        }
        let is_base = generation.is_none() && !generations.is_empty();
        self.reach_base(class, generations, frontier);
        // A base can end like a generation.
        let own = if generation.is_some() { members.base(link.id()) } else { 0..0 };
        let is_own_base = !own.is_empty();
        self.reach_base(class, own, frontier);
        exact.is_some() || is_base || is_own_base
    }

    /// Reaches the generations of a base that are kept.
    fn reach_base(&self, class: u32, generations: Range<u32>, frontier: &mut Vec<At>) {
        if generations.is_empty() || !self.index.mark_base(At { class, object: generations.start }) {
            return;
        }
        let kept = match self.keep {
            Some(keep) if self.index.classes[class as usize].keeps_generations() => {
                u32::try_from(keep).unwrap_or(u32::MAX)
            }
            _ => u32::MAX,
        };
        let oldest = generations.end.saturating_sub(kept).max(generations.start);
        (oldest..generations.end).for_each(|object| self.mark(At { class, object }, REACHED, frontier));
    }

    /// Returns the newest generation of the same base, if there is one that is newer.
    pub(super) fn newer(&self, at: At) -> Option<At> {
        let members = self.index.members(at);
        if !members.may_keep_generations() {
            return None;
        }
        let newest = members.base(parts(members.id(at.object)).0).end.saturating_sub(1);
        (newest > at.object).then_some(At { object: newest, ..at })
    }

    /// Whether nothing leads to this generation, but something to its base.
    pub(super) fn is_pruned(&self, at: At) -> bool {
        let members = self.index.members(at);
        members.keeps_generations() && {
            let first = members.base(parts(members.id(at.object)).0).start;
            self.index.is_base_marked(At { class: at.class, object: first })
        }
    }

    /// Calls `each` with everything that an object's links may lead to, among what was listed. One that cannot be
    /// read leads nowhere.
    pub(super) fn each_target(&self, at: At, each: &mut dyn FnMut(At)) -> Result<()> {
        let links = match self.backend.links(&self.index.key(at)?) {
            Ok(links) => links.unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(()),
            Err(error) => return Err(error),
        };
        for link in links {
            let Some(class) = self.index.class(link.class()) else { continue };
            let members = &self.index.classes[class as usize];
            if members.may_keep_generations() {
                let (base, own) = (members.base(parts(link.id()).0), members.base(link.id()));
                base.chain(own).for_each(|object| each(At { class, object }));
            } else {
                members.find(link.id()).into_iter().for_each(|object| each(At { class, object }));
            }
        }
        Ok(())
    }

    fn mark(&self, at: At, mark: u8, frontier: &mut Vec<At>) {
        let is_new = !self.index.has(at, REACHED);
        if self.index.mark(at, mark) && is_new && self.index.members(at).is_container() {
            frontier.push(at);
        }
    }

    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        self.backend.links(key).map_err(|error| {
            let message = format!("the links of {key} cannot be read, so it is not known what they lead to");
            Error::because(message, error)
        })
    }

    /// Follows links from one generation of objects to the next, by several threads where there are many.
    fn follow(&mut self, mut frontier: Vec<At>, reporter: &mut Reporter<'_>) -> Result<()> {
        let threads = crate::store::workers();
        while !frontier.is_empty() {
            let found = if frontier.len() <= FEW || threads == 1 {
                self.follow_some(&frontier, &AtomicUsize::new(0))?
            } else {
                let next = AtomicUsize::new(0);
                let this = &*self;
                let all = Mutex::new(Ok(Found::default()));
                std::thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| {
                            let found = this.follow_some(&frontier, &next);
                            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                            match (&mut *all, found) {
                                (Ok(all), Ok(found)) => all.append(found),
                                (Err(_), _) => {}
                                (all @ Ok(_), Err(error)) => *all = Err(error),
                            }
                        });
                    }
                });
                all.into_inner().unwrap_or_else(PoisonError::into_inner)?
            };
            reporter.advance(frontier.len() as u64);
            self.unknown.extend(found.unknown);
            frontier = found.frontier;
        }
        Ok(())
    }

    fn follow_some(&self, frontier: &[At], next: &AtomicUsize) -> Result<Found> {
        let mut found = Found::default();
        loop {
            let from = next.fetch_add(FEW, Ordering::Relaxed);
            let Some(some) = frontier.get(from..frontier.len().min(from + FEW)).filter(|some| !some.is_empty()) else {
                return Ok(found);
            };
            for at in some {
                let key = self.index.key(*at)?;
                for link in self.links(&key)?.unwrap_or_default() {
                    if !self.reach(&link, &mut found.frontier) {
                        found.unknown.push(Dangling { from: key.clone(), to: link });
                    }
                }
            }
        }
    }

    /// Returns the links that lead to nothing, of those that have been followed.
    pub(super) fn dangling(&self) -> Result<Vec<Dangling>> {
        let mut dangling = self.unknown.clone();
        dangling.sort_unstable();
        dangling.dedup();
        let mut failed = Ok(());
        dangling.retain(|link| {
            let leads = self.leads_nowhere(link);
            leads.unwrap_or_else(|error| {
                failed = Err(error);
                false
            })
        });
        failed.map(|()| dangling)
    }

    /// Looks again, as either end may have changed since.
    fn leads_nowhere(&self, link: &Dangling) -> Result<bool> {
        let class = self.index.class(link.to.class());
        let keeps = class.is_some_and(|class| self.index.classes[class as usize].may_keep_generations());
        let is_there = self.backend.contains(&link.to)? || keeps && find(&Committed(self.backend), &link.to)?.is_some();
        Ok(!is_there && self.backend.links(&link.from)?.is_some_and(|links| links.contains(&link.to)))
    }
}

impl fmt::Debug for Reached<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reached").field("late", &self.late.len()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Found {
    frontier: Vec<At>,
    unknown: Vec<Dangling>,
}

impl Found {
    fn append(&mut self, mut other: Self) {
        self.frontier.append(&mut other.frontier);
        self.unknown.append(&mut other.unknown);
    }
}
