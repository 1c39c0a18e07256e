//! Where the links in a record lead, without the rest of it.

use std::mem::MaybeUninit;

use rustix::io::Errno;

use super::Filesystem;
use super::descent::{self, Descent, Next};
use super::journal::Observed;
use super::layout::{Links, MAX_DIRECTORIES};
use super::sys::{self, Directory, Kind};
use crate::record::Key;
use crate::record::error::Result;
use crate::record::name::{self, DATA};

impl Filesystem {
    /// Returns where the links lead; `None` if there is no such record.
    pub(super) fn links_of(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        let first = self.journal.observe(&self.root)?;
        let is_settled = match first {
            Observed::Nothing => true,
            Observed::Trusted(state) => state.is_settled(),
            Observed::Untrusted(_) => false,
        };
        if is_settled && !self.root.folds() {
            let mut links = Vec::new();
            let found = match sys::open_directory_below(&self.root, &key.path()) {
                Ok(directory) => all_in(&directory, &mut links),
                Err(errno) => Err(Unusual::from(errno)),
            };
            if let Ok(true) = found
                && self.journal.observe(&self.root)? == first
            {
                return Ok(Some(links));
            }
        }
        // Whatever is unusual is said by those who read records.
        let Some(record) = self.stored(key)?.into_record() else { return Ok(None) };
        let mut links = Vec::new();
        record.each_link(&mut |link| links.push(link.clone()));
        Ok(Some(links))
    }
}

/// Something that is not a container, or is damaged, or changes just now.
struct Unusual;

impl From<Errno> for Unusual {
    fn from(_: Errno) -> Self {
        Self
    }
}

/// Reads the links of a directory and of those in it, and returns whether it has a `data.json`.
fn all_in(directory: &Directory, links: &mut Vec<Key>) -> std::result::Result<bool, Unusual> {
    let mut target: sys::Target = [MaybeUninit::uninit(); _];
    let mut is_container = None;
    let visit = &mut |descent: &mut Descent<'_>| {
        let (has_data, inner) = visit(descent, links, &mut target)?;
        is_container.get_or_insert(has_data);
        Ok(Next::Into(inner))
    };
    descent::walk::<Unusual>(&mut Descent::from(directory), visit, &mut |_, _| Ok(()))?;
    Ok(is_container.unwrap_or(false))
}

/// Reads the links of one directory, and returns whether it has a `data.json`, and the names of those in it.
fn visit(
    descent: &mut Descent<'_>,
    found: &mut Vec<Key>,
    target: &mut sys::Target,
) -> std::result::Result<(bool, Vec<String>), Unusual> {
    let (directory, depth) = (descent.here()?, descent.depth());
    if depth > MAX_DIRECTORIES {
        return Err(Unusual);
    }
    let (mut has_data, mut inner) = (false, Vec::new());
    let (mut names, mut failed) = (String::new(), false);
    let mut ends = Vec::new();
    sys::list(&directory, &mut |name, kind| match kind {
        Kind::File if name == DATA => has_data = true,
        _ if name == DATA => failed = true,
        Kind::Link if name::decode(name).is_some() => {
            names.push_str(name);
            ends.push(names.len());
        }
        Kind::Directory if name::decode(name).is_some() => inner.push(name.to_owned()),
        _ => {}
    })?;
    if failed {
        return Err(Unusual);
    }
    // The record's own directory is two levels below the root.
    let (mut links, mut start) = (Links::within(2 + depth), 0);
    found.reserve(ends.len());
    for end in ends {
        let target = sys::read_link(&directory, &names[start..end], target)?;
        found.push(links.parse(target).map_err(|_| Unusual)?);
        start = end;
    }
    Ok((has_data, inner))
}
