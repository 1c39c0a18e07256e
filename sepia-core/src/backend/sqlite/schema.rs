//! The tables, as `docs/format.md` describes them, and how a database becomes a store.

use rusqlite::Connection;

/// Marks a database as a store: `Sepi`, in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x5365_7069;

/// The version of the tables that this version of Sepia writes, and the newest that it reads.
pub(super) const VERSION: i32 = 1;

/// What takes a database from each version to the next, the empty one being version 0.
const STEPS: [&str; VERSION as usize] = [TABLES];

/// Takes an open transaction's database to the present version.
pub(super) fn migrate(connection: &Connection, version: i32) -> rusqlite::Result<()> {
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        connection.execute_batch(step)?;
    }
    connection.execute_batch(FIND_CONTAINERS)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// The tables and views of version 1. What is wide comes last in its row, so that the rest is read without it.
const TABLES: &str = "
CREATE TABLE class (
    name TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('serializable', 'container')),
    content TEXT CHECK (content IN ('json', 'text', 'bytes', 'custom')),
    generations INTEGER CHECK (generations IN (0, 1)),
    more TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE object (
    number INTEGER PRIMARY KEY,
    class TEXT NOT NULL,
    id TEXT NOT NULL,
    base TEXT,
    generation ANY,
    kind TEXT NOT NULL CHECK (kind IN ('leaf', 'container')),
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    checksum TEXT,
    content ANY NOT NULL,
    UNIQUE (class, id)
) STRICT;

CREATE INDEX generation ON object (class, base, generation, id) WHERE base IS NOT NULL;

CREATE TABLE entry (
    object INTEGER NOT NULL REFERENCES object (number) ON DELETE CASCADE,
    path TEXT NOT NULL,
    class TEXT,
    id TEXT,
    content ANY,
    PRIMARY KEY (object, path),
    CHECK ((class IS NULL) = (id IS NULL) AND (class IS NULL OR content IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX link ON entry (class, id) WHERE class IS NOT NULL;

CREATE TABLE quarantine (
    number INTEGER NOT NULL,
    path TEXT NOT NULL,
    kind TEXT,
    class TEXT,
    id TEXT,
    since INTEGER,
    content ANY,
    PRIMARY KEY (number, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE follower (number INTEGER PRIMARY KEY) STRICT;

CREATE TABLE change (
    number INTEGER PRIMARY KEY,
    class TEXT NOT NULL,
    id TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;

CREATE VIEW objects AS
SELECT class, id, base, generation, kind,
    strftime('%Y-%m-%dT%H:%M:%fZ', created / 1e6, 'unixepoch') AS created,
    strftime('%Y-%m-%dT%H:%M:%fZ', modified / 1e6, 'unixepoch') AS modified,
    octet_length(content) AS bytes,
    content
FROM object;

CREATE VIEW links AS
SELECT object.class, object.id, entry.path, entry.class AS target_class, entry.id AS target_id
FROM entry JOIN object ON object.number = entry.object
WHERE entry.class IS NOT NULL;
";

/// What a store has that keeps checksums: whoever changes a record without its checksum has it forgotten. Commits change
/// entries first. What comes after the first entry finds the checksum forgotten, and writes the object's row no more.
pub(super) const FORGET_CHECKSUMS: &str = "
CREATE TRIGGER IF NOT EXISTS object_edited AFTER UPDATE OF kind, content ON object
WHEN NEW.checksum = OLD.checksum
BEGIN UPDATE object SET checksum = NULL WHERE number = NEW.number; END;

CREATE TRIGGER IF NOT EXISTS entry_added AFTER INSERT ON entry
WHEN (SELECT checksum FROM object WHERE number = NEW.object) IS NOT NULL
BEGIN UPDATE object SET checksum = NULL WHERE number = NEW.object; END;

CREATE TRIGGER IF NOT EXISTS entry_edited AFTER UPDATE ON entry
BEGIN UPDATE object SET checksum = NULL WHERE number IN (OLD.object, NEW.object) AND checksum IS NOT NULL; END;

CREATE TRIGGER IF NOT EXISTS entry_removed AFTER DELETE ON entry
WHEN (SELECT checksum FROM object WHERE number = OLD.object) IS NOT NULL
BEGIN UPDATE object SET checksum = NULL WHERE number = OLD.object; END;
";

/// Tells which records are containers, without reading them. Leaves, of which there are more, pay nothing for it. A store
/// that was made without it gets it when it is opened for writing, and is listed more slowly until then.
pub(super) const FIND_CONTAINERS: &str =
    "CREATE INDEX IF NOT EXISTS object_container ON object (class, id) WHERE kind = 'container';";

/// The name of that index.
pub(super) const CONTAINERS: &str = "object_container";

/// The names of everything that Sepia makes.
pub(super) const NAMES: [&str; 16] = [
    "class",
    "object",
    CONTAINERS,
    "generation",
    "entry",
    "link",
    "quarantine",
    "follower",
    "change",
    "setting",
    "objects",
    "links",
    "object_edited",
    "entry_added",
    "entry_edited",
    "entry_removed",
];
