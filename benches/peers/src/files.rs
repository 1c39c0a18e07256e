//! What everybody writes first: a file for each object, by `std::fs::write`. It is not atomic, never waits for the disk,
//! and has no batches: only `Buffered`.

use std::fs;
use std::path::{Path, PathBuf};

use sepia::Durability;

use crate::bench::Result;
use crate::bench::peer::{Database, Peer};

pub(crate) struct Files;

struct Open(PathBuf);

impl Peer for Files {
    fn name(&self) -> &'static str {
        "fs::write"
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
        let path = self.0.join(key);
        match fs::write(&path, value) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().ok_or("a key has a class")?)?;
                Ok(fs::write(&path, value)?)
            }
            done => Ok(done?),
        }
    }

    fn put_all(&self, entries: Vec<(String, Vec<u8>)>) -> Result {
        entries.iter().try_for_each(|(key, value)| self.put(key, value))
    }

    fn get(&self, key: &str, each: &mut dyn FnMut(&[u8]) -> Result) -> Result {
        each(&fs::read(self.0.join(key))?)
    }

    fn keys(&self, prefix: &str, each: &mut dyn FnMut(&str)) -> Result {
        for entry in fs::read_dir(self.0.join(prefix))? {
            let name = entry?.file_name();
            each(&format!("{prefix}{}", name.to_str().ok_or("a name is no text")?));
        }
        Ok(())
    }
}
