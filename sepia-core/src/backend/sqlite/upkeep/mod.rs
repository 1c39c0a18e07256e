//! Looking after the tables: what is wrong beyond the records, and mending it.
//!
//! - `quarantine`: where rows go that cannot stay

mod quarantine;

use super::gate::Patience;
use super::{Sqlite, failed};
use crate::backend::{Examined, Upkeep};
use crate::batch::Durability;
use crate::error::Result;
use crate::problem::Problem;
use crate::record::{Key, Record};

impl Upkeep for Sqlite {
    fn examine(&self, _: &mut dyn FnMut(Problem)) -> Result<Examined> {
        Ok(Examined::default())
    }

    fn mend(&self, _: &Problem) -> Result<Option<String>> {
        Ok(None)
    }

    fn set_aside(&self, key: &Key, record: &Record) -> Result<String> {
        self.write(Some(Durability::Sync), Patience::Usual, |writer| {
            let kept = quarantine::keep(&writer.connection, key, record);
            kept.map_err(|error| failed("copy into quarantine")(error).object(key.class(), key.id()))
        })
    }

    fn note_checksums(&self) -> Result<u64> {
        Ok(0)
    }
}
