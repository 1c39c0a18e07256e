//! cacache, a content-addressed cache: a file for each content, and a file for each key, each replaced as a whole. It
//! never waits for the disk, and has no batches: only `Buffered`.

use std::path::{Path, PathBuf};

use sepia::Durability;

use crate::bench::Result;
use crate::bench::peer::{Database, Peer};

pub(crate) struct Cacache;

struct Open(PathBuf);

impl Peer for Cacache {
    fn name(&self) -> &'static str {
        "cacache"
    }

    fn open(&self, directory: &Path, durability: Durability) -> Result<Option<Box<dyn Database>>> {
        Ok((durability != Durability::Sync).then(|| Box::new(Open(directory.to_owned())) as _))
    }

    fn holds_millions(&self) -> bool {
        false
    }
}

impl Database for Open {
    fn put(&self, key: &str, value: &[u8]) -> Result {
        ::cacache::write_sync(&self.0, key, value)?;
        Ok(())
    }

    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result {
        entries.iter().try_for_each(|(key, value)| self.put(key, value))
    }

    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        each(&::cacache::read_sync(&self.0, key)?)
    }

    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result {
        for entry in ::cacache::list_sync(&self.0) {
            let key = entry?.key;
            if key.starts_with(prefix) {
                each(&key);
            }
        }
        Ok(())
    }
}
