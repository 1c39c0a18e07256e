//! Reading back what is about to be saved. serde can write values that it does not read, or reads as others; only the
//! value itself shows that. So each record that a batch puts is decoded with its type, and encoded again.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use super::{Encoder, Hidden, Intent};
use crate::object::Object;
use crate::object::decode::Decoder;
use crate::object::source::{Pending, Source};
use crate::record::class::{Format, Kind};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::json;
use crate::record::name::DATA;
use crate::record::{Entries, Entry, Key, Node, Record};

/// What has to be read back before it is committed.
#[derive(Default)]
pub(super) struct Checks {
    records: Vec<Check>,
    /// The containers of the tree in hand.
    containers: Containers,
}

/// The containers of one tree, by class and id: none stands there twice.
type Containers = BTreeMap<(&'static str, Box<str>), Node>;

/// One record, and its type.
struct Check {
    key: Key,
    containers: Containers,
    read_back: fn(&Encoder, &dyn Source, &Check, &Record) -> Result<()>,
}

impl Checks {
    /// Forgets the containers of a tree that was not put, as it is stored already.
    pub(super) fn begin_tree(&mut self) {
        self.containers.clear();
    }

    /// Takes note of a container that is part of the tree in hand, or all of it.
    pub(super) fn note_container(&mut self, class: &'static str, id: &str, node: &Node) {
        self.containers.insert((class, id.into()), node.clone());
    }

    /// Takes note of a record that is put into the batch.
    pub(super) fn note_put<T: Object>(&mut self, key: &Key, record: &Record) {
        let containers = match record {
            // A leaf is put while the tree that holds it is made.
            Record::Leaf(_) => Containers::new(),
            Record::Container(_) => mem::take(&mut self.containers),
        };
        self.records.push(Check { key: key.clone(), containers, read_back: read_back::<T> });
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.containers.clear();
    }
}

impl Encoder {
    /// Has [`check`](Self::check) read back what is encoded from now on.
    pub(crate) fn with_checks(mut self) -> Self {
        self.checks = Some(Box::default());
        self
    }

    /// Makes sure that each record that the batch puts can be loaded, and is then saved as the same. Objects that it
    /// links to are read from the batch, and else from `source`.
    ///
    /// # Errors
    /// `InvalidValue`, with class, id, field and cause; what reading returns.
    pub(crate) fn check(&self, source: &dyn Source) -> Result<()> {
        let Some(checks) = &self.checks else { return Ok(()) };
        let pending = Pending { committed: source, batch: &self.batch, eyes: &self.eyes };
        for check in &checks.records {
            // Invariant: a record that was noted is in the batch.
            let Some(record) = pending.read(&check.key)? else { continue };
            let path = check.key.path();
            let place = source.root().map_or(path.clone(), |root| root.join(&path).to_string_lossy().into_owned());
            (check.read_back)(self, &pending, check, &record).map_err(|error| error.at(place))?;
        }
        Ok(())
    }
}

fn read_back<T: Object>(encoder: &Encoder, source: &dyn Source, check: &Check, record: &Record) -> Result<()> {
    let object: T = match Decoder::new(source, &encoder.claims, &encoder.eyes, u64::MAX).top(&check.key, record.clone())
    {
        Ok(object) => object,
        // An object that is not part of the batch was deleted meanwhile: the commit will say so.
        Err(error) if error.kind() == ErrorKind::Dangling => return Ok(()),
        Err(error) => return Err(cannot_be_loaded(error)),
    };
    let mut again = Encoder::new(Arc::clone(&encoder.claims), encoder.eyes.clone(), Intent::Overwrite).with_checks();
    let class = T::__CLASS;
    match (record, again.record(&object, Hidden::NOTHING).map_err(cannot_be_loaded)?) {
        (Record::Leaf(before), Record::Leaf(after)) => {
            let difference = match T::__CLASS_DEF.kind() {
                Kind::Serializable(Some(Format::Json)) => fields_differ(before, &after),
                _ => (*before != after).then(|| Error::invalid_value("the content comes back as another")),
            };
            difference.map_or(Ok(()), |error| Err(error.object(class, check.key.id())))
        }
        (Record::Leaf(_), _) => Err(Error::invalid_value("the file comes back as a directory")),
        (Record::Container(top), _) => {
            let after = again.checks.map(|checks| checks.containers).unwrap_or_default();
            for ((class, id), before) in &check.containers {
                let difference = match after.get(&(*class, id.clone())) {
                    Some(after) => nodes_differ(before, after),
                    None => Some(Error::invalid_value("the container does not come back under its id")),
                };
                if let Some(error) = difference {
                    let way = way_to(&top.entries, before).unwrap_or_default();
                    return Err(way.iter().rev().fold(error.object(class, id), |error, name| error.inside(name)));
                }
            }
            Ok(())
        }
    }
}

/// Returns the names that lead to a container from the top, which is the container itself if there is no way.
fn way_to<'a>(entries: &'a Entries, wanted: &Node) -> Option<Vec<&'a str>> {
    entries.iter().find_map(|(name, entry)| {
        let mut way = match entry {
            Entry::Container(node) if node == wanted => Vec::new(),
            Entry::Container(Node { entries, .. }) | Entry::Collection(entries) => way_to(entries, wanted)?,
            Entry::Link(_) | Entry::Stray => return None,
        };
        way.insert(0, name.as_str());
        Some(way)
    })
}

/// What it means here that an object cannot be made. What the system or the store refuses means what it always does.
fn cannot_be_loaded(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::InvalidValue | ErrorKind::InvalidName | ErrorKind::Other => {
            error.meaning(ErrorKind::InvalidValue, "what is saved could not be loaded again")
        }
        _ => error,
    }
}

/// Compares what a container holds itself. Each container that is nested in it is compared by itself.
fn nodes_differ(before: &Node, after: &Node) -> Option<Error> {
    fields_differ(&before.data, &after.data)
        .map(|error| error.inside(DATA))
        .or_else(|| entries_differ(&before.entries, &after.entries))
}

fn entries_differ(before: &Entries, after: &Entries) -> Option<Error> {
    let names = before.iter().map(|(name, _)| name).chain(after.iter().map(|(name, _)| name));
    for name in names {
        let difference = match (before.get(name.as_str()), after.get(name.as_str())) {
            (Some(Entry::Container(_)), Some(Entry::Container(_))) => None,
            (Some(Entry::Collection(before)), Some(Entry::Collection(after))) => entries_differ(before, after),
            (before, after) if before == after => None,
            _ => Some(Error::invalid_value("the reference comes back as another")),
        };
        if let Some(error) = difference {
            return Some(error.inside(name.as_str()).field(&name.text()));
        }
    }
    None
}

/// Compares two files of JSON, field by field.
fn fields_differ(before: &[u8], after: &[u8]) -> Option<Error> {
    if before == after {
        return None;
    }
    // Both have just been written.
    let (Ok(mut before), Ok(mut after)) = (json::parse_fields(before), json::parse_fields(after)) else {
        return Some(Error::invalid_value("the content comes back as another"));
    };
    let names: Vec<String> = before.rest().chain(after.rest()).map(str::to_owned).collect();
    for name in names {
        let message = match (before.take(&name), after.take(&name)) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) => otherwise(before, after),
            (None, Some(after)) => format!("the value is left out, and comes back as {}", excerpt(after, 0)),
            (Some(before), None) => {
                let before = excerpt(before, 0);
                format!("the value is saved as {before}, and left out when what was loaded is saved again")
            }
            // Each name of both is there twice.
            (None, None) => continue,
        };
        return Some(Error::invalid_value(message).field(&name));
    }
    Some(Error::invalid_value("the fields come back in another order"))
}

fn otherwise(before: &str, after: &str) -> String {
    let same = before.bytes().zip(after.bytes()).take_while(|(before, after)| before == after).count();
    let message = format!("the value is saved as {} and comes back as {}", excerpt(before, same), excerpt(after, same));
    let sorted = |text: &str| {
        let mut bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b',').collect();
        bytes.sort_unstable();
        bytes
    };
    if sorted(before) == sorted(after) {
        return message + ": a set without order (`HashSet`) has another one each time; use a `BTreeSet`";
    }
    message
}

/// What a text has where it begins to differ, and a little before.
fn excerpt(json: &str, differs_at: usize) -> String {
    const BEFORE: usize = 24;
    const SHOWN: usize = 64;
    let start = if json.len() <= SHOWN { 0 } else { differs_at.saturating_sub(BEFORE) };
    let start = (0..=start).rev().find(|at| json.is_char_boundary(*at)).unwrap_or_default();
    let mut shown: String = json[start..].chars().take(SHOWN).collect();
    let (head, tail) = (if start > 0 { "…" } else { "" }, if start + shown.len() < json.len() { "…" } else { "" });
    // A value of several lines is shown in one.
    shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{head}{shown}{tail}`")
}
