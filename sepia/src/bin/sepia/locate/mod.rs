//! Which store, and which object in it.

pub(crate) mod object;
pub(crate) mod resolve;

use std::env;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sepia::{ErrorKind, Store, StoreBuilder};

use crate::failure::{Failure, Result};

/// What is done with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing is made, changed or locked.
    Read,
    /// It must be there.
    Write,
    /// It is made if it is not there.
    Create,
}

/// Opens the store that is named; else that which an object's path leads through; else the one in or above
/// the current directory.
pub(crate) fn store(named: Option<&str>, objects: &[String], access: Access) -> Result<Store> {
    match named {
        Some(url) => open(url, access),
        None => {
            let root = match objects.iter().find_map(|object| on_the_way(object).transpose()) {
                Some(root) => root?,
                None => above()?,
            };
            // Every path that is not UTF-8 would have to be opened by itself; `open` takes any.
            match access {
                Access::Read => Ok(to_read().open(root)?),
                Access::Write | Access::Create => Ok(to_write().open(root)?),
            }
        }
    }
}

/// Opens the store that a path or URL names.
pub(crate) fn open(url: &str, access: Access) -> Result<Store> {
    if access != Access::Create {
        let reader = to_read().open_url(url)?;
        if access == Access::Read {
            return Ok(reader);
        }
    }
    Ok(to_write().open_url(url)?)
}

static IS_EXCLUSIVE: AtomicBool = AtomicBool::new(false);

/// Has stores written also on file systems that other computers may write to.
pub(crate) fn assume_exclusive() {
    IS_EXCLUSIVE.store(true, Ordering::Relaxed);
}

static MAX_RECORD_SIZE: AtomicU64 = AtomicU64::new(sepia::record::MAX_RECORD_SIZE);

/// Has stores and backups read and written with records of at most so many bytes.
pub(crate) fn set_max_record_size(bytes: u64) {
    MAX_RECORD_SIZE.store(bytes, Ordering::Relaxed);
}

/// The most bytes of a record.
pub(crate) fn max_record_size() -> u64 {
    MAX_RECORD_SIZE.load(Ordering::Relaxed)
}

/// How stores are opened of which nothing is changed.
fn to_read() -> StoreBuilder {
    Store::builder().read_only().max_record_size(max_record_size())
}

/// How stores are opened that may be written.
pub(crate) fn to_write() -> StoreBuilder {
    let builder = Store::builder().max_record_size(max_record_size());
    if IS_EXCLUSIVE.load(Ordering::Relaxed) { builder.assume_exclusive() } else { builder }
}

/// Opens the store that a path or URL names, which need not be UTF-8 if it is a path.
pub(crate) fn open_as(options: &StoreBuilder, name: &OsStr) -> Result<Store, sepia::Error> {
    match name.to_str() {
        Some(url) => options.open_url(url),
        None => options.open(name),
    }
}

/// Returns whether a path or URL leads to a store.
pub(crate) fn is_store(name: impl AsRef<OsStr>) -> Result<bool> {
    exists(open_as(&Store::builder().read_only(), name.as_ref()))
}

/// Returns whether a directory is a store.
pub(crate) fn is_directory_of_a_store(directory: &Path) -> Result<bool> {
    exists(Store::builder().read_only().open(directory))
}

fn exists(opened: Result<Store, sepia::Error>) -> Result<bool> {
    match opened {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotAStore => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The store that the beginning of a path leads to: `./data` of `./data/Board/work`.
fn on_the_way(object: &str) -> Result<Option<PathBuf>> {
    let path = Path::new(object);
    for before in path.ancestors().skip(1).filter(|before| !before.as_os_str().is_empty()) {
        // `..` alone would ask for the store above, which is found otherwise.
        let is_named = before.components().any(|part| matches!(part, Component::Normal(_) | Component::RootDir));
        if is_named && before.is_dir() && is_directory_of_a_store(before)? {
            return Ok(Some(before.to_owned()));
        }
    }
    Ok(None)
}

fn above() -> Result<PathBuf> {
    let here = env::current_dir().map_err(Failure::system("find", Path::new("the current directory")))?;
    for directory in here.ancestors() {
        if is_directory_of_a_store(directory)? {
            return Ok(directory.to_owned());
        }
    }
    Err(Failure::said(format!(
        "there is no store in {} or above: name one with --store or SEPIA_STORE, or make one with `sepia init`",
        here.display()
    )))
}
