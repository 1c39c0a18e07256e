//! Telling by the stamps of its files whether a record is still what was read.
//!
//! A seal is one hash of what the system says of every part of a record: which file it is, how long, and when its
//! content and the file itself were last changed. The last is set by the system alone. Entries that come, go or are
//! replaced change their directory; what is written into a file in place changes the file. So the parts are all the
//! directories of a container, with every `data.json`, and never the links.
//!
//! # Young files
//! Times have ticks: what is written within one tick of a stamp has that same stamp. So a record is sealed only
//! if all its parts were last changed well before it was read. Whatever changes them afterwards, or did while it
//! was read, gives another time then.

use std::sync::Arc;

use rustix::io::{Errno, Result as IoResult};
use twox_hash::XxHash3_128;

use super::Filesystem;
use super::journal::Observed;
use super::read::Stored;
use super::sys::{self, Directory, Mark};
use crate::backend::Seal;
use crate::record::error::Result;
use crate::record::name::DATA;
use crate::record::{Entries, Entry, Key, Record};

/// How much older than the reading a part must be, in nanoseconds: five times the longest tick that systems have.
const TICK: i128 = 50_000_000;
/// The same where times show no parts of seconds.
const COARSE_TICK: i128 = 2_000_000_000;

/// The seal of what is not there.
const ABSENT: Seal = Seal::new([0, 0]);

impl Filesystem {
    /// Reads the record of a declared class, and seals it.
    pub(super) fn read_and_seal(&self, key: &Key) -> Result<(Option<Record>, Seal)> {
        let began = sys::now();
        let stored = self.stored(key)?;
        // Frames that are carried out from here on make young files.
        let seal = if self.is_carried_out() { self.seal(key, &stored, began).ok() } else { None };
        Ok((stored.into_record(), seal.unwrap_or_default()))
    }

    /// Returns whether every record is as sealed, each at some time of this call.
    pub(super) fn are_intact(&self, sealed: &mut dyn Iterator<Item = (&Key, &Seal)>) -> bool {
        // What is committed from here on was not there when this was asked.
        if !self.is_carried_out() {
            return false;
        }
        let mut look = Look::new(self);
        for (key, seal) in sealed {
            if seal.numbers().is_none() || look.seals_like(key, seal) != Ok(true) {
                return false;
            }
        }
        true
    }

    /// Returns whether the files are all that is committed.
    fn is_carried_out(&self) -> bool {
        match self.journal.observe(&self.root) {
            Ok(Observed::Trusted(state)) => state.is_settled(),
            Ok(Observed::Nothing) => true,
            Ok(Observed::Untrusted(_)) | Err(_) => false,
        }
    }

    fn seal(&self, key: &Key, stored: &Stored, began: i128) -> IoResult<Seal> {
        let mut look = Look::new(self);
        let seal = match stored {
            Stored::Leaf(_) => look.seal(key, None)?,
            Stored::Directory(found) if found.data.is_some() => {
                let mut parts = format!("{DATA}\n");
                list_parts(&found.entries, &mut String::new(), &mut parts);
                look.seal(key, Some(parts))?
            }
            Stored::Absent => return if look.is_absent(key)? { Ok(ABSENT) } else { Ok(Seal::none()) },
            Stored::Misspelled | Stored::Directory(_) => return Ok(Seal::none()),
        };
        Ok(if look.settled < began { seal } else { Seal::none() })
    }
}

/// Lists the directories below a container's, empty ones too, and every `data.json` in them, one a line.
fn list_parts(entries: &Entries, path: &mut String, parts: &mut String) {
    // The depth of what was read is bounded: see `MAX_DIRECTORIES`.
    for (name, entry) in entries.iter() {
        let (inner, is_container) = match entry {
            Entry::Container(node) => (&node.entries, true),
            Entry::Collection(inner) => (inner, false),
            Entry::Link(_) | Entry::Stray => continue,
        };
        let length = path.len();
        path.push_str(name.as_str());
        parts.push_str(path);
        parts.push('\n');
        path.push('/');
        if is_container {
            parts.push_str(path);
            parts.push_str(DATA);
            parts.push('\n');
        }
        list_parts(inner, path, parts);
        path.truncate(length);
    }
}

/// Looks at the parts of one record after another.
struct Look<'a> {
    filesystem: &'a Filesystem,
    /// The directory of the class that was looked into last, if it is there.
    class: Option<(&'a str, Option<Arc<Directory>>)>,
    path: String,
    marks: Vec<u8>,
    /// When the part that was changed last can be taken for settled.
    settled: i128,
}

impl<'a> Look<'a> {
    fn new(filesystem: &'a Filesystem) -> Self {
        Self { filesystem, class: None, path: String::new(), marks: Vec::new(), settled: i128::MIN }
    }

    /// Opens the directory of a key's class. It is compared with what has its name now, since whatever a path
    /// goes through must be no symlink; the directories of a record are parts themselves.
    fn class(&mut self, key: &'a Key) -> IoResult<Option<Arc<Directory>>> {
        if let Some((class, directory)) = &self.class
            && *class == key.class()
        {
            return Ok(directory.clone());
        }
        let directory = match self.filesystem.root.directory(&key.class_name()) {
            Ok(directory) => Some(directory),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno),
        };
        self.class = Some((key.class(), directory.clone()));
        Ok(directory)
    }

    fn is_absent(&mut self, key: &'a Key) -> IoResult<bool> {
        match self.class(key)? {
            None => Ok(true),
            Some(class) => match sys::mark_at(&*class, &key.name()) {
                Ok(_) => Ok(false),
                Err(Errno::NOENT) => Ok(true),
                Err(errno) => Err(errno),
            },
        }
    }

    fn seals_like(&mut self, key: &'a Key, seal: &Seal) -> IoResult<bool> {
        if *seal == ABSENT {
            return self.is_absent(key);
        }
        Ok(self.numbers(key, seal)? == seal.numbers())
    }

    fn seal(&mut self, key: &'a Key, parts: Option<String>) -> IoResult<Seal> {
        let unsealed = parts.into_iter().fold(Seal::none(), Seal::with_parts);
        let numbers = self.numbers(key, &unsealed)?;
        Ok(numbers.map_or(Seal::none(), |numbers| unsealed.with_numbers(numbers)))
    }

    /// `None` if the class is gone.
    fn numbers(&mut self, key: &'a Key, seal: &Seal) -> IoResult<Option<[u64; 2]>> {
        let Some(class) = self.class(key)? else { return Ok(None) };
        self.marks.clear();
        self.path.clear();
        self.path.push_str(&key.name());
        self.add(&class)?;
        self.path.push('/');
        let length = self.path.len();
        for part in seal.parts() {
            self.path.truncate(length);
            self.path.push_str(part);
            self.add(&class)?;
        }
        let hash = XxHash3_128::oneshot(&self.marks);
        Ok(Some([hash as u64, (hash >> 64) as u64]))
    }

    fn add(&mut self, class: &Directory) -> IoResult<()> {
        let Mark { numbers, changed } = sys::mark_at(class, &self.path)?;
        self.marks.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let tick = if changed % 1_000_000_000 == 0 { COARSE_TICK } else { TICK };
        self.settled = self.settled.max(changed + tick);
        Ok(())
    }
}
