//! Where things stand below the root, and what links look like.

pub(super) use crate::record::catalog::FORMAT_FILE;
pub(super) use crate::record::link::{Links, link_target, parse_link};

/// The directory of what is not objects.
pub(super) const PRIVATE: &str = ".sepia";
/// Files that are being written, before they are renamed into their places.
pub(super) const TMP: &str = ".sepia/tmp";
/// Batches that have been committed.
pub(super) const JOURNAL: &str = ".sepia/journal";
/// How far the journal has taken effect.
pub(super) const STATE: &str = ".sepia/state";
/// What commits would have written over edits.
pub(super) const CONFLICTS: &str = ".sepia/conflicts";
/// What repair has moved or copied away.
pub(super) const QUARANTINE: &str = ".sepia/quarantine";
/// The newest generations, as far as known.
pub(super) const LATEST: &str = ".sepia/latest";
/// What the commits of epochs that have ended have changed, while someone follows.
pub(super) const FOLLOWED: &str = ".sepia/followed";
/// What of the private directory belongs in no repository.
pub(super) const GITIGNORE: &str = ".sepia/.gitignore";
pub(super) const GITIGNORE_TEXT: &str = "/conflicts/\n/followed\n/journal\n/latest/\n/state\n/tmp/\n";

/// The most bytes of the list of classes.
pub(super) const MAX_CATALOG: u64 = 16 << 20;

/// The most directories that are read within each other: those of the deepest record, and its own.
pub(super) const MAX_DIRECTORIES: usize = crate::record::MAX_DIRECTORIES + 1;

/// The last name of a path.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Returns the names in a path, the first one too if it is empty. They are short: looking at one byte after the other
/// takes less than getting ready for a long search.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let end = path.bytes().position(|byte| byte == b'/');
        // Invariant: a slash is no part of another character.
        rest = end.and_then(|end| path.get(end + 1..));
        Some(end.map_or(path, |end| &path[..end]))
    })
}

/// Whether `path` is `directory` or below it.
pub(super) fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
