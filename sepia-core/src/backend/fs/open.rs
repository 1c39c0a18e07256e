//! Making, opening and adopting a store.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use rustix::io::Errno;

use super::catalog::{self, Catalog};
use super::checksum::Checksums;
use super::dangling;
use super::journal::{Journal, Observed};
use super::layout::{FORMAT_FILE, GITIGNORE, GITIGNORE_TEXT, PRIVATE};
use super::lock::WriterLock;
use super::make::clean_tmp;
use super::operation::{Action, Before, Operation};
use super::publish::Publisher;
use super::root::Root;
use super::sys::{self, Kind};
use super::view::Overlays;
use super::{Filesystem, modes, read, share, trace, upkeep};
use crate::backend::{OpenOptions, layers, medium};
use crate::record::Key;
use crate::record::catalog::Settings;
use crate::record::class::{self, Class, More};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::name::{self, DATA};

impl Filesystem {
    /// Opens the store in a directory, or makes it: what [`Store::open`](crate::Store::open) puts
    /// types on. For backends that wrap this one.
    ///
    /// # Errors
    /// As [`StoreBuilder::open`](crate::StoreBuilder::open).
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        if path.as_os_str().is_empty() {
            return Err(Error::message(ErrorKind::NotAStore, "this is not a sepia store: the path is empty"));
        }
        let writable = !options.read_only;
        let may_be_shared = writable && !options.assume_exclusive;
        let root = match sys::open_root(path) {
            Err(Errno::NOENT) if writable => {
                if let Some(why) = dangling::describe(path) {
                    return Err(not_a_store(path, &why));
                }
                if may_be_shared {
                    medium::check_path(path)?;
                }
                sys::make_path(path).map_err(|error| Error::io("make the directory", path, error))?;
                sys::open_root(path)
            }
            opened => opened,
        };
        let root = root.map_err(|errno| match errno {
            Errno::NOENT => not_a_store(path, dangling::describe(path).as_deref().unwrap_or("there is no directory")),
            Errno::NOTDIR => not_a_store(
                path,
                "it is not a directory (a database is opened by the URL `sqlite:PATH`, or with `Store::sqlite`)",
            ),
            errno => Error::io("open the store", path, errno),
        })?;
        if may_be_shared {
            medium::check_directory(&root, path)?;
        }
        let mut root = Root::new(root, path, options);
        let lock = WriterLock::new(options.lock_timeout);
        let journal = Journal::new(writable);
        let recovered = Mutex::new(None);
        let mut is_new = false;
        // Its own content may be among what must be recovered.
        let known = Catalog::open(&root);
        let is_store = !matches!(known, Ok(None));
        let catalog = match known {
            Ok(Some(catalog)) => catalog,
            Err(error) if error.kind() == ErrorKind::UnsupportedFormat => return Err(error),
            Err(error) if modes::is_denied(&root, FORMAT_FILE) => return Err(error),
            Err(_) => Catalog::unwritten(Vec::new()),
            Ok(None) if !writable => {
                if !options.adopt_existing {
                    return Err(not_a_store(path, "it has no .sepia/format.json, and nothing may be written"));
                }
                Catalog::unwritten(survey(&root)?)
            }
            Ok(None) => {
                let _held = lock.acquire(&root)?;
                match Catalog::open(&root)? {
                    // Made by another process meanwhile.
                    Some(catalog) => catalog,
                    None => {
                        let (catalog, empty) = make(&root, options)?;
                        is_new = empty;
                        catalog
                    }
                }
            }
        };
        root.learn_spelling();
        let identity = sys::lasting_identity(&root).map_err(|errno| Error::io("open the store", path, errno))?;
        let (overlays, poisoned) = (Overlays::default(), AtomicBool::new(false));
        let (moments, last, met_old) = (AtomicU64::new(0), AtomicU64::new(u64::MAX), AtomicBool::new(false));
        let mut opened = Self {
            root,
            catalog,
            lock,
            journal,
            overlays,
            identity,
            writable,
            is_new,
            poisoned,
            recovered,
            moments,
            last,
            seen: AtomicU64::new(u64::MAX),
            met_old,
            together: AtomicUsize::new(0),
        };
        if writable {
            opened.recover_at_open()?;
        }
        if is_store {
            let declared = opened.pending()?.is_some_and(|overlay| overlay.catalog().is_some());
            match Catalog::open(&opened.root) {
                Ok(Some(catalog)) => opened.catalog = catalog,
                // A reader finds it in the journal.
                Ok(None) | Err(_) if declared => {}
                Ok(None) => return Err(not_a_store(opened.root.path(), "its .sepia/format.json is gone")),
                Err(error) => return Err(error),
            }
        }
        if writable {
            opened.settle_modes();
        }
        if options.checksums {
            opened.turn_checksums_on()?;
        }
        if let Some(shared) = options.shared {
            opened.share(shared)?;
        }
        Ok(opened)
    }

    /// Completes what dead writers have left, unless someone is at work: then that one has done it.
    fn recover_at_open(&self) -> Result<()> {
        let Some(_held) = self.lock.try_acquire(&self.root)? else {
            return Ok(());
        };
        self.check_locks()?;
        let observed = match self.journal.observe(&self.root)? {
            Observed::Nothing => Ok(()),
            Observed::Trusted(state) if state.is_settled() => Ok(()),
            Observed::Trusted(_) => match self.begin() {
                Err(error) if error.kind() == ErrorKind::Io => {
                    // A full disk, say. The next writer tries again, and readers see what is committed.
                    trace::pending(self.root.path());
                    Ok(())
                }
                begun => begun.map(|_| ()),
            },
            Observed::Untrusted(state) => match self.recover(state) {
                Err(error) if error.kind() == ErrorKind::Io => {
                    trace::pending(self.root.path());
                    Ok(())
                }
                recovered => recovered.map(|_| ()),
            },
        };
        match observed {
            // Readers see what is committed all the same.
            Err(error) if error.kind() == ErrorKind::ReadOnly => return Ok(()),
            done => done?,
        }
        // Left-overs do no harm, and a medium that cannot be written keeps them.
        let _ = clean_tmp(&self.root);
        Ok(())
    }
}

impl Filesystem {
    /// Makes sure that the lock, which is held, keeps others off: on some network file systems it does not.
    fn check_locks(&self) -> Result<()> {
        let fail = |errno| Error::io("lock the store", self.root.path(), errno);
        let other = sys::reopen_directory(&self.root).map_err(fail)?;
        match sys::try_lock(&other) {
            Err(Errno::WOULDBLOCK) => Ok(()),
            Err(errno) => Err(fail(errno)),
            Ok(()) => {
                let message = "locks do not work on this file system, so it can only be opened for reading";
                Err(Error::message(ErrorKind::Io, message).at(self.root.path().to_string_lossy()))
            }
        }
    }
}

/// Makes a directory a store, under the writer lock, and tells whether it was empty.
fn make(root: &Root, options: &OpenOptions) -> Result<(Catalog, bool)> {
    let mut occupant = None;
    sys::list(root, &mut |name, _| {
        // Hidden files, a repository's among them, are no content.
        if !name.starts_with('.') {
            occupant = Some(name.to_owned());
        }
    })
    .map_err(|errno| Error::io("list the directory", root.path(), errno))?;
    let is_empty = occupant.is_none();
    let classes = match occupant {
        None => Vec::new(),
        Some(_) if options.adopt_existing => survey(root)?,
        Some(name) => {
            let why = format!("it holds {name:?} and no .sepia/format.json; adopt_existing() takes it for one");
            return Err(not_a_store(root.path(), &why));
        }
    };
    root.set_shared(options.shared);
    let made = match sys::make_directory(root, PRIVATE, root.modes().private_directory()) {
        // Left by a process that died here.
        Err(Errno::EXIST) if sys::kind(root, PRIVATE) == Ok(Kind::Directory) => {
            share::claim_private(root, root.modes())
        }
        made => made,
    };
    made.map_err(|errno| Error::io("make the store", &root.place(PRIVATE), errno))?;
    share::share_all(root, &classes)?;
    let mut publisher = Publisher::new(root);
    let checksums = if options.checksums { Checksums::On } else { Checksums::Off };
    if checksums == Checksums::On {
        upkeep::probe_checksums(root)?;
    }
    let more = More { requires: layers::required(&options.layers), ..More::default() };
    let content = catalog::print(&classes, &Settings { checksums, shared: options.shared, more })?;
    for (file, content) in [(GITIGNORE, GITIGNORE_TEXT.as_bytes()), (FORMAT_FILE, &content)] {
        let operation = Operation::new(file, Action::File(content.into()), Before::Unknown);
        let made = publisher.operate(&operation);
        made.map_err(|errno| Error::io("make the store", &root.place(file), errno))?;
    }
    sys::sync(root).map_err(|errno| Error::io("make the store", root.path(), errno))?;
    let catalog = Catalog::open(root)?;
    Ok((catalog.ok_or_else(|| not_a_store(root.path(), "its .sepia/format.json is gone again"))?, is_empty))
}

fn not_a_store(path: &Path, why: &str) -> Error {
    let message = format!("this is not a sepia store: {why}");
    Error::message(ErrorKind::NotAStore, message).at(path.to_string_lossy())
}

/// Finds out which classes a directory holds that is no store yet.
fn survey(root: &Root) -> Result<Vec<Class>> {
    let mut names = Vec::new();
    sys::list(root, &mut |name, kind| {
        if kind == Kind::Directory && name::decode(name).is_some_and(|class| class::check_name(&class).is_ok()) {
            names.push(name.to_owned());
        }
    })
    .map_err(|errno| Error::io("list the directory", root.path(), errno))?;
    let mut classes = Vec::new();
    for name in names {
        let place = root.place(&name);
        let directory = sys::open_directory(root, &name).map_err(|errno| read::refused(errno, &place))?;
        let (mut file, mut container) = (None, None);
        sys::list(&directory, &mut |name, kind| match kind {
            _ if !name::decode(name).is_some_and(|id| Key::is_id(&id)) => {}
            Kind::File => file = Some(name.to_owned()),
            Kind::Directory if sys::kind(&directory, &format!("{name}/{DATA}")) == Ok(Kind::File) => {
                container = Some(name.to_owned());
            }
            Kind::Directory | Kind::Link | Kind::Other => {}
        })
        .map_err(|errno| Error::io("list the class", &place, errno))?;
        let kind = match (file, container) {
            (None, None) => continue,
            (Some(_), None) => class::Kind::Serializable(None),
            (None, Some(_)) => class::Kind::Container,
            (Some(file), Some(container)) => {
                let why = format!(
                    "one of its directories holds both files ({file:?}) and containers ({container:?}), and so is no \
                     class: move one of the two kinds away"
                );
                return Err(not_a_store(&place, &why));
            }
        };
        let class = name::decode(&name).unwrap_or_default().into_owned();
        classes.push(Class::declared(class, kind, None)?);
    }
    classes.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(classes)
}
