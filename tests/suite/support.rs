//! What the tests share: stores in every medium, and looks at the disk.

use std::collections::BTreeMap;
use std::fs;
use std::ops::{ControlFlow, Deref};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Key, Node, Record};
use sepia::{Durability, Error, ErrorKind, Result, Store, StoreBuilder};
use tempfile::TempDir;

/// A store in a directory of its own, which goes with it.
pub struct OnDisk {
    pub store: Store,
    pub directory: TempDir,
}

/// A temporary directory in memory, where there is one: for those who need files, and no disk.
pub fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(made) = tempfile::tempdir_in(memory)
    {
        return made;
    }
    tempfile::tempdir().unwrap()
}

impl OnDisk {
    pub fn new() -> Self {
        Self::at(directory())
    }

    pub fn at(directory: TempDir) -> Self {
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

/// Where a store keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Memory,
    Files,
    Sqlite,
}

/// Every one that the build has.
pub const MEDIA: [Medium; 3] = [Medium::Memory, Medium::Files, Medium::Sqlite];

impl Medium {
    /// Makes an empty store in it.
    pub fn make(self) -> AnyStore {
        let directory = directory();
        let place = directory.path().join("store");
        let url = match self {
            Self::Memory => "memory:".to_owned(),
            Self::Files => format!("file:{}", place.display()),
            Self::Sqlite => format!("sqlite:{}", place.display()),
        };
        AnyStore { store: Store::builder().open_url(&url).unwrap(), medium: self, url, _directory: directory }
    }
}

/// A store in some medium, in a place of its own, which goes with it.
pub struct AnyStore {
    store: Store,
    medium: Medium,
    url: String,
    _directory: TempDir,
}

impl AnyStore {
    /// A second handle, as another process would have it, where there can be one.
    pub fn reopen(&self) -> Store {
        self.reopen_with(&Store::builder())
    }

    /// A second handle with these options, where there can be one.
    pub fn reopen_with(&self, options: &StoreBuilder) -> Store {
        match self.medium {
            Medium::Memory => self.store.clone(),
            Medium::Files | Medium::Sqlite => options.open_url(&self.url).unwrap(),
        }
    }

    /// What opens it in another process, if it lasts.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of its directory or file, if it lasts.
    pub fn place(&self) -> &str {
        self.url.split_once(':').unwrap().1
    }

    /// Whether the records outlive the process.
    pub fn lasts(&self) -> bool {
        self.medium != Medium::Memory
    }
}

impl Deref for AnyStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Runs a test with every medium, and says which it was if it fails.
pub fn on_every_medium(test: impl Fn(Medium)) {
    for medium in MEDIA {
        println!("on {medium:?}");
        test(medium);
    }
}

/// Runs a test on a store in every medium.
pub fn on_every_backend(test: impl Fn(&Store)) {
    on_every_medium(|medium| test(&medium.make()));
}

/// Runs a test on two handles to one store in every medium.
pub fn in_two_views(test: impl Fn(&Store, &Store)) {
    on_every_medium(|medium| {
        let store = medium.make();
        test(&store, &store.reopen());
    });
}

/// Runs a test on two stores, each in every medium.
pub fn on_every_pair(test: impl Fn(Medium, Medium)) {
    on_every_medium(|from| {
        on_every_medium(|to| test(from, to));
    });
}

/// Runs a test on two stores, of which each medium is the first once and the second once: what goes on in every pair at
/// greater length is tried in these with the other tests.
pub fn on_some_pairs(test: impl Fn(Medium, Medium)) {
    MEDIA.into_iter().zip(MEDIA.into_iter().cycle().skip(1)).for_each(|(from, to)| test(from, to));
}

/// The classes of a store, and every record in it.
pub fn content(store: &Store) -> (Vec<Class>, BTreeMap<Key, Record>) {
    let backend = store.backend();
    let classes = backend.classes().unwrap();
    let mut records = BTreeMap::new();
    for class in &classes {
        let each = &mut |id: &str| {
            let key = Key::new(class.name(), id).unwrap();
            records.insert(key.clone(), backend.read(&key).unwrap().unwrap());
            ControlFlow::Continue(())
        };
        backend.ids(class.name(), each).unwrap();
    }
    (classes, records)
}

/// Writes two notes again and again, always as one and equal, until the work is done.
pub fn beside_writers<R>(store: &Store, work: impl FnOnce() -> R) -> R {
    let done = AtomicBool::new(false);
    let write = |number: u64| {
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Pair", Format::Text)).unwrap();
        batch.declare(&Class::container("Fresh")).unwrap();
        batch.set_durability(Durability::Buffered);
        for id in ["a", "z"] {
            let content = number.to_string().into_bytes();
            batch.put(Key::new("Pair", id).unwrap(), Record::Leaf(content), Expect::Any);
        }
        // One comes, and one goes.
        let fresh = |number: u64| Key::new("Fresh", number.to_string()).unwrap();
        let node = Node { data: b"{}\n".to_vec(), ..Node::default() };
        batch.put(fresh(number), Record::Container(node), Expect::Any);
        batch.delete(fresh(number.saturating_sub(1)), Expect::Any);
        store.backend().commit(batch).unwrap();
    };
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    write(1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 1;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                write(number);
            }
        });
        let _done = Done(&done);
        work()
    })
}

/// Checks that the notes of [`beside_writers`] are those of one moment.
#[track_caller]
pub fn is_of_one_moment(store: &Store) {
    let (_, records) = content(store);
    let pair = |id: &str| records[&Key::new("Pair", id).unwrap()].clone();
    assert_eq!(pair("a"), pair("z"));
    let Record::Leaf(number) = pair("a") else { panic!("a note is a leaf") };
    let fresh: Vec<_> = records.keys().filter(|key| key.class() == "Fresh").map(|key| key.id().to_owned()).collect();
    assert_eq!(fresh, [String::from_utf8(number).unwrap()]);
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
