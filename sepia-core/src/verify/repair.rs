//! Mending what was found.

use std::collections::BTreeMap;

use super::Found;
use super::judge::Sight;
use super::{list, survey, told};
use crate::backend::Backend;
use crate::batch::{Batch, Expect};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::{Problem, ProblemKind};
use crate::record::{Entries, Entry, Key, Node, Record};

/// Tries to mend each problem: first those of which only the backend knows, since what cannot be read, or has strays
/// in it, cannot be written either; then those of records.
pub(super) fn repair(backend: &dyn Backend, problems: Vec<Problem>) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = problems.into_iter().map(Found::untouched).collect();
    for found in found.iter_mut().filter(|found| !is_of_records(found.problem.kind)) {
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
        match mend_record(backend, &key) {
            Ok(done) => {
                for found in found {
                    let done = done.iter().find(|(kind, _)| *kind == found.problem.kind);
                    found.mended = done.map(|(_, what)| what.clone());
                }
            }
            Err(error) => {
                let refused = refusal(error)?;
                found.into_iter().for_each(|found| found.refused = Some(refused.clone()));
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

/// Mends a record under the lock, after a copy of it is safe. Returns what was done about each kind of problem.
fn mend_record(backend: &dyn Backend, key: &Key) -> Result<Vec<(ProblemKind, String)>> {
    let mut lock = backend.lock()?;
    let sight = Sight { backend, classes: &backend.classes()?, index: None };
    let Some(record) = backend.read(key)? else { return Ok(Vec::new()) };
    let problems = survey::look(&sight, key)?;
    let has = |kind| problems.iter().any(|problem| problem.kind == kind && problem.key.as_ref() == Some(key));
    let goes = has(ProblemKind::Undecodable) || has(ProblemKind::Twin);
    if !goes && !has(ProblemKind::Dangling) && !has(ProblemKind::DuplicateIndex) {
        return Ok(Vec::new());
    }
    let kept = backend.upkeep().set_aside(key, &record)?;
    let unchanged = Expect::Unchanged(record.fingerprint());
    let mut batch = Batch::new();
    let done = match record {
        Record::Container(Node { data, mut entries }) if !goes => {
            remove_dangling(&sight, &mut entries)?;
            list::renumber_fields(&mut entries);
            batch.put(key.clone(), Record::Container(Node { data, entries }), unchanged);
            vec![
                (ProblemKind::Dangling, format!("the link was removed, and the record as it was copied to {kept}")),
                (
                    ProblemKind::DuplicateIndex,
                    format!("the list was numbered anew, and the record as it was copied to {kept}"),
                ),
            ]
        }
        Record::Container(_) | Record::Leaf(_) => {
            batch.delete(key.clone(), unchanged);
            let what = format!("the whole record was moved to {kept}");
            problems.iter().map(|problem| (problem.kind, what.clone())).collect()
        }
    };
    lock.commit(batch)?;
    Ok(done)
}

/// Removes the links that lead nowhere, and the collections in which there was nothing else.
fn remove_dangling(sight: &Sight<'_>, entries: &mut Entries) -> Result<()> {
    let mut failed = Ok(());
    entries.retain(|_, entry| {
        let kept = match entry {
            Entry::Link(link) => sight.leads(link),
            Entry::Collection(inner) if inner.is_empty() => Ok(true),
            Entry::Collection(inner) => remove_dangling(sight, inner).map(|()| !inner.is_empty()),
            Entry::Container(node) => remove_dangling(sight, &mut node.entries).map(|()| true),
            Entry::Stray => Ok(true),
        };
        kept.unwrap_or_else(|error| {
            failed = Err(error);
            true
        })
    });
    failed
}
