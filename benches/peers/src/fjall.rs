//! fjall, a log-structured engine. `Buffered`: its default, where each write has reached the system's buffers and
//! survives the killed process.

use std::path::Path;

use ::fjall::{Keyspace, KeyspaceCreateOptions, PersistMode};
use sepia::Durability;

use crate::bench::Result;
use crate::bench::peer::{Database, Peer};

pub(crate) struct Fjall;

struct Open {
    database: ::fjall::Database,
    entries: Keyspace,
    persist: PersistMode,
}

impl Peer for Fjall {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn open(&self, directory: &Path, durability: Durability) -> Result<Option<Box<dyn Database>>> {
        let database = ::fjall::Database::builder(directory).open()?;
        let entries = database.keyspace("entries", KeyspaceCreateOptions::default)?;
        let persist = match durability {
            Durability::Sync => PersistMode::SyncData,
            _ => PersistMode::Buffer,
        };
        Ok(Some(Box::new(Open { database, entries, persist })))
    }
}

impl Database for Open {
    fn put(&self, key: &str, value: &[u8]) -> Result {
        self.entries.insert(key, value)?;
        match self.persist {
            // Done already.
            PersistMode::Buffer => Ok(()),
            mode => Ok(self.database.persist(mode)?),
        }
    }

    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result {
        let mut batch = self.database.batch().durability(Some(self.persist));
        for (key, value) in entries {
            batch.insert(&self.entries, key, value);
        }
        Ok(batch.commit()?)
    }

    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        each(&self.entries.get(key)?.ok_or("the key is not there")?)
    }

    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result {
        for entry in self.entries.prefix(prefix) {
            each(std::str::from_utf8(&entry.key()?)?);
        }
        Ok(())
    }
}
