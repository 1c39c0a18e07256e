//! `sepia edit`: an object in an editor.

mod editor;
mod validate;

use clap::{Args, ValueHint};
use sepia::ErrorKind;
use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format, Kind};
use sepia::document::Document;
use sepia::record::{Entries, Entry, Key, Node, Record};

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Object, Part};
use crate::locate::resolve::Records;
use crate::save;
use editor::Draft;

/// Edit an object in $VISUAL or $EDITOR
///
/// The content of a serializable object; the data.json of a container, or of the nested one to which a path leads
/// (Board/work/boards/0000_x). What comes out of the editor is checked and saved, unless the object was changed meanwhile;
/// if it is refused, the text is kept. In classes that keep generations, the newest is edited and the result is the next.
///
/// With --json, one object: {object, class, id, changed}.
#[derive(Args, Debug)]
pub(crate) struct Edit {
    /// The object, or a nested container
    #[arg(value_hint = ValueHint::AnyPath)]
    object: String,
    #[command(flatten)]
    ids: Ids,
    /// Change the generation itself, rather than making the next
    #[arg(long)]
    in_place: bool,
}

impl Edit {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let store = session.store(std::slice::from_ref(&self.object), Access::Write)?;
        let records = Records::of(store.backend())?;
        let object = Object::find(&records, &self.ids, &self.object)?;
        let class = records.class(object.key.class());
        let (before, suffix) = match object.part() {
            Part::Leaf(content) => (content, if format(class) == Some(Format::Json) { ".json" } else { ".txt" }),
            Part::Container(node) => (node.data.as_slice(), ".json"),
            Part::Collection(_) => {
                return Err(Failure::said(format!("{} is a collection, which has no values", object.path())));
            }
        };
        let key = self.key(&records, &object)?;
        let draft = Draft::of(before, suffix)?;
        let after = match draft.edit() {
            Ok(after) => after,
            Err(failure) => return Err(draft.keep(before, &failure)),
        };
        let changed = after != before;
        if changed {
            let saved = check(&object, class, after)
                .and_then(|record| Ok(records.backend.commit(batch(&object, &key, record))?));
            if let Err(failure) = saved {
                return Err(draft.keep(before, &failure));
            }
        }
        save::print(&mut session.out, if changed { &key } else { &object.key }, changed)?;
        Ok(Answer::Yes)
    }

    /// The key under which the result is saved.
    fn key(&self, records: &Records<'_>, object: &Object) -> Result<Key> {
        let keeps = records.class(object.key.class()).is_some_and(|class| class.generations() == Some(true));
        if self.in_place || !keeps {
            return Ok(object.key.clone());
        }
        save::check_newest(records, &object.key)?;
        let (base, generation) = object.key.generation();
        let next = generation.checked_add(1);
        let next = next.ok_or_else(|| Failure::said(format!("there is no generation after {}", object.path())))?;
        Ok(Key::new(base.class(), format!("{}.{next}", base.id()))?)
    }
}

fn format(class: Option<&Class>) -> Option<Format> {
    match class?.kind() {
        Kind::Serializable(format) => format,
        Kind::Container => None,
    }
}

/// Checks what was edited, and returns the record that it makes.
fn check(object: &Object, class: Option<&Class>, after: Vec<u8>) -> Result<Record> {
    match object.part() {
        Part::Container(node) => validate::values(&node.data, &after)?,
        Part::Leaf(_) | Part::Collection(_) => validate::content(format(class), &after)?,
    }
    let record = match &object.record {
        Record::Leaf(_) => Record::Leaf(after),
        Record::Container(node) => Record::Container(with_data(node.clone(), &object.within, after)?),
    };
    let document = |record: &Record| {
        let class = class.ok_or_else(|| sepia::Error::new(ErrorKind::ClassClash, "the class is not declared"))?;
        Document::from_record(object.key.clone(), class, record.clone())
    };
    // What was broken before may be mended file by file.
    if document(&object.record).is_ok() {
        document(&record)?.record()?;
    }
    Ok(record)
}

/// The batch that saves what was edited, if nobody has changed the object meanwhile.
fn batch(object: &Object, key: &Key, record: Record) -> Batch {
    let unchanged = Expect::Unchanged(object.record.fingerprint());
    let mut batch = Batch::new();
    if *key == object.key {
        batch.put(key.clone(), record, unchanged);
    } else {
        batch.expect(object.key.clone(), unchanged);
        batch.put(key.clone(), record, Expect::LatestIs(object.key.generation().1));
    }
    batch
}

/// Puts values into the container to which the names lead.
fn with_data(mut node: Node, within: &[String], data: Vec<u8>) -> Result<Node> {
    match within {
        [] => node.data = data,
        _ => node.entries = entries_with_data(node.entries, within, data)?,
    }
    Ok(node)
}

// The names are the way to a part of a record, so there are at most 400.
fn entries_with_data(entries: Entries, within: &[String], data: Vec<u8>) -> Result<Entries> {
    let Some((first, rest)) = within.split_first() else { return Ok(entries) };
    let mut data = Some(data);
    let mut changed = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let entry = match (entry, name.as_str() == first) {
            (Entry::Container(node), true) => Entry::Container(with_data(node, rest, data.take().unwrap_or_default())?),
            (Entry::Collection(inner), true) => {
                Entry::Collection(entries_with_data(inner, rest, data.take().unwrap_or_default())?)
            }
            (entry, _) => entry,
        };
        changed.push((name, entry));
    }
    Entries::new(changed).map_err(|name| Failure::said(format!("{name:?} stands there twice")))
}
