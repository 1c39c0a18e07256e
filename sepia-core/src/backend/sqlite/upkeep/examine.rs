//! Looking at everything that no record shows. Each query sees one state, so what writers are at work on is not seen.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::super::error::failed;
use super::super::{Sqlite, catalog, generation, read, schema, tree};
use crate::record::Key;
use crate::record::class::{self, Class};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::name;
use crate::record::problem::{self, Problem, ProblemKind};

/// Where a problem is that is in no record and no table.
const DATABASE: &str = "database";

/// How many complaints of SQLite are told.
const COMPLAINTS: u32 = 100;

impl Sqlite {
    /// Finds what is wrong with the tables.
    pub(super) fn examine_tables(&self, each: &mut dyn FnMut(Problem)) -> Result<()> {
        for look in [integrity, leftovers, strangers] {
            self.examine_with(each, look)?;
        }
        for class in self.read_with(|connection| catalog::classes(connection))? {
            self.examine_with(each, |connection, each| objects(connection, &class, each))?;
        }
        Ok(())
    }

    /// Looks at something. Where the database cannot be read, the problem is that.
    fn examine_with(
        &self,
        each: &mut dyn FnMut(Problem),
        look: impl FnOnce(&Connection, &mut dyn FnMut(Problem)) -> Result<()>,
    ) -> Result<()> {
        // `each` may read, so it is called without a connection.
        let mut found = Vec::new();
        let looked = self.read_with(|connection| look(connection, &mut |problem| found.push(problem)));
        if let Err(error) = looked {
            if error.kind() != ErrorKind::Corrupt {
                return Err(error);
            }
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            found.push(Problem::new(ProblemKind::Unreadable, DATABASE, format!("{error}: {cause}")));
        }
        found.into_iter().for_each(each);
        Ok(())
    }
}

/// What SQLite finds by itself: pages, indices and constraints.
fn integrity(connection: &Connection, each: &mut dyn FnMut(Problem)) -> Result<()> {
    let fail = failed("check the database");
    let check = format!("PRAGMA integrity_check({COMPLAINTS})");
    let mut statement = connection.prepare(&check).map_err(&fail)?;
    let mut rows = statement.query(()).map_err(&fail)?;
    while let Some(row) = rows.next().map_err(&fail)? {
        let complaint = tree::bytes(row.get_ref(0).map_err(&fail)?).unwrap_or_default();
        let complaint = String::from_utf8_lossy(complaint);
        if complaint != "ok" {
            each(Problem::new(ProblemKind::Corrupted, DATABASE, complaint));
        }
    }
    Ok(())
}

/// Entries of no container.
fn leftovers(connection: &Connection, each: &mut dyn FnMut(Problem)) -> Result<()> {
    const LEFTOVERS: &str = "SELECT DISTINCT entry.object, object.class, object.id
        FROM entry LEFT JOIN object ON object.number = entry.object
        WHERE object.number IS NULL OR (object.kind = ?1 AND object.class IN (SELECT name FROM class))";
    let fail = failed("look for leftovers");
    let mut statement = connection.prepare(LEFTOVERS).map_err(&fail)?;
    let mut rows = statement.query([read::Kind::Leaf.as_str()]).map_err(&fail)?;
    while let Some(row) = rows.next().map_err(&fail)? {
        let object: i64 = row.get(0).map_err(&fail)?;
        let (class, id) = (row.get_ref(1).map_err(&fail)?, row.get_ref(2).map_err(&fail)?);
        let key = class.as_str().ok().zip(id.as_str().ok()).and_then(|(class, id)| Key::new(class, id).ok());
        if key.is_none() && class != ValueRef::Null {
            // They are of a row that is no object itself.
            continue;
        }
        each(match key {
            Some(key) => {
                let message = "there are entries of a container, and this is a leaf";
                Problem::within(&key, ProblemKind::Leftover, "", message)
            }
            None => Problem::new(ProblemKind::Leftover, entries_of(object), "the container of these entries is gone"),
        });
    }
    Ok(())
}

/// Where entries are whose container is gone.
const ENTRIES: &str = "entry/";

fn entries_of(object: i64) -> String {
    format!("{ENTRIES}{object}")
}

/// Returns the number of the container that is gone, of the path of a problem.
pub(super) fn gone_container(path: &str) -> Option<i64> {
    path.strip_prefix(ENTRIES)?.parse().ok()
}

/// What Sepia did not make.
fn strangers(connection: &Connection, each: &mut dyn FnMut(Problem)) -> Result<()> {
    let fail = failed("look for what is foreign");
    let list = |query: &str, tell: &mut dyn FnMut(&str, &str)| {
        let mut statement = connection.prepare(query)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let text = |column: usize| -> rusqlite::Result<_> {
                Ok(String::from_utf8_lossy(tree::bytes(row.get_ref(column)?).unwrap_or_default()).into_owned())
            };
            tell(&text(0)?, &text(1)?);
        }
        Ok(())
    };
    const SCHEMA: &str = "SELECT name, type FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let tables = list(SCHEMA, &mut |name, kind| {
        if !schema::NAMES.contains(&name) {
            let message = format!("this {kind} is not Sepia's, and left alone");
            each(Problem::new(ProblemKind::Foreign, name, message));
        }
    });
    tables.map_err(&fail)?;
    const CLASSES: &str = "SELECT DISTINCT class, '' FROM object WHERE class NOT IN (SELECT name FROM class)";
    let classes = list(CLASSES, &mut |class, _| {
        let message = "these rows are of no declared class, and left alone";
        each(Problem::new(ProblemKind::Foreign, name::encode(class), message));
    });
    classes.map_err(fail)
}

/// The rows of a class by themselves: that they have ids, are of the kind of the class, and are where their generation
/// is looked for.
fn objects(connection: &Connection, class: &Class, each: &mut dyn FnMut(Problem)) -> Result<()> {
    const OBJECTS: &str = "SELECT id, base, generation, kind FROM object WHERE class = ?1";
    let fail = failed("list the class");
    let mut look = || {
        let mut statement = connection.prepare(OBJECTS).map_err(&fail)?;
        let mut rows = statement.query([class.name()]).map_err(&fail)?;
        while let Some(row) = rows.next().map_err(&fail)? {
            let id = tree::bytes(row.get_ref(0).map_err(&fail)?).unwrap_or_default();
            let Some(key) = std::str::from_utf8(id).ok().and_then(|id| Key::new(class.name(), id).ok()) else {
                let path = format!("{}/{}", name::encode(class.name()), String::from_utf8_lossy(id));
                each(Problem::new(ProblemKind::Foreign, path, "this is no id, and left alone"));
                continue;
            };
            match (read::Kind::parse(row.get_ref(3).map_err(&fail)?), class.kind()) {
                (Ok(read::Kind::Leaf), class::Kind::Container) => {
                    each(Problem::within(&key, ProblemKind::Undecodable, "", problem::A_FILE));
                    continue;
                }
                (Ok(read::Kind::Container), class::Kind::Serializable(_)) => {
                    each(Problem::within(&key, ProblemKind::Undecodable, "", problem::A_CONTAINER));
                    continue;
                }
                (Err(error), _) => each(Problem::within(&key, ProblemKind::Unreadable, "", error.to_string())),
                (Ok(_), _) => {}
            }
            let (base, number) = (row.get_ref(1).map_err(&fail)?, row.get_ref(2).map_err(&fail)?);
            if !generation::is(generation::of(Some(class), &key).as_ref(), base, number) {
                let message = "its base and generation are not those of its id";
                each(Problem::within(&key, ProblemKind::StaleHint, "", message));
            }
        }
        Ok(())
    };
    look().map_err(|error: Error| error.class(class.name()))
}
