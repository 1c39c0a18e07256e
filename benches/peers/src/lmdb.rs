//! LMDB by heed, a tree in mapped memory. `Buffered`: without syncs; a commit survives the killed process, and the loss
//! of power may leave a database that cannot be read.

use std::path::Path;

use heed::types::{Bytes, Str};
use heed::{CommitOrAbort, Env, EnvFlags, EnvOpenOptions};
use sepia::Durability;

use crate::bench::Result;
use crate::bench::peer::{Database, Peer};

pub(crate) struct Lmdb;

/// Address space, not memory.
const MAP_SIZE: usize = 4 << 30;

struct Open {
    env: Env,
    entries: heed::Database<'static, Str, Bytes>,
}

impl Peer for Lmdb {
    fn name(&self) -> &'static str {
        "LMDB"
    }

    fn open(&self, directory: &Path, durability: Durability) -> Result<Option<Box<dyn Database>>> {
        let mut options = EnvOpenOptions::new();
        options.map_size(MAP_SIZE).max_dbs(1);
        if durability != Durability::Sync {
            // SAFETY: a loss of power may break the database; this process does not read it after one.
            unsafe { options.flags(EnvFlags::NO_SYNC) };
        }
        // SAFETY: the directory is new, and of this process alone: nothing else changes the file that is mapped.
        let env = unsafe { options.open(directory)? };
        let entries = env
            .create_databases_and_commit(env.write_txn()?, |databases, transaction| {
                databases.create_database(transaction, Some("entries")).map(CommitOrAbort::<_, ()>::Commit)
            })?
            .unwrap_commit();
        Ok(Some(Box::new(Open { env, entries })))
    }
}

impl Database for Open {
    fn put(&self, key: &str, value: &[u8]) -> Result {
        let mut transaction = self.env.write_txn()?;
        self.entries.put(&mut transaction, key, value)?;
        Ok(transaction.commit()?)
    }

    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result {
        let mut transaction = self.env.write_txn()?;
        for (key, value) in entries {
            self.entries.put(&mut transaction, &key, &value)?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        let transaction = self.env.read_txn()?;
        each(self.entries.get(&transaction, key)?.ok_or("the key is not there")?)
    }

    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result {
        let transaction = self.env.read_txn()?;
        for entry in self.entries.prefix_iter(&transaction, prefix)? {
            each(entry?.0);
        }
        Ok(())
    }
}
