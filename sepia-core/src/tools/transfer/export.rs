//! To other programs.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::draft::Draft;
use super::lines::{print_header, print_record};
use super::moment::{self, Pass, Selection, Sink};
use super::place::Place;
use crate::backend::Backend;
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Key, Record};
use crate::store::Store;
use crate::tools::progress::{Progress, Reporter};
use crate::tools::roots::Root;

/// An export that is about to be made. Made by [`Store::export`].
#[must_use = "nothing happens before `to_file` or `to_writer`"]
pub struct Export<'a> {
    store: &'a Store,
    roots: Option<Vec<Root>>,
    reporter: Reporter<'a>,
}

/// What an export has in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// How many objects.
    pub records: u64,
    /// How many objects had files in them that are not Sepia's, and that were left out.
    pub strays: u64,
}

impl Store {
    /// Begins to write all objects, or [some](Export::roots), for other programs, as JSON Lines: the
    /// [form](crate::tools::transfer#json-lines) can be [imported](Store::import) again, exactly.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::batch::{Batch, Expect};
    /// # use sepia::class::{Class, Format};
    /// # use sepia::record::{Key, Record};
    /// use sepia::Store;
    ///
    /// # fn main() -> sepia::Result<()> {
    /// let store = Store::in_memory();
    /// # let mut batch = Batch::new();
    /// # batch.declare(&Class::serializable("Note", Format::Text))?;
    /// # batch.put(Key::new("Note", "a")?, Record::Leaf(b"Milk".to_vec()), Expect::Any);
    /// # store.backend().commit(batch)?;
    /// let mut lines = Vec::new();
    /// store.export().to_writer(&mut lines)?;
    /// let text = String::from_utf8_lossy(&lines);
    /// assert_eq!(text.lines().nth(1), Some(r#"{"class":"Note","id":"a","text":"Milk"}"#));
    ///
    /// let other = Store::in_memory();
    /// assert_eq!(other.import().from_reader(&*lines)?.added, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn export(&self) -> Export<'_> {
        Export { store: self, roots: None, reporter: Reporter::default() }
    }
}

impl<'a> Export<'a> {
    /// Takes only these objects and classes, and all that they lead to; in classes with generations, all generations
    /// of each. All classes are named in any case.
    pub fn roots(mut self, roots: impl IntoIterator<Item: Into<Root>>) -> Self {
        self.roots.get_or_insert_default().extend(roots.into_iter().map(Into::into));
        self
    }

    /// Tells how far it has come.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.reporter = Reporter::new(tell);
        self
    }

    /// Writes it into a file, which stands under its name, in place of the file that was there, once it is complete and
    /// on the disk: durable on return. If it fails, what was there stays. It has the mode of the file that was there; else it
    /// is for its owner alone, unless the store is [shared](crate::StoreBuilder::shared), where it has the mode of any new
    /// file; a symlink to a file is followed.
    ///
    /// # Errors
    /// As [`to_writer`](Self::to_writer); `Io`, too, if something else than a file is there.
    pub fn to_file(self, path: impl AsRef<Path>) -> Result<ExportReport> {
        let place = Place::new(path.as_ref(), self.store)?;
        let file = place.begin()?;
        let report = self.to_writer(BufWriter::new(file.as_file()))?;
        place.keep(file)?;
        Ok(report)
    }

    /// Writes it to wherever it goes. It is gathered in the system's directory for temporary files before. What is in it is one state of the store,
    /// between call and return. Others may read and write the store meanwhile, but that while the last changes are read
    /// again, writers wait; with [roots](Self::roots), while all links are followed again. If so much is written that
    /// what has changed cannot be told, everything is read again, the fourth time while writers wait.
    ///
    /// # Errors
    /// `NotFound` if a root is not there; `Io` if it cannot be written; whatever reading the store can return
    /// (`Corrupt`, ..). What was written by then is no export.
    pub fn to_writer(mut self, mut to: impl Write) -> Result<ExportReport> {
        let backend = self.store.backend();
        let mut exporting = Exporting { backend, classes: backend.classes()?, draft: Draft::temporary()? };
        self.reporter.begin("read", None);
        let selection = Selection::of(self.roots.as_deref());
        let gathered = moment::gather(backend, selection, &mut exporting, &mut self.reporter)?;
        self.reporter.end();
        to.write_all(print_header(&gathered.classes)?.as_bytes()).map_err(unwritable)?;
        let mut report = ExportReport { records: 0, strays: gathered.strays };
        self.reporter.begin("write", None);
        exporting.draft.write(&mut to, unwritable, &mut || {
            report.records += 1;
            self.reporter.advance(1);
        })?;
        to.flush().map_err(unwritable)?;
        self.reporter.end();
        Ok(report)
    }
}

impl fmt::Debug for Export<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("store", self.store).field("roots", &self.roots).finish_non_exhaustive()
    }
}

fn unwritable(error: io::Error) -> Error {
    Error::caused(ErrorKind::Io, "the export cannot be written", error)
}

struct Exporting<'a> {
    backend: &'a dyn Backend,
    classes: Vec<Class>,
    draft: Draft,
}

impl Sink for Exporting<'_> {
    fn put(&mut self, key: &Key, record: Record, pass: Pass) -> Result<()> {
        if !self.classes.iter().any(|class| class.name() == key.class()) {
            self.classes = self.backend.classes()?;
        }
        let class = self.classes.iter().find(|class| class.name() == key.class());
        self.draft.add(key, pass, "", print_record(key, &record, class).as_bytes())
    }

    fn forget(&mut self, key: &Key) -> Result<()> {
        self.draft.forget(key);
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.draft.restart()
    }
}
