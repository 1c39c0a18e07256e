//! From what is stored to the operations that remove it. Unlike what is put, it need not be
//! understood: a container that has become unreadable can be deleted. What is foreign stays.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::descent::{self, Descent, Next};
use super::operation::{Action, Before, Image, Operation};
use super::operations;
use super::publish::is_beyond;
use super::read;
use super::root::Root;
use super::sys::{self, Directory, Kind};
use crate::record::Key;
use crate::record::batch::Batch;
use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::name::{self, DATA};

type Operations = operations::Operations<'static>;

/// Plans the removal of whatever stands under a key, in the directory of its class.
pub(super) fn of_record(root: &Root, class: &Directory, key: &Key, operations: &mut Operations) -> Result<()> {
    let path = key.path();
    let fail = |error: Error| error.object(key.class(), key.id());
    // Most are leaves, which are read in any case.
    match read::leaf(class, &key.name(), root.max_record()) {
        Ok(Some((_, content))) if !root.folds() => {
            let before = Before::Image(Image::of_file(&content));
            operations.push(Operation::new(path, Action::Remove, before));
            return Ok(());
        }
        _ => {}
    }
    match sys::kind(class, &key.name()) {
        Err(Errno::NOENT) => Ok(()),
        Ok(Kind::File | Kind::Directory) if is_misspelled(root, class, key)? => Ok(()),
        Ok(Kind::Directory) => of_directory(root, class, (&key.name(), path), operations).map_err(fail),
        Ok(Kind::Other) => {
            let error = Error::corrupt("this is neither a file nor a directory");
            Err(fail(error.at(root.place(path).to_string_lossy())))
        }
        Ok(kind @ (Kind::File | Kind::Link)) => {
            operations.push(remove(root, class, &key.name(), path, kind));
            Ok(())
        }
        Err(errno) => Err(fail(Error::io("remove", &root.place(path), errno))),
    }
}

/// Plans the removal of a class's directory, and of what containers have left in it. What is of the other kind than the
/// class stays, as all does that is no record.
///
/// # Errors
/// `Conflict` if it has a record that the batch does not delete.
pub(super) fn of_class(root: &Root, class: &Class, batch: &Batch, operations: &mut Operations) -> Result<()> {
    let other_kind = read::other_kind(class);
    let class = class.name();
    let path = name::encode(class).into_owned();
    let fail = |errno: Errno| Error::io("list the class", &root.place(&path), errno).class(class);
    let directory = match sys::open_directory_below(root, &path) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(read::refused(errno, &root.place(&path)).class(class)),
    };
    let mut names = Vec::new();
    sys::list(&directory, &mut |name, kind| names.push((name.to_owned(), kind))).map_err(fail)?;
    for (name, kind) in names {
        let Some(key) = name::decode(&name).and_then(|id| Key::new(class, id).ok()) else {
            continue;
        };
        let is_container = || sys::kind(&directory, &format!("{name}/{DATA}")) != Err(Errno::NOENT);
        if kind == other_kind && (kind == Kind::File || is_container()) {
            continue;
        }
        let retired = batch.check_retired(&key);
        if retired.is_ok() {
            continue;
        }
        let is_record = match kind {
            Kind::Directory => is_container(),
            Kind::File | Kind::Link | Kind::Other => true,
        };
        if is_record {
            return retired;
        }
        of_directory(root, &directory, (&name, key.path()), operations)?;
    }
    operations.push(Operation::new(path, Action::RemoveDirectory, Before::Unknown));
    Ok(())
}

/// The removal of a file or a link, which need not be readable.
fn remove(root: &Root, parent: impl AsFd + Copy, name: &str, path: String, kind: Kind) -> Operation<'static> {
    let image = match kind {
        Kind::File => sys::open(parent, name)
            .and_then(|file| sys::read(file, root.max_record()))
            .map(|content| Image::of_file(&content)),
        Kind::Link => sys::read_link(parent, name, &mut [MaybeUninit::uninit(); _])
            .map(|target| Image::of_link(&String::from_utf8_lossy(target))),
        Kind::Directory | Kind::Other => Err(Errno::INVAL),
    };
    Operation::new(path, Action::Remove, image.map_or(Before::Unknown, Before::Image))
}

fn is_misspelled(root: &Root, class: &Directory, key: &Key) -> Result<bool> {
    if !root.folds() {
        return Ok(false);
    }
    match sys::open(class, &key.name()) {
        Ok(file) => Ok(!root.is_spelled(file, key)?),
        Err(_) => Ok(false),
    }
}

/// Plans the removal of a directory. What is deeper than any record goes with the last directory that is not, and has no
/// operations of its own: see [`is_beyond`](super::publish::is_beyond).
fn of_directory(
    root: &Root,
    parent: &Directory,
    (name, path): (&str, String),
    operations: &mut Operations,
) -> Result<()> {
    let fail = |errno: Errno| Error::io("remove the directory", &root.place(&path), errno);
    let directory = sys::open_directory(parent, name).map_err(fail)?;
    let operations = RefCell::new(operations);
    let push = |path: String, action| operations.borrow_mut().push(Operation::new(path, action, Before::Unknown));
    let visit = &mut |descent: &mut Descent<'_>| {
        let (here, path) = (descent.here()?, format!("{path}{}", descent.path()));
        let mut directories = plan_entries(root, here.as_fd(), &path, &mut operations.borrow_mut())?;
        if is_beyond(2 + descent.depth() + 1) {
            let beyond = std::mem::take(&mut directories);
            beyond.into_iter().for_each(|name| push(format!("{path}/{name}"), Action::RemoveDirectory));
        }
        Ok(Next::Into(directories))
    };
    let leave = &mut |descent: &mut Descent<'_>, name: &str| {
        push(format!("{path}{}/{name}", descent.path()), Action::RemoveDirectory);
        Ok(())
    };
    descent::walk(&mut Descent::from(&directory), visit, leave).map_err(fail)?;
    push(path.clone(), Action::RemoveDirectory);
    Ok(())
}

/// Plans the removal of the files and links in a directory, and returns the names of the directories.
fn plan_entries(
    root: &Root,
    directory: BorrowedFd<'_>,
    path: &str,
    operations: &mut Operations,
) -> std::result::Result<Vec<String>, Errno> {
    let (mut directories, mut links) = (Vec::new(), Operations::default());
    sys::list(directory, &mut |name, kind| {
        let remove = || remove(root, directory, name, format!("{path}/{name}"), kind);
        match kind {
            // The marker goes first.
            Kind::File | Kind::Link if name == DATA => operations.push(remove()),
            _ if name::decode(name).is_none() => {}
            Kind::Link => links.push(remove()),
            Kind::Directory => directories.push(name.to_owned()),
            Kind::File | Kind::Other => {}
        }
    })?;
    operations.append(links);
    Ok(directories)
}
