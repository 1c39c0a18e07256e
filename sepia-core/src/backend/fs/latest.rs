//! The newest generations: hints that may be deleted at any time.
//!
//! `.sepia/latest/<Class>/<base>` holds the number of the base's newest generation, a decimal and a
//! line feed. A hint h is good if generation h is there and h + 1 is not; else the class is listed. Writers
//! set the hint of a newer generation before they make it, so hints do not lag behind.
//!
//! The file `.sepia/latest/<Class>/.all` says that every base whose newest generation is above 0 has its
//! hint. So where there is none, the number is 0; and a base that has neither a hint nor a generation 0 is
//! new, and making its first generation needs no list of the class.

use std::collections::HashMap;

use rustix::io::Errno;

use super::journal::Observed;
use super::layout::LATEST;
use super::publish::Publisher;
use super::read;
use super::sys;
use super::{Filesystem, root::Root};
use crate::error::{Error, Result};
use crate::name;
use crate::record::Key;

/// Whether the hint of a base was found, and good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    Good,
    /// There is none, and none is needed.
    None,
    Bad,
}

impl Filesystem {
    /// Returns the newest generation of a base.
    pub(super) fn newest_generation(&self, base: &Key) -> Result<Option<Key>> {
        // Hints are not synced, so they are as good as the state.
        match self.journal.observe(&self.root)? {
            Observed::Untrusted(_) => return self.by_list(base),
            Observed::Nothing | Observed::Trusted(_) => {}
        }
        match self.by_hint(base)? {
            (Some(newest), _) => Ok(Some(newest)),
            (None, _) => self.by_list(base),
        }
    }

    /// Returns the newest generation of a base, and sets its hint right. Under the writer lock.
    pub(super) fn newest_for_writer(&self, base: &Key) -> Result<Option<Key>> {
        match self.by_hint(base)? {
            (Some(newest), Hint::Good | Hint::None) => Ok(Some(newest)),
            (_, Hint::Good | Hint::None | Hint::Bad) => {
                let newest = self.by_list(base)?;
                self.set_hint(base, newest.as_ref().map(|newest| newest.generation().1))?;
                Ok(newest)
            }
        }
    }

    /// Returns whether a generation is older than the newest. Under the writer lock.
    pub(super) fn is_superseded(&self, key: &Key) -> Result<bool> {
        let (base, generation) = key.generation();
        if generation == 0 && self.by_hint(&base)? == (None, Hint::None) {
            return Ok(false);
        }
        Ok(self.newest_for_writer(&base)?.is_some_and(|newest| newest.generation().1 > generation))
    }

    fn by_hint(&self, base: &Key) -> Result<(Option<Key>, Hint)> {
        let (hint, found) = match read_hint(&self.root, base) {
            Some(Some(hint)) => (hint, Hint::Good),
            Some(None) => return Ok((None, Hint::Bad)),
            None if !self.has_hints(base)? => return Ok((None, Hint::Bad)),
            None => (0, Hint::None),
        };
        let mut newest = base.sibling(&format!("{}.{hint}", base.id()))?;
        if !self.is_stored(&newest)? {
            if hint > 0 || !self.is_stored(base)? {
                return Ok((None, if found == Hint::None { Hint::None } else { Hint::Bad }));
            }
            newest = base.clone();
        }
        let next = hint.checked_add(1).map(|next| base.sibling(&format!("{}.{next}", base.id()))).transpose()?;
        match next {
            Some(next) if self.is_stored(&next)? => Ok((None, Hint::Bad)),
            _ => Ok((Some(newest), found)),
        }
    }

    fn by_list(&self, base: &Key) -> Result<Option<Key>> {
        let mut newest = None;
        let wanted = |id: &str| name::generation_of(base.id(), id).is_some();
        self.list(base.class(), &wanted, &mut |id| {
            newest =
                newest.take().max(name::generation_of(base.id(), id).map(|generation| (generation, id.to_owned())));
        })?;
        newest.map(|(_, id)| base.sibling(&id)).transpose()
    }

    /// Notes what the newest generation of a base is now. Under the writer lock.
    pub(super) fn set_hint(&self, base: &Key, newest: Option<u64>) -> Result<()> {
        let path = path(base);
        let place = || self.root.place(&path);
        let fail = |errno| Error::io("note the newest generation", &place(), errno);
        let mut publisher = Publisher::new(&self.root);
        match newest {
            None | Some(0) => match publisher.remove_note(&path) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(errno) => Err(fail(errno)),
            },
            Some(newest) => publisher.put_note(&path, &format!("{newest}\n")).map_err(fail),
        }
    }

    /// Whether hints have been kept for a class.
    fn has_hints(&self, base: &Key) -> Result<bool> {
        match sys::kind_below(&self.root, &marker(base)) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(Error::io("look for the newest generations", &self.root.place(marker(base)), errno)),
        }
    }

    /// Begins to keep hints for the class of a base, with those that it needs. Under the writer lock.
    pub(super) fn keep_hints(&self, base: &Key) -> Result<()> {
        if self.has_hints(base)? {
            return Ok(());
        }
        let mut newest: HashMap<String, u64> = HashMap::new();
        read::ids(&self.root, base.class(), &|_| true, &mut |id| {
            if let Some((base, generation)) = name::split_generation(id) {
                let known = newest.entry(base.to_owned()).or_default();
                *known = generation.max(*known);
            }
        })?;
        for (base_id, newest) in newest {
            self.set_hint(&base.sibling(&base_id)?, Some(newest))?;
        }
        let made = Publisher::new(&self.root).put_note(&marker(base), "");
        made.map_err(|errno| Error::io("note the newest generations", &self.root.place(marker(base)), errno))
    }

    /// Forgets all hints: they may not have reached the disk as the files have. Under the writer lock.
    pub(super) fn forget_hints(&self) -> Result<()> {
        let forgotten = Publisher::new(&self.root).remove_tree(LATEST);
        forgotten.map_err(|errno| Error::io("forget the newest generations", &self.root.place(LATEST), errno))
    }
}

/// No base has a name that begins with a dot.
fn marker(base: &Key) -> String {
    format!("{LATEST}/{}/.all", base.class_name())
}

fn path(base: &Key) -> String {
    format!("{LATEST}/{}", base.path())
}

/// `None`: there is none. `Some(None)`: it cannot be understood.
fn read_hint(root: &Root, base: &Key) -> Option<Option<u64>> {
    let file = match sys::open_below(root, &path(base)) {
        Ok(file) => file,
        Err(Errno::NOENT) => return None,
        Err(_) => return Some(None),
    };
    let content = sys::read(file).ok();
    let number =
        content.as_deref().and_then(|content| std::str::from_utf8(content.strip_suffix(b"\n")?).ok()?.parse().ok());
    Some(number)
}
