//! The newest generations: hints that may be deleted at any time.
//!
//! `.sepia/latest/<Class>/<base>` holds the number of the base's newest generation, a decimal and a
//! line feed. A hint h is good if generation h is there and h + 1 is not; else, and where there is none, the class
//! is listed. Writers set the hint of a newer generation before they make it, so hints do not lag behind; when they set
//! the others, `commit/hints` says.
//!
//! `.sepia/latest/.<Class>` holds the stamp of that directory, as it was when a writer last made or removed a
//! hint. As long as it is the same, every base of the class has its hint; so a base without a hint is new, and making
//! its first generation needs no list of the class.

use std::collections::{BTreeMap, HashMap};

use rustix::io::Errno;

use super::journal::Observed;
use super::layout::LATEST;
use super::publish::Publisher;
use super::read;
use super::sys;
use super::{Filesystem, root::Root, stuck};
use crate::backend::to_the_end;
use crate::record::Key;
use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::name;

/// The most bytes of a hint: a number and a line feed.
const MAX_HINT: u64 = 32;
/// The most bytes of what notes that all bases of a class have their hints.
const MAX_MARKER: u64 = 1024;
/// How many generations below one that is gone are looked for, before the class is listed.
pub(super) const NEAR: usize = 64;

impl Filesystem {
    /// Returns the newest generation of a base.
    pub(super) fn newest_generation(&self, base: &Key) -> Result<Option<Key>> {
        // Hints are not synced, so they are as good as the state.
        if matches!(self.journal.observe(&self.root)?, Observed::Untrusted(_)) {
            return self.by_list(base);
        }
        if let Some(newest) = self.by_hint(base)? {
            return Ok(Some(newest));
        }
        let first = base.sibling(&format!("{}.0", base.id()))?;
        let is_absent = self.is_new_base(base)? && !self.is_stored(&first)? && !self.is_stored(base)?;
        if is_absent { Ok(None) } else { self.by_list(base) }
    }

    /// Sets hints right after the newest generations of bases are gone, and these are left, as far as that is known.
    /// Under the writer lock.
    pub(super) fn lower_hints(&self, lowered: &[(&Key, Option<u64>)]) -> Result<()> {
        let mut unknown: BTreeMap<&str, HashMap<&str, (&Key, Option<u64>)>> = BTreeMap::new();
        for (base, left) in lowered {
            match left {
                Some(_) => self.set_hint(base, *left)?,
                None => drop(unknown.entry(base.class()).or_default().insert(base.id(), (base, None))),
            }
        }
        // One list serves all.
        for (class, mut bases) in unknown {
            self.list(
                class,
                &|_| true,
                &mut to_the_end(|id| {
                    let (base, generation) = name::split_generation(id).unwrap_or((id, 0));
                    for (base, generation) in [(base, generation), (id, 0)] {
                        if let Some((_, newest)) = bases.get_mut(base) {
                            *newest = (*newest).max(Some(generation));
                        }
                    }
                }),
            )?;
            for (base, newest) in bases.into_values() {
                self.set_hint(base, newest)?;
            }
        }
        Ok(())
    }

    /// Returns the newest generation of a base, and sets its hint right. Under the writer lock.
    pub(super) fn newest_for_writer(&self, base: &Key) -> Result<Option<Key>> {
        if let Some(newest) = self.by_hint(base)? {
            return Ok(Some(newest));
        }
        let newest = self.by_list(base)?;
        match self.set_hint(base, newest.as_ref().map(|newest| newest.generation().1)) {
            // What is deleted makes room. One that is bad might be taken for good after that.
            Err(error) if stuck::lacks_room(&error) => self.forget_hint(&path(base))?,
            set => set?,
        }
        Ok(newest)
    }

    /// Returns whether no generation of a base was ever made here, as far as hints tell.
    pub(super) fn is_new_base(&self, base: &Key) -> Result<bool> {
        Ok(read_hint(&self.root, base).is_none() && self.has_all_hints(base)?)
    }

    /// `None` if there is no good hint.
    fn by_hint(&self, base: &Key) -> Result<Option<Key>> {
        let Some(Some(hint)) = read_hint(&self.root, base) else {
            return Ok(None);
        };
        let mut newest = base.sibling(&format!("{}.{hint}", base.id()))?;
        if !self.is_stored(&newest)? {
            if hint > 0 || !self.is_stored(base)? {
                return Ok(None);
            }
            newest = base.clone();
        }
        let next = hint.checked_add(1).map(|next| base.sibling(&format!("{}.{next}", base.id()))).transpose()?;
        match next {
            Some(next) if self.is_stored(&next)? => Ok(None),
            _ => Ok(Some(newest)),
        }
    }

    pub(super) fn by_list(&self, base: &Key) -> Result<Option<Key>> {
        let mut newest = None;
        let wanted = |id: &str| name::generation_of(base.id(), id).is_some();
        self.list(
            base.class(),
            &wanted,
            &mut to_the_end(|id| {
                newest =
                    newest.take().max(name::generation_of(base.id(), id).map(|generation| (generation, id.to_owned())));
            }),
        )?;
        newest.map(|(_, id)| base.sibling(&id)).transpose()
    }

    /// Notes what the newest generation of a base is now. Under the writer lock.
    pub(super) fn set_hint(&self, base: &Key, newest: Option<u64>) -> Result<()> {
        let has_all = self.has_all_hints(base)?;
        let is_new = self.write_hint(base, newest)?;
        if has_all && (is_new || newest.is_none()) { self.note_all_hints(base) } else { Ok(()) }
    }

    /// Returns whether the base had no hint before.
    fn write_hint(&self, base: &Key, newest: Option<u64>) -> Result<bool> {
        let path = path(base);
        let mut publisher = Publisher::new(&self.root);
        let written = match newest {
            None => match publisher.remove_note(&path) {
                Ok(()) | Err(Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => Ok(false),
                Err(errno) => Err(errno),
            },
            Some(newest) => {
                let is_new = read_hint(&self.root, base).is_none();
                publisher.put_note(&path, &format!("{newest}\n")).map(|()| is_new)
            }
        };
        written.map_err(|errno| Error::io("note the newest generation", &self.root.place(&path), errno))
    }

    /// Whether every base of a class has its hint, so far as generations came from here.
    pub(super) fn has_all_hints(&self, base: &Key) -> Result<bool> {
        let noted = sys::open_below(&self.root, &marker(base)).and_then(|file| sys::read(file, MAX_MARKER));
        let stamp = self.stamp_of_hints(base)?;
        Ok(noted.is_ok_and(|noted| noted == stamp.as_bytes()))
    }

    pub(super) fn note_all_hints(&self, base: &Key) -> Result<()> {
        let stamp = self.stamp_of_hints(base)?;
        let noted = Publisher::new(&self.root).put_note(&marker(base), &stamp);
        noted.map_err(|errno| Error::io("note the newest generations", &self.root.place(marker(base)), errno))
    }

    /// What changes when hints come and go.
    fn stamp_of_hints(&self, base: &Key) -> Result<String> {
        let path = format!("{LATEST}/{}", base.class_name());
        let stamp = match sys::open_directory_below(&self.root, &path) {
            Ok(directory) => sys::stamp(directory).map(Some),
            Err(Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(errno),
        };
        let fail = |errno| Error::io("look for the newest generations", &self.root.place(&path), errno);
        Ok(format!("{:?}\n", stamp.map_err(fail)?))
    }

    /// Begins to keep hints for the class of a base, with those that it needs. Under the writer lock.
    pub(super) fn keep_hints(&self, class: &Class, base: &Key) -> Result<()> {
        if self.has_all_hints(base)? {
            return Ok(());
        }
        let mut newest: HashMap<String, u64> = HashMap::new();
        let _ = read::ids(
            &self.root,
            class,
            &|_| true,
            &mut to_the_end(|id| {
                let (base, generation) = name::split_generation(id).unwrap_or((id, 0));
                let known = newest.entry(base.to_owned()).or_default();
                *known = generation.max(*known);
            }),
        )?;
        for (base_id, newest) in newest {
            self.write_hint(&base.sibling(&base_id)?, Some(newest))?;
        }
        self.note_all_hints(base)
    }

    /// Forgets one hint, or that all bases have theirs. Under the writer lock.
    pub(super) fn forget_hint(&self, path: &str) -> Result<()> {
        match Publisher::new(&self.root).remove_note(path) {
            Ok(()) | Err(Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => Ok(()),
            Err(errno) => Err(Error::io("forget the newest generations", &self.root.place(path), errno)),
        }
    }

    /// Forgets all hints: they may not have reached the disk as the files have. Under the writer lock.
    pub(super) fn forget_hints(&self) -> Result<()> {
        let forgotten = Publisher::new(&self.root).remove_tree(LATEST);
        forgotten.map_err(|errno| Error::io("forget the newest generations", &self.root.place(LATEST), errno))
    }
}

/// No class has a name that begins with a dot.
pub(super) fn marker(base: &Key) -> String {
    format!("{LATEST}/.{}", base.class_name())
}

pub(super) fn path(base: &Key) -> String {
    format!("{LATEST}/{}", base.path())
}

/// Whether a hint that cannot be understood is what a writer leaves that dies while it writes one: nothing, or parts of
/// two numbers.
pub(super) fn is_torn(root: &Root, base: &Key) -> bool {
    let content = sys::open_below(root, &path(base)).and_then(|file| sys::read(file, MAX_HINT));
    content.is_ok_and(|content| content.iter().all(|byte| byte.is_ascii_digit() || *byte == b'\n'))
}

/// Returns what a hint says. `None`: there is none. `Some(None)`: it cannot be understood.
pub(super) fn read_hint(root: &Root, base: &Key) -> Option<Option<u64>> {
    let file = match sys::open_below(root, &path(base)) {
        Ok(file) => file,
        Err(Errno::NOENT) => return None,
        Err(_) => return Some(None),
    };
    let content = sys::read(file, MAX_HINT).ok();
    let number =
        content.as_deref().and_then(|content| std::str::from_utf8(content.strip_suffix(b"\n")?).ok()?.parse().ok());
    Some(number)
}
