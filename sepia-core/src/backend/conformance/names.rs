//! Names: every one comes back, and none is another.

use super::*;
use crate::backend::to_the_end;

/// Names that a careless backend mixes up, loses, or lets out of its place.
pub const HOSTILE: &[&str] = &[
    ".",
    "..",
    "a/b",
    "a_b",
    "a%2Fb",
    "../../etc/passwd",
    "/etc/passwd",
    "x.tmp",
    ".hidden",
    "10.0.0.1",
    "%2F",
    "%",
    "con",
    "NUL",
    "aux.txt",
    "😀",
    "שלום",
    "مرحبا",
    "\0",
    "a\nb",
    " ",
    "a ",
    " a",
    "a.",
    "~",
    "a~",
    "data.json",
    "DATA.JSON",
    ".sepia",
    "a\\b",
    "-rf",
    "*",
    "\u{202e}gnp.exe",
];

pub(super) fn names(backend: &dyn Backend) -> Result<()> {
    let mut names: BTreeSet<String> = HOSTILE.iter().map(ToString::to_string).collect();
    names.extend(["é".repeat(100), "\u{1}".repeat(66), "x".repeat(200), "e\u{301}".to_owned(), "\u{e9}".to_owned()]);
    for name in &names {
        put(backend, &Key::new("Leaf", name.as_str())?, leaf(name))?;
    }
    for name in &names {
        equal(backend.read(&Key::new("Leaf", name.as_str())?)?, Some(leaf(name)))?;
    }
    let mut listed = BTreeSet::new();
    backend.ids(
        "Leaf",
        &mut to_the_end(|id| {
            listed.insert(id.to_owned());
        }),
    )?;
    equal(&listed, &names)?;
    // As names within a container, and as names of classes.
    let entries = names.iter().map(|name| Ok((name.as_str(), Entry::Link(Key::new("Leaf", name.as_str())?))));
    let record = Record::Container(node("{}", entries.collect::<Result<_>>()?)?);
    put(backend, &Key::new("Node", "..")?, record.clone())?;
    equal(backend.read(&Key::new("Node", "..")?)?, Some(record))?;
    for name in &names {
        let mut batch = Batch::new();
        batch.declare(&Class::declared(name.clone(), LEAVES.kind(), Some(false))?)?;
        batch.put(Key::new(name.as_str(), name.as_str())?, leaf(name), Expect::Absent);
        backend.commit(batch)?;
    }
    for name in &names {
        equal(backend.read(&Key::new(name.as_str(), name.as_str())?)?, Some(leaf(name)))?;
    }
    for too_long in ["x".repeat(201), "é".repeat(101), "/".repeat(67), String::new()] {
        refused(Key::new("Leaf", too_long), ErrorKind::InvalidName)?;
    }
    Ok(())
}

pub(super) fn spellings(backend: &dyn Backend) -> Result<()> {
    for (one, other) in [("note", "Note"), ("stra\u{df}e", "STRASSE"), ("e\u{301}", "\u{e9}")] {
        let (one, other) = (Key::new("Leaf", one)?, Key::new("Leaf", other)?);
        put(backend, &one, leaf("one"))?;
        equal(backend.read(&other)?, None)?;
        match put(backend, &other, leaf("other")) {
            Err(error) if error.kind() == ErrorKind::InvalidName => {}
            put => {
                put?;
                equal(backend.read(&other)?, Some(leaf("other")))?;
            }
        }
        equal(backend.read(&one)?, Some(leaf("one")))?;
    }
    Ok(())
}
