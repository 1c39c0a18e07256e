//! Reading records from the files.

use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::descent::{Descent, Here};
use super::layout::{Links, MAX_DIRECTORIES};
use super::root::Root;
use super::sys::{self, Directory, Kind};
use crate::error::{Error, Result};
use crate::name::{self, DATA, MAX_NAME};
use crate::record::{Entries, Entry, Fingerprint, Key, Name, Node, Record};

/// How often a container is read anew that changes while it is read.
const ATTEMPTS: usize = 64;

/// What stands under the name of a record.
pub(super) enum Stored {
    Absent,
    /// Something that the file system takes for it, under another spelling.
    Misspelled,
    Leaf(Vec<u8>),
    Directory(Found),
}

impl Stored {
    /// Returns the record, if it is one.
    pub(super) fn into_record(self) -> Option<Record> {
        match self {
            Self::Absent | Self::Misspelled => None,
            Self::Leaf(content) => Some(Record::Leaf(content)),
            Self::Directory(Found { data, mut entries, .. }) => data.map(|data| {
                drop_empty(&mut entries);
                Record::Container(Node { data, entries })
            }),
        }
    }

    /// Returns the fingerprint of the record, if it is one.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Absent | Self::Misspelled => None,
            Self::Leaf(content) => Some(Fingerprint::of_leaf(content)),
            Self::Directory(Found { data, entries, .. }) => {
                data.as_ref().map(|data| Fingerprint::of_container(data, entries))
            }
        }
    }
}

/// A directory that is a container, or might become one.
#[derive(Default)]
pub(super) struct Found {
    /// The bytes of its `data.json`, if it has one.
    pub(super) data: Option<Vec<u8>>,
    /// Its entries, empty directories among them.
    pub(super) entries: Entries,
    /// The paths, below the root, of the directories in it that hold something foreign.
    pub(super) foreign: Vec<String>,
}

/// Reads what stands under a key, and whether it is a record or not.
pub(super) fn stored(root: &Root, key: &Key) -> Result<Stored> {
    let place = || root.place(key.path());
    let fail = |error: Error| error.object(key.class(), key.id());
    for _ in 0..ATTEMPTS {
        let file = match sys::open_below(root, &key.path()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Stored::Absent),
            Err(errno) => return Err(fail(refused(errno, &place()))),
        };
        if !root.is_spelled(&file, key)? {
            return Ok(Stored::Misspelled);
        }
        match sys::read(&file) {
            Ok(content) => return Ok(Stored::Leaf(content)),
            Err(Errno::ISDIR) => {}
            Err(errno) => return Err(fail(refused(errno, &place()))),
        }
        let (descent, below) = (Descent::from(&file), Vec::new());
        let mut tree = Tree { root, path: key.path(), descent, below, foreign: Vec::new() };
        match tree.directory(&mut [MaybeUninit::uninit(); _]) {
            Ok((data, entries)) => return Ok(Stored::Directory(Found { data, entries, foreign: tree.foreign })),
            // Something that was listed is gone: a writer is at work.
            Err(Failure::Vanished) => std::thread::yield_now(),
            Err(Failure::Error(error)) => return Err(fail(error)),
        }
    }
    let message = "the object changed each time it was read";
    Err(fail(Error::message(crate::ErrorKind::Io, message).at(place().to_string_lossy())))
}

/// Reads a leaf through the open directory of its class, as the file system spells its name: the open file, and its
/// content. `None` if nothing is there.
pub(super) fn leaf(class: &Directory, name: &str) -> rustix::io::Result<Option<(OwnedFd, Vec<u8>)>> {
    match sys::open(class, name) {
        Err(Errno::NOENT) => Ok(None),
        file => {
            let file = file?;
            let content = sys::read(&file)?;
            Ok(Some((file, content)))
        }
    }
}

/// A directory without anything of Sepia's means nothing: version control does not keep it, and one
/// with foreign files in it cannot be removed.
fn drop_empty(entries: &mut Entries) {
    entries.retain(|_, entry| match entry {
        Entry::Link(_) | Entry::Stray => true,
        Entry::Container(node) => {
            drop_empty(&mut node.entries);
            true
        }
        Entry::Collection(entries) => {
            drop_empty(entries);
            !entries.is_empty()
        }
    });
}

/// Returns whether a key has a record.
pub(super) fn contains(root: &Root, key: &Key) -> Result<bool> {
    let file = match sys::open_below(root, &key.path()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => {
            // There is something, if not what belongs there, unless the class itself is to blame.
            let own = matches!(errno, Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::ACCESS);
            return match sys::open_directory_below(root, &key.class_name()) {
                Ok(class) if own && sys::kind(&class, &key.name()).is_ok() => Ok(true),
                _ => Err(refused(errno, &root.place(key.path())).object(key.class(), key.id())),
            };
        }
    };
    match sys::kind(&file, DATA) {
        Ok(_) | Err(Errno::NOTDIR) => root.is_spelled(&file, key),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(refused(errno, &root.place(key.path())).object(key.class(), key.id())),
    }
}

/// Calls `each` with the id of every record of a class, as far as they are wanted, until it breaks off.
pub(super) fn ids(
    root: &Root,
    class: &str,
    wanted: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let class_name = name::encode(class);
    let place = || root.place(&*class_name);
    let directory = match sys::open_directory_below(root, &class_name) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(ControlFlow::Continue(())),
        Err(errno) => return Err(refused(errno, &place()).class(class)),
    };
    let (mut failed, mut flow) = (None, ControlFlow::Continue(()));
    let listed = sys::list_until(directory.as_fd(), &mut |name, kind| {
        let Ok(name) = std::str::from_utf8(name) else {
            return ControlFlow::Continue(());
        };
        // A name too long for an id is as foreign as one that is not canonical.
        let fits = |id: &str| name.len() <= MAX_NAME || Key::new(class, id).is_ok();
        let Some(id) = name::decode(name).filter(|id| fits(id) && wanted(id)) else {
            return ControlFlow::Continue(());
        };
        if kind == Kind::Directory {
            // Without its marker it is no container.
            match sys::kind(&directory, &format!("{name}/{DATA}")) {
                Ok(_) => {}
                Err(Errno::NOENT | Errno::NOTDIR) => return ControlFlow::Continue(()),
                Err(errno) => failed = failed.or(Some(errno)),
            }
        }
        flow = each(&id);
        flow
    });
    match listed.err().filter(|errno| *errno != Errno::NOENT).or(failed) {
        None => Ok(flow),
        Some(errno) => Err(Error::io("list the class", &place(), errno).class(class)),
    }
}

/// The tree of one record, while it is read.
struct Tree<'a> {
    root: &'a Root,
    /// The path of the record, below the root.
    path: String,
    /// The way down from its own directory.
    descent: Descent<'a>,
    /// The names of the directories on the way down.
    below: Vec<Name>,
    foreign: Vec<String>,
}

enum Failure {
    Vanished,
    Error(Error),
}

impl<'a> Tree<'a> {
    /// Opens the directory that the way down leads to, or finds it open. Whoever keeps it while it reads what is in it
    /// has as many directories open as that is deep.
    fn here(&mut self) -> Result<Here<'a>, Failure> {
        self.descent.here().map_err(|errno| self.io("open the directory", None, errno))
    }

    /// Reads the directory that the way down leads to: its `data.json`, if it has one, and its entries.
    fn directory(&mut self, target: &mut sys::Target) -> Result<(Option<Vec<u8>>, Entries), Failure> {
        let directory = self.here()?;
        let mut names = Vec::new();
        let (mut has_data, mut has_foreign) = (None, false);
        sys::list(&directory, &mut |name, kind| match Name::from_encoded(name) {
            Some(name) => names.push((beginning(&name), name, kind)),
            None if name == DATA => has_data = Some(kind),
            None => has_foreign = true,
        })
        .map_err(|errno| self.io("list the directory", None, errno))?;
        if has_foreign {
            self.foreign.push(self.below.iter().fold(self.path.clone(), |path, name| path + "/" + name.as_str()));
        }
        let data = match has_data {
            None => None,
            Some(Kind::File) => {
                let file = sys::open(&directory, DATA).map_err(|errno| self.refused(DATA, errno))?;
                Some(sys::read(file).map_err(|errno| self.refused(DATA, errno))?)
            }
            Some(_) => return Err(self.error(DATA, Error::corrupt("this is not a file"))),
        };
        let mut directory = Some(directory);
        names.sort_unstable_by(|(a, name, _), (b, other, _)| a.cmp(b).then_with(|| name.cmp(other)));
        let mut entries = Vec::with_capacity(names.len());
        // The record's own directory is two levels below the root.
        let mut links = Links::within(2 + self.below.len());
        for (_, name, kind) in names {
            let entry = match kind {
                Kind::Link => {
                    let directory = match directory {
                        Some(ref directory) => directory,
                        None => directory.insert(self.here()?),
                    };
                    let target = sys::read_link(directory, name.as_str(), target)
                        .map_err(|errno| self.refused(name.as_str(), errno))?;
                    let key =
                        links.parse(target).map_err(|reason| self.error(name.as_str(), Error::corrupt(reason)))?;
                    Entry::Link(key)
                }
                Kind::Directory => {
                    directory = None;
                    self.descend(&name, target)?
                }
                Kind::File | Kind::Other => Entry::Stray,
            };
            entries.push((name, entry));
        }
        match Entries::new(entries) {
            Ok(entries) => Ok((data, entries)),
            // The listing names an entry twice that was renamed meanwhile.
            Err(_) => Err(Failure::Vanished),
        }
    }

    fn descend(&mut self, name: &Name, target: &mut sys::Target) -> Result<Entry, Failure> {
        if self.below.len() >= MAX_DIRECTORIES {
            let message = format!("directories nest deeper than {MAX_DIRECTORIES} levels");
            return Err(self.error(name.as_str(), Error::corrupt(message)));
        }
        self.descent.enter(name.as_str()).map_err(|errno| self.refused(name.as_str(), errno))?;
        self.below.push(name.clone());
        let (data, entries) = self.directory(target)?;
        self.below.pop();
        self.descent.leave();
        Ok(match data {
            Some(data) => Entry::Container(Node { data, entries }),
            None => Entry::Collection(entries),
        })
    }

    fn place(&self, name: Option<&str>) -> PathBuf {
        let mut place = self.root.place(&self.path);
        place.extend(self.below.iter().map(Name::as_str));
        place.extend(name);
        place
    }

    fn error(&self, name: &str, error: Error) -> Failure {
        Failure::Error(error.at(self.place(Some(name)).to_string_lossy()))
    }

    fn refused(&self, name: &str, errno: Errno) -> Failure {
        match errno {
            // Listed as something else a moment ago.
            Errno::NOENT | Errno::NOTDIR | Errno::INVAL | Errno::LOOP | Errno::MLINK | Errno::ISDIR => {
                Failure::Vanished
            }
            errno => Failure::Error(refused(errno, &self.place(Some(name)))),
        }
    }

    fn io(&self, operation: &str, name: Option<&str>, errno: Errno) -> Failure {
        match errno {
            Errno::NOENT => Failure::Vanished,
            errno => Failure::Error(Error::io(operation, &self.place(name), errno)),
        }
    }
}

/// The first eight bytes of a name as a number, which sorts as they do: those of a list differ there already.
fn beginning(name: &Name) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name.as_str().bytes()).for_each(|(slot, byte)| *slot = byte);
    u64::from_be_bytes(bytes)
}

/// Why a place could not be opened or read: something else stands there, or the system refused.
pub(super) fn refused(errno: Errno, place: &Path) -> Error {
    let corrupt = |message: &str| Error::corrupt(message).at(place.to_string_lossy());
    match errno {
        Errno::ISDIR => corrupt("a directory stands where a file should be"),
        // FreeBSD says EMLINK of a symlink that shall not be followed.
        Errno::LOOP | Errno::MLINK => corrupt("a symlink stands where a file or directory of its own should be"),
        Errno::NOTDIR => corrupt("a file stands where a directory should be"),
        Errno::SPIPE | Errno::NXIO | Errno::NODEV => corrupt("this is neither a file nor a directory"),
        errno => Error::io("read", place, errno),
    }
}
