//! Going down into directories within each other, of which few are open at a time.
//!
//! Whoever walks over a tree comes back to each directory after what is in it. Those that are open longest are closed
//! when it gets deep, and found again by their names when they are needed, from the top down. They are recognized by
//! device and inode: one that was replaced meanwhile is not there any more (`ENOENT`).

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use rustix::io::{Errno, Result};

use super::sys::{self, Directory};

/// How many are open at most, besides the topmost.
const HANDLES: usize = 16;

/// The way from one directory down to another.
pub(super) struct Descent<'a> {
    top: BorrowedFd<'a>,
    steps: Vec<Step>,
    /// From this one on, all are open.
    first_open: usize,
}

struct Step {
    name: String,
    /// `None` while it is closed.
    handle: Option<Rc<Directory>>,
    /// Known once it has been closed.
    identity: (u64, u64),
}

/// An open directory. Whoever keeps it keeps it open.
pub(super) enum Here<'a> {
    Top(BorrowedFd<'a>),
    Below(Rc<Directory>),
}

impl AsFd for Here<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Top(top) => *top,
            Self::Below(directory) => directory.as_fd(),
        }
    }
}

impl<'a> Descent<'a> {
    pub(super) fn from(top: &'a (impl AsFd + ?Sized)) -> Self {
        Self { top: top.as_fd(), steps: Vec::new(), first_open: 0 }
    }

    /// Returns how many levels below the topmost directory this is.
    pub(super) fn depth(&self) -> usize {
        self.steps.len()
    }

    /// Returns the path from the topmost directory to this one, with a `/` before each name.
    pub(super) fn path(&self) -> String {
        self.steps.iter().fold(String::new(), |path, step| path + "/" + &step.name)
    }

    /// Returns the directory that the way leads to.
    pub(super) fn here(&mut self) -> Result<Here<'a>> {
        if self.first_open == self.steps.len() && !self.steps.is_empty() {
            self.reopen()?;
        }
        Ok(match self.steps.last().and_then(|step| step.handle.as_ref()) {
            Some(directory) => Here::Below(Rc::clone(directory)),
            None => Here::Top(self.top),
        })
    }

    /// Goes down into a directory.
    pub(super) fn enter(&mut self, name: &str) -> Result<()> {
        let inner = sys::open_directory(self.here()?, name)?;
        if self.steps.len() - self.first_open == HANDLES {
            self.close_first()?;
        }
        self.steps.push(Step { name: name.to_owned(), handle: Some(Rc::new(inner)), identity: (0, 0) });
        Ok(())
    }

    /// Goes back up.
    pub(super) fn leave(&mut self) {
        self.steps.pop();
        self.first_open = self.first_open.min(self.steps.len());
    }

    fn close_first(&mut self) -> Result<()> {
        // Invariant: this one is open, as all are from here on.
        let step = &mut self.steps[self.first_open];
        if let Some(handle) = step.handle.take() {
            step.identity = sys::identity(&*handle)?;
        }
        self.first_open += 1;
        Ok(())
    }

    /// Opens the last of the directories again, all of which are closed, and as many of those above it as may be open.
    fn reopen(&mut self) -> Result<()> {
        let mut open: VecDeque<Rc<Directory>> = VecDeque::with_capacity(HANDLES + 1);
        for step in &self.steps {
            let parent = open.back().map_or(self.top, |directory| directory.as_fd());
            let inner = sys::open_directory(parent, &step.name)?;
            if sys::identity(&inner)? != step.identity {
                return Err(Errno::NOENT);
            }
            open.push_back(Rc::new(inner));
            if open.len() > HANDLES {
                open.pop_front();
            }
        }
        self.first_open = self.steps.len() - open.len();
        self.steps[self.first_open..].iter_mut().zip(open).for_each(|(step, handle)| step.handle = Some(handle));
        Ok(())
    }
}

/// What a visit of a directory asks for next.
pub(super) enum Next {
    /// The directories of these names in it, one after another.
    Into(Vec<String>),
    /// Nothing more at all.
    Stop,
}

/// Visits a directory and those in it, each before what is in it, and `leave`s each after that, with the directory that
/// it is in, by its name. However deep they are, that takes no more of the stack.
pub(super) fn walk<E: From<Errno>>(
    descent: &mut Descent<'_>,
    visit: &mut dyn FnMut(&mut Descent<'_>) -> std::result::Result<Next, E>,
    leave: &mut dyn FnMut(&mut Descent<'_>, &str) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut left: Vec<std::vec::IntoIter<String>> = Vec::new();
    let mut names = Vec::new();
    loop {
        match visit(descent)? {
            Next::Stop => return Ok(()),
            Next::Into(inner) => left.push(inner.into_iter()),
        }
        loop {
            // Invariant: the directory that was visited last has an entry.
            let Some(inner) = left.last_mut() else { return Ok(()) };
            if let Some(name) = inner.next() {
                descent.enter(&name)?;
                names.push(name);
                break;
            }
            left.pop();
            let Some(name) = names.pop() else { return Ok(()) };
            descent.leave();
            leave(descent, &name)?;
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a hand moves directories, not the store")]
mod tests {
    use super::super::modes::Making;
    use super::*;

    fn open_files() -> usize {
        std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn few_directories_are_open_however_deep_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let top = sys::open_root(directory.path()).unwrap();
        let mut descent = Descent::from(&top);
        let before = open_files();
        for depth in 0..300 {
            sys::make_directory(descent.here().unwrap(), "d", Making::Usual).unwrap();
            sys::make_directory(descent.here().unwrap(), &format!("{depth}"), Making::Usual).unwrap();
            descent.enter("d").unwrap();
        }
        // Other tests open files, too.
        assert!(open_files() < before + 100);
        while descent.depth() > 0 {
            descent.leave();
            let depth = descent.depth();
            assert!(sys::is_there(descent.here().unwrap(), &format!("{depth}")));
            assert!(descent.steps.len() - descent.first_open <= HANDLES);
        }
        let (mut seen, mut left) = (0, 0);
        walk::<Errno>(
            &mut Descent::from(&top),
            &mut |descent| {
                let mut names = Vec::new();
                sys::list(descent.here()?, &mut |name, _| names.push(name.to_owned()))?;
                seen += 1;
                Ok(Next::Into(names))
            },
            &mut |descent, name| {
                left += 1;
                sys::remove_directory(descent.here()?, name)
            },
        )
        .unwrap();
        assert_eq!((seen, left), (601, 600));
        assert!(!sys::is_there(&top, "d"));
    }

    #[test]
    fn a_directory_that_was_replaced_is_not_taken_for_what_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let top = sys::open_root(directory.path()).unwrap();
        let mut descent = Descent::from(&top);
        for _ in 0..20 {
            sys::make_directory(descent.here().unwrap(), "d", Making::Usual).unwrap();
            descent.enter("d").unwrap();
        }
        let moved = directory.path().join("d/d");
        std::fs::rename(&moved, directory.path().join("elsewhere")).unwrap();
        std::fs::create_dir_all(moved.join("d")).unwrap();
        while descent.depth() > 3 {
            assert!(descent.depth() < 5 || descent.here().is_ok());
            descent.leave();
        }
        assert_eq!(descent.here().map(|_| ()), Err(Errno::NOENT));
    }
}
