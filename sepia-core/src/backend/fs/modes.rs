//! Who may read and write what Sepia makes.
//!
//! - What is private (`.sepia`, and all in it) is for the owner of the store alone, whatever the umask says; in a store
//!   that is shared, for those with whom it is shared.
//! - What is an object's has the mode of any new file or directory, which the umask decides; in a store that is shared,
//!   at least the bits that sharing takes.
//! - What comes from elsewhere, and was hidden from other users there, is for the owner alone, too, unless the store is
//!   shared.
//! - What takes the place of a file keeps that one's mode, group and, where the system permits it, owner.
//! - Nothing is open to more users than in the end at any time: it is born with its last mode or less, and gets what
//!   the umask took away before anything is written into it.
//!
//! As git does (`core.sharedRepository`), directories of shared stores are setgid, so that what is made in them belongs
//! to their group.

use rustix::fs::Mode;
use rustix::io::Errno;

use super::layout::{PRIVATE, is_within};
use super::root::Root;
use super::sys::{self, Permissions};
use crate::record::error::{Error, ErrorKind};
use crate::record::shared::Shared;

/// Systems on which whatever is made in a directory belongs to the group of that directory need not be told so.
const INHERIT_GROUP: Mode =
    if cfg!(any(target_os = "linux", target_os = "android")) { Mode::SGID } else { Mode::empty() };

/// The permissions with which something is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    /// Those of any new file or directory, which the umask decides.
    Usual,
    /// The same, and at least these.
    AtLeast(Mode),
    /// These, whatever the umask says.
    Exactly(Mode),
    /// Those of what it takes the place of, or is a copy of.
    Like(Permissions),
}

impl Making {
    /// Whether something has the mode that it would be made with.
    pub(super) fn is_kept_by(self, mode: Mode) -> bool {
        match self {
            Self::Usual | Self::Like(_) => true,
            Self::AtLeast(least) => mode.contains(least),
            Self::Exactly(exactly) => mode & (sys::PLAIN | exactly) == exactly,
        }
    }
}

/// How the things of a store are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Modes {
    pub(super) shared: Option<Shared>,
}

impl Modes {
    /// How a file is made at a path below the root.
    pub(super) fn file(self, path: &str) -> Making {
        if is_within(path, PRIVATE) { self.private_file() } else { self.object_file() }
    }

    /// How a directory is made at a path below the root.
    pub(super) fn directory(self, path: &str) -> Making {
        if is_within(path, PRIVATE) { self.private_directory() } else { self.object_directory() }
    }

    pub(super) fn private_file(self) -> Making {
        Making::Exactly(self.bits().unwrap_or(Mode::RUSR.union(Mode::WUSR)))
    }

    pub(super) fn private_directory(self) -> Making {
        Making::Exactly(self.bits().map_or(Mode::RWXU, passable))
    }

    pub(super) fn object_file(self) -> Making {
        self.bits().map_or(Making::Usual, Making::AtLeast)
    }

    pub(super) fn object_directory(self) -> Making {
        self.bits().map_or(Making::Usual, |bits| Making::AtLeast(passable(bits)))
    }

    /// How a file of an object is made that was hidden from other users where it comes from: a store that is shared is so
    /// with all that is in it.
    pub(super) fn hidden_file(self) -> Making {
        self.bits().map_or(Making::Exactly(Mode::RUSR.union(Mode::WUSR)), Making::AtLeast)
    }

    /// The same for a directory within an object, or its own.
    pub(super) fn hidden_directory(self) -> Making {
        self.bits().map_or(Making::Exactly(Mode::RWXU), |bits| Making::AtLeast(passable(bits)))
    }

    /// What a file of a store that is shared has at least.
    fn bits(self) -> Option<Mode> {
        let own_and_group = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP;
        match self.shared? {
            Shared::Group => Some(own_and_group),
            Shared::All => Some(own_and_group | Mode::ROTH),
        }
    }
}

/// The mode of a directory in which files have this mode: who may read may enter.
fn passable(file: Mode) -> Mode {
    let enter = [(Mode::RUSR, Mode::XUSR), (Mode::RGRP, Mode::XGRP), (Mode::ROTH, Mode::XOTH)];
    let enter = enter.into_iter().filter(|(read, _)| file.contains(*read)).map(|(_, enter)| enter);
    enter.fold(file | INHERIT_GROUP, Mode::union)
}

/// Whether something is hidden from users who may read the directory of its class.
pub(super) fn is_hidden(mode: Mode, class: Mode) -> bool {
    !mode.contains(class & (Mode::RGRP | Mode::ROTH))
}

/// Whether the system keeps this process out of the private directory of a store.
pub(super) fn is_denied(root: &Root, path: &str) -> bool {
    matches!(sys::open_below(root, path), Err(Errno::ACCESS))
}

/// What somebody is told whom the system keeps out of the private directory.
pub(super) fn denied(root: &Root, path: &str) -> Error {
    let owner = sys::permissions_at((std::os::fd::AsFd::as_fd(root), PRIVATE)).ok();
    let (user, group) = owner.map_or_else(Default::default, |owner| {
        (format!(" (user {})", owner.owner()), format!(" (group {})", owner.group()))
    });
    let is_for_group = owner.is_some_and(|owner| owner.mode().contains(Mode::RGRP | Mode::XGRP));
    let message = if is_for_group {
        format!(
            "the store is for its owner{user} and the members of its group{group}: one of them can share it with all \
             others, by `sepia init --shared=all` or `StoreBuilder::shared`"
        )
    } else {
        format!(
            "the store is for its owner{user} alone, who can share it with a group, or with all others, by \
             `sepia init --shared` or `StoreBuilder::shared`"
        )
    };
    let cause = std::io::Error::from(Errno::ACCESS);
    Error::caused(ErrorKind::Io, message, cause).at(root.place(path).to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_the_documentation() {
        let octal = |making| match making {
            Making::Usual => "usual".to_owned(),
            Making::AtLeast(mode) | Making::Exactly(mode) => format!("{:o}", mode.bits() & 0o777),
            Making::Like(_) => unreachable!(),
        };
        for (shared, expected) in [
            (None, ["600", "700", "usual", "usual"]),
            (Some(Shared::Group), ["660", "770", "660", "770"]),
            (Some(Shared::All), ["664", "775", "664", "775"]),
        ] {
            let modes = Modes { shared };
            let found = [".sepia/journal", ".sepia", "Note/n", "Board/b"];
            let found =
                [modes.file(found[0]), modes.directory(found[1]), modes.file(found[2]), modes.directory(found[3])];
            assert_eq!(found.map(octal), expected, "{shared:?}");
            assert!(matches!(modes.directory(".sepia/tmp"), Making::Exactly(mode) if
                mode.contains(INHERIT_GROUP) == (shared.is_some() || INHERIT_GROUP.is_empty())));
        }
    }
}
