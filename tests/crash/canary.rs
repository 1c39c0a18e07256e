//! What stands beside a store, and nobody may touch.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Whatever can be told of one file, but for how many names it has: those in the store come and go.
#[derive(Debug, PartialEq)]
struct Told {
    inode: u64,
    mode: u32,
    modified: (i64, i64),
    /// Only where no file has a name in the store.
    changed: Option<(i64, i64)>,
    content: Vec<u8>,
}

/// Something beside a store, as it was when it was made.
pub struct Canary {
    place: PathBuf,
    is_linked: bool,
    before: BTreeMap<PathBuf, Told>,
}

impl Canary {
    /// Makes a directory with a file, and an empty directory.
    pub fn make(place: &Path) -> Self {
        fs::create_dir_all(place.join("empty")).unwrap();
        fs::write(place.join("secret"), "a secret\n").unwrap();
        Self::watch(place)
    }

    /// Watches what is there.
    pub fn watch(place: &Path) -> Self {
        Self { place: place.to_owned(), is_linked: false, before: look(place, false) }
    }

    /// The same, where some of it has other names in the store.
    pub fn watch_linked(place: &Path) -> Self {
        Self { place: place.to_owned(), is_linked: true, before: look(place, true) }
    }

    #[track_caller]
    pub fn check(&self, what: &str) {
        let now = look(&self.place, self.is_linked);
        let mut paths: Vec<&PathBuf> = self.before.keys().chain(now.keys()).collect();
        paths.dedup();
        for path in paths {
            let (was, is) = (self.before.get(path), now.get(path));
            assert!(was == is, "{what}: {path:?}, outside the store, was touched: {was:?}, and now {is:?}");
        }
    }
}

fn look(place: &Path, is_linked: bool) -> BTreeMap<PathBuf, Told> {
    let mut found = BTreeMap::new();
    let mut left = vec![place.to_owned()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let told = Told {
            inode: meta.ino(),
            mode: meta.mode(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (!is_linked).then_some((meta.ctime(), meta.ctime_nsec())),
            content: if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() },
        };
        found.insert(path, told);
    }
    found
}
