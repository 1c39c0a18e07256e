//! Mending what was found.

use std::collections::BTreeMap;

use super::judge::{Judgement, Sight};
use super::mend::{self, Dangling, Verdict};
use super::{Found, survey, told};
use crate::backend::Backend;
use crate::record::batch::{Batch, Expect};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::problem::{Problem, ProblemKind};
use crate::record::{Key, Record};

/// Tries to mend each problem: first those of which only the backend knows, since what cannot be read, or has strays
/// in it, cannot be written either; then those of records.
pub(super) fn repair(backend: &dyn Backend, problems: Vec<Problem>, dangling: Dangling) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = problems.into_iter().map(Found::untouched).collect();
    for found in found.iter_mut().filter(|found| !is_of_records(found.problem.kind)) {
        if found.problem.kind == ProblemKind::TooLarge {
            found.refused = Some(TOO_LARGE.to_owned());
            continue;
        }
        match backend.upkeep().mend(&found.problem) {
            Ok(mended) => found.mended = mended,
            Err(error) => found.refused = Some(refusal(error)?),
        }
    }
    let mut of_records: BTreeMap<Key, Vec<&mut Found>> = BTreeMap::new();
    for found in found.iter_mut().filter(|found| is_of_records(found.problem.kind)) {
        if let Some(key) = found.problem.key.clone() {
            of_records.entry(key).or_default().push(found);
        }
    }
    for (key, found) in of_records {
        match mend_record(backend, &key, dangling) {
            Ok(outcomes) => {
                for found in found {
                    match outcomes.iter().find(|(problem, _)| problem.place() == found.problem.place()) {
                        Some((_, Ok(done))) => found.mended = Some(done.clone()),
                        Some((_, Err(reason))) => found.refused = Some(reason.clone()),
                        // It is gone.
                        None => {}
                    }
                }
            }
            Err(error) => {
                let refused = refusal(error)?;
                for found in found {
                    // What cannot be read cannot be copied, but the backend may move it as it is.
                    match backend.upkeep().mend(&found.problem) {
                        Ok(None) => found.refused = Some(refused.clone()),
                        Ok(mended) => found.mended = mended,
                        Err(error) => found.refused = Some(refusal(error)?),
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Whether a problem can be mended by putting another record, or none.
fn is_of_records(kind: ProblemKind) -> bool {
    use ProblemKind::{Dangling, DuplicateIndex, Twin, Undecodable};
    matches!(kind, Dangling | DuplicateIndex | Twin | Undecodable)
}

/// Why one problem cannot be mended.
///
/// # Errors
/// The same error, if nothing else can be mended either.
fn refusal(error: Error) -> Result<String> {
    match error.kind() {
        ErrorKind::ReadOnly | ErrorKind::Locked | ErrorKind::Poisoned => Err(error),
        _ => Ok(told(&error)),
    }
}

/// Why something is left that most types cannot load.
const MAY_BE_IGNORED: &str = "only the program knows: a type that ignores what it does not know can load this";

/// Why a record stays that is larger than this handle reads.
const TOO_LARGE: &str = "it stays as it is: open the store for larger records to find out whether anything is wrong";

/// What was done about a problem, or why nothing was.
type Outcome = std::result::Result<String, String>;

/// Mends a record under the lock, after a copy of it is safe. Returns what came of each of its problems.
fn mend_record(backend: &dyn Backend, key: &Key, dangling: Dangling) -> Result<Vec<(Problem, Outcome)>> {
    let lock = backend.lock()?;
    let sight = Sight { backend, classes: &backend.classes()?, index: None };
    let Some(record) = backend.read(key)? else { return Ok(Vec::new()) };
    let Judgement { problems, is_useless } = survey::look(&sight, key)?;
    let unchanged = Expect::Unchanged(record.fingerprint());
    let mut batch = Batch::new();
    if is_useless {
        let kept = backend.upkeep().set_aside(key, &record)?;
        batch.delete(key.clone(), unchanged);
        lock.commit(batch)?;
        let moved = format!("the whole record was moved to {kept}");
        return Ok(problems.into_iter().map(|problem| (problem, Ok(moved.clone()))).collect());
    }
    let doubtful = problems.into_iter().filter(|problem| problem.kind == ProblemKind::Undecodable);
    let mut outcomes: Vec<_> = doubtful.map(|problem| (problem, Err(MAY_BE_IGNORED.to_owned()))).collect();
    let Record::Container(node) = &record else { return Ok(outcomes) };
    let (node, verdicts) = mend::container(&sight, node, dangling)?;
    let mut kept = None;
    if verdicts.iter().any(|verdict| verdict.outcome.is_ok()) {
        kept = Some(backend.upkeep().set_aside(key, &record)?);
        batch.put(key.clone(), Record::Container(node), unchanged);
        lock.commit(batch)?;
    }
    let told = |Verdict { kind, below, outcome }| {
        let kept = kept.as_deref().unwrap_or_default();
        let done = |done| format!("{done}, and the record as it was copied to {kept}");
        (Problem::within(key, kind, &below, ""), outcome.map(done).map_err(str::to_owned))
    };
    outcomes.extend(verdicts.into_iter().map(told));
    Ok(outcomes)
}
