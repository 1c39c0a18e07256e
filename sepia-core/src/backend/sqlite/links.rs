//! Where the links in a record lead, and who links to one: both are indexed.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row};

use super::bounded::Bounded;
use super::error::{disordered, failed};
use super::read::of;
use super::tree::bytes;
use crate::record::Key;
use crate::record::error::{Error, ErrorKind, Result};

/// Returns where the links of a record lead. Its entries are read while its own row is, so both are of one state.
pub(super) fn from(connection: &Connection, key: &Key) -> Result<Option<Vec<Key>>> {
    const NUMBER: &str = "SELECT number FROM object WHERE class = ?1 AND id = ?2";
    const LINKS: &str = "SELECT class, id, path FROM entry WHERE object = ?1 AND class IS NOT NULL ORDER BY path";
    const READ: &str = "read the links of the record";
    let fail = failed(READ);
    let read = || {
        let mut statement = connection.prepare_cached(NUMBER).map_err(&fail)?;
        let mut rows = statement.query((key.class(), key.id())).map_err(&fail)?;
        let Some(row) = rows.next().map_err(&fail)? else { return Ok(None) };
        let number: i64 = row.get(0).map_err(&fail)?;
        let mut statement = connection.prepare_cached(LINKS).map_err(&fail)?;
        let mut rows = statement.query([number]).map_err(&fail)?;
        let (mut links, mut last): (Vec<Key>, Option<Vec<u8>>) = (Vec::new(), None);
        while let Some(row) = rows.next().map_err(&fail)? {
            let path = bytes(row.get_ref(2).map_err(&fail)?).unwrap_or_default();
            if last.as_deref().is_some_and(|last| path <= last) {
                return Err(disordered(READ));
            }
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(path);
            let link = link(row, links.last());
            links.push(link.map_err(|error| error.inside(&row.get::<_, String>(2).unwrap_or_default()))?);
        }
        Ok(Some(links))
    };
    read().map_err(|error| of(key, error))
}

/// Makes a key of the class and id in a row, which is likely to be of the same class as the last.
fn link(row: &Row<'_>, last: Option<&Key>) -> Result<Key> {
    let columns = row.get_ref(0).and_then(|class| Ok((class.as_str()?, row.get_ref(1)?.as_str()?)));
    let (class, id) = columns.map_err(failed("read the link"))?;
    Key::beside(last, class, id).map_err(|error| {
        Error::because("it has the name of nothing that can be stored", error).of_kind(ErrorKind::Corrupt)
    })
}

/// Returns who links to one of these.
pub(super) fn to(connection: &Bounded, targets: &[Key]) -> Result<BTreeSet<Key>> {
    const TO: &str = "SELECT object.class, object.id FROM entry JOIN object ON object.number = entry.object
        WHERE entry.class = ?1 AND entry.id = ?2 AND object.class IN (SELECT name FROM class)";
    let fail = failed("look for links");
    let mut statement = connection.prepare_cached(TO).map_err(&fail)?;
    let mut found = BTreeSet::new();
    for target in targets {
        connection.begin_operation();
        let mut rows = statement.query((target.class(), target.id())).map_err(&fail)?;
        while let Some(row) = rows.next().map_err(&fail)? {
            // What cannot be a key is foreign.
            found.extend(link(row, None));
        }
    }
    Ok(found)
}
