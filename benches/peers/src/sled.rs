//! sled, a log-structured tree. `Buffered`: what the last half second has put is in the memory of the process, and does
//! not survive its death. `Sync`: `flush` has the disk take what was put (`sync_file_range` on Linux), and neither empties
//! the disk's own cache nor writes out what the file system has to say of new blocks. A loss of power may take what it
//! has confirmed: all others promise more.

use std::path::Path;

use ::sled::{Batch, Db};
use sepia::Durability;

use crate::bench::Result;
use crate::bench::peer::{Database, Peer};

pub(crate) struct Sled;

struct Open {
    db: Db,
    durability: Durability,
}

impl Peer for Sled {
    fn name(&self) -> &'static str {
        "sled"
    }

    fn open(&self, directory: &Path, durability: Durability) -> Result<Option<Box<dyn Database>>> {
        Ok(Some(Box::new(Open { db: ::sled::open(directory)?, durability })))
    }
}

impl Open {
    fn flush(&self) -> Result {
        if self.durability == Durability::Sync {
            self.db.flush()?;
        }
        Ok(())
    }
}

impl Database for Open {
    fn put(&self, key: &str, value: &[u8]) -> Result {
        self.db.insert(key, value)?;
        self.flush()
    }

    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result {
        let mut batch = Batch::default();
        for (key, value) in entries {
            batch.insert(key.into_bytes(), value);
        }
        self.db.apply_batch(batch)?;
        self.flush()
    }

    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        each(&self.db.get(key)?.ok_or("the key is not there")?)
    }

    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result {
        for key in self.db.scan_prefix(prefix).keys() {
            each(std::str::from_utf8(&key?)?);
        }
        Ok(())
    }
}
