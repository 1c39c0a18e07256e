//! Records, looks at stores and disks, and processes that can be killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{Error, ErrorKind, Result};
use tempfile::TempDir;

/// Everything that a store holds.
pub type Contents = BTreeMap<Key, Record>;

pub fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

pub fn leaf(text: &str) -> Record {
    Record::Leaf(text.as_bytes().to_vec())
}

pub fn container(data: &str, entries: Vec<(&str, Entry)>) -> Record {
    Record::Container(node(data, entries))
}

pub fn node(data: &str, list: Vec<(&str, Entry)>) -> Node {
    Node { data: data.as_bytes().to_vec(), entries: entries(list) }
}

pub fn entries(list: Vec<(&str, Entry)>) -> Entries {
    Entries::new(list.into_iter().map(|(name, entry)| (Name::of(name).unwrap(), entry)).collect()).unwrap()
}

pub fn link(class: &str, id: &str) -> Entry {
    Entry::Link(key(class, id))
}

/// A temporary directory in memory, where there is one: most of these tests wait for nothing but the disk,
/// and do not care which.
pub fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(made) = tempfile::Builder::new().prefix("sepia-crash-").tempdir_in(memory)
    {
        return made;
    }
    tempfile::tempdir().unwrap()
}

pub fn open(path: &Path) -> Result<Filesystem> {
    Filesystem::open(path, &OpenOptions::default())
}

pub fn open_to_read(path: &Path) -> Result<Filesystem> {
    let mut options = OpenOptions::default();
    options.read_only = true;
    Filesystem::open(path, &options)
}

/// Reads everything, in each way that a backend offers, and checks that they agree.
pub fn contents(backend: &dyn Backend) -> Result<Contents> {
    let disagree = |message: String| Err(Error::new(ErrorKind::Other, message));
    let mut contents = Contents::new();
    for class in backend.classes()? {
        let mut ids = Vec::new();
        backend.ids(class.name(), &mut |id| {
            ids.push(id.to_owned());
            ControlFlow::Continue(())
        })?;
        let mut newest: BTreeMap<String, (u64, Key)> = BTreeMap::new();
        for id in ids {
            let key = key(class.name(), &id);
            let Some(record) = backend.read(&key)? else {
                return disagree(format!("{key} is listed, and absent"));
            };
            if !backend.contains(&key)? {
                return disagree(format!("{key} is read, and not contained"));
            }
            if class.generations() == Some(true) {
                let (base, generation) = match id.rsplit_once('.') {
                    Some((base, generation)) => (base.to_owned(), generation.parse().unwrap()),
                    None => (id, 0),
                };
                let found = (generation, key.clone());
                newest.entry(base).and_modify(|known| *known = found.clone().max(known.clone())).or_insert(found);
            }
            if contents.insert(key.clone(), record).is_some() {
                return disagree(format!("{key} is listed twice"));
            }
        }
        for (base, (_, key)) in newest {
            let base = Key::new(class.name(), base)?;
            let found = backend.newest(&base)?;
            if found.as_ref() != Some(&key) {
                return disagree(format!("the newest of {base} is {key}, and said to be {found:?}"));
            }
            if backend.generations(&base)?.last() != Some(&key) {
                return disagree(format!("the generations of {base} do not end with {key}"));
            }
        }
    }
    Ok(contents)
}

/// Says where two states differ.
pub fn difference(expected: &Contents, found: &Contents) -> String {
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let differ: Vec<String> = keys
        .into_iter()
        .filter(|key| expected.get(key) != found.get(key))
        .map(|key| {
            let brief = |record: Option<&Record>| match record {
                None => "nothing".to_owned(),
                Some(Record::Leaf(content)) => String::from_utf8_lossy(content).chars().take(40).collect(),
                Some(Record::Container(node)) => {
                    let names: Vec<_> = node.entries.iter().map(|(name, _)| name.as_str()).collect();
                    format!("{} {names:?}", String::from_utf8_lossy(&node.data).trim_end())
                }
            };
            format!("{key}: {} instead of {}", brief(found.get(key)), brief(expected.get(key)))
        })
        .collect();
    format!("[{}]", differ.join("; "))
}

/// What stands under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Directory,
    File(String),
    Link(String),
}

/// Everything below a directory but what is private, and the directories of classes that are empty: a writer may
/// die or fail between making one and putting the first object into it.
pub fn files(root: &Path) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found.retain(|path, _| path != ".sepia" && !path.starts_with(".sepia/"));
    let full: Vec<String> = found.keys().filter_map(|path| Some(path.split_once('/')?.0.to_owned())).collect();
    found.retain(|path, found| *found != Found::Directory || path.contains('/') || full.contains(path));
    found
}

/// Everything below a directory.
pub fn walk(root: &Path, at: &Path, found: &mut BTreeMap<String, Found>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_symlink() {
            found.insert(name, Found::Link(fs::read_link(&path).unwrap().to_str().unwrap().to_owned()));
        } else if kind.is_dir() {
            found.insert(name, Found::Directory);
            walk(root, &path, found);
        } else {
            found.insert(name, Found::File(String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()));
        }
    }
}

/// Checks that nothing has been left where nothing belongs.
#[track_caller]
pub fn check_private(root: &Path) {
    let known = [".gitignore", "format.json", "journal", "latest", "state", "tmp"];
    for entry in fs::read_dir(root.join(".sepia")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&&*name), "{name} was left behind");
    }
    if let Ok(list) = fs::read_dir(root.join(".sepia/tmp")) {
        let left: Vec<_> = list.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "left in tmp: {left:?}");
    }
}

/// Copies a tree as it is. Other inodes: a store in it does not take its state for true.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, place) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), place).unwrap();
        } else if kind.is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Tells a process that it is a child, and what it has to do.
const CHILD: &str = "SEPIA_CRASH_CHILD";

/// Prepares a process that runs the test of this name as a child, which finds `words` in [`child`].
pub fn command(test: &str, words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1", "-q", "--include-ignored"]);
    command.env(CHILD, words.join("\n")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn spawn(test: &str, words: &[&str]) -> Child {
    command(test, words).spawn().unwrap()
}

/// What this process has to do, if it is a child.
pub fn child() -> Option<Vec<String>> {
    let words = std::env::var(CHILD).ok()?;
    Some(words.split('\n').map(str::to_owned).collect())
}

/// Calls `each` with every number below `count`, on a few threads.
pub fn in_parallel(count: usize, each: impl Fn(usize) + Sync) {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    // One that fails does not keep the others from being tried.
                    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| each(number)));
                    failed.fetch_add(usize::from(tried.is_err()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 0, "of {count} cases, so many failed");
}

/// The place of a store in a directory.
pub fn place(directory: &TempDir) -> PathBuf {
    directory.path().join("store")
}

/// Numbers that look random, the same for the same seed (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// The first and the last most often.
    pub fn skewed(&mut self, end: usize) -> usize {
        match self.below(5) {
            0 | 1 => 0,
            2 | 3 => end - 1,
            _ => self.below(end),
        }
    }
}
