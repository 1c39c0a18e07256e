//! Mending, one problem at a time: each is looked for again, within a transaction.

use rusqlite::{Connection, OptionalExtension};

use super::super::bounded::Bounded;
use super::super::error::failed;
use super::super::writer::Writer;
use super::super::{commit, generation, read, track};
use super::checksums::{self, Comparison};
use super::{examine, quarantine};
use crate::record::Key;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::problem::{self, Problem, ProblemKind};

/// Mends a problem. Returns what was done.
pub(super) fn mend(writer: &mut Writer, problem: &Problem) -> Result<Option<String>> {
    let (connection, known) = writer.known()?;
    let fail = failed("mend the record");
    let Some(key) = &problem.key else {
        let gone = examine::gone_container(&problem.path).filter(|_| problem.kind == ProblemKind::Leftover);
        return match gone {
            Some(number) if !is_object(connection, number).map_err(&fail)? => {
                quarantine::move_entries(connection, number, &problem.path).map_err(fail)
            }
            _ => Ok(None),
        };
    };
    let Some((number, kind)) = find(connection, key)? else { return Ok(None) };
    let mend = || match problem.kind {
        ProblemKind::Unreadable if is_unreadable(connection, key)? => move_record(connection, key, number),
        ProblemKind::Corrupted if checksums::compare(connection, key)? == Comparison::Differs => {
            move_record(connection, key, number)
        }
        ProblemKind::Leftover if kind.is_ok_and(|kind| kind == read::Kind::Leaf) => {
            quarantine::move_entries(connection, number, &key.path()).map_err(&fail)
        }
        ProblemKind::StaleHint => {
            const PLACE: &str = "UPDATE object SET base = ?2, generation = ?3
                WHERE number = ?1 AND (base IS NOT ?2 OR generation IS NOT ?3)";
            let class = known.classes.iter().find(|class| class.name() == key.class());
            let placed = generation::of(class, key);
            let columns = (placed.as_ref().map(|(base, _)| base.id()), placed.as_ref().map(|(_, number)| number));
            let mended = connection.execute(PLACE, (number, columns.0, columns.1)).map_err(&fail)?;
            Ok((mended > 0).then(|| "its base and generation were set right".to_owned()))
        }
        ProblemKind::DatedAhead => {
            const RENEW: &str = "UPDATE object SET modified = ?2 WHERE number = ?1 AND modified > ?2";
            let renewed = connection.execute(RENEW, (number, commit::now())).map_err(&fail)?;
            Ok((renewed > 0).then(|| problem::RENEWED.to_owned()))
        }
        _ => Ok(None),
    };
    let mended = mend().map_err(|error: Error| error.object(key.class(), key.id()))?;
    if mended.is_some() && known.is_followed {
        known.is_followed = track::note(connection, key).map_err(failed("mend the record"))?;
    }
    Ok(mended)
}

fn find(connection: &Connection, key: &Key) -> Result<Option<(i64, Result<read::Kind>)>> {
    const FIND: &str = "SELECT number, kind FROM object WHERE class = ?1 AND id = ?2";
    let row = connection
        .query_row(FIND, (key.class(), key.id()), |row| Ok((row.get(0)?, read::Kind::parse(row.get_ref(1)?))))
        .optional();
    row.map_err(|error| read::of(key, failed("look for the record")(error)))
}

fn is_object(connection: &Connection, number: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM object WHERE number = ?1")?.exists([number])
}

fn is_unreadable(connection: &Bounded, key: &Key) -> Result<bool> {
    match read::record(connection, key) {
        Ok(_) => Ok(false),
        // Whoever reads larger records can read it.
        Err(error) if error.oversize().is_some() => Ok(false),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
        Err(error) => Err(error),
    }
}

fn move_record(connection: &Connection, key: &Key, number: i64) -> Result<Option<String>> {
    let moved = quarantine::move_record(connection, number, &key.path()).map_err(failed("move into quarantine"))?;
    Ok(Some(format!("the whole record was moved to {moved}")))
}
