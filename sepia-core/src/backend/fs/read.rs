//! Reading records from the files.

use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::again::{self, Again};
use super::descent::{Descent, Here};
use super::layout::{Links, MAX_DIRECTORIES};
use super::root::Root;
use super::sys::{self, Directory, Kind};
use crate::record::class::{self, Class};
use crate::record::error::{Error, Result};
use crate::record::foreign;
use crate::record::name::{self, DATA};
use crate::record::{ENTRY_SIZE, Entries, Entry, Fingerprint, Key, Name, Node, Record};

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

    /// Returns when it was changed, if an editor may be at work on it.
    pub(super) fn half_done(&self) -> Option<i128> {
        match self {
            Self::Directory(found) => found.half_done,
            Self::Absent | Self::Misspelled | Self::Leaf(_) => None,
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
    /// The paths of foreign files under names that an entry could have.
    pub(super) occupied: Vec<String>,
    /// When it was changed, in nanoseconds since 1970, if an editor may be at work on it.
    pub(super) half_done: Option<i128>,
}

/// Reads what stands under a key, and whether it is a record or not.
pub(super) fn stored(root: &Root, key: &Key) -> Result<Stored> {
    stored_from(root, key, None)
}

/// The same, of which a directory is open already that stood there.
fn stored_from(root: &Root, key: &Key, mut open: Option<OwnedFd>) -> Result<Stored> {
    let place = || root.place(key.path());
    let fail = |error: Error| error.object(key.class(), key.id());
    for _ in 0..ATTEMPTS {
        let file = match open.take() {
            Some(directory) => directory,
            None => {
                let file = match sys::open_below(root, &key.path()) {
                    Ok(file) => file,
                    Err(Errno::NOENT) => return Ok(Stored::Absent),
                    Err(errno) => return Err(fail(refused(errno, &place()))),
                };
                if !root.is_spelled(&file, key)? {
                    return Ok(Stored::Misspelled);
                }
                match sys::read(&file, root.max_record()) {
                    Ok(content) => return Ok(Stored::Leaf(content)),
                    Err(Errno::ISDIR) => file,
                    Err(Errno::FBIG) => {
                        let size = sys::length(&file).ok().filter(|size| *size > root.max_record());
                        return Err(fail(too_large(root, size).at(place().to_string_lossy())));
                    }
                    Err(errno) => return Err(fail(refused(errno, &place()))),
                }
            }
        };
        let (descent, below, left) = (Descent::from(&file), Vec::new(), root.max_record());
        let (foreign, occupied) = (Vec::new(), Vec::new());
        let mut tree = Tree { root, path: key.path(), descent, below, foreign, occupied, half_done: None, left };
        match tree.directory(&mut [MaybeUninit::uninit(); _]) {
            Ok((data, entries)) => {
                let Tree { foreign, occupied, half_done, .. } = tree;
                return Ok(Stored::Directory(Found { data, entries, foreign, occupied, half_done }));
            }
            // Something that was listed is gone: a writer is at work.
            Err(Failure::Vanished) => std::thread::yield_now(),
            Err(Failure::Error(error)) => return Err(fail(error)),
        }
    }
    let message = "the object changed each time it was read";
    Err(fail(Error::message(crate::ErrorKind::Io, message).at(place().to_string_lossy())))
}

/// The same, under the writer lock, where only those who know no lock can be at work on it: what is half done is looked
/// at again. `open` is a directory that stands there, if one was opened, on a file system that knows spellings apart.
pub(super) fn stored_again(root: &Root, key: &Key, mut open: Option<OwnedFd>) -> Result<Stored> {
    let mut again = Again::default();
    loop {
        let stored = stored_from(root, key, open.take())?;
        if !again.is_worth(stored.half_done()) {
            return Ok(stored);
        }
    }
}

/// Reads a leaf through the open directory of its class, as the file system spells its name: the open file, and its
/// content. `None` if nothing is there.
pub(super) fn leaf(class: &Directory, name: &str, most: u64) -> rustix::io::Result<Option<(OwnedFd, Vec<u8>)>> {
    match sys::open(class, name) {
        Err(Errno::NOENT) => Ok(None),
        file => {
            let file = file?;
            let content = sys::read(&file, most)?;
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

/// Whether a key has a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Absent,
    /// There is a directory that has no marker.
    Unmarked,
    Present,
}

/// Returns whether a key has a record.
pub(super) fn presence(root: &Root, key: &Key) -> Result<Presence> {
    let present = |is_there| if is_there { Presence::Present } else { Presence::Absent };
    let file = match sys::open_below(root, &key.path()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Presence::Absent),
        Err(errno) => {
            // There is something, if not what belongs there, unless the class itself is to blame.
            let own = matches!(errno, Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::ACCESS);
            return match sys::open_directory_below(root, &key.class_name()) {
                Ok(class) if own && sys::kind(&class, &key.name()).is_ok() => Ok(Presence::Present),
                _ => Err(refused(errno, &root.place(key.path())).object(key.class(), key.id())),
            };
        }
    };
    match sys::kind(&file, DATA) {
        Ok(_) | Err(Errno::NOTDIR) => root.is_spelled(&file, key).map(present),
        Err(Errno::NOENT) => Ok(Presence::Unmarked),
        Err(errno) => Err(refused(errno, &root.place(key.path())).object(key.class(), key.id())),
    }
}

/// What the records of a class are not.
pub(super) fn other_kind(class: &Class) -> Kind {
    match class.kind() {
        class::Kind::Container => Kind::File,
        class::Kind::Serializable(_) => Kind::Directory,
    }
}

/// Calls `each` with the id of every record of a class, as far as they are wanted, until it breaks off. What has a
/// name that is no id, and what is of the other kind than the class, is no record.
pub(super) fn ids(
    root: &Root,
    class: &Class,
    wanted: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let class_name = name::encode(class.name());
    let place = || root.place(&*class_name);
    let directory = match sys::open_directory_below(root, &class_name) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(ControlFlow::Continue(())),
        Err(errno) => return Err(refused(errno, &place()).class(class.name())),
    };
    let other_kind = other_kind(class);
    let (mut failed, mut flow) = (None, ControlFlow::Continue(()));
    let listed = sys::list_until(directory.as_fd(), &mut |name, kind| {
        let Ok(name) = std::str::from_utf8(name) else {
            return ControlFlow::Continue(());
        };
        if kind == other_kind {
            return ControlFlow::Continue(());
        }
        // A name too long for an id is as foreign as one that is not canonical.
        let Some(id) = name::decode(name).filter(|id| Key::is_id(id) && wanted(id)) else {
            return ControlFlow::Continue(());
        };
        if kind == Kind::Directory {
            // Without its marker it is no container.
            match again::is_marked(&directory, name) {
                // What this user may not look into is there, as a file is that may not be read: whoever reads it is told.
                Ok(true) | Err(Errno::ACCESS) => {}
                Ok(false) => return ControlFlow::Continue(()),
                Err(errno) => {
                    failed.get_or_insert_with(|| {
                        Error::io("look at", &root.place(format!("{class_name}/{name}")), errno)
                            .object(class.name(), &id)
                    });
                    return ControlFlow::Continue(());
                }
            }
        }
        flow = each(&id);
        flow
    });
    match (listed, failed) {
        (Err(errno), _) if errno != Errno::NOENT => {
            Err(Error::io("list the class", &place(), errno).class(class.name()))
        }
        (_, Some(error)) => Err(error),
        _ => Ok(flow),
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
    occupied: Vec<String>,
    half_done: Option<i128>,
    /// How many more bytes the record can have.
    left: u64,
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
        let (mut has_data, mut has_foreign, mut has_stray, mut is_edited) = (None, false, false, false);
        let most = self.left / ENTRY_SIZE;
        let (path, below, occupied) = (&self.path, &self.below, &mut self.occupied);
        let here = || below.iter().fold(path.clone(), |path, name| path + "/" + name.as_str());
        let listed = sys::list_until(directory.as_fd(), &mut |name, kind| {
            let Ok(name) = std::str::from_utf8(name) else { return ControlFlow::Continue(()) };
            match Name::from_encoded(name) {
                Some(_) if (names.len() + occupied.len()) as u64 >= most => return ControlFlow::Break(()),
                Some(name) if kind == Kind::File && foreign::is_foreign_file(name.as_str()) => {
                    has_foreign = true;
                    is_edited |= again::is_of_editor(name.as_str());
                    occupied.push(here() + "/" + name.as_str());
                }
                Some(name) => {
                    has_stray |= kind == Kind::File;
                    names.push((beginning(&name), name, kind));
                }
                None if name == DATA => has_data = Some(kind),
                None => {
                    has_foreign = true;
                    is_edited |= again::is_of_editor(name);
                }
            }
            ControlFlow::Continue(())
        });
        if has_foreign {
            self.foreign.push(here());
        }
        if listed.map_err(|errno| self.io("list the directory", None, errno))?.is_break() {
            return Err(self.too_large(None));
        }
        // Invariant: no more than there is room for.
        self.left -= names.len() as u64 * ENTRY_SIZE;
        let data = match has_data {
            None => None,
            Some(Kind::File) => {
                let file = sys::open(&directory, DATA).map_err(|errno| self.refused(DATA, errno))?;
                let data = sys::read(&file, self.left).map_err(|errno| match errno {
                    Errno::FBIG => self.too_large(Some(DATA)),
                    errno => self.refused(DATA, errno),
                })?;
                self.left -= data.len() as u64;
                if again::is_cut_off(&data) {
                    self.is_half_done(&file);
                }
                Some(data)
            }
            Some(_) => return Err(self.error(DATA, Error::corrupt("this is not a file"))),
        };
        // Without its marker, what holds something is half done, unless it is a collection.
        if has_stray || data.is_none() && (is_edited || self.below.is_empty() && !names.is_empty()) {
            self.is_half_done(&directory);
        }
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

    /// Takes note that an editor may be at work on something.
    fn is_half_done(&mut self, at: impl AsFd) {
        self.half_done = self.half_done.max(sys::changed(at).ok());
    }

    fn place(&self, name: Option<&str>) -> PathBuf {
        let mut place = self.root.place(&self.path);
        place.extend(self.below.iter().map(Name::as_str));
        place.extend(name);
        place
    }

    fn too_large(&self, name: Option<&str>) -> Failure {
        Failure::Error(too_large(self.root, None).at(self.place(name).to_string_lossy()))
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

/// What is said of a record that is larger than this store takes.
fn too_large(root: &Root, size: Option<u64>) -> Error {
    Error::too_large(size, root.max_record())
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
        Errno::FBIG => corrupt("this file is larger than any that belongs there"),
        sys::ASTRAY => corrupt("the path leads out of its directory"),
        errno => Error::io("read", place, errno),
    }
}
