//! What is in the way of a commit that has taken effect.

use rustix::io::Errno;

use super::operation::Action;
use super::root::Root;
use crate::record::Key;
use crate::record::error::Error;
use crate::record::name;
use crate::record::problem::{Problem, ProblemKind};

/// An operation of a commit that has taken effect and cannot be carried out.
#[derive(Debug)]
pub(super) struct Stuck {
    path: String,
    operation: &'static str,
    errno: Errno,
}

impl Stuck {
    pub(super) fn new(path: &str, action: &Action<'_>, errno: Errno) -> Self {
        Self { path: path.to_owned(), operation: action.describe(), errno }
    }

    /// Whether it takes nothing but more room on the disk.
    pub(super) fn lacks_room(&self) -> bool {
        is_no_room(self.errno)
    }

    /// The error of a commit that comes later: it names the object in the way, which is not its own.
    pub(super) fn into_error(self, root: &Root) -> Error {
        let Self { path, operation, errno } = &self;
        let message = format!(
            "an earlier commit has taken effect, and one of its files cannot be written: cannot {operation}. Until it \
            can, no other commit is made: {}",
            advice(*errno)
        );
        let error = Error::io(operation, &root.place(path), *errno);
        let error = Error::because(message, error).at(root.place(path).to_string_lossy());
        match key_of(path) {
            Some(key) => error.object(key.class(), key.id()),
            None => error,
        }
    }

    /// The same, for whoever verifies the store.
    pub(super) fn into_problem(self) -> Problem {
        let Self { path, operation, errno } = self;
        let message = format!(
            "a commit has taken effect, and this file is not written: cannot {operation}: {}. Until it can, no other \
            commit is made: {}",
            std::io::Error::from(errno),
            advice(errno)
        );
        Problem { kind: ProblemKind::Pending, key: key_of(&path), path, message }
    }
}

/// What whoever reads the error can do.
fn advice(errno: Errno) -> &'static str {
    match errno {
        Errno::NOSPC | Errno::DQUOT => "make room on the disk, blocks and inodes, by removing something else",
        Errno::PERM | Errno::ACCESS => {
            "let this user change what stands there, or move it away (another user's file in a directory with the \
            sticky bit, or an attribute as `lsattr` shows it)"
        }
        Errno::ROFS => "make the disk writable",
        Errno::XDEV => "the directory is on another file system than the store: move it into the store",
        _ => "move what is in the way elsewhere",
    }
}

/// Whether an error says that the disk has no more room, of one kind or another.
fn is_no_room(errno: Errno) -> bool {
    matches!(errno, Errno::NOSPC | Errno::DQUOT)
}

/// Whether an error of the system says so, wherever it was found.
pub(super) fn lacks_room(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.and_then(Errno::from_io_error).is_some_and(is_no_room)
}

/// The key of the record that a path is in, if it is in one.
fn key_of(path: &str) -> Option<Key> {
    let (class, below) = path.split_once('/')?;
    let id = below.split_once('/').map_or(below, |(id, _)| id);
    Key::new(name::decode(class)?, name::decode(id)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_record_the_cause_and_what_to_do() {
        let problem = Stuck::new("Board/b/notes/0000_n", &Action::Remove, Errno::PERM).into_problem();
        assert_eq!(problem.key, Key::new("Board", "b").ok());
        assert!(problem.message.contains("cannot remove") && problem.message.contains("lsattr"), "{problem}");
        let private = Stuck::new(".sepia/format.json", &Action::Remove, Errno::NOSPC);
        assert!(private.lacks_room() && private.into_problem().key.is_none());
    }
}
