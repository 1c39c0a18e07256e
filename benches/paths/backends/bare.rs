//! SQLite by itself: the tables that one would make by hand for notes and folders, and prepared statements.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sepia::{Durability, Id};

use crate::bench::Result;
use crate::bench::objects::{Cover, Folder, Note, Notes};

/// The same content as a store with notes and folders has.
pub(super) struct Bare(Connection);

const TABLES: &str = "
    CREATE TABLE note (id TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;
    CREATE TABLE folder (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL) STRICT;
    CREATE TABLE link (
        folder INTEGER NOT NULL, place INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (folder, place)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_note ON link (note);
";

impl Bare {
    pub(super) fn open(path: &Path, durability: Durability) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        let synchronous = if durability == Durability::Sync { "full" } else { "normal" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        let has_tables: bool = connection.query_row("SELECT count(*) > 0 FROM sqlite_schema", [], |row| row.get(0))?;
        if !has_tables {
            connection.execute_batch(TABLES)?;
        }
        Ok(Self(connection))
    }

    /// Makes changes in one transaction.
    pub(super) fn together(&mut self, change: impl FnOnce(&Transaction<'_>) -> Result) -> Result {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change(&transaction)?;
        Ok(transaction.commit()?)
    }

    pub(super) fn save(&self, note: &Note, buffer: &mut Vec<u8>) -> Result {
        save(&self.0, note, buffer)
    }

    /// Whether a note is stored as it is.
    pub(super) fn is_stored(&self, note: &Note, buffer: &mut Vec<u8>) -> Result<bool> {
        let content = text(note.encode(buffer)?)?;
        let mut select = self.0.prepare_cached("SELECT data FROM note WHERE id = ?")?;
        Ok(select.query_row([note.id.as_str()], |row| Ok(row.get_ref(0)?.as_str()? == content))?)
    }

    pub(super) fn load(&self, id: &Id<Note>) -> Result<Note> {
        let mut select = self.0.prepare_cached("SELECT data FROM note WHERE id = ?")?;
        let mut rows = select.query([id.as_str()])?;
        let row = rows.next()?.ok_or("the note is not there")?;
        Note::decode(id, row.get_ref(0)?.as_bytes()?)
    }

    pub(super) fn ids(&self) -> Result<Vec<String>> {
        let mut select = self.0.prepare_cached("SELECT id FROM note ORDER BY id")?;
        let ids = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    pub(super) fn save_folder(&mut self, folder: &Folder, buffer: &mut Vec<u8>) -> Result {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction
            .prepare_cached("INSERT INTO folder (id, data) VALUES (?, ?)")?
            .execute([&folder.id, text(folder.cover.encode(buffer)?)?])?;
        let number = transaction.last_insert_rowid();
        {
            let mut insert = transaction.prepare_cached("INSERT INTO link (folder, place, note) VALUES (?, ?, ?)")?;
            for (place, id) in folder.notes.ids().enumerate() {
                insert.execute(params![number, place as i64, id.as_str()])?;
            }
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn load_folder(&self, id: &str) -> Result<Folder> {
        let mut select = self.0.prepare_cached("SELECT number, data FROM folder WHERE id = ?")?;
        let mut rows = select.query([id])?;
        let row = rows.next()?.ok_or("the folder is not there")?;
        let number: i64 = row.get(0)?;
        let cover: Cover = serde_json::from_slice(row.get_ref(1)?.as_bytes()?)?;
        let mut links = self.0.prepare_cached("SELECT note FROM link WHERE folder = ? ORDER BY place")?;
        let ids = links.query_map([number], |row| Ok(Id::from(row.get_ref(0)?.as_str()?)))?;
        Ok(Folder { id: id.to_owned(), cover, notes: Notes::Linked(ids.collect::<Result<_, _>>()?) })
    }

    /// Whether there is such a note.
    pub(super) fn has(&self, id: &Id<Note>) -> Result<bool> {
        let mut select = self.0.prepare_cached("SELECT 1 FROM note WHERE id = ?")?;
        Ok(select.query_row([id.as_str()], |_| Ok(())).optional()?.is_some())
    }
}

/// Saves a note, whatever is there.
pub(super) fn save(connection: &Connection, note: &Note, buffer: &mut Vec<u8>) -> Result {
    let mut insert = connection.prepare_cached(
        "INSERT INTO note (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
    )?;
    insert.execute([note.id.as_str(), text(note.encode(buffer)?)?])?;
    Ok(())
}

fn text(json: &[u8]) -> Result<&str> {
    Ok(std::str::from_utf8(json)?)
}
