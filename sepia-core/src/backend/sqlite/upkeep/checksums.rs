//! Comparing checksums, and noting those that are missing.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use super::super::bounded::Bounded;
use super::super::error::{disordered, failed};
use super::super::gate::Patience;
use super::super::{Sqlite, catalog, read, tree};
use crate::backend::Examined;
use crate::record::batch::Durability;
use crate::record::error::{ErrorKind, Result};
use crate::record::problem::{Problem, ProblemKind};
use crate::record::{Key, Record};

/// How many records are given a checksum in one transaction.
const CHUNK: u32 = 1000;

/// The checksum of a record, as its row has it.
pub(in super::super) fn of(record: &Record) -> String {
    format!("{:?}", record.fingerprint())
}

/// How the checksum of a record compares with what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Same,
    Differs,
    /// It has none, or cannot be read, which is another problem, or is gone.
    Missing,
}

/// Compares a record with its checksum, within a transaction.
pub(super) fn compare(connection: &Bounded, key: &Key) -> Result<Comparison> {
    const CHECKSUM: &str = "SELECT checksum FROM object WHERE class = ?1 AND id = ?2";
    let mut statement = connection.prepare_cached(CHECKSUM).map_err(failed("read the checksum"))?;
    let checksum = statement.query_row((key.class(), key.id()), |row| {
        let checksum = row.get_ref(0)?;
        // What is no text is that of no record.
        Ok((checksum != ValueRef::Null).then(|| tree::bytes(checksum).unwrap_or_default().to_vec()))
    });
    let checksum = checksum.optional().map_err(failed("read the checksum"))?.flatten();
    let Some(checksum) = checksum else { return Ok(Comparison::Missing) };
    match read::record(connection, key) {
        Ok(Some(record)) if of(&record).as_bytes() == checksum => Ok(Comparison::Same),
        Ok(Some(_)) => Ok(Comparison::Differs),
        Ok(None) => Ok(Comparison::Missing),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Comparison::Missing),
        Err(error) => Err(error),
    }
}

impl Sqlite {
    /// Compares every record with its checksum, in a store that keeps them.
    pub(super) fn compare_checksums(&self, each: &mut dyn FnMut(Problem)) -> Result<Examined> {
        let mut examined = Examined::default();
        if self.read_with(|connection| catalog::checksums(connection))? == catalog::Checksums::Off {
            return Ok(examined);
        }
        for class in self.read_with(|connection| catalog::classes(connection))? {
            match self.compare_class(class.name(), &mut examined, each) {
                // Whoever lists the class is told.
                Err(error) if error.kind() == ErrorKind::Corrupt => {}
                compared => compared?,
            }
        }
        Ok(examined)
    }

    fn compare_class(&self, class: &str, examined: &mut Examined, each: &mut dyn FnMut(Problem)) -> Result<()> {
        let mut ids = read::Ids::start();
        while self.read_with(|connection| ids.advance(connection, class))? {
            for id in ids.iter() {
                let key = Key::new(class, id)?;
                match self.read_with(|connection| in_one_state(connection, || compare(connection, &key))) {
                    Ok(Comparison::Same) => examined.checked += 1,
                    Ok(Comparison::Missing) => examined.unchecked += 1,
                    Ok(Comparison::Differs) => {
                        examined.checked += 1;
                        each(Problem::within(&key, ProblemKind::Corrupted, "", DIFFERS));
                    }
                    // So is whoever reads it.
                    Err(error) if error.kind() == ErrorKind::Corrupt => examined.unchecked += 1,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Notes down checksums for records that have none.
    pub(super) fn note_missing_checksums(&self) -> Result<u64> {
        let (mut noted, mut last) = (0, Some(i64::MIN));
        while let Some(after) = last {
            let count;
            (count, last) = self.write(Some(Durability::Sync), Patience::Usual, |writer| {
                let (connection, known) = writer.known()?;
                match known.checksums {
                    catalog::Checksums::Off => Ok((0, None)),
                    catalog::Checksums::On => note(connection, after),
                }
            })?;
            noted += count;
        }
        Ok(noted)
    }
}

const DIFFERS: &str = "it is not what was written; whoever edits it in SQL leaves it without a checksum";

/// Reads several things of one state, on a connection that is in no transaction.
fn in_one_state<R>(connection: &Connection, read: impl FnOnce() -> Result<R>) -> Result<R> {
    let transaction = connection.unchecked_transaction().map_err(failed("begin to read"))?;
    let done = read()?;
    transaction.commit().map_err(failed("end reading"))?;
    Ok(done)
}

/// Notes down checksums for some records behind a number. Returns for how many, and up to where; `None` at the end.
fn note(connection: &Bounded, after: i64) -> Result<(u64, Option<i64>)> {
    const MISSING: &str = "SELECT number, class, id FROM object WHERE number > ?1 AND checksum IS NULL
        AND class IN (SELECT name FROM class) ORDER BY number LIMIT ?2";
    const NOTE: &str = "UPDATE object SET checksum = ?2 WHERE number = ?1";
    let fail = failed("note checksums");
    let mut statement = connection.prepare_cached(MISSING).map_err(&fail)?;
    let mut rows = statement.query((after, CHUNK)).map_err(&fail)?;
    let mut missing = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next().map_err(&fail)? {
        let number: i64 = row.get(0).map_err(&fail)?;
        if last.is_some_and(|last| number <= last) {
            return Err(disordered("note checksums"));
        }
        last = Some(number);
        // What is no key is foreign.
        if let (Ok(class), Ok(id)) = (row.get::<_, String>(1), row.get::<_, String>(2))
            && let Ok(key) = Key::new(class, id)
        {
            missing.push((number, key));
        }
    }
    drop(rows);
    let mut noted = 0;
    for (number, key) in missing {
        connection.begin_operation();
        let record = match read::record(connection, &key) {
            Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
            record => record.ok().flatten(),
        };
        if let Some(record) = record {
            connection.prepare_cached(NOTE).and_then(|mut one| one.execute((number, of(&record)))).map_err(&fail)?;
            noted += 1;
        }
    }
    Ok((noted, last))
}
