//! What the tests share: stores of every kind, and looks at the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sepia::{Error, ErrorKind, Result, Store};
use tempfile::TempDir;

/// A store in a directory of its own, which goes with it.
pub struct OnDisk {
    pub store: Store,
    pub directory: TempDir,
}

impl OnDisk {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { store: Store::open(directory.path()).unwrap(), directory }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// A second handle, as another process would have it.
    pub fn reopen(&self) -> Store {
        Store::open(self.directory.path()).unwrap()
    }

    pub fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn text(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    pub fn snapshot(&self) -> BTreeMap<String, Found> {
        snapshot(self.directory.path())
    }
}

/// Runs a test on every kind of store.
pub fn on_every_backend(test: impl Fn(&Store)) {
    test(&Store::in_memory());
    test(&OnDisk::new().store);
}

/// What stands under a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    Directory,
    File(Vec<u8>),
    Link(String),
    /// A pipe, say.
    Other,
}

/// Everything below a directory, but for what is private.
pub fn snapshot(root: &Path) -> BTreeMap<String, Found> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeMap<String, Found>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if name == ".sepia" {
                continue;
            }
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_symlink() {
                found.insert(name, Found::Link(fs::read_link(&path).unwrap().to_str().unwrap().to_owned()));
            } else if kind.is_dir() {
                found.insert(name, Found::Directory);
                walk(root, &path, found);
            } else if !kind.is_file() {
                found.insert(name, Found::Other);
            } else {
                found.insert(name, Found::File(fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// Inode and times of everything in the store, private or not.
pub fn stamps(root: &Path) -> BTreeMap<String, (u64, i64, i64, i64, i64)> {
    let mut stamps = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let stat = fs::symlink_metadata(&path).unwrap();
            let stamp = (stat.ino(), stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
            stamps.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), stamp);
            if stat.is_dir() {
                directories.push(path);
            }
        }
    }
    stamps
}

/// Checks an error's kind, and that its message and causes name what they must.
#[track_caller]
pub fn refused<T>(result: Result<T>, kind: ErrorKind, names: &[&str]) -> Error {
    let Err(error) = result else { panic!("expected {kind:?}, and it succeeded") };
    let mut message = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    assert_eq!(error.kind(), kind, "{message}");
    for name in names {
        assert!(message.contains(name), "{name:?} is not named in: {message}");
    }
    error
}
