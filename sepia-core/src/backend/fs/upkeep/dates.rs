//! Giving what is dated ahead the present time: that of the last change of a file itself, which nobody can set, and
//! which is ahead once a clock was set back.

use rustix::io::{Errno, Result};

use super::super::Filesystem;
use super::super::layout::MAX_DIRECTORIES;
use super::super::sys::{self, Directory, Kind};
use crate::record::Key;
use crate::record::error::Error;
use crate::record::name::{self, DATA};

impl Filesystem {
    /// Has the age of a record count from now on, and returns whether it may. Under the writer lock.
    pub(super) fn renew(&self, key: &Key) -> crate::Result<bool> {
        let class = self.root.directory(&key.class_name());
        match class.and_then(|class| renew(&class, &key.name(), 0)) {
            Ok(()) => Ok(true),
            // It is somebody else's, or has gone.
            Err(Errno::PERM | Errno::ACCESS | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(errno) => Err(Error::io("note the time of", &self.root.place(key.path()), errno)),
        }
    }
}

fn renew(parent: &Directory, name: &str, depth: usize) -> Result<()> {
    let file = sys::open(parent, name)?;
    let kind = sys::measure(&file)?.kind;
    if kind != Kind::Directory {
        return if kind == Kind::File { sys::renew(file) } else { Ok(()) };
    }
    let mut inner = Vec::new();
    sys::list(&file, &mut |name, kind| {
        let is_part = match kind {
            Kind::File => name == DATA,
            Kind::Directory => depth < MAX_DIRECTORIES && name::decode(name).is_some(),
            Kind::Link | Kind::Other => false,
        };
        if is_part {
            inner.push(name.to_owned());
        }
    })?;
    inner.iter().try_for_each(|name| renew(&file, name, depth + 1))?;
    sys::renew(file)
}
