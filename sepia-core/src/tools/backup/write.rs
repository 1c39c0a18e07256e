//! Making an archive.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::header::Header;
use super::manifest::{Closing, Listed, Manifest};
use super::output::Output;
use super::record::write_record;
use super::tar::{self, About, Kind};
use super::{HEADER, MANIFEST, OBJECTS};
use crate::backend::Backend;
use crate::record::catalog::{self, FORMAT_FILE};
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::name;
use crate::record::{Fingerprint, Key, Record};
use crate::store::Store;
use crate::tools::progress::{Progress, Reporter};
use crate::tools::roots::Root;
use crate::tools::transfer::draft::Draft;
use crate::tools::transfer::fit::Fit;
use crate::tools::transfer::moment::{self, Pass, Selection, Sink};
use crate::tools::transfer::place::Place;

/// A backup that is about to be made. Made by [`Store::backup`].
#[must_use = "nothing happens before `to_file` or `to_writer`"]
pub struct Backup<'a> {
    store: &'a Store,
    roots: Option<Vec<Root>>,
    since: Option<&'a Manifest>,
    #[cfg(feature = "zstd")]
    level: Option<i32>,
    reporter: Reporter<'a>,
}

/// What a backup has in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// How many objects it lists.
    pub records: u64,
    /// How many of them are in it; the others have not changed since the earlier backup.
    pub included: u64,
    /// The bytes of those that are in it: of leaves, and of every `data.json`.
    pub bytes: u64,
    /// How many objects had files in them that are not Sepia's, and that are in no backup.
    pub strays: u64,
    /// How many of those that are in it have files that are hidden from other users, who may look into the directory of
    /// the class. They are for their owner alone in the archive, and where they are restored as files.
    pub hidden: u64,
}

impl Store {
    /// Begins a backup of all objects, or of [some](Backup::roots). See [`backup`](crate::tools::backup).
    pub fn backup(&self) -> Backup<'_> {
        Backup {
            store: self,
            roots: None,
            since: None,
            #[cfg(feature = "zstd")]
            level: None,
            reporter: Reporter::default(),
        }
    }
}

impl<'a> Backup<'a> {
    /// Takes only these objects and classes, and all that they lead to; in classes with generations, all generations
    /// of each.
    pub fn roots(mut self, roots: impl IntoIterator<Item: Into<Root>>) -> Self {
        self.roots.get_or_insert_default().extend(roots.into_iter().map(Into::into));
        self
    }

    /// Leaves out the content of what has not changed since an earlier backup, which has this manifest and is needed,
    /// too, to [restore](super::Restore::base) this one.
    pub fn since(mut self, earlier: &'a Manifest) -> Self {
        self.since = Some(earlier);
        self
    }

    /// Compresses it by zstd, with a level of 1 (fast) to 22 (small); 0 is zstd's default, which is 3.
    #[cfg(feature = "zstd")]
    #[cfg_attr(docsrs, doc(cfg(feature = "zstd")))]
    pub fn compress(mut self, level: i32) -> Self {
        self.level = Some(level);
        self
    }

    /// Tells how far it has come.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.reporter = Reporter::new(tell);
        self
    }

    /// Makes it, as a file. What is in it is one state of the store, between call and return. Others may read and write
    /// the store meanwhile, but that while the last changes are read again, writers wait; with [roots](Self::roots),
    /// while all links are followed again. If so much is written that what has changed cannot be told, everything is
    /// read again, the fourth time while writers wait.
    ///
    /// The file stands under its name, in place of the file that was there, once it is complete and on the disk: durable
    /// on return. If it fails, what was there stays. It has the mode of the file that was there; else it is for its
    /// owner alone, unless the store is [shared](crate::StoreBuilder::shared), where it has the mode of any new file; a symlink to a file is followed. It is gathered in the same directory before, twice if it is compressed or
    /// objects change meanwhile; if the process dies, `.sepia-*.part` files stay there.
    ///
    /// # Errors
    /// `NotFound` if a root is not there; `Io` if the file cannot be written, or something else than a file is there;
    /// whatever reading the store can return; `Corrupt`, too, if an object is there under both spellings of its
    /// generation 0. What is of the other kind than its class is no object, and left out. Of a store with a damaged
    /// object there is no backup: [`Store::verify`] finds all of them, and repairs or sets them aside.
    pub fn to_file(self, path: impl AsRef<Path>) -> Result<BackupReport> {
        let place = Place::new(path.as_ref(), self.store)?;
        let draft = place.begin()?;
        let handle = draft.as_file().try_clone().map_err(|error| place.failed("begin to write the file", error))?;
        let mut making = Making::begin(&self, handle)?;
        let mut backup = self;
        making.gather(&mut backup)?;
        let file = if making.is_as_it_stands() && backup.level().is_none() {
            let mut out = BufWriter::new(making.draft.file()?);
            making.write_tail(&mut out)?;
            out.flush().map_err(unwritable)?;
            draft
        } else {
            let file = place.begin()?;
            making.write(&mut backup, file.as_file())?;
            file
        };
        place.keep(file)?;
        Ok(making.report)
    }

    /// Makes it, to wherever it goes; as [`to_file`](Self::to_file), but that nothing is said of the disk. It is
    /// gathered in the system's directory for temporary files before.
    ///
    /// # Errors
    /// As [`to_file`](Self::to_file). What was written by then is no archive.
    pub fn to_writer(self, mut to: impl Write) -> Result<BackupReport> {
        let mut making = Making::begin(&self, tempfile::tempfile().map_err(unwritable)?)?;
        let mut backup = self;
        making.gather(&mut backup)?;
        making.write(&mut backup, &mut to)?;
        to.flush().map_err(unwritable)?;
        Ok(making.report)
    }

    /// How much to compress, if at all.
    fn level(&self) -> Option<i32> {
        #[cfg(feature = "zstd")]
        return self.level;
        #[cfg(not(feature = "zstd"))]
        None
    }
}

impl fmt::Debug for Backup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Backup");
        debug.field("store", self.store).field("roots", &self.roots).finish_non_exhaustive()
    }
}

/// An archive that is being made.
struct Making {
    header: Vec<u8>,
    made: u64,
    /// The list of classes, as it stands in the draft, and as it is.
    drafted: Vec<u8>,
    classes: Vec<u8>,
    draft: Draft,
    report: BackupReport,
}

impl Making {
    fn begin(backup: &Backup<'_>, mut draft: File) -> Result<Self> {
        let made = SystemTime::now();
        let header = Header { made, roots: backup.roots.clone(), since: backup.since.map(Manifest::hash) }.print()?;
        let made = seconds(made);
        let classes = catalog::print(&backup.store.backend().classes()?, &catalog::Settings::plain())?;
        let mut before = Vec::new();
        write_before(&mut before, &header, &classes, made).map_err(unwritable)?;
        draft.write_all(&before).map_err(unwritable)?;
        let draft = Draft::new(draft, before.len() as u64)?;
        Ok(Self { header, made, drafted: classes, classes: Vec::new(), draft, report: BackupReport::default() })
    }

    fn gather(&mut self, backup: &mut Backup<'_>) -> Result<()> {
        let backend = backup.store.backend();
        let earlier = backup.since.map(Manifest::hashes).unwrap_or_default();
        let (buffer, hidden) = Default::default();
        let mut gathering = Gathering { backend, earlier, draft: &mut self.draft, buffer, hidden };
        backup.reporter.begin("read", None);
        let selection = Selection::of(backup.roots.as_deref());
        let gathered = moment::gather(backend, selection, &mut gathering, &mut backup.reporter)?;
        let hidden = gathering.hidden.len() as u64;
        backup.reporter.end();
        let (mut classes, mut named) = (gathered.classes, BTreeSet::new());
        let mut report = BackupReport { strays: gathered.strays, hidden, ..BackupReport::default() };
        let mut fit = Fit::new(&classes);
        self.draft.rows(&mut |row, _, _| {
            let (class, (line, bytes)) = split_row(row);
            // Invariant: every line was printed from what it lists.
            if let Some(Listed { key, kind, .. }) = Listed::parse_line(line) {
                fit.check(&key, kind.of_class()).map_err(|misfit| misfit.corrupt(&key))?;
            }
            if !named.contains(class) {
                named.insert(class.to_owned());
            }
            report.records += 1;
            if let Some(bytes) = bytes {
                report.included += 1;
                report.bytes += bytes;
            }
            Ok(())
        })?;
        self.report = report;
        if backup.roots.is_some() {
            classes.retain(|class: &Class| named.contains(&*name::encode(class.name())));
        }
        self.classes = catalog::print(&classes, &catalog::Settings::plain())?;
        Ok(())
    }

    /// Whether only the tail is missing from the draft.
    fn is_as_it_stands(&self) -> bool {
        self.draft.is_clean() && self.drafted == self.classes
    }

    /// Writes the archive without what does not count.
    fn write(&mut self, backup: &mut Backup<'_>, to: impl Write) -> Result<()> {
        let mut out = Output::new(backup.level(), to).map_err(unwritable)?;
        write_before(&mut out, &self.header, &self.classes, self.made).map_err(unwritable)?;
        backup.reporter.begin("write", Some(self.report.records));
        self.draft.write(&mut out, unwritable, &mut || backup.reporter.advance(1))?;
        backup.reporter.end();
        self.write_tail(&mut out)?;
        out.finish().map_err(unwritable)
    }

    /// Writes the manifest, and the end.
    fn write_tail(&mut self, out: &mut dyn Write) -> Result<()> {
        let mut closing = Closing::new(&self.header, &self.classes);
        let mut length = 0;
        self.draft.rows(&mut |row, _, _| {
            let (_, (line, bytes)) = split_row(row);
            length += line.len() as u64;
            closing.line(line, bytes.is_some());
            Ok(())
        })?;
        let last = closing.print();
        length += last.len() as u64;
        tar::write(out, MANIFEST, &Kind::File(length), About::open(self.made)).map_err(unwritable)?;
        self.draft.rows(&mut |row, _, _| out.write_all(split_row(row).1.0.as_bytes()).map_err(unwritable))?;
        out.write_all(last.as_bytes()).map_err(unwritable)?;
        tar::pad(out, length).and_then(|()| tar::write_end(out)).map_err(unwritable)
    }
}

/// Writes what stands before the objects.
pub(super) fn write_before(out: &mut dyn Write, header: &[u8], classes: &[u8], made: u64) -> io::Result<()> {
    tar::write_file(out, HEADER, header, About::open(made))?;
    tar::write_file(out, &format!("{OBJECTS}/{FORMAT_FILE}"), classes, About::open(made))
}

/// What the draft says of a record: its bytes if it is in the archive, its class, and its line of the manifest.
fn row(listed: &Listed) -> String {
    let bytes = if listed.here { listed.bytes.to_string() } else { String::new() };
    format!("{bytes}/{}/{}", listed.key.class_name(), listed.print())
}

/// The class, the line, and the bytes if it is in the archive.
fn split_row(row: &str) -> (&str, (&str, Option<u64>)) {
    // Invariant: made by `row`; no name of a class has a slash.
    let (bytes, rest) = row.split_once('/').unwrap_or_default();
    let (class, line) = rest.split_once('/').unwrap_or_default();
    (class, (line, bytes.parse().ok()))
}

/// Takes records into the draft.
struct Gathering<'a> {
    backend: &'a dyn Backend,
    earlier: HashMap<&'a Key, Fingerprint>,
    draft: &'a mut Draft,
    buffer: Vec<u8>,
    /// What is hidden from other users.
    hidden: HashSet<Key>,
}

impl Gathering<'_> {
    /// Takes note of whether an object is hidden, as it was read last.
    fn note(&mut self, key: &Key, is_hidden: bool) {
        if is_hidden {
            self.hidden.insert(key.clone());
        } else {
            self.hidden.remove(key);
        }
    }
}

impl Sink for Gathering<'_> {
    fn put(&mut self, key: &Key, record: Record, pass: Pass) -> Result<()> {
        let mut listed = Listed::of(key, &record, true);
        listed.here = self.earlier.get(key) != Some(&listed.hash);
        self.buffer.clear();
        if listed.here {
            let stat = self.backend.stat(key)?;
            let modified = stat.map_or(UNIX_EPOCH, |stat| stat.modified);
            let is_hidden = stat.is_some_and(|stat| stat.hidden);
            let about = About { modified: seconds(modified), is_hidden };
            write_record(&mut self.buffer, key, &record, about).map_err(unwritable)?;
            self.note(key, is_hidden);
        }
        self.draft.add(key, pass, &row(&listed), &self.buffer)
    }

    fn forget(&mut self, key: &Key) -> Result<()> {
        self.note(key, false);
        self.draft.forget(key);
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.hidden.clear();
        self.draft.restart()
    }
}

/// Times of archives, in whole seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn unwritable(source: io::Error) -> Error {
    Error::caused(ErrorKind::Io, "the backup cannot be written", source)
}
