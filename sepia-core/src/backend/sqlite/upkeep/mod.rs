//! Looking after the tables: what is wrong beyond the records, and mending it.
//!
//! - `examine`: everything that no record shows
//! - `mend`: what is done about it
//! - `quarantine`: where rows go that cannot stay
//! - `checksums`: comparing them, and noting those that are missing

mod checksums;
mod examine;
mod mend;
mod quarantine;

use super::Sqlite;
use super::error::failed;
use super::gate::Patience;
use crate::backend::{Examined, Upkeep};
use crate::record::batch::Durability;
use crate::record::error::Result;
use crate::record::problem::Problem;
use crate::record::{Key, Record};

impl Upkeep for Sqlite {
    fn examine(&self, each: &mut dyn FnMut(Problem)) -> Result<Examined> {
        self.examine_tables(each)?;
        self.compare_checksums(each)
    }

    fn mend(&self, problem: &Problem) -> Result<Option<String>> {
        self.write(Some(Durability::Sync), Patience::Usual, |writer| mend::mend(writer, problem))
    }

    fn set_aside(&self, key: &Key, record: &Record) -> Result<String> {
        self.write(Some(Durability::Sync), Patience::Usual, |writer| {
            let kept = quarantine::keep(&writer.connection, key, record);
            kept.map_err(|error| failed("copy into quarantine")(error).object(key.class(), key.id()))
        })
    }

    fn note_checksums(&self) -> Result<u64> {
        self.note_missing_checksums()
    }
}
