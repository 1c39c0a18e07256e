//! From what is stored to the operations that remove it. Unlike what is put, it need not be
//! understood: a container that has become unreadable can be deleted. What is foreign stays.

use std::mem::MaybeUninit;

use rustix::io::Errno;

use super::layout::MAX_DIRECTORIES;
use super::operation::{Action, Before, Image, Operation};
use super::operations;
use super::read;
use super::root::Root;
use super::sys::{self, Directory, Kind};
use crate::batch::Batch;
use crate::class::Class;
use crate::error::{Error, Result};
use crate::name::{self, DATA};
use crate::record::Key;

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
        Ok(Kind::Directory) => of_directory(root, class, (&key.name(), path), 0, operations).map_err(fail),
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
        of_directory(root, &directory, (&name, key.path()), 0, operations)?;
    }
    operations.push(Operation::new(path, Action::RemoveDirectory, Before::Unknown));
    Ok(())
}

/// The removal of a file or a link, which need not be readable.
fn remove(root: &Root, parent: &Directory, name: &str, path: String, kind: Kind) -> Operation<'static> {
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

fn of_directory(
    root: &Root,
    parent: &Directory,
    (name, path): (&str, String),
    depth: usize,
    operations: &mut Operations,
) -> Result<()> {
    if depth > MAX_DIRECTORIES {
        let error = Error::corrupt(format!("directories nest deeper than {MAX_DIRECTORIES} levels"));
        return Err(error.at(root.place(path).to_string_lossy()));
    }
    let fail = |errno: Errno| Error::io("remove the directory", &root.place(&path), errno);
    let directory = sys::open_directory(parent, name).map_err(fail)?;
    let (mut directories, mut links) = (Vec::new(), Operations::default());
    sys::list(&directory, &mut |name, kind| {
        let remove = || remove(root, &directory, name, format!("{path}/{name}"), kind);
        match kind {
            // The marker goes first.
            Kind::File | Kind::Link if name == DATA => operations.push(remove()),
            _ if name::decode(name).is_none() => {}
            Kind::Link => links.push(remove()),
            Kind::Directory => directories.push(name.to_owned()),
            Kind::File | Kind::Other => {}
        }
    })
    .map_err(fail)?;
    operations.append(links);
    for name in directories {
        let path = format!("{path}/{name}");
        of_directory(root, &directory, (&name, path), depth + 1, operations)?;
    }
    operations.push(Operation::new(path, Action::RemoveDirectory, Before::Unknown));
    Ok(())
}
