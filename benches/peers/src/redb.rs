//! redb, a copy-on-write tree. `Buffered`: its `Durability::None`; what was committed so does not survive the killed
//! process unless a durable commit follows.

use std::path::Path;

use ::redb::{ReadableDatabase, TableDefinition};
use sepia::Durability;

use crate::bench::Result;
use crate::bench::peer::{Database, Peer};

pub(crate) struct Redb;

const ENTRIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("entries");

struct Open {
    database: ::redb::Database,
    durability: ::redb::Durability,
}

impl Peer for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn open(&self, directory: &Path, durability: Durability) -> Result<Option<Box<dyn Database>>> {
        let database = ::redb::Database::create(directory.join("data.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(ENTRIES)?;
        transaction.commit()?;
        let durability = match durability {
            Durability::Sync => ::redb::Durability::Immediate,
            _ => ::redb::Durability::None,
        };
        Ok(Some(Box::new(Open { database, durability })))
    }
}

impl Open {
    fn write(&self, entries: &mut dyn Iterator<Item = (&str, &[u8])>) -> Result {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(self.durability)?;
        let mut table = transaction.open_table(ENTRIES)?;
        for (key, value) in entries {
            table.insert(key, value)?;
        }
        drop(table);
        Ok(transaction.commit()?)
    }
}

impl Database for Open {
    fn put(&self, key: &str, value: &[u8]) -> Result {
        self.write(&mut [(key, value)].into_iter())
    }

    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result {
        self.write(&mut entries.iter().map(|(key, value)| (key.as_str(), value.as_slice())))
    }

    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        each(table.get(key)?.ok_or("the key is not there")?.value())
    }

    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        for entry in table.range(prefix..)? {
            let (key, _) = entry?;
            match key.value().starts_with(prefix) {
                true => each(key.value()),
                false => break,
            }
        }
        Ok(())
    }
}
