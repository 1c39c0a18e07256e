//! Documents: objects without their types.

use super::look::Look;
use super::{Snapshot, Store, Transaction};
use crate::document::Document;
use crate::object::id::{Eyes, Known};
use crate::object::source::{Committed, Source, resolve};
use crate::record::batch::{Batch, Expect};
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::name::split_generation;
use crate::record::{Fingerprint, Key};

/// Of objects whose types the program does not have.
impl Store {
    /// Reads an object without its type. In a class that keeps generations, a base id means the newest.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Result, Store, record::Key};
    /// # fn read(store: &Store) -> Result<()> {
    /// let board = store.document(&Key::new("Board", "work")?)?;
    /// println!("{:?} has {} fields", board.value("name"), board.fields().count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `NotFound` if it is absent; else what [`find_document`](Store::find_document) returns.
    pub fn document(&self, key: &Key) -> Result<Document> {
        self.look(|look| look.document(key))
    }

    /// Reads an object without its type if it is there.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Store, record::Key};
    /// # fn main() -> sepia::Result<()> {
    /// assert!(Store::in_memory().find_document(&Key::new("Board", "work")?)?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Corrupt` if what is there cannot be an object of its class, `UnsupportedFormat`, `Io`.
    pub fn find_document(&self, key: &Key) -> Result<Option<Document>> {
        self.look(|look| look.find_document(key))
    }

    /// Writes a document, if it was changed: what is stored must be what it was read from or last put as. One that was
    /// neither read nor put before must not be stored yet. As with a [`Ref`](crate::Ref), what its links lead to need not
    /// be stored.
    ///
    /// In a class that keeps generations, this writes the generation itself; to make the next one,
    /// [`put_next_document`](Store::put_next_document).
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Result, Store, record::Key};
    /// # fn rename(store: &Store) -> Result<()> {
    /// let mut board = store.document(&Key::new("Board", "work")?)?;
    /// board.set("name", "Play")?;
    /// store.put_document(&mut board)
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Conflict` if it was changed here and elsewhere, deleted elsewhere, or is new here and stored already, and as
    /// [`save`](Store::save) for what concerns generations; `InvalidValue` or `InvalidName` if it could not be read
    /// again, as [`Document::record`] says; `ClassClash` if its class is not declared, or declared otherwise;
    /// `UnsupportedFormat`, `ReadOnly`, `Locked`, `Poisoned`, `Io`, `Corrupt` as for [`save`](Store::save). Nothing was
    /// written.
    pub fn put_document(&self, document: &mut Document) -> Result<()> {
        self.put_draft(document, |document, source| Draft::of(document, source, &self.eyes))
    }

    /// Writes a document as the generation that follows its own, which must be the newest, and be stored as it was read
    /// or last put. Its key is that of the new generation afterwards; the old one stays as it is.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Result, Store, record::Key};
    /// # fn amend(store: &Store) -> Result<()> {
    /// let mut speech = store.document(&Key::new("Speech", "inaugural")?)?; // the newest
    /// speech.set_text("Friends!")?;
    /// store.put_next_document(&mut speech)
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Conflict` if it is not the newest stored generation, or that one was changed elsewhere; `InvalidValue` if the
    /// class does not keep generations, `InvalidName` if there can be no further one; else as
    /// [`put_document`](Store::put_document). Nothing was written, and the key is as before.
    pub fn put_next_document(&self, document: &mut Document) -> Result<()> {
        self.put_draft(document, |document, source| Draft::of_next(document, source, &self.eyes))
    }

    fn put_draft(
        &self,
        document: &mut Document,
        draft: impl FnOnce(&mut Document, &dyn Source) -> Result<Draft>,
    ) -> Result<()> {
        let source = Committed(&*self.backend);
        let draft = draft(document, &source).map_err(|error| self.locate(error.at(document.key().path())))?;
        let Draft { mut batch, key, content } = draft;
        batch.set_durability(self.durability);
        self.backend.commit(batch)?;
        if let Some(content) = content {
            document.set_key(key);
            document.remember(&self.eyes, Known::saved(content));
        }
        Ok(())
    }
}

impl Snapshot<'_> {
    /// Reads an object without its type, as [`Store::document`].
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Result, Store, record::Key};
    /// # fn read(store: &Store, a: &Key, b: &Key) -> Result<()> {
    /// let (a, b) = store.snapshot(|snapshot| Ok((snapshot.document(a)?, snapshot.document(b)?)))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::document`].
    pub fn document(&self, key: &Key) -> Result<Document> {
        self.look(|look| look.document(key))
    }

    /// Reads an object without its type if it is there, as [`Store::find_document`].
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Store, record::Key};
    /// # fn main() -> sepia::Result<()> {
    /// let key = Key::new("Board", "work")?;
    /// assert!(Store::in_memory().snapshot(|snapshot| snapshot.find_document(&key))?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::find_document`].
    pub fn find_document(&self, key: &Key) -> Result<Option<Document>> {
        self.look(|look| look.find_document(key))
    }
}

impl Transaction<'_> {
    /// Reads an object without its type, as [`Store::document`].
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Result, Store, record::Key};
    /// # fn rename(store: &Store, key: &Key) -> Result<()> {
    /// store.transaction(|transaction| {
    ///     let mut board = transaction.document(key)?;
    ///     board.set("name", "Play")?;
    ///     transaction.put_document(&mut board)
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::document`].
    pub fn document(&self, key: &Key) -> Result<Document> {
        self.look(|look| look.document(key))
    }

    /// Reads an object without its type if it is there, as [`Store::find_document`].
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Store, record::Key};
    /// # fn main() -> sepia::Result<()> {
    /// let key = Key::new("Board", "work")?;
    /// assert!(Store::in_memory().transaction(|transaction| transaction.find_document(&key))?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::find_document`].
    pub fn find_document(&self, key: &Key) -> Result<Option<Document>> {
        self.look(|look| look.find_document(key))
    }

    /// Writes a document, as [`Store::put_document`]. If the transaction is rolled back, it remembers what it did before.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Result, Store, document::Document};
    /// # fn put(store: &Store, one: &mut Document, other: &mut Document) -> Result<()> {
    /// store.transaction(|transaction| {
    ///     transaction.put_document(one)?;
    ///     transaction.put_document(other)
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::put_document`]: the document is not part of the transaction then.
    pub fn put_document(&mut self, document: &mut Document) -> Result<()> {
        let draft = Draft::of(document, &self.pending(), &self.eyes);
        self.join_draft(document, draft)
    }

    /// Writes a document as its next generation, as [`Store::put_next_document`]. If the transaction is rolled back, the
    /// document keeps the key of the generation that did not come to be, and putting it is `Conflict`.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Result, Store, record::Key};
    /// # fn amend(store: &Store, key: &Key) -> Result<()> {
    /// store.transaction(|transaction| {
    ///     let mut speech = transaction.document(key)?;
    ///     speech.set_text("Friends!")?;
    ///     transaction.put_next_document(&mut speech)
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::put_next_document`].
    pub fn put_next_document(&mut self, document: &mut Document) -> Result<()> {
        let draft = Draft::of_next(document, &self.pending(), &self.eyes);
        self.join_draft(document, draft)
    }

    fn join_draft(&mut self, document: &mut Document, draft: Result<Draft>) -> Result<()> {
        let draft = draft.map_err(|error| self.store.locate(error.at(document.key().path())))?;
        let Draft { batch, key, content } = draft;
        batch.merge_classes(&self.pending().classes()?)?;
        batch.check_expectations(&mut self.pending())?;
        for step in batch.into_steps() {
            self.batch.absorb(step);
        }
        let Some(content) = content else { return Ok(()) };
        if *document.key() != key {
            document.set_key(key);
            // If this is rolled back, the document has the key of a generation that it never was.
            document.remember(&self.store.eyes, Known::NOTHING);
        }
        document.remember(&self.eyes, Known::saved(content));
        Ok(())
    }
}

/// What putting a document takes.
struct Draft {
    batch: Batch,
    /// What the document is afterwards, if it is written.
    key: Key,
    content: Option<Fingerprint>,
}

impl Draft {
    /// Has a document written under its own key.
    fn of(document: &mut Document, source: &dyn Source, eyes: &Eyes) -> Result<Self> {
        let class = class_of(document.key(), source)?;
        document.check_class(&class)?;
        let key = document.key().clone();
        let mut batch = Batch::new();
        let known = document.recall(eyes);
        // What was not changed is not written, so it need not be fit to be.
        if let Some(known) = known
            && document.encode().is_ok_and(|record| record.fingerprint() == known.encoded)
        {
            batch.expect(key.clone(), Expect::Present);
            return Ok(Self { batch, key, content: None });
        }
        let record = document.record()?;
        let content = record.fingerprint();
        if class.keeps_generations() {
            // Generation 0 has two spellings, and one of them is in use at most.
            let other = match split_generation(key.id()) {
                Some((base, 0)) => Some(key.sibling(base)?),
                Some(_) => None,
                None => Some(key.sibling(&format!("{}.0", key.id()))?),
            };
            if let Some(other) = other {
                batch.expect(other, Expect::Absent);
            }
            if known.is_none() {
                check_not_gone(&key, source)?;
            }
        }
        let expect = known.map_or(Expect::Absent, |known| Expect::Unchanged(known.stored));
        batch.put(key.clone(), record, expect);
        Ok(Self { batch, key, content: Some(content) })
    }

    /// Has a document written as its next generation.
    fn of_next(document: &mut Document, source: &dyn Source, eyes: &Eyes) -> Result<Self> {
        let class = class_of(document.key(), source)?;
        document.check_class(&class)?;
        let own = document.key().clone();
        let located = |error: Error| error.object(own.class(), own.id());
        if !class.keeps_generations() {
            return Err(located(Error::invalid_value("the class does not keep generations, so there is no next one")));
        }
        let (base, generation) = own.generation();
        let Some(next) = generation.checked_add(1) else {
            return Err(located(Error::invalid_name("there is no generation behind this one")));
        };
        let key = base.sibling(&format!("{}.{next}", base.id()))?;
        let record = document.record()?;
        let content = record.fingerprint();
        let mut batch = Batch::new();
        batch.put(key.clone(), record, Expect::LatestIs(generation));
        if let Some(known) = document.recall(eyes) {
            batch.expect(own, Expect::Unchanged(known.stored));
        }
        Ok(Self { batch, key, content: Some(content) })
    }
}

fn class_of(key: &Key, source: &dyn Source) -> Result<Class> {
    find_class(key, source)?.ok_or_else(|| {
        let message = format!("class {} is not declared", Quoted(key.class()));
        Error::message(ErrorKind::ClassClash, message).object(key.class(), key.id())
    })
}

fn find_class(key: &Key, source: &dyn Source) -> Result<Option<Class>> {
    Ok(source.classes()?.into_iter().find(|class| class.name() == key.class()))
}

/// Makes sure that a new generation is not one that has been pruned.
fn check_not_gone(key: &Key, source: &dyn Source) -> Result<()> {
    let (base, generation) = key.generation();
    match source.newest(&base)? {
        Some(newest) if newest.generation().1 > generation && !source.contains(key)? => {
            let message = "a newer generation of the object is stored, and this one is gone";
            Err(Error::conflict(message, vec![key.clone()]).object(key.class(), key.id()))
        }
        _ => Ok(()),
    }
}

impl Look<'_> {
    fn document(&self, key: &Key) -> Result<Document> {
        self.find_document(key)?.ok_or_else(|| {
            let error = Error::message(ErrorKind::NotFound, "the object is not in the store");
            error.object(key.class(), key.id())
        })
    }

    fn find_document(&self, key: &Key) -> Result<Option<Document>> {
        let Some(class) = find_class(key, self.source)? else { return Ok(None) };
        let found = if class.may_keep_generations() {
            resolve(self.source, key)?
        } else {
            self.source.read(key)?.map(|record| (key.clone(), record))
        };
        let Some((key, record)) = found else { return Ok(None) };
        let document =
            Document::stored(key.clone(), &class, record, |memory, known| match self.source.saved_by(&key) {
                None => memory.remember(self.eyes, known),
                Some(saved_by) => {
                    memory.remember(self.eyes, Known::NOTHING);
                    memory.remember(saved_by, known);
                }
            });
        let located = |error: Error| match self.source.root() {
            Some(root) => error.at(root.join(key.path()).to_string_lossy()),
            None => error.at(key.path()),
        };
        document.map(Some).map_err(located)
    }
}
