//! Looking at everything once.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::index::Index;
use super::judge::{self, Judgement, Sight};
use super::told;
use crate::backend::to_the_end;
use crate::backend::{Backend, Examined};
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::foreign;
use crate::record::name;
use crate::record::problem::{self, Problem, ProblemKind, Severity};
use crate::record::{ENTRY_SIZE, Key};
use crate::tools::progress::Reporter;

/// How many records are looked at again while writers are kept off.
const CHUNK: usize = 64;

/// What a look at everything has found.
#[derive(Debug, Default)]
pub(super) struct Surveyed {
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) examined: Examined,
    pub(super) problems: Vec<Problem>,
}

/// Looks at every record without keeping writers off, then again at what looks wrong while they are kept off, and
/// at what the backend knows.
pub(super) fn survey(backend: &dyn Backend, reporter: &mut Reporter<'_>) -> Result<Surveyed> {
    let classes = backend.classes()?;
    let mut survey = Survey { backend, classes: &classes, surveyed: Surveyed::default(), suspects: Vec::new() };
    reporter.begin("list", None);
    let index = survey.list(reporter)?;
    reporter.end();
    reporter.begin("read", Some(survey.surveyed.objects));
    survey.surveyed.objects = 0;
    survey.read(&index, reporter)?;
    drop(index);
    survey.look_again()?;
    reporter.end();
    reporter.begin("examine", None);
    survey.examine()?;
    reporter.end();
    Ok(survey.surveyed)
}

struct Survey<'a> {
    backend: &'a dyn Backend,
    /// Those that were declared when it began.
    classes: &'a [Class],
    surveyed: Surveyed,
    suspects: Vec<Key>,
}

impl Survey<'_> {
    fn find(&mut self, problem: Problem) {
        self.surveyed.problems.push(problem);
    }

    /// Takes in which objects there are.
    fn list(&mut self, reporter: &mut Reporter<'_>) -> Result<Index> {
        let mut index = Index::default();
        for class in self.classes {
            let mut twins = Vec::new();
            let listed = self.backend.ids(
                class.name(),
                &mut to_the_end(|id| {
                    self.surveyed.objects += 1;
                    reporter.advance(1);
                    if index.insert(class, id) {
                        twins.push(id.to_owned());
                    }
                }),
            );
            if let Err(error) = listed {
                let problem = Problem::new(ProblemKind::Unreadable, name::encode(class.name()), "");
                self.find(unreadable(problem, error)?);
            }
            for id in twins {
                self.suspects.push(Key::new(class.name(), id)?);
            }
        }
        Ok(index)
    }

    /// Reads every record, and notes those with which something may be wrong.
    fn read(&mut self, index: &Index, reporter: &mut Reporter<'_>) -> Result<()> {
        let sight = Sight { backend: self.backend, classes: self.classes, index: Some(index) };
        for class in self.classes {
            let mut failed = Ok(());
            let listed = self.backend.ids(class.name(), &mut |id| {
                failed = self.read_one(&sight, class, id);
                reporter.advance(1);
                if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            failed?;
            if let Err(error) = listed {
                // It has been told.
                unreadable(Problem::new(ProblemKind::Unreadable, class.name(), ""), error)?;
            }
        }
        Ok(())
    }

    fn read_one(&mut self, sight: &Sight<'_>, class: &Class, id: &str) -> Result<()> {
        let key = Key::new(class.name(), id)?;
        let record = match self.backend.read(&key) {
            Ok(Some(record)) => record,
            // Deleted meanwhile.
            Ok(None) => return Ok(()),
            Err(error) => {
                unreadable(Problem::within(&key, ProblemKind::Unreadable, "", ""), error)?;
                self.suspects.push(key);
                return Ok(());
            }
        };
        self.surveyed.objects += 1;
        self.surveyed.bytes += record.bytes();
        let problems = judge::record(sight, class, &key, &record)?.problems;
        self.surveyed.problems.extend(unlikely(sight, &key));
        if matches!(self.backend.stat(&key), Ok(Some(stat)) if problem::is_ahead(stat.since)) {
            self.find(Problem::within(&key, ProblemKind::DatedAhead, "", problem::AHEAD));
        }
        if problems.iter().any(may_pass) {
            self.suspects.push(key);
        } else {
            self.surveyed.problems.extend(problems);
        }
        Ok(())
    }

    /// Judges the suspects while nobody writes.
    fn look_again(&mut self) -> Result<()> {
        let mut suspects = std::mem::take(&mut self.suspects);
        suspects.sort();
        suspects.dedup();
        for chunk in suspects.chunks(CHUNK) {
            let _lock = self.backend.lock()?;
            // Writers may have declared some meanwhile.
            let classes = self.backend.classes()?;
            let sight = Sight { backend: self.backend, classes: &classes, index: None };
            for key in chunk {
                match look(&sight, key) {
                    Ok(found) => self.surveyed.problems.extend(found.problems),
                    Err(error) => {
                        self.surveyed.problems.push(unreadable_record(self.backend, key, error)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds what the backend knows.
    fn examine(&mut self) -> Result<()> {
        let mut known = Vec::new();
        self.surveyed.examined = self.backend.upkeep().examine(&mut |problem| known.push(problem))?;
        // What cannot be read is told better by what makes it so.
        let wrong = || known.iter().filter(|problem| problem.kind.severity() == Severity::Problem);
        let keys: HashSet<&Key> = wrong().filter_map(|problem| problem.key.as_ref()).collect();
        let paths: HashSet<&str> = wrong().map(|problem| &*problem.path).collect();
        self.surveyed.problems.retain(|problem| {
            let is_told = problem.key.as_ref().map_or(paths.contains(&*problem.path), |key| keys.contains(key));
            problem.kind != ProblemKind::Unreadable || !is_told
        });
        let places: HashSet<_> = self.surveyed.problems.iter().map(Problem::place).collect();
        let known: Vec<_> = known.iter().filter(|problem| !places.contains(&problem.place())).cloned().collect();
        self.surveyed.problems.extend(known);
        self.surveyed.problems.sort_by(|a, b| (&a.path, a.kind).cmp(&(&b.path, b.kind)));
        // Of what is stored twice, either may have told.
        self.surveyed.problems.dedup_by(|a, b| a.place() == b.place());
        Ok(())
    }
}

/// Tells of an object that, by its name, somebody else has put there.
fn unlikely(sight: &Sight<'_>, key: &Key) -> Option<Problem> {
    if let Some(original) = foreign::conflict_copy(key.id()) {
        return Some(Problem::within(key, ProblemKind::ConflictCopy, "", problem::conflict_copy(&original)));
    }
    let is_there = |original: &str| sight.index.is_some_and(|index| index.has(key.class(), original));
    let message = match foreign::kept_version(key.id()).filter(|original| is_there(original)) {
        Some(original) => format!("by its name, this is an earlier version of {}", Quoted(original)),
        None if foreign::is_unlikely_id(key.id()) => "by its name, this is another program's file".to_owned(),
        None => return None,
    };
    let message = format!("{message}, and it is an object as all files of a class are: move it away if it is none");
    Some(Problem::within(key, ProblemKind::UnlikelyId, "", message))
}

/// Returns what is wrong with what is stored under a key now; nothing is if its class is not declared any more.
pub(super) fn look(sight: &Sight<'_>, key: &Key) -> Result<Judgement> {
    let class = sight.classes.iter().find(|class| class.name() == key.class());
    let (Some(class), Some(record)) = (class, sight.backend.read(key)?) else { return Ok(Judgement::default()) };
    let mut found = judge::record(sight, class, key, &record)?;
    if class.keeps_generations()
        && key.generation().1 == 0
        && let Some(twin) = twin(sight, class, key)?
    {
        found.is_useless |= twin.key.as_ref() == Some(key);
        found.problems.push(twin);
    }
    Ok(found)
}

/// Returns whether a generation 0 is stored twice.
fn twin(sight: &Sight<'_>, class: &Class, key: &Key) -> Result<Option<Problem>> {
    let (base, _) = key.generation();
    let first = key.sibling(&format!("{}.0", base.id()))?;
    if !sight.backend.contains(&base)? || !is_understood(sight, class, &first)? {
        return Ok(None);
    }
    // Told of the one that nobody is led to.
    let message = format!("generation 0 is stored as {first}, too");
    Ok(Some(Problem::within(&base, ProblemKind::Twin, "", message)))
}

/// Whether a record is there, and will not have to go.
fn is_understood(sight: &Sight<'_>, class: &Class, key: &Key) -> Result<bool> {
    match sight.backend.read(key) {
        Ok(None) => Ok(false),
        Ok(Some(record)) => Ok(!judge::record(sight, class, key, &record)?.is_useless),
        // A problem of its own.
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Io) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a writer at work could make a record look like this.
fn may_pass(problem: &Problem) -> bool {
    problem.kind.severity() == Severity::Problem || problem.kind == ProblemKind::CopyDiffers
}

/// Makes a problem of the error of reading a record, unless it tells of more than one place.
fn unreadable_record(backend: &dyn Backend, key: &Key, error: Error) -> Result<Problem> {
    let Some(oversize) = error.oversize() else {
        return unreadable(Problem::within(key, ProblemKind::Unreadable, "", ""), error);
    };
    let mut message = told(&error);
    if oversize.size.is_none()
        && let Ok(Some(stat)) = backend.stat(key)
    {
        message = format!("{message}: it has {} bytes in its files, and {ENTRY_SIZE} count for each entry", stat.bytes);
    }
    Ok(Problem::within(key, ProblemKind::TooLarge, "", message))
}

/// Makes a problem of an error, unless it tells of more than one place.
fn unreadable(problem: Problem, error: Error) -> Result<Problem> {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Io => Ok(Problem { message: told(&error), ..problem }),
        _ => Err(error),
    }
}
