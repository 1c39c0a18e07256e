//! What the classes of a store have to say about a batch.

use super::{Batch, Change};
use crate::record::Record;
use crate::record::class::{Class, Kind};
use crate::record::error::{Error, ErrorKind, Quoted, Result};

impl Batch {
    /// For backends: brings the stored classes, sorted by name, and those of this batch together.
    /// Returns the new list if it differs.
    ///
    /// # Errors
    /// `ClassClash` if a declaration contradicts the stored one, or a put has none, or is of a record of the other kind
    /// than its class. `UnsupportedFormat` if a class that is put into or deleted from requires what this version does
    /// not know.
    pub fn merge_classes(&self, stored: &[Class]) -> Result<Option<Vec<Class>>> {
        let mut merged = None;
        for class in &self.classes {
            match stored.iter().position(|known| known.name() == class.name()) {
                None => merged.get_or_insert_with(|| stored.to_vec()).push(class.clone()),
                Some(at) if stored[at] == *class => {}
                Some(at) => {
                    let both = stored[at].merge(class)?;
                    if both != stored[at] {
                        merged.get_or_insert_with(|| stored.to_vec())[at] = both;
                    }
                }
            }
        }
        let known = merged.as_deref().unwrap_or(stored);
        for step in &self.steps {
            let class = known.iter().find(|class| class.name() == step.key.class());
            match (&step.change, class) {
                (Change::Put(_), None) => {
                    let message = format!("class {} is not declared", Quoted(step.key.class()));
                    return Err(Error::message(ErrorKind::ClassClash, message));
                }
                (Change::Put(record), Some(class)) => {
                    class.check_writable()?;
                    check_kind(class, record).map_err(|error| error.object(step.key.class(), step.key.id()))?;
                }
                (Change::Delete, Some(class)) => class.check_writable()?,
                (Change::Delete, None) | (Change::Keep, _) => {}
            }
        }
        for name in &self.retired {
            merged.get_or_insert_with(|| stored.to_vec()).retain(|class| class.name() != name);
        }
        if let Some(merged) = &mut merged {
            merged.sort_by(|a, b| a.name().cmp(b.name()));
        }
        Ok(merged)
    }
}

/// Checks that a record is of the kind of its class: one of the other kind would be no object.
fn check_kind(class: &Class, record: &Record) -> Result<()> {
    let (is, put) = match (class.kind(), record) {
        (Kind::Container, Record::Container(_)) | (Kind::Serializable(_), Record::Leaf(_)) => return Ok(()),
        (Kind::Container, Record::Leaf(_)) => ("containers", "a leaf"),
        (Kind::Serializable(_), Record::Container(_)) => ("serializable objects", "a container"),
    };
    let class = Quoted(class.name());
    let message =
        format!("class {class} is declared to be of {is}, and {put} was to be put: declare another class for it");
    Err(Error::message(ErrorKind::ClassClash, message))
}
