//! Fresh directories, and the check that both sides left the same files.

use std::cell::Cell;
use std::fmt;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use sepia::{Durability, Store};
use tempfile::TempDir;

use super::floor::Directory;
use super::measure::Rounds;
use super::objects::Note;
use super::options::Options;
use super::results::thousands;
use super::{Result, machine};

/// Where everything happens. Nothing is deleted before the end, but by what measures just that, and comes last: on many
/// disks a file is slower to make where another has just gone.
pub(crate) struct Ground {
    root: TempDir,
    quick: bool,
    objects: Option<usize>,
    given: Cell<u32>,
}

impl Ground {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let unasked = || option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let directory = options.directory.clone().unwrap_or_else(unasked);
        fs::create_dir_all(&directory)?;
        let mut root = tempfile::Builder::new().prefix("sepia-bench-").tempdir_in(directory)?;
        root.disable_cleanup(options.keep);
        Ok(Self { root, quick: options.quick, objects: options.objects, given: Cell::new(0) })
    }

    /// Where all directories are made.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Whether much is measured or little.
    pub(crate) fn scale(&self) -> &'static str {
        if self.quick { "quick" } else { "full" }
    }

    /// The rounds of an operation on one leaf.
    pub(crate) fn leaf_rounds(&self) -> Rounds {
        if self.quick { Rounds { count: 5, size: 200 } } else { Rounds { count: 20, size: 500 } }
    }

    /// The rounds of an operation on a container of so many links.
    pub(crate) fn container_rounds(&self, links: usize) -> Rounds {
        match (links, self.quick) {
            (..1000, false) => Rounds { count: 20, size: 20 },
            (..1000, true) => Rounds { count: 5, size: 10 },
            (_, false) => Rounds { count: 8, size: 1 },
            (_, true) => Rounds { count: 2, size: 1 },
        }
    }

    /// The rounds of an operation that goes through a whole class.
    pub(crate) fn list_rounds(&self) -> Rounds {
        Rounds { count: if self.quick { 3 } else { 30 }, size: 1 }
    }

    /// The rounds of an operation in a small class and in a large one.
    pub(crate) fn growth_rounds(&self) -> Rounds {
        Rounds { count: if self.quick { 5 } else { 20 }, size: 50 }
    }

    /// How many objects a small class has, and a large one.
    pub(crate) fn growth(&self) -> [usize; 2] {
        if self.quick { [1000, 10_000] } else { [10_000, self.objects.unwrap_or(100_000)] }
    }

    /// The notes of an operation on one leaf.
    pub(crate) fn notes(&self) -> Vec<Note> {
        (0..self.leaf_rounds().operations()).map(Note::numbered).collect()
    }

    /// The rounds of an operation that waits for the disk.
    pub(crate) fn durable_rounds(&self) -> Rounds {
        if self.quick { Rounds { count: 3, size: 20 } } else { Rounds { count: 20, size: 50 } }
    }

    /// How many leaves go into one commit.
    pub(crate) fn together(&self) -> usize {
        if self.quick { 1000 } else { 10_000 }
    }

    /// How many links a collection goes over.
    pub(crate) fn collected(&self) -> usize {
        self.objects.unwrap_or(if self.quick { 10_000 } else { 100_000 })
    }

    /// How many notes a collection has of which half are swept.
    pub(crate) fn swept(&self) -> usize {
        if self.quick { 2000 } else { 100_000 }
    }

    /// The rounds of an operation that goes through a collection.
    pub(crate) fn collection_rounds(&self) -> Rounds {
        Rounds { count: if self.quick { 2 } else { 8 }, size: 1 }
    }

    /// The rounds of an operation on a whole tree of containers.
    pub(crate) fn tree_rounds(&self) -> Rounds {
        Rounds { count: if self.quick { 2 } else { 8 }, size: 1 }
    }

    /// The rounds of an operation that many threads do at once, each as often as there are notes of it.
    pub(crate) fn thread_rounds(&self) -> Rounds {
        Rounds { count: if self.quick { 2 } else { 6 }, size: 1 }
    }

    /// How many leaves each of many threads saves in a round.
    pub(crate) fn saves_of_a_thread(&self) -> usize {
        if self.quick { 5 } else { 50 }
    }

    /// How many generations a short history has, and a long one.
    pub(crate) fn histories(&self) -> [usize; 2] {
        [10, if self.quick { 1000 } else { 10_000 }]
    }

    /// Opens a store in a directory of its own, which waits for no disk.
    pub(crate) fn store(&self) -> Result<Fresh<Store>> {
        self.store_with(Durability::Buffered)
    }

    /// Opens a store in a directory of its own.
    pub(crate) fn store_with(&self, durability: Durability) -> Result<Fresh<Store>> {
        let path = self.fresh();
        Ok(Fresh::new(Store::builder().durability(durability).open(&path)?, path))
    }

    /// Opens a store that keeps checksums, in a directory of its own, which waits for no disk.
    pub(crate) fn store_with_checksums(&self) -> Result<Fresh<Store>> {
        let path = self.fresh();
        let builder = Store::builder().durability(Durability::Buffered).checksums();
        Ok(Fresh::new(builder.open(&path)?, path))
    }

    /// Makes the directory of a class, in a directory of its own.
    pub(crate) fn class(&self, name: &str) -> Result<Fresh<Directory>> {
        let path = self.fresh();
        Ok(Fresh::new(make_class(&path, name)?, path))
    }

    /// Names a directory that is not there yet.
    pub(crate) fn fresh(&self) -> PathBuf {
        let number = self.given.replace(self.given.get() + 1);
        self.root.path().join(number.to_string())
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = machine::cores();
        let Rounds { count, size } = self.leaf_rounds();
        writeln!(f, "in {}, {}", self.root.path().display(), machine::file_system(self.root.path()))?;
        write!(f, "{cores} cores; {} leaves of 200 bytes; ", thousands(count * size))?;
        write!(f, "µs per operation, medians of rounds that take turns")?;
        if cfg!(debug_assertions) {
            write!(f, "; not optimized")?;
        }
        Ok(())
    }
}

/// Something in a directory of its own.
pub(crate) struct Fresh<T> {
    it: T,
    path: PathBuf,
}

impl<T> Fresh<T> {
    pub(crate) fn new(it: T, path: PathBuf) -> Self {
        Self { it, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn into_inner(self) -> T {
        self.it
    }

    /// Makes the directory of another class beside it.
    pub(crate) fn another_class(&self, name: &str) -> Result<Directory> {
        make_class(&self.path, name)
    }

    /// Makes sure that both directories hold the same files and links; hidden ones apart.
    pub(crate) fn check_same<U>(&self, other: &Fresh<U>) -> Result {
        check_same(&self.path, &other.path)
    }
}

impl<T> DerefMut for Fresh<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.it
    }
}

impl<T> Deref for Fresh<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.it
    }
}

fn make_class(root: &Path, name: &str) -> Result<Directory> {
    let path = root.join(name);
    fs::create_dir_all(&path)?;
    Ok(Directory::open(&path)?)
}

fn check_same(one: &Path, other: &Path) -> Result {
    let names = |directory: &Path| -> Result<Vec<_>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                names.push((entry.file_name(), entry.file_type()?));
            }
        }
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(names)
    };
    let entries = names(one)?;
    assert_eq!(entries, names(other)?, "{} and {} hold different names", one.display(), other.display());
    for (name, kind) in entries {
        let (one, other) = (one.join(&name), other.join(&name));
        if kind.is_dir() {
            check_same(&one, &other)?;
        } else if kind.is_symlink() {
            assert_eq!(fs::read_link(&one)?, fs::read_link(&other)?, "{}", one.display());
        } else {
            assert!(fs::read(&one)? == fs::read(&other)?, "{} and {} differ", one.display(), other.display());
        }
    }
    Ok(())
}

/// What a file takes on the disk, or a directory with everything in it.
pub(crate) fn room(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path)?;
    let mut room = metadata.blocks() * 512;
    if metadata.is_dir() {
        let entries: Vec<PathBuf> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        for entry in entries {
            room += self::room(&entry)?;
        }
    }
    Ok(room)
}
