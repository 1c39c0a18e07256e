//! Symlinks on the way to a store that lead nowhere, which systems say little about.

use std::io::ErrorKind;
use std::path::Path;

/// Says which part of a path is a symlink that leads nowhere, and to where; `None` if none is.
pub(super) fn describe(path: &Path) -> Option<String> {
    let dangling = |way: &&Path| {
        let is_link = std::fs::symlink_metadata(way).is_ok_and(|found| found.file_type().is_symlink());
        is_link && std::fs::metadata(way).is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    let way = path.ancestors().filter(|way| !way.as_os_str().is_empty()).find(dangling)?;
    let target = std::fs::read_link(way).ok()?;
    let which = if way == path { "it".to_owned() } else { format!("{} on the way to it", way.display()) };
    Some(format!("{which} is a symlink that leads nowhere, to {}", target.display()))
}
