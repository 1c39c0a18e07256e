//! From a batch to rows, within a transaction: all that can be refused is refused before the first row is written.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params};

use super::bounded::Bounded;
use super::catalog::{self, Checksums};
use super::error::{self, failed};
use super::generation;
use super::read::{self, Kind, of};
use super::track;
use super::tree::{self, Content, Part};
use super::writer::{Known, Writer};
use crate::record::batch::{Batch, Change, Inspect};
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Fingerprint, Key, Node, Record};

/// What is said of a row that others have written, and put no generation over.
const MISPLACED: &str = "the columns base and generation of its row are not those of its id: \
    `sepia verify --repair` sets them right";

/// What is stored, as this transaction sees it: of the declared classes.
struct Stored<'c> {
    connection: &'c Bounded,
    classes: &'c [Class],
}

impl Stored<'_> {
    /// Whether to look for a record; that is an operation of its own.
    fn declares(&self, key: &Key) -> bool {
        self.connection.begin_operation();
        catalog::is_among(self.classes, key.class())
    }
}

impl Inspect for Stored<'_> {
    fn contains(&mut self, key: &Key) -> Result<bool> {
        Ok(self.declares(key) && read::contains(self.connection, key)?)
    }

    fn fingerprint(&mut self, key: &Key) -> Result<Option<Fingerprint>> {
        if !self.declares(key) {
            return Ok(None);
        }
        Ok(read::record(self.connection, key)?.map(|record| record.fingerprint()))
    }

    fn newest(&mut self, base: &Key) -> Result<Option<Key>> {
        if self.declares(base) { read::newest(self.connection, base) } else { Ok(None) }
    }
}

/// Makes every change of a batch, within an open transaction.
pub(super) fn apply(writer: &mut Writer, batch: &Batch) -> Result<()> {
    writer.has_retired |= !batch.retired().is_empty();
    batch.check_records(writer.max_record_size())?;
    let (connection, known) = writer.known()?;
    let classes = batch.merge_classes(&known.classes)?;
    batch.check_expectations(&mut Stored { connection, classes: &known.classes })?;
    for class in batch.classes().iter().filter(|class| !catalog::is_among(&known.classes, class.name())) {
        check_new(connection, class)?;
    }
    for class in batch.retired() {
        check_retired(connection, batch, class)?;
    }
    let (now, statements) = (now(), Statements::of(connection));
    let before = match classes {
        Some(classes) => {
            declare(connection, &known.classes, &classes)?;
            Some(std::mem::replace(&mut known.classes, classes))
        }
        None => None,
    };
    for step in batch.steps() {
        connection.begin_operation();
        let change = Changing { connection, statements: &statements, known, key: &step.key, now };
        let has_changed = match &step.change {
            Change::Keep => continue,
            Change::Put(Record::Leaf(content)) => change.put_leaf(content),
            Change::Put(record @ Record::Container(node)) => change.put_container(record, node),
            Change::Delete if catalog::is_among(before.as_ref().unwrap_or(&known.classes), step.key.class()) => {
                change.delete()
            }
            Change::Delete => Ok(false),
        };
        let has_changed = has_changed.map_err(|error| of(&step.key, failed("write the record")(error)))?;
        let is_placed = match &step.change {
            Change::Put(Record::Leaf(_)) => has_changed,
            Change::Put(Record::Container(_)) => false,
            Change::Keep | Change::Delete => true,
        };
        if !is_placed {
            change.check_place()?;
        }
        if has_changed && known.is_followed {
            let noted = track::note(connection, &step.key);
            known.is_followed = noted.map_err(|error| of(&step.key, failed("write the record")(error)))?;
        }
    }
    Ok(())
}

/// The time, in microseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Checks that nothing stands where the records of a new class belong, but for what cannot be one.
fn check_new(connection: &Bounded, class: &Class) -> Result<()> {
    const IDS: &str = "SELECT id FROM object WHERE class = ?1";
    connection.begin_operation();
    let fail = failed("look where the class belongs");
    let mut statement = connection.prepare_cached(IDS).map_err(&fail)?;
    let mut rows = statement.query([class.name()]).map_err(&fail)?;
    while let Some(row) = rows.next().map_err(&fail)? {
        let id = row.get_ref(0).map_err(&fail)?;
        if id.as_str().is_ok_and(|id| read::is_id(class.name(), id)) {
            let message = "something that sepia did not make stands where the class belongs: move it away";
            return Err(Error::message(ErrorKind::ClassClash, message).class(class.name()));
        }
    }
    Ok(())
}

/// Checks that all records of a class are deleted by the batch that retires it.
fn check_retired(connection: &Bounded, batch: &Batch, class: &str) -> Result<()> {
    let mut ids = read::Ids::start();
    while ids.advance(connection, class)? {
        connection.begin_operation();
        for id in ids.iter() {
            batch.check_retired(&Key::new(class, id)?)?;
        }
    }
    Ok(())
}

/// Makes the declared classes those that they shall be.
fn declare(connection: &Bounded, before: &[Class], after: &[Class]) -> Result<()> {
    let fail = failed("write the list of classes");
    for class in after.iter().filter(|class| !before.contains(class)) {
        connection.begin_operation();
        catalog::declare(connection, class)?;
        let was = before.iter().find(|known| known.name() == class.name());
        if was.is_some_and(Class::may_keep_generations) && !class.may_keep_generations() {
            const FORGET: &str = "UPDATE object SET base = NULL, generation = NULL WHERE class = ?1";
            connection.execute(FORGET, [class.name()]).map_err(&fail)?;
        }
    }
    for class in before.iter().filter(|class| !after.iter().any(|kept| kept.name() == class.name())) {
        catalog::retire(connection, class.name()).map_err(&fail)?;
    }
    Ok(())
}

/// What most steps of a batch take, prepared once for all of them.
struct Statements<'c> {
    put: Prepared<'c>,
    put_generation: Prepared<'c>,
}

impl<'c> Statements<'c> {
    fn of(connection: &'c Connection) -> Self {
        let prepared = || Prepared { connection, statement: RefCell::new(None) };
        Self { put: prepared(), put_generation: prepared() }
    }
}

/// A statement that is prepared when it is first needed.
struct Prepared<'c> {
    connection: &'c Connection,
    statement: RefCell<Option<CachedStatement<'c>>>,
}

impl Prepared<'_> {
    /// Executes the statement, which is always the same, and returns how many rows that has changed.
    fn execute(&self, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
        let mut statement = self.statement.borrow_mut();
        match &mut *statement {
            Some(statement) => statement.execute(values),
            none => none.insert(self.connection.prepare_cached(sql)?).execute(values),
        }
    }
}

/// One record that a batch changes.
struct Changing<'a, 'c> {
    connection: &'a Bounded,
    statements: &'a Statements<'c>,
    known: &'a Known,
    key: &'a Key,
    now: i64,
}

impl Changing<'_, '_> {
    fn checksum(&self, record: impl FnOnce() -> Fingerprint) -> Option<String> {
        match self.known.checksums {
            Checksums::Off => None,
            Checksums::On => Some(format!("{:?}", record())),
        }
    }

    /// Writes the row of the object if it is not there, or differs. Returns whether it was written.
    fn put_object(&self, kind: Kind, content: &[u8], checksum: Option<&str>) -> rusqlite::Result<bool> {
        const PUT: &str = "INSERT INTO object (class, id, kind, created, modified, checksum, content)
            VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)
            ON CONFLICT (class, id) DO UPDATE
            SET modified = excluded.modified, checksum = excluded.checksum, content = excluded.content
            WHERE kind = excluded.kind AND content IS NOT excluded.content";
        const PUT_GENERATION: &str = "INSERT INTO object
            (class, id, kind, created, modified, checksum, content, base, generation)
            VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (class, id) DO UPDATE
            SET modified = excluded.modified, checksum = excluded.checksum, content = excluded.content
            WHERE kind = excluded.kind AND content IS NOT excluded.content
            AND base IS excluded.base AND generation IS excluded.generation";
        let (class, id, kind, content) = (self.key.class(), self.key.id(), kind.as_str(), Content(content));
        let changed = match self.placed() {
            None => self.statements.put.execute(PUT, (class, id, kind, self.now, checksum, content))?,
            Some((base, number)) => {
                let values = (class, id, kind, self.now, checksum, content, base.id(), number);
                self.statements.put_generation.execute(PUT_GENERATION, values)?
            }
        };
        Ok(changed > 0)
    }

    /// Where the record is found among generations, if its class keeps them.
    fn placed(&self) -> Option<(Key, generation::Number)> {
        let declared = self.known.classes.iter().find(|class| class.name() == self.key.class());
        generation::of(declared, self.key)
    }

    /// Checks that the row is where its generation is looked for: one that someone else has put elsewhere has been left
    /// as it is, since whoever puts a generation may not have seen it.
    fn check_place(&self) -> Result<()> {
        match self.is_placed() {
            Ok(true) => Ok(()),
            Ok(false) => Err(of(self.key, Error::corrupt(MISPLACED))),
            Err(error) => Err(of(self.key, failed("look where the record is found")(error))),
        }
    }

    fn is_placed(&self) -> rusqlite::Result<bool> {
        const PLACE: &str = "SELECT base, generation FROM object WHERE class = ?1 AND id = ?2";
        let Some(placed) = self.placed() else { return Ok(true) };
        let mut statement = self.connection.prepare_cached(PLACE)?;
        statement.query_row((self.key.class(), self.key.id()), |row| {
            Ok(generation::is(Some(&placed), row.get_ref(0)?, row.get_ref(1)?))
        })
    }

    fn put_leaf(&self, content: &[u8]) -> rusqlite::Result<bool> {
        let checksum = self.checksum(|| Fingerprint::of_leaf(content));
        if self.put_object(Kind::Leaf, content, checksum.as_deref())? {
            return Ok(true);
        }
        // It is equal, or a container, or not where it is looked for.
        match self.stored()? {
            Some((number, Kind::Container)) if self.is_placed()? => {
                self.delete_rows(number)?;
                self.put_object(Kind::Leaf, content, checksum.as_deref())
            }
            _ => Ok(false),
        }
    }

    fn put_container(&self, record: &Record, node: &Node) -> rusqlite::Result<bool> {
        let checksum = self.checksum(|| record.fingerprint());
        let number = match self.stored()? {
            Some((number, Kind::Container)) => number,
            Some((_, Kind::Leaf)) if !self.is_placed()? => return Ok(false),
            Some((number, Kind::Leaf)) => {
                self.delete_rows(number)?;
                return self.put_container(record, node);
            }
            None => {
                self.put_object(Kind::Container, &node.data, checksum.as_deref())?;
                let number = self.connection.last_insert_rowid();
                if self.put_entries(number, node)? && checksum.is_some() {
                    self.touch(number, checksum.as_deref())?;
                }
                return Ok(true);
            }
        };
        let entries_differ = self.put_entries(number, node)?;
        if self.put_object(Kind::Container, &node.data, checksum.as_deref())? {
            return Ok(true);
        }
        if entries_differ {
            self.touch(number, checksum.as_deref())?;
        }
        Ok(entries_differ)
    }

    /// Notes down that entries have changed; which has forgotten the checksum.
    fn touch(&self, number: i64, checksum: Option<&str>) -> rusqlite::Result<()> {
        const TOUCH: &str = "UPDATE object SET modified = ?2, checksum = ?3 WHERE number = ?1";
        self.connection.prepare_cached(TOUCH)?.execute((number, self.now, checksum))?;
        Ok(())
    }

    /// Writes the entries that differ. Those of a new object may, too: rows that someone has left behind.
    fn put_entries(&self, number: i64, node: &Node) -> rusqlite::Result<bool> {
        const STORED: &str = "SELECT path, class, id, content FROM entry WHERE object = ?1 ORDER BY path";
        const REMOVE: &str = "DELETE FROM entry WHERE object = ?1 AND path = CAST(?2 AS TEXT)";
        const PUT: &str = "INSERT OR REPLACE INTO entry (object, path, class, id, content) VALUES (?1, ?2, ?3, ?4, ?5)";
        let wanted = tree::rows(&node.entries);
        let (mut gone, mut put): (Vec<Vec<u8>>, Vec<&(String, Part<'_>)>) = Default::default();
        let mut rest = wanted.iter().peekable();
        let mut statement = self.connection.prepare_cached(STORED)?;
        let mut rows = statement.query([number])?;
        let mut last: Option<Vec<u8>> = None;
        while let Some(row) = rows.next()? {
            let stored = tree::bytes(row.get_ref(0)?).unwrap_or_default();
            if last.as_deref().is_some_and(|last| stored <= last) {
                return Err(error::disordered_rows());
            }
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(stored);
            while let Some(before) = rest.next_if(|(path, _)| path.as_bytes() < stored) {
                put.push(before);
            }
            match rest.next_if(|(path, _)| path.as_bytes() == stored) {
                None => gone.push(stored.to_vec()),
                Some((_, part)) if part.is(row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?) => {}
                Some(differs) => put.push(differs),
            }
        }
        put.extend(rest);
        drop(rows);
        drop(statement);
        if !gone.is_empty() {
            let mut remove = self.connection.prepare_cached(REMOVE)?;
            for path in &gone {
                self.connection.begin_operation();
                remove.execute((number, path))?;
            }
        }
        if !put.is_empty() {
            let mut statement = self.connection.prepare_cached(PUT)?;
            for (path, part) in &put {
                // A record may be larger than the database that it comes to: each row is an operation of its own.
                self.connection.begin_operation();
                let (class, id, content) = part.columns();
                statement.execute((number, path, class, id, content))?;
            }
        }
        Ok(!gone.is_empty() || !put.is_empty())
    }

    fn delete(&self) -> rusqlite::Result<bool> {
        let Some((number, _)) = self.stored()? else { return Ok(false) };
        self.delete_rows(number)?;
        Ok(true)
    }

    /// Returns the number and kind of what is stored; whatever is no container goes as a leaf does.
    fn stored(&self) -> rusqlite::Result<Option<(i64, Kind)>> {
        const STORED: &str = "SELECT number, kind FROM object WHERE class = ?1 AND id = ?2";
        let mut statement = self.connection.prepare_cached(STORED)?;
        let stored = statement.query_row((self.key.class(), self.key.id()), |row| {
            Ok((row.get(0)?, Kind::parse(row.get_ref(1)?).unwrap_or(Kind::Leaf)))
        });
        stored.optional()
    }

    fn delete_rows(&self, number: i64) -> rusqlite::Result<()> {
        self.connection.prepare_cached("DELETE FROM entry WHERE object = ?1")?.execute([number])?;
        self.connection.prepare_cached("DELETE FROM object WHERE number = ?1")?.execute([number])?;
        Ok(())
    }
}
