//! Walking over the files of one record.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use rustix::io::Errno;

use super::super::checksum::{self, Checksums, Verdict};
use super::super::descent::{self, Descent, Next};
use super::super::layout::{MAX_DIRECTORIES, parse_link};
use super::super::root::Root;
use super::super::sys::{self, Directory, Kind};
use crate::record::Key;
use crate::record::class::{self, Class};
use crate::record::foreign;
use crate::record::name::{self, DATA};
use crate::record::problem::{self, Problem, ProblemKind};

/// What is wrong, and what can be done about it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) problem: Problem,
    pub(super) remedy: Remedy,
}

/// What can be done about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing needs to be done, or it takes somebody else.
    Nothing,
    /// What is found there goes into quarantine.
    Move,
    /// The whole record goes.
    MoveRecord,
    /// The file gets the checksum of what it holds.
    NoteChecksum,
}

/// What a walk has found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) findings: Vec<Finding>,
    /// The files whose checksum was compared.
    pub(super) checked: u64,
    /// The paths of those that have none, where checksums are kept.
    pub(super) unchecked: Vec<String>,
}

impl Walked {
    /// Whether anything is found that may be otherwise once no writer is at work.
    pub(super) fn is_suspicious(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| !matches!(finding.problem.kind, ProblemKind::Foreign | ProblemKind::ConflictCopy))
    }
}

/// Walks over what stands under the name of a record in the directory of its class, which is declared to be this.
pub(super) fn record(root: &Root, declared: &Class, class: &Directory, key: &Key, kind: Kind) -> Walked {
    let mut walk = Walk { key, checksums: root.checksums(), max_record: root.max_record(), walked: Walked::default() };
    let name = key.name();
    let is_of_containers = declared.kind() == class::Kind::Container;
    match kind {
        Kind::File if is_of_containers && foreign::is_unlikely_id(key.id()) => {
            walk.find(ProblemKind::Foreign, "", FOREIGN, Remedy::Nothing);
        }
        Kind::File if is_of_containers => {
            walk.find(ProblemKind::Undecodable, "", problem::A_FILE, Remedy::Move);
        }
        Kind::File => walk.file(class, &name, ""),
        Kind::Link => {
            let message = "a symlink stands where a file or directory of its own should be";
            walk.find(ProblemKind::Unreadable, "", message, Remedy::Move);
        }
        Kind::Other => {
            walk.find(ProblemKind::Unreadable, "", "this is neither a file nor a directory", Remedy::Move);
        }
        Kind::Directory => match sys::open_directory(class, &name) {
            Ok(directory) if is_container(&directory) && !is_of_containers => {
                walk.find(ProblemKind::Undecodable, "", problem::A_CONTAINER, Remedy::Move);
            }
            Ok(directory) if is_container(&directory) => walk.directory(&mut Descent::from(&directory), ""),
            Ok(directory) if holds_ours(&directory) => {
                let message = format!("this directory has no {DATA}, so it is no container, and what is in it is lost");
                walk.find(ProblemKind::Leftover, "", message, Remedy::Move);
            }
            // It means nothing.
            Ok(_) => {}
            Err(errno) => walk.refused("", "open the directory", errno),
        },
    }
    walk.walked
}

/// Whether a directory has what marks a container, readable or not.
fn is_container(directory: &Directory) -> bool {
    !matches!(sys::kind(directory, DATA), Err(Errno::NOENT))
}

/// Whether anything in a directory could be Sepia's.
fn holds_ours(directory: &Directory) -> bool {
    let mut holds = false;
    let visit = &mut |descent: &mut Descent<'_>| {
        let mut directories = Vec::new();
        sys::list(descent.here()?, &mut |name, kind| match kind {
            Kind::Directory if name::decode(name).is_some() => directories.push(name.to_owned()),
            Kind::File | Kind::Link | Kind::Other => holds |= name == DATA || !is_foreign(name, kind),
            Kind::Directory => {}
        })?;
        // What is deeper is not looked at.
        holds |= descent.depth() >= MAX_DIRECTORIES && !directories.is_empty();
        Ok(if holds { Next::Stop } else { Next::Into(directories) })
    };
    let walked = descent::walk::<Errno>(&mut Descent::from(directory), visit, &mut |_, _| Ok(()));
    walked.is_err() || holds
}

struct Walk<'a> {
    key: &'a Key,
    checksums: Checksums,
    max_record: u64,
    walked: Walked,
}

impl Walk<'_> {
    fn find(&mut self, kind: ProblemKind, below: &str, message: impl Into<String>, remedy: Remedy) {
        let problem = Problem::within(self.key, kind, below, message);
        self.walked.findings.push(Finding { problem, remedy });
    }

    /// The system refuses something. What is gone since is no problem.
    fn refused(&mut self, below: &str, operation: &str, errno: Errno) {
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::INVAL | Errno::LOOP | Errno::MLINK | Errno::ISDIR => {}
            // It is larger than this handle reads, which whoever reads the record tells better, and is nothing to mend.
            Errno::FBIG => {}
            errno => {
                let message = format!("cannot {operation}: {}", std::io::Error::from(errno));
                self.find(ProblemKind::Unreadable, below, message, Remedy::Nothing);
            }
        }
    }

    fn file(&mut self, parent: impl AsFd, name: &str, below: &str) {
        let file = match sys::open(parent, name) {
            Ok(file) => file,
            Err(errno) => return self.refused(below, "open the file", errno),
        };
        if self.checksums == Checksums::Off {
            return;
        }
        let verdict = match checksum::judge(file, self.max_record) {
            Ok(verdict) => verdict,
            Err(errno) => return self.refused(below, "read the file", errno),
        };
        match verdict {
            Verdict::Unchecked => {
                let path = Problem::within(self.key, ProblemKind::Edited, below, "").path;
                return self.walked.unchecked.push(path);
            }
            Verdict::Good => {}
            Verdict::Edited => {
                let message = "the file was edited since it was written";
                self.find(ProblemKind::Edited, below, message, Remedy::NoteChecksum);
            }
            Verdict::Corrupted => {
                let message = "the file does not hold what was written, and nobody has edited it since";
                self.find(ProblemKind::Corrupted, below, message, Remedy::MoveRecord);
            }
        }
        self.walked.checked += 1;
    }

    /// Walks over the directory that the way leads to, from that of the record on.
    fn directory(&mut self, descent: &mut Descent<'_>, below: &str) {
        let depth = descent.depth();
        let directory = match descent.here() {
            Ok(directory) => directory,
            Err(errno) => return self.refused(below, "open the directory", errno),
        };
        let mut names = Vec::new();
        let mut foreign = Vec::new();
        let mut data = None;
        let listed = sys::list_all(&directory, &mut |name, kind| match std::str::from_utf8(name) {
            Ok(DATA) => data = Some(kind),
            Ok(name) if !is_foreign(name, kind) => names.push((name.to_owned(), kind)),
            _ => foreign.push(String::from_utf8_lossy(name).into_owned()),
        });
        if let Err(errno) = listed {
            return self.refused(below, "list the directory", errno);
        }
        match data {
            None => {}
            Some(Kind::File) => self.file(&directory, DATA, &join(below, DATA)),
            Some(_) => {
                let message = format!("the {DATA} of a container is not a file");
                self.find(ProblemKind::Unreadable, &join(below, DATA), message, Remedy::MoveRecord);
            }
        }
        // Only the last directories of the way stay open.
        drop(directory);
        for name in foreign.iter().filter(|name| !is_hidden(name)) {
            let below = &join(below, name);
            match foreign::conflict_copy(name) {
                Some(original) => {
                    self.find(ProblemKind::ConflictCopy, below, problem::conflict_copy(&original), Remedy::Nothing);
                }
                None => self.find(ProblemKind::Foreign, below, FOREIGN, Remedy::Nothing),
            }
        }
        for (name, kind) in names {
            let below = join(below, &name);
            match kind {
                Kind::Link => match descent.here() {
                    Ok(directory) => self.link(directory, &name, &below, depth),
                    Err(errno) => self.refused(&below, "open the directory", errno),
                },
                Kind::File => {
                    let message = "a file stands where only links and directories belong";
                    self.find(ProblemKind::Stray, &below, message, Remedy::Move);
                }
                Kind::Other => {
                    let message = "this is neither a link nor a directory";
                    self.find(ProblemKind::Stray, &below, message, Remedy::Move);
                }
                Kind::Directory if depth >= MAX_DIRECTORIES => {
                    let message = format!("directories nest deeper than {MAX_DIRECTORIES} levels");
                    self.find(ProblemKind::Unreadable, &below, message, Remedy::MoveRecord);
                }
                Kind::Directory => match descent.enter(&name) {
                    Ok(()) => {
                        self.directory(descent, &below);
                        descent.leave();
                    }
                    Err(errno) => self.refused(&below, "open the directory", errno),
                },
            }
        }
    }

    fn link(&mut self, directory: impl AsFd, name: &str, below: &str, depth: usize) {
        match sys::read_link(directory, name, &mut [MaybeUninit::uninit(); _]) {
            // The record's own directory is two levels below the root.
            Ok(target) => {
                if let Err(reason) = parse_link(2 + depth, target) {
                    self.find(ProblemKind::OutsideLink, below, reason, Remedy::Move);
                }
            }
            Err(errno) => self.refused(below, "read the link", errno),
        }
    }
}

/// Whether what stands in a container under a name that is not that of its values is none of Sepia's.
pub(super) fn is_foreign(name: &str, kind: Kind) -> bool {
    name::decode(name).is_none() || kind == Kind::File && foreign::is_foreign_file(name)
}

/// What is said of names that no text has.
pub(super) const FOREIGN: &str = "this is not Sepia's, and left alone";

/// Hidden names are those of other programs, which put them everywhere.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

fn join(below: &str, name: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }
}
