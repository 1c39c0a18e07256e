//! The suite that every [`Backend`] passes: what the contract promises, one check for each sentence.
//!
//! ```
//! use sepia_core::backend::{Memory, conformance};
//! conformance::check(Memory::new).unwrap();
//! ```

mod commits;
mod generations;
mod isolation;
mod names;
mod records;
mod seals;
mod upkeep;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::ControlFlow;

use super::{Backend, to_the_end};
use crate::record::batch::{Batch, Expect};
use crate::record::class::{Class, Format, Kind};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Entries, Entry, Key, Name, Node, Record};

pub use names::HOSTILE;

/// Runs every check, each on an empty backend of its own.
///
/// # Errors
/// `Other`, naming the check and what it saw, for the first one that fails; a backend's own error
/// where it should have had none.
pub fn check<B: Backend>(mut open: impl FnMut() -> B) -> Result<()> {
    type Check = fn(&dyn Backend) -> Result<()>;
    let checks: [(&str, Check); 31] = [
        ("absent is None, not an error", absent),
        ("a leaf comes back byte for byte", records::leaves),
        ("a container comes back with everything nested in it", records::containers),
        ("a container takes every shape after any other", records::reshaping),
        ("hostile names come back and stay apart", names::names),
        ("what is deleted is absent", commits::deletes),
        ("expectations hold for the whole batch or nothing changes", commits::expectations),
        ("classes are declared before they are put into", commits::classes),
        ("a record of the other kind than its class is refused", commits::kinds),
        ("ids are listed once each, without those of other classes, until that is enough", ids),
        ("generations are found oldest first, and no others", generations::listing),
        ("the newest generation is the last of those that are listed", generations::latest),
        ("the newest is found also if the class did not always say that it keeps generations", generations::late),
        ("a generation follows the newest, and none that is gone comes back", generations::expectations),
        ("records that cannot be stored are refused", records::unfit),
        ("names that differ in case or normalization stay apart, or the second is refused", names::spellings),
        ("of threads that put one key, all get through, or one of those that expect absence", commits::race),
        ("threads see each other's commits, and no mixture in a leaf", commits::threads),
        ("what was changed elsewhere is a conflict, with every such key", commits::unchanged),
        ("what a refused batch of every kind leaves is what was there", commits::refusals),
        ("no mixture is seen in a container", isolation::containers),
        ("between equal moments there is one state", isolation::moments),
        ("the lock keeps other commits off, and no reads", isolation::lock),
        ("a checkpoint changes nothing that is seen", checkpoints),
        ("under the lock nothing that was read changes", isolation::counting),
        ("links are those of the record, at any depth", upkeep::links),
        ("whoever links to a key is found, and nobody else", upkeep::backlinks),
        ("sizes are those of the content, and ages those of the last change", upkeep::sizes),
        ("whoever follows commits is told what they change", upkeep::tracking),
        ("what is set aside is kept, and changes no record", upkeep::setting_aside),
        ("what is intact by its seal is what was read", seals::seals),
    ];
    for (name, check) in checks {
        check(&open()).map_err(|error| Error::new(ErrorKind::Other, format!("{name}: {}", chain(&error))))?;
    }
    identities(&open(), &open()).map_err(|error| Error::new(ErrorKind::Other, chain(&error)))
}

fn identities(one: &dyn Backend, other: &dyn Backend) -> Result<()> {
    equal(one.identity(), one.identity())?;
    ensure(one.identity() != other.identity(), || "two backends have one identity".to_owned())
}

/// What is made durable stays what it is, and there is nothing to recover where nobody has died.
fn checkpoints(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "x")?;
    backend.checkpoint()?;
    for text in ["1", "2"] {
        put(backend, &key, leaf(text))?;
        backend.checkpoint()?;
        equal(backend.read(&key)?, Some(leaf(text)))?;
    }
    equal(backend.recovered(), None)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn ensure(holds: bool, saw: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(ErrorKind::Other, saw())) }
}

#[allow(clippy::needless_pass_by_value, reason = "the checks read better")]
fn equal<T: PartialEq + Debug>(saw: T, expected: T) -> Result<()> {
    ensure(saw == expected, || format!("saw {saw:?}, expected {expected:?}"))
}

fn refused<T: Debug>(result: Result<T>, kind: ErrorKind) -> Result<()> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        other => ensure(false, || format!("saw {other:?}, expected {kind:?}")),
    }
}

const LEAVES: Class = Class::serializable("Leaf", Format::Bytes);
const NODES: Class = Class::container("Node");
const KEPT: Class = Class::serializable("Kept", Format::Bytes).with_generations();

fn batch() -> Result<Batch> {
    let mut batch = Batch::new();
    for class in [&LEAVES, &NODES, &KEPT] {
        batch.declare(class)?;
    }
    Ok(batch)
}

fn leaf(content: impl AsRef<[u8]>) -> Record {
    Record::Leaf(content.as_ref().to_vec())
}

fn put(backend: &dyn Backend, key: &Key, record: Record) -> Result<()> {
    let mut batch = batch()?;
    batch.put(key.clone(), record, Expect::Any);
    backend.commit(batch)
}

fn node(data: &str, entries: Vec<(&str, Entry)>) -> Result<Node> {
    let entries = entries.into_iter().map(|(name, entry)| Ok((Name::of(name)?, entry))).collect::<Result<_>>()?;
    let entries = Entries::new(entries).map_err(|name| Error::invalid_value(format!("{name:?} twice")))?;
    Ok(Node { data: data.as_bytes().to_vec(), entries })
}

fn collection(entries: Vec<(&str, Entry)>) -> Result<Entry> {
    Ok(Entry::Collection(node("", entries)?.entries))
}

fn absent(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "nothing")?;
    for _ in 0..2 {
        equal(backend.read(&key)?, None)?;
        equal(backend.contains(&key)?, false)?;
        equal(backend.generations(&key)?, vec![])?;
        backend.ids("Leaf", &mut to_the_end(|_| ()))?;
        put(backend, &Key::new("Leaf", "something")?, leaf(""))?;
    }
    Ok(())
}

fn ids(backend: &dyn Backend) -> Result<()> {
    let expected: BTreeSet<String> = (0..1000).map(|number| format!("id {number}")).collect();
    let mut many = batch()?;
    for id in &expected {
        many.put(Key::new("Leaf", id.as_str())?, leaf(id), Expect::Any);
    }
    many.put(Key::new("Node", "other")?, Record::Container(node("{}", vec![])?), Expect::Any);
    backend.commit(many)?;
    let mut listed = Vec::new();
    backend.ids("Leaf", &mut to_the_end(|id| listed.push(id.to_owned())))?;
    equal(listed.len(), expected.len())?;
    equal(listed.into_iter().collect(), expected)?;
    let mut undeclared = 0;
    backend.ids("Undeclared", &mut to_the_end(|_| undeclared += 1))?;
    equal(undeclared, 0)?;
    for stop in [1, 2, 600, 999] {
        let mut told = 0;
        backend.ids("Leaf", &mut |_| {
            told += 1;
            if told == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        equal(told, stop)?;
    }
    Ok(())
}
